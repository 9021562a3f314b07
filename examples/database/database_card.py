"""Print what the shipped databases hold, as Markdown: sites by class and kind, settings, families.

python database_card.py > ../../sikpdos/data/SITES.md
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from sikpdos.common import resources
from sikpdos.dataset import database
from sikpdos.dataset.assembly import AUGMENTED, site_class


def main() -> None:
    print("# Sites of the shipped databases\n\nWritten by `examples/database/database_card.py`; do not edit.")
    for name, path in (("database.npz", resources.DATABASE), ("external.npz", resources.EXTERNAL)):
        print(f"\n{describe(name, database.read_database(path))}")


def describe(name: str, known: database.Database) -> str:
    metas, groups = known.site_meta, known.groups.tolist()
    gapped = sum(meta["gap_eV"] > 0.1 for meta in metas)
    structures = len({meta["structure_id"] for meta in metas})
    residuals = [meta["core_hole"]["residuals"] for meta in metas]
    atoms = sorted(meta["supercell_atoms"] for meta in metas)
    lines = [
        f"## {name}: {len(known)} sites of {structures} structures, {len(set(groups))} families",
        "\n".join(kinds(known)),
        "\n".join(settings(known)),
        f"{gapped} sites are of gapped crystals (PBE, over 0.1 eV). Supercells have {atoms[0]} to {atoms[-1]} atoms, "
        f"half of them up to {atoms[len(atoms) // 2]}. Core-hole densities took {min(map(len, residuals))} to "
        f"{max(map(len, residuals))} iterations and ended at residuals up to {max(r[-1] for r in residuals):.1e}; each "
        "site's record is in its meta data.",
    ]
    for kind, families in families_by_class(known).items():
        lines.append(f"Sites of each family, {kind}: {counted(families)}.")
    return "\n\n".join(lines)


def kinds(known: database.Database) -> Iterator[str]:
    """A table: sites, structures and families of each material class and way in which the crystal came about."""
    found: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for meta, group in zip(known.site_meta, known.groups.tolist(), strict=True):
        source = str(meta["source"])
        way = source.removeprefix(AUGMENTED) if source.startswith(AUGMENTED) else "crystals as found"
        found[site_class(meta), way].append((meta["structure_id"], group))
    yield "| class | made by `augment` | sites | structures | families |\n| --- | --- | --- | --- | --- |"
    for (kind, way), sites in sorted(found.items()):
        structures, families = (len(set(column)) for column in zip(*sites, strict=True))
        yield f"| {kind} | {'' if way == 'crystals as found' else way} | {len(sites)} | {structures} | {families} |"


def settings(known: database.Database) -> Iterator[str]:
    """The settings that all sites have, and those of which there are several."""
    values: dict[str, Counter[str]] = defaultdict(Counter)
    for text, sites in known.sites_by_settings().items():
        for key, value in json.loads(text).items():
            values[key][json.dumps(value)] += len(sites)
    same = [f"{key} {next(iter(of))}" for key, of in values.items() if list(of.values()) == [len(known)]]
    yield f"Settings of every site: {', '.join(same)}.".replace('"', "")
    several = [f"{key} {counted(of)} sites" for key, of in values.items() if list(of.values()) != [len(known)]]
    if several:
        yield f"\nSettings that differ: {'; '.join(several)}."


def families_by_class(known: database.Database) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for meta, group in zip(known.site_meta, known.groups.tolist(), strict=True):
        found[site_class(meta)][group] += 1
    return dict(sorted(found.items()))


def counted(things: Counter[str] | Iterable[tuple[str, int]]) -> str:
    return ", ".join(f"{thing} {count}" for thing, count in sorted(Counter(things).items()))


if __name__ == "__main__":
    main()
