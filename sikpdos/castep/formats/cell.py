"""CASTEP `.cell` files: lattice, atoms with their labels, symmetry operations."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sikpdos.common.errors import SikpdosError, naming
from sikpdos.structures import bounded
from sikpdos.structures.formats import castep_cell
from sikpdos.structures.formats.numbers import three

_GENERATE = re.compile(r"SYMMETRY_GENERATE\s*(?:$|[:=]?\s*\.?T)", re.I)
_TOLERANCE_A = 0.05  # distance at which two atoms are the same


@dataclass(frozen=True)
class Cell:
    """Atoms of a calculation, in the file's order, and the symmetry its k-points were reduced by."""

    lattice_A: np.ndarray  # (3, 3) rows
    labels: tuple[str, ...]  # Si, Si:ex
    positions: np.ndarray  # (n_atoms, 3) fractional
    rotations: np.ndarray  # (n_ops, 3, 3) Cartesian; n_ops = 0: no block of operations
    translations: np.ndarray  # (n_ops, 3) fractional
    symmetry_generate: bool  # the input asks CASTEP to find the operations

    @cached_property
    def species(self) -> tuple[str, ...]:
        """Species in the order CASTEP numbers them in its files: as they appear, those with a label last."""
        seen = list(dict.fromkeys(self.labels))
        return tuple(sorted(seen, key=lambda label: ":" in label))

    def atom_indices(self, species: str) -> list[int]:
        """Indices (from 0) of the atoms of a species: position n - 1 in the list is its atom number n."""
        return [i for i, label in enumerate(self.labels) if label == species]

    def orbit(self, index: int) -> list[int]:
        """Indices of the atoms that the symmetry operations map one atom to; itself alone without operations.

        Raises SikpdosError where an operation maps an atom to no atom of its species.
        """
        return sorted({index, *self._images[:, index].tolist()})

    @cached_property
    def _images(self) -> np.ndarray:
        """Atom that each operation maps each atom to (n_ops, n_atoms).

        Whether a row of the block is a row or a column of the matrix is documented nowhere: the reading
        that maps the crystal onto itself is taken.
        """
        images = None
        for rotations in (self.rotations, self.rotations.transpose(0, 2, 1)):
            images = self._mapped(rotations) if images is None else images
        if images is None:
            raise SikpdosError("its symmetry operations do not map the atoms onto each other")
        return images

    def _mapped(self, rotations: np.ndarray) -> np.ndarray | None:
        cartesian = np.einsum("nij,aj->nai", rotations, self.positions @ self.lattice_A)
        moved = cartesian @ np.linalg.inv(self.lattice_A) + self.translations[:, None, :]  # (n_ops, n_atoms, 3)
        images = np.empty(moved.shape[:2], int)
        labels = np.array(self.labels)
        for i, positions in enumerate(moved):
            difference = positions[:, None, :] - self.positions[None, :, :]  # (n_atoms, n_atoms, 3)
            distance = np.linalg.norm((difference - np.round(difference)) @ self.lattice_A, axis=2)
            images[i] = distance.argmin(axis=1)
            if distance.min(axis=1).max() > _TOLERANCE_A or (labels[images[i]] != labels).any():
                return None
        return images


def read_cell(path: str | os.PathLike) -> Cell:
    """Read lattice, positions and symmetry_ops of a `.cell` or `-out.cell` file.

    Raises SikpdosError where lattice or positions are missing or unreadable.
    """
    with naming(path):
        return _parse(bounded.read_bytes(path).decode("latin-1"))


def _parse(text: str) -> Cell:
    blocks, outside = castep_cell.blocks_of(text)
    lattice_A = castep_cell.lattice_of(blocks)
    labels, positions = castep_cell.atoms_of(blocks, lattice_A)
    numbers = [three(line.split()) for line in blocks.get("symmetry_ops", [])]
    if len(numbers) % 4:
        raise SikpdosError(f"block symmetry_ops has {len(numbers)} lines, not four an operation")
    operations = np.array(numbers).reshape(-1, 4, 3)
    generate = any(_GENERATE.match(line) for line in outside)
    return Cell(
        lattice_A=lattice_A,
        labels=labels,
        positions=positions,
        rotations=operations[:, :3],
        translations=operations[:, 3],
        symmetry_generate=generate,
    )
