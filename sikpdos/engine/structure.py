"""From a structure file to the engine's crystal: checks, the primitive reduced cell, and where each atom went."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sikpdos.common.constants import BOHR_A
from sikpdos.common.errors import SikpdosError
from sikpdos.engine.crystal import SYMPREC_A, Crystal
from sikpdos.engine.pseudopotential import Pseudopotential
from sikpdos.structures.distances import too_close
from sikpdos.structures.reading import read_structure as reading_of
from sikpdos.structures.supercell import reduction, shortest_vector_A

if TYPE_CHECKING:
    from pymatgen.core import Structure

SHORTEST_CELL_A, LONGEST_CELL_A = 1.5, 200.0


@dataclass(frozen=True, eq=False)
class Input:
    """A crystal and the numbers its file gave to its atoms."""

    name: str
    crystal: Crystal
    atom: np.ndarray  # (n_atoms_in_file,) number of the equivalent atom in the primitive crystal
    elements: tuple[str, ...]  # (n_atoms_in_file,)

    def number(self, index: int) -> int:
        """The crystal's atom for an atom of the file. Raises SikpdosError for no atom."""
        if not 0 <= index < len(self.elements):
            raise SikpdosError(f"{self.name}: no atom {index}; atoms are 0 to {len(self.elements) - 1}")
        return int(self.atom[index])

    def silicon(self, index: int) -> int:
        """The crystal's atom for a silicon atom of the file. Raises SikpdosError for another element or no atom."""
        atom = self.number(index)
        if self.elements[index] != "Si":
            raise SikpdosError(
                f"{self.name}: atom {index} is {self.elements[index]}, not Si (--pdos-only takes any element)"
            )
        return atom


def read_structure(path: str | os.PathLike, report: Callable[[str], None] = lambda note: None) -> Structure:
    """Read a structure file; `report` is told what was put right. Raises SikpdosError for what cannot be used."""
    reading = reading_of(path)
    for note in reading.notes:
        report(note)
    return reading.structure


def to_crystal(structure: Structure, name: str, pseudos: Mapping[str, Pseudopotential]) -> Input:
    """The primitive reduced crystal of a structure.

    Raises SikpdosError for partial occupancies, NaN, atoms nearer than bonds, an absurd cell, or an element
    without a pseudopotential.
    """
    lattice, positions = np.array(structure.lattice.matrix), np.array(structure.frac_coords)
    if not structure.is_ordered:
        raise SikpdosError(f"{name}: partial occupancies; the engine needs whole atoms")
    elements = tuple(site.specie.symbol for site in structure)
    _check(name, lattice, positions, elements, pseudos)
    small, first, atom = _primitive(lattice, positions, elements)
    species = tuple(pseudos[elements[i]] for i in first)
    fractional = positions[first] @ lattice @ np.linalg.inv(small)
    return Input(name, Crystal(small / BOHR_A, fractional, species), atom, elements)


def _check(
    name: str,
    lattice: np.ndarray,
    positions: np.ndarray,
    elements: tuple[str, ...],
    pseudos: Mapping[str, Pseudopotential],
) -> None:
    if not (np.isfinite(lattice).all() and np.isfinite(positions).all()):
        raise SikpdosError(f"{name}: cell or positions hold NaN or infinity")
    missing = sorted(set(elements) - set(pseudos))
    if missing:
        raise SikpdosError(
            f"{name}: no pseudopotential for {', '.join(missing)}; give it with --pseudo (bundled: {' '.join(pseudos)})"
        )
    for element in sorted(set(elements)):
        if not pseudos[element].orbitals:
            raise SikpdosError(
                f"{name}: {pseudos[element].name} has no pseudo-atomic orbitals (PP_PSWFC) of occupation 0 or more, "
                "which the density of states needs"
            )
    if abs(np.linalg.det(lattice)) < 1e-3 * np.prod(np.linalg.norm(lattice, axis=1)):
        raise SikpdosError(f"{name}: the cell has no volume")
    shortest, longest = shortest_vector_A(lattice), np.linalg.norm(lattice, axis=1).max()
    if shortest < SHORTEST_CELL_A or longest > LONGEST_CELL_A:
        raise SikpdosError(f"{name}: cell vectors of {shortest:.3g} to {longest:.3g} A are not those of a crystal")
    if pair := too_close(lattice, positions, elements):
        raise SikpdosError(f"{name}: {pair}")


def _primitive(
    lattice: np.ndarray, positions: np.ndarray, elements: tuple[str, ...]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Reduced primitive lattice (rows, A), one file atom for each of its atoms, and the atom of each file atom."""
    translations = _pure_translations(lattice, positions, elements)
    candidates = np.concatenate([np.eye(3), translations - np.round(translations)])
    basis = _basis_of(candidates[np.abs(candidates).max(1) > 1e-6], 1 / (len(translations)))
    small = reduction(basis @ lattice) @ basis @ lattice
    inside = positions @ lattice @ np.linalg.inv(small)
    first: list[int] = []
    atom = np.zeros(len(positions), int)
    for i, position in enumerate(inside):
        difference = inside[first] - position
        difference = np.linalg.norm((difference - np.round(difference)) @ small, axis=1)
        same = [j for j, d in enumerate(difference) if d < 10 * SYMPREC_A and elements[first[j]] == elements[i]]
        atom[i] = same[0] if same else len(first)
        if not same:
            first.append(i)
    return small, np.array(first), atom


def _pure_translations(lattice: np.ndarray, positions: np.ndarray, elements: tuple[str, ...]) -> np.ndarray:
    """Fractional translations (n, 3) that map the structure onto itself, zero among them."""
    import spglib

    numbers = [sorted(set(elements)).index(e) for e in elements]
    dataset = spglib.get_symmetry((lattice, positions, numbers), symprec=SYMPREC_A)
    if dataset is None:
        return np.zeros((1, 3))
    pure = (dataset["rotations"] == np.eye(3, dtype=int)).all(axis=(1, 2))
    return dataset["translations"][pure]


def _basis_of(vectors: np.ndarray, volume: float) -> np.ndarray:
    """Three of the vectors that span a cell of the given volume."""
    from itertools import combinations

    for chosen in combinations(range(len(vectors)), 3):
        if abs(abs(np.linalg.det(vectors[list(chosen)])) - volume) < 1e-3 * volume:
            return vectors[list(chosen)]
    return np.eye(3)
