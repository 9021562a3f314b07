"""What every format gives: a lattice, elements, positions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sikpdos.common.errors import SikpdosError
from sikpdos.structures.distances import too_close

if TYPE_CHECKING:
    from pymatgen.core import Structure

MOST_ATOMS = 5000
LENGTHS_A = (0.5, 1000.0)  # of lattice vectors
LEAST_VOLUME_A3 = 1.0  # per atom
FARTHEST = 100.0  # cells from the origin; searches for neighbours walk all the way
FLATTEST = 1e-3  # volume of a cell as a share of the product of its lengths


@dataclass(frozen=True, eq=False)
class Crystal:
    """A periodic cell as its file gives it, atoms in the file's order."""

    lattice_A: np.ndarray  # (3, 3) rows
    elements: tuple[str, ...]  # (n_atoms,)
    positions: np.ndarray  # (n_atoms, 3) fractional
    notes: tuple[str, ...] = ()  # what was put right, in words

    def structure(self) -> Structure:
        """The same as pymatgen's Structure."""
        from pymatgen.core import Lattice, Structure

        return Structure(Lattice(self.lattice_A), self.elements, self.positions)


def from_cartesian(lattice_A: object, elements: Sequence[str], positions_A: object) -> Crystal:
    """A crystal of atoms at Cartesian positions (A). Raises SikpdosError for a lattice without volume."""
    lattice_A = lattice(lattice_A)
    return from_fractional(lattice_A, elements, _table(positions_A, len(elements)) @ np.linalg.inv(lattice_A))


def from_fractional(lattice_A: object, elements: Sequence[str], positions: object) -> Crystal:
    """A crystal of atoms at fractional positions. Raises SikpdosError for wrong shapes or numbers, or no atoms."""
    check_count(len(elements))
    positions = _table(positions, len(elements))
    if not np.isfinite(positions).all():
        raise SikpdosError("a position is not a finite number")
    if (farthest := np.abs(positions).max()) > FARTHEST:
        raise SikpdosError(f"an atom lies {farthest:.3g} cells away")
    return Crystal(lattice(lattice_A), tuple(elements), positions)


def check_count(n_atoms: int) -> None:
    """Raise SikpdosError for a cell without atoms, or with more than the suite handles."""
    if n_atoms < 1:
        raise SikpdosError("no atoms")
    if n_atoms > MOST_ATOMS:
        raise SikpdosError(f"{n_atoms} atoms in the cell, more than {MOST_ATOMS}")


def lattice(vectors_A: object) -> np.ndarray:
    """Lattice vectors as rows (3, 3). Raises SikpdosError where these are none of a crystal."""
    vectors_A = _table(vectors_A, 3)
    if not np.isfinite(vectors_A).all():
        raise SikpdosError("a lattice vector is not a finite number")
    lengths_A = np.linalg.norm(vectors_A, axis=1)
    if not (lengths_A > LENGTHS_A[0]).all() or not (lengths_A < LENGTHS_A[1]).all():
        raise SikpdosError(f"lattice vectors of {lengths_A.min():.3g} to {lengths_A.max():.3g} A are not a crystal's")
    if abs(np.linalg.det(vectors_A)) < FLATTEST * np.prod(lengths_A):
        raise SikpdosError("the cell has no volume")
    return vectors_A


def lattice_of_parameters(lengths_A: Sequence[float], angles: Sequence[float]) -> np.ndarray:
    """Lattice vectors from lengths (A) and angles (degrees). Raises SikpdosError where no cell has them."""
    from pymatgen.core import Lattice

    if not all(10.0 < angle < 170.0 for angle in angles):
        raise SikpdosError("cell angles of {:g}, {:g}, {:g} degrees are not a crystal's".format(*angles))
    cosines = np.cos(np.radians(angles))
    if not 1 + 2 * np.prod(cosines) - (cosines**2).sum() > FLATTEST**2:
        raise SikpdosError("there is no cell with angles of {:g}, {:g}, {:g} degrees".format(*angles))
    if not all(LENGTHS_A[0] < length < LENGTHS_A[1] for length in lengths_A):
        raise SikpdosError("cell lengths of {:g}, {:g}, {:g} A are not a crystal's".format(*lengths_A))
    return lattice(Lattice.from_parameters(*lengths_A, *angles).matrix)


def check(crystal: Crystal) -> None:
    """Raise SikpdosError where the cell is too small for its atoms, or two are nearer than a bond."""
    volume_A3 = abs(float(np.linalg.det(crystal.lattice_A)))
    if volume_A3 < LEAST_VOLUME_A3 * len(crystal.elements):
        raise SikpdosError(f"a volume of {volume_A3:.3g} A^3 for {len(crystal.elements)} atoms")
    if pair := too_close(crystal.lattice_A, crystal.positions, crystal.elements):
        raise SikpdosError(str(pair))


def farthest_A(crystal: Crystal, elements: Sequence[str], positions: np.ndarray) -> float:
    """Greatest distance (A) of some atoms, at fractional positions, from the crystal's nearest of the same element.

    It is right for atoms that are all near one; for others it may be too large.
    """
    from scipy.spatial import cKDTree

    symbols, of_crystal, farthest = np.asarray(elements), np.asarray(crystal.elements), 0.0
    for element in np.unique(symbols):
        there = _inside(crystal.positions[of_crystal == element])
        if not len(there):
            return np.inf
        asked = _inside(positions[symbols == element])
        difference = asked - there[cKDTree(there, boxsize=1.0).query(asked)[1]]
        difference -= np.round(difference)
        farthest = max(farthest, float(np.linalg.norm(difference @ crystal.lattice_A, axis=1).max()))
    return farthest


def _inside(positions: np.ndarray) -> np.ndarray:
    """Fractional positions between 0 and 1, one left out."""
    inside = positions % 1.0
    inside[inside >= 1.0] = 0.0
    return inside


def _table(values: object, n_rows: int) -> np.ndarray:
    try:
        table = np.array(values, float)
    except (ValueError, TypeError, OverflowError):
        raise SikpdosError("lattice vectors or positions are not three numbers each") from None
    if table.shape != (n_rows, 3):
        raise SikpdosError(f"{n_rows} rows of three numbers expected, not {'x'.join(map(str, table.shape)) or 'one'}")
    return table
