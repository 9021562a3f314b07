"""Primitive cells and their symmetry-inequivalent silicon sites."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sikpdos.common.errors import SikpdosError

if TYPE_CHECKING:
    from pymatgen.core import Structure

ELEMENT = "Si"
SYMPREC_A = 0.01
SHELL = 1.15  # neighbours up to this multiple of the nearest distance are counted
MAX_NEAREST_A = 8.0

os.environ.setdefault("SPGLIB_WARNING", "OFF")  # what goes wrong is told by an error, not by a line of the C library


@dataclass(frozen=True)
class Orbit:
    """Symmetry-equivalent atoms of a cell, represented by the first of them."""

    atom_index: int
    multiplicity: int
    wyckoff: str  # letter
    coordination: int
    nearest_distance_A: float


@dataclass(frozen=True)
class Cell:
    """A primitive cell, its space group and its inequivalent silicon sites."""

    structure: Structure
    space_group: str
    space_group_number: int
    orbits: tuple[Orbit, ...]


def primitive_cell(structure: Structure, symprec_A: float = SYMPREC_A) -> Structure:
    """Primitive cell by pymatgen's SpacegroupAnalyzer, atoms sorted by element.

    Raises SikpdosError where spglib cannot tell the symmetry.
    """
    cell = _analysed(structure, symprec_A, "find_primitive")
    return cell.get_sorted_structure()


def analyse(cell: Structure, symprec_A: float = SYMPREC_A, primitive: bool = True) -> Cell:
    """Space group and inequivalent silicon sites of a structure's primitive cell (or of the cell as it is).

    Raises SikpdosError where spglib cannot tell the symmetry, or an atom stands alone.
    """
    structure = primitive_cell(cell, symprec_A) if primitive else cell.get_sorted_structure()
    dataset = _analysed(structure, symprec_A, "get_symmetry_dataset")
    orbits: dict[int, list[int]] = {}
    for index, representative in enumerate(dataset.equivalent_atoms):
        if structure[index].specie.symbol == ELEMENT:
            orbits.setdefault(int(representative), []).append(index)
    sites = [
        Orbit(members[0], len(members), dataset.wyckoffs[members[0]], *_nearest_shell(structure, members[0]))
        for members in orbits.values()
    ]
    return Cell(structure, dataset.international, int(dataset.number), tuple(sites))


def _analysed(structure: Structure, symprec_A: float, method: str):
    """A result of SpacegroupAnalyzer, or a SikpdosError."""
    from pymatgen.symmetry.analyzer import SpacegroupAnalyzer

    try:
        result = getattr(SpacegroupAnalyzer(structure, symprec=symprec_A), method)()
    except Exception as error:  # spglib and pymatgen raise several kinds here
        raise SikpdosError(f"spglib cannot tell the symmetry ({error})") from error
    if result is None:
        raise SikpdosError("spglib cannot tell the symmetry")
    return result


def _nearest_shell(structure: Structure, index: int) -> tuple[int, float]:
    """Coordination number and nearest distance of one atom."""
    radius_A = 3.5
    while radius_A <= MAX_NEAREST_A:
        distances_A = sorted(
            float(neighbour.nn_distance) for neighbour in structure.get_neighbors(structure[index], radius_A)
        )
        if distances_A and SHELL * distances_A[0] <= radius_A:
            return sum(d <= SHELL * distances_A[0] for d in distances_A), distances_A[0]
        radius_A *= 1.5
    raise SikpdosError(f"atom {index} has no neighbour within {MAX_NEAREST_A / SHELL:.0f} A")
