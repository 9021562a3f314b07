"""CASTEP `.cell` files: lattice, atoms with their labels, symmetry operations."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sikpdos.common import files
from sikpdos.common.constants import BOHR_A
from sikpdos.common.errors import SikpdosError

_BLOCK = re.compile(r"^\s*%BLOCK\s+(\S+)[^\n]*\n(.*?)^\s*%ENDBLOCK\s+\1", re.I | re.M | re.S)
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
    """Read lattice_cart, positions_frac and symmetry_ops of a `.cell` or `-out.cell` file.

    Raises SikpdosError where lattice or positions are missing or unreadable.
    """
    text = re.sub(r"[#!;][^\n]*", "", files.read_bytes(path).decode("latin-1").replace("\r\n", "\n"))
    blocks = {found[1].lower(): found[2].split("\n") for found in _BLOCK.finditer(text)}
    for key in ("lattice_cart", "positions_frac"):
        if key not in blocks:
            raise SikpdosError(f"no complete block {key}", path)
    try:
        lattice = _lattice(blocks["lattice_cart"])
        rows = [line.split() for line in blocks["positions_frac"] if line.strip()]
        positions = np.array([[float(x) for x in row[1:4]] for row in rows]).reshape(-1, 3)
        operations = _matrix(blocks.get("symmetry_ops", [])).reshape(-1, 4, 3)
    except ValueError as error:
        raise SikpdosError(str(error), path) from error
    if lattice.shape != (3, 3) or not rows or not abs(np.linalg.det(lattice)) > 1.0 or not np.isfinite(positions).all():
        raise SikpdosError("lattice_cart needs three vectors with a volume, positions_frac an atom", path)
    labels = tuple(row[0] for row in rows)
    generate = bool(re.search(r"^\s*SYMMETRY_GENERATE\s*(?:$|[:=]?\s*(?:T|\.T))", text, re.I | re.M))
    return Cell(lattice, labels, positions, operations[:, :3], operations[:, 3], generate)


def _lattice(lines: list[str]) -> np.ndarray:
    scale = BOHR_A if any(line.strip().lower() in ("bohr", "a0") for line in lines) else 1.0
    return _matrix([line for line in lines if len(line.split()) == 3]) * scale


def _matrix(lines: list[str]) -> np.ndarray:
    return np.array([[float(word) for word in line.split()] for line in lines if line.strip()]).reshape(-1, 3)
