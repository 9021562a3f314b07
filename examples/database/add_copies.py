"""Add the deformed copies and random crystals that are in databases to a table of sites, with their structure files.

    python add_copies.py ../../sikpdos/data/database.npz build/structures/sites.csv

They were drawn by `sikpdos augment`, some with an earlier model; here they come from the cells and positions that a
database holds of every site, so that the same ones are computed again. Amorphous cells, defects and surfaces have
folders of their own.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from pymatgen.core import Structure

from sikpdos.common.errors import SikpdosError
from sikpdos.dataset.assembly import DEFORMED
from sikpdos.dataset.database import read_database
from sikpdos.structures.collection import write_cif
from sikpdos.structures.inequivalent import analyse
from sikpdos.structures.sites import Site, read_sites, write_sites


def site(meta: dict, group: str, structure: Structure) -> Site:
    """The row of a site of this structure, which is of the family `group`."""
    cell = analyse(structure, primitive=False)
    difference = structure.frac_coords - meta["site_position"]
    atom = int(np.abs(difference - difference.round()).max(axis=1).argmin())
    orbits = [orbit for orbit in cell.orbits if orbit.atom_index == atom]
    if not orbits:
        raise SikpdosError(f"{meta['site_id']}: atom {atom} is not the first of its equivalent atoms")
    return Site(
        site_id=meta["site_id"],
        structure_id=meta["structure_id"],
        file=f"{meta['structure_id']}.cif",
        atom_index=atom,
        multiplicity=orbits[0].multiplicity,
        wyckoff=orbits[0].wyckoff,
        space_group=cell.space_group,
        coordination=orbits[0].coordination,
        nearest_distance_A=round(orbits[0].nearest_distance_A, 4),
        group=group,
        source=meta["source"],
        status="augmented",
    )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("databases", type=Path, nargs="+")
    options.add_argument("sites", type=Path)
    chosen = options.parse_args()
    table = read_sites(chosen.sites)
    from_files, added = {row.structure_id for row in table}, set()
    for database in map(read_database, chosen.databases):
        for meta, group in zip(database.site_meta, database.groups.tolist(), strict=True):
            new = meta["site_id"] not in added and meta["structure_id"] not in from_files
            if new and meta["source"] in DEFORMED:
                structure = Structure(meta["cell_A"], ["Si"] * len(meta["positions"]), meta["positions"])
                write_cif(chosen.sites.parent, meta["structure_id"], structure)
                table.append(site(meta, group, structure))
                added.add(meta["site_id"])
    write_sites(chosen.sites, table)


if __name__ == "__main__":
    main()
