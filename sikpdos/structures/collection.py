"""From crystals to a folder: CIFs of primitive cells, sites.csv, structures.csv with the provenance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from sikpdos.common import files, tables
from sikpdos.common.errors import SikpdosError
from sikpdos.common.ids import check_id
from sikpdos.structures.entry import STATUSES, Entry
from sikpdos.structures.families import first_copies, group_families
from sikpdos.structures.inequivalent import SYMPREC_A, Cell, analyse
from sikpdos.structures.material_class import material_class
from sikpdos.structures.sites import Site, write_sites

if TYPE_CHECKING:
    from pymatgen.core import Structure

FIRST_OF_FAMILY = 2  # sites of each family that come before the further ones


@dataclass(frozen=True)
class Crystal:
    """An entry with its primitive cell, its family, and the ids of its copies that were merged into it."""

    entry: Entry
    cell: Cell
    group: str
    copies: tuple[str, ...] = ()

    def sites(self) -> list[Site]:
        """One row of sites.csv for each inequivalent silicon site."""
        entry = self.entry
        return [
            Site(
                site_id=f"{entry.structure_id}-{number}",
                structure_id=entry.structure_id,
                file=f"{entry.structure_id}.cif",
                atom_index=orbit.atom_index,
                multiplicity=orbit.multiplicity,
                wyckoff=orbit.wyckoff,
                space_group=self.cell.space_group,
                coordination=orbit.coordination,
                nearest_distance_A=round(orbit.nearest_distance_A, 4),
                group=self.group,
                source=entry.source,
                status=entry.status,
                material_class=entry.material_class or material_class(self.cell.structure.symbol_set),
                split=entry.split,
            )
            for number, orbit in enumerate(self.cell.orbits)
        ]


def analyse_entries(
    entries: Sequence[Entry], symprec_A: float = SYMPREC_A
) -> tuple[list[tuple[Entry, Cell]], list[str]]:
    """Primitive cells of the entries, and "id: reason" for those without symmetry or silicon.

    An id that occurs before gets a number.
    """
    pairs: list[tuple[Entry, Cell]] = []
    refused: list[str] = []
    seen: dict[str, int] = {}
    for entry in entries:
        try:
            cell = analyse(entry.structure, symprec_A)
            if not cell.orbits:
                raise SikpdosError("no silicon")
        except SikpdosError as error:
            refused.append(f"{entry.structure_id}: {error}")
            continue
        count = seen[entry.structure_id] = seen.get(entry.structure_id, 0) + 1
        if count > 1:
            entry = replace(entry, structure_id=f"{entry.structure_id}-copy{count}")
        pairs.append((entry, cell))
    return pairs, refused


def collect(
    pairs: Sequence[tuple[Entry, Cell]],
    known: Sequence[tuple[str, Structure]] = (),
    report: Callable[[int], None] = lambda done: None,
) -> list[Crystal]:
    """Crystals with families, repetitions merged into the first of them.

    `known` and `report` are those of `families.group_families`, which names the families of entries that
    have none yet.
    """
    cells = [cell.structure for _, cell in pairs]
    ids = [entry.structure_id for entry, _ in pairs]
    new = [index for index, (entry, _) in enumerate(pairs) if not entry.group]
    found = group_families([cells[i] for i in new], [ids[i] for i in new], known, report) if new else []
    groups = [entry.group for entry, _ in pairs]
    for index, group in zip(new, found, strict=True):
        groups[index] = group
    copies: dict[int, list[str]] = {}
    for index, first in enumerate(first_copies(cells, groups)):
        copies.setdefault(first, []).append(ids[index])
    return [Crystal(*pairs[first], groups[first], tuple(names[1:])) for first, names in copies.items()]


def campaign_order(crystals: Sequence[Crystal]) -> list[Site]:
    """Sites in the order in which to compute them.

    Experimental phases come first, then two sites of each other family, then the rest; small primitive
    cells before large ones.
    """
    by_size = sorted(crystals, key=lambda c: (STATUSES.index(c.entry.status), len(c.cell.structure)))
    met: dict[str, int] = {}
    ranked = []
    for crystal in by_size:
        for site in crystal.sites():
            met[site.group] = met.get(site.group, 0) + 1
            turn = 0 if site.status == "experimental" else 1 if met[site.group] <= FIRST_OF_FAMILY else 2
            ranked.append((turn, len(crystal.cell.structure), site))
    return [site for _, _, site in sorted(ranked, key=lambda item: item[:2])]


def write_collection(folder: Path, crystals: Sequence[Crystal]) -> list[Site]:
    """Write the CIFs, structures.csv, and last sites.csv; returns its rows."""
    for crystal in crystals:
        write_cif(folder, crystal.entry.structure_id, crystal.cell.structure)
    _write_provenance(folder / "structures.csv", crystals)
    sites = campaign_order(crystals)
    write_sites(folder / "sites.csv", sites)
    return sites


def write_cif(folder: Path, structure_id: str, structure: Structure) -> None:
    """All atoms of a cell as <structure_id>.cif, in the order given."""
    from pymatgen.io.cif import CifWriter

    with files.output(folder / f"{check_id(structure_id)}.cif") as stream:
        stream.write(str(CifWriter(structure, significant_figures=10)).encode())


def _write_provenance(path: Path, crystals: Sequence[Crystal]) -> None:
    rows = [
        {
            "structure_id": crystal.entry.structure_id,
            "name": crystal.entry.name,
            "status": crystal.entry.status,
            "formula": crystal.cell.structure.composition.reduced_formula,
            "n_atoms": len(crystal.cell.structure),
            "n_sites": len(crystal.cell.orbits),
            "space_group": crystal.cell.space_group,
            "space_group_number": crystal.cell.space_group_number,
            "volume_A3_per_atom": round(crystal.cell.structure.volume / len(crystal.cell.structure), 4),
            "group": crystal.group,
            "copies": " ".join(crystal.copies),
            "source": crystal.entry.source,
            "numbers": crystal.entry.numbers,
            "literature": crystal.entry.literature,
            "doi": crystal.entry.doi,
            "doi_basis": crystal.entry.doi_basis,
            "licence": crystal.entry.licence,
            "note": crystal.entry.note,
        }
        for crystal in crystals
    ]
    tables.write_csv(path, {key: [row[key] for row in rows] for key in rows[0]})
