"""Pack raw site files as the database that models learn from and the external set that none of them sees.

    python pack_databases.py build/sites.csv build/raw ... --database database.npz --external external.npz

Of several folders the first that has a site gives it: what was computed anew goes before what a database was
unpacked to. External are sites whose table or meta data say so, and whole cells named by --external-structure. Families
are those of the table; sites that it does not have keep theirs, and external ones of them, other people's crystals,
come without their geometry. Others of an external family are left out, and named.
Histograms keep 10 bits of each number.
"""

from __future__ import annotations

import argparse
import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from sikpdos.dataset import database, raw_site
from sikpdos.dataset.raw_site import RawSite
from sikpdos.structures.sites import read_sites

GEOMETRY = (
    "cell_A",
    "positions",
    "elements",
    "site_position",
    "supercell",
)  # not ours to give of others' crystals
BITS = 10
FOLDERS = re.compile(r"(?<=\s)/\S*/")  # of another machine, in the command that made a site


def collected(folders: list[Path]) -> dict[str, RawSite]:
    """Raw sites by their ids, from the first folder that has them."""
    found: dict[str, RawSite] = {}
    for folder in folders:
        for path in sorted(folder.glob("*.npz")):
            if path.stem not in found:
                found[path.stem] = raw_site.read_raw(path)
    return found


def rounded(values: np.ndarray) -> np.ndarray:
    """Of the same shape, as float32 with mantissas of BITS bits, which NPZ packs to two thirds."""
    mantissa, exponent = np.frexp(values.astype(float))
    return np.ldexp(np.round(np.ldexp(mantissa, BITS)), exponent - BITS).astype(np.float32)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("sites", type=Path)
    options.add_argument("folders", type=Path, nargs="+")
    options.add_argument("--database", type=Path, required=True)
    options.add_argument("--external", type=Path, required=True)
    options.add_argument("--external-structure", nargs="*", default=[])
    chosen = options.parse_args()
    table = {site.site_id: site for site in read_sites(chosen.sites)}
    known: list[RawSite] = []
    external: list[RawSite] = []
    for site_id, site in collected(chosen.folders).items():
        row, meta = table.get(site_id), site.meta
        if "command" in meta:
            meta["command"] = FOLDERS.sub("", meta["command"])
        if row is not None:
            meta["group"] = row.group
        apart = "external" in (meta.get("split"), row.split if row else "") or (
            meta["structure_id"] in chosen.external_structure
        )
        if apart:
            meta["split"] = "external"
            if row is None:
                for key in GEOMETRY:
                    meta.pop(key, None)
        (external if apart else known).append(site)
    unseen = {site.meta["group"] for site in external}
    seen = [site for site in known if site.meta["group"] not in unseen]
    for site in known:
        if site.meta["group"] in unseen:
            print(f"left out: {site.site_id}, its family {site.meta['group']} is external", file=sys.stderr)
    for path, sites in ((chosen.database, seen), (chosen.external, external)):
        if not sites:
            print(f"{path}: not written, there are no such sites", file=sys.stderr)
            continue
        stacked = database.stack(sites)
        stacked = replace(stacked, edge=rounded(stacked.edge), pdos=rounded(stacked.pdos))
        database.write_database(path, stacked)
        print(f"{path}: {len(sites)} sites of {len({s.meta['group'] for s in sites})} families", file=sys.stderr)


if __name__ == "__main__":
    main()
