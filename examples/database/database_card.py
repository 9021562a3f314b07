"""Print what the shipped databases hold, as Markdown: sites, families, settings, sites of each family.

python database_card.py > ../../sikpdos/data/SITES.md
"""

from __future__ import annotations

import json
from collections import Counter

from sikpdos.common import resources
from sikpdos.dataset import database
from sikpdos.dataset.assembly import AUGMENTED


def main() -> None:
    print("# Sites of the shipped databases\n\nWritten by `examples/database/database_card.py`; do not edit.")
    for name, path in (("database.npz", resources.DATABASE), ("external.npz", resources.EXTERNAL)):
        print(f"\n{describe(name, database.read_database(path))}")


def describe(name: str, known: database.Database) -> str:
    families = Counter(known.groups.tolist())
    metas = known.site_meta
    (settings,) = known.sites_by_settings()
    gapped = sum(meta["gap_eV"] > 0.1 for meta in metas)
    structures = len({meta["structure_id"] for meta in metas})
    residuals = [meta["core_hole"]["residuals"] for meta in metas]
    atoms = sorted(meta["supercell_atoms"] for meta in metas)
    sources = Counter(meta["source"] for meta in metas if meta["source"].startswith(AUGMENTED))
    made = ", ".join(f"{count} {source.removeprefix(AUGMENTED)}" for source, count in sorted(sources.items()))
    lines = [
        f"## {name}: {len(known)} sites of {structures} structures, {len(families)} families",
        f"{len(known) - sources.total()} sites are of crystals as they were found; made by `sikpdos augment`: {made}."
        if sources
        else "All sites are of crystals as they were found.",
        f"Settings of every site: {', '.join(f'{k} {v}' for k, v in json.loads(settings).items())}.",
        f"{gapped} sites are of gapped crystals (PBE, over 0.1 eV). Supercells have {atoms[0]} to {atoms[-1]} atoms, "
        f"half of them up to {atoms[len(atoms) // 2]}. Core-hole densities took {min(map(len, residuals))} to "
        f"{max(map(len, residuals))} iterations and ended at residuals up to {max(r[-1] for r in residuals):.1e}; each "
        "site's record is in its meta data.",
        "Sites of each family: " + ", ".join(f"{family} {count}" for family, count in sorted(families.items())) + ".",
    ]
    return "\n\n".join(lines)


if __name__ == "__main__":
    main()
