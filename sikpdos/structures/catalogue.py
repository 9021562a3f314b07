"""The suite's own catalogue: allotropes of silicon as crystallographic facts (catalogue.toml)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from sikpdos.common import resources
from sikpdos.structures.entry import Entry

if TYPE_CHECKING:
    from pymatgen.core import Structure

SAME_ATOM_A = 1e-2  # images of one atom on a special position, by coordinates of six digits


@dataclass(frozen=True)
class Allotrope:
    """One entry of catalogue.toml, whose header says what the fields mean."""

    id: str
    name: str
    status: str
    space_group: str
    hall: int
    lattice: tuple[float, ...]  # a, b, c in angstrom, alpha, beta, gamma in degrees
    sites: tuple[tuple, ...]  # (Wyckoff position, x, y, z)
    numbers: str
    numbers_source: str
    family: str = ""  # its own id if empty
    literature: str = ""
    doi: str = ""
    doi_basis: str = ""
    note: str = ""


@cache
def allotropes() -> tuple[Allotrope, ...]:
    """The catalogue's entries in the order of the file."""
    return tuple(Allotrope(**item) for item in resources.entries(resources.CATALOGUE, "structure"))


def conventional_cell(allotrope: Allotrope) -> Structure:
    """The full cell in the entry's own setting, atoms in the order of its sites."""
    return full_cell(allotrope.hall, allotrope.lattice, [("Si", *position) for _, *position in allotrope.sites])


def full_cell(hall: int, lattice_parameters: Sequence[float], sites: Sequence[tuple]) -> Structure:
    """The cell of a Hall number's setting from lattice (A, degrees) and sites (element, x, y, z).

    Each position is multiplied by the symmetry operations that spglib tabulates for the Hall number.
    """
    import numpy as np
    import spglib
    from pymatgen.core import Lattice, Structure

    operations = spglib.get_symmetry_from_database(hall)
    lattice = Lattice.from_parameters(*lattice_parameters)
    elements: list[str] = []
    atoms: list = []
    for element, *position in sites:
        images = operations["rotations"] @ np.array(position) + operations["translations"]  # (n_operations, 3)
        distinct = _distinct(images % 1.0, lattice)
        atoms += distinct
        elements += [element] * len(distinct)
    return Structure(lattice, elements, atoms)


def _distinct(positions, lattice) -> list:
    """Fractional positions without their repetitions."""
    distances_A = lattice.get_all_distances(positions, positions)
    first = (distances_A < SAME_ATOM_A).argmax(axis=1)
    return [position for index, position in enumerate(positions) if first[index] == index]


def entries() -> list[Entry]:
    """Every allotrope as an Entry."""
    return [
        Entry(
            structure_id=item.id,
            structure=conventional_cell(item),
            source="catalogue",
            status=item.status,
            name=item.name,
            numbers=f"{item.numbers}: {item.numbers_source}",
            literature=item.literature,
            doi=item.doi,
            doi_basis=item.doi_basis,
            licence="facts",
            note=item.note,
            group=item.family or item.id,
        )
        for item in allotropes()
    ]


def known() -> list[tuple[str, Structure]]:
    """Every allotrope as (family, structure), for others to be compared with."""
    return [(item.family or item.id, conventional_cell(item)) for item in allotropes()]


def table() -> dict[str, list]:
    """Columns that describe the catalogue, one row an allotrope."""
    keys = ("id", "name", "status", "space_group", "numbers", "literature", "doi", "doi_basis", "note")
    columns = {key: [getattr(item, key) for item in allotropes()] for key in keys}
    sites = [len(item.sites) for item in allotropes()]
    return {**{key: columns[key] for key in keys[:4]}, "sites": sites, **{key: columns[key] for key in keys[4:]}}
