"""Pack raw sites of other people's crystals as an external test set: their results, without their geometries.

    sikpdos fetch-structures theirs/*.cif -o external
    sikpdos simulate external/sites.csv -o external/raw
    python external_database.py external/raw ../../sikpdos/data/external.npz

Sites of families that the catalogue has are left out and named.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from sikpdos.dataset import database, raw_site
from sikpdos.structures import catalogue

GEOMETRY = ("cell_A", "positions", "elements", "site_position", "supercell")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("folder", type=Path)
    options.add_argument("database", type=Path)
    chosen = options.parse_args()
    known = {item.family or item.id for item in catalogue.allotropes()}
    kept = []
    for path in sorted(chosen.folder.glob("*.npz")):
        site = raw_site.read_raw(path)
        if site.meta["group"] in known:
            print(f"left out: {site.site_id} is of the family {site.meta['group']}", file=sys.stderr)
            continue
        for key in GEOMETRY:
            site.meta.pop(key, None)
        kept.append(site)
    database.write_database(chosen.database, database.stack(kept))
    print(f"{len(kept)} sites of {len({site.meta['group'] for site in kept})} families", file=sys.stderr)


if __name__ == "__main__":
    main()
