"""Write the sites of a database as raw site files again, so that an interrupted campaign goes on elsewhere.

    python unpack_database.py ../../sikpdos/data/database.npz build/raw

Files that are there already are kept.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from sikpdos.dataset.database import read_database
from sikpdos.dataset.raw_site import RawSite, write_raw


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("database", type=Path)
    options.add_argument("folder", type=Path)
    chosen = options.parse_args()
    known = read_database(chosen.database)
    chosen.folder.mkdir(parents=True, exist_ok=True)
    for row, site_id in enumerate(known.ids):
        path = chosen.folder / f"{site_id}.npz"
        if not path.exists():
            s, p = known.pdos[row]
            meta = {**known.site_meta[row], "group": str(known.groups[row])}
            site = RawSite(
                edge_energy_eV=known.edge_energy_eV,
                edge_weight=known.edge[row],
                pdos_energy_eV=known.pdos_energy_eV,
                pdos_s=s,
                pdos_p=p,
                meta=meta,
            )
            write_raw(path, site)


if __name__ == "__main__":
    main()
