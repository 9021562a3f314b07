"""Crystals as the engine sees them: a primitive, reduced cell, its atoms, and its symmetry."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sikpdos.engine.pseudopotential import Pseudopotential

SYMPREC_A = 1e-3


@dataclass(frozen=True, eq=False)
class Crystal:
    """A periodic cell with its atoms."""

    lattice: np.ndarray  # (3, 3) rows, bohr
    positions: np.ndarray  # (n_atoms, 3) fractional
    species: tuple[Pseudopotential, ...]  # (n_atoms,)

    @property
    def volume(self) -> float:
        return abs(float(np.linalg.det(self.lattice)))

    @property
    def reciprocal(self) -> np.ndarray:  # (3, 3) rows, 1/bohr
        return 2 * np.pi * np.linalg.inv(self.lattice).T

    @property
    def n_electrons(self) -> float:
        return sum(species.z_valence for species in self.species)

    def translated(self, shift: np.ndarray) -> Crystal:
        """The same crystal with every fractional position moved by `shift`."""
        return Crystal(self.lattice, self.positions + shift, self.species)

    def kinds(self) -> dict[Pseudopotential, np.ndarray]:
        """Atom indices of each species."""
        distinct = dict.fromkeys(self.species)
        return {kind: np.array([i for i, s in enumerate(self.species) if s is kind]) for kind in distinct}


@dataclass(frozen=True, eq=False)
class Symmetry:
    """Operations x -> W x + w on fractional coordinates."""

    rotations: np.ndarray  # (n_ops, 3, 3) integer W
    translations: np.ndarray  # (n_ops, 3) w

    def fixing(self, position: np.ndarray) -> Symmetry:
        """The operations that leave a point where it is, up to lattice vectors (its site symmetry)."""
        moved = self.rotations @ position + self.translations - position
        kept = np.abs(moved - np.round(moved)).max(axis=1) < 1e-3
        return Symmetry(self.rotations[kept], self.translations[kept])


def symmetry(crystal: Crystal) -> Symmetry:
    """Space-group operations of a crystal; one operation a rotation when the cell is primitive."""
    import spglib

    from sikpdos.common.constants import BOHR_A

    kinds = {kind: number for number, kind in enumerate(crystal.kinds(), 1)}
    numbers = [kinds[species] for species in crystal.species]
    dataset = spglib.get_symmetry((crystal.lattice * BOHR_A, crystal.positions, numbers), symprec=SYMPREC_A)
    if dataset is None:
        return Symmetry(np.eye(3, dtype=int)[None], np.zeros((1, 3)))
    return Symmetry(np.asarray(dataset["rotations"], int), np.asarray(dataset["translations"], float))


def supercell(crystal: Crystal, matrix: np.ndarray) -> Crystal:
    """The crystal in the larger cell `matrix` @ lattice; atoms run over lattice translations, then over the basis."""
    matrix = np.asarray(matrix, int)
    corners = np.stack(np.meshgrid(*[(0, 1)] * 3, indexing="ij"), -1).reshape(-1, 3) @ matrix
    ranges = [np.arange(lo, hi + 1) for lo, hi in zip(corners.min(0), corners.max(0), strict=True)]
    translations = np.stack(np.meshgrid(*ranges, indexing="ij"), -1).reshape(-1, 3)
    inverse = np.linalg.inv(matrix)
    fractional = translations @ inverse
    inside = ((fractional > -1e-9) & (fractional < 1 - 1e-9)).all(axis=1)
    positions = (fractional[inside][:, None] + (crystal.positions @ inverse)[None]).reshape(-1, 3)
    return Crystal(matrix @ crystal.lattice, positions, crystal.species * int(inside.sum()))
