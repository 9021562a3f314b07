"""One table of sites for the whole campaign, in the order in which to compute them.

    sikpdos simulate build/compounds/sites.csv --dry-run > build/compounds.cost.csv
    python campaign_table.py build/sites.csv build/structures build/compounds build/amorphous

Each folder holds a sites.csv; its costs are in the file FOLDER.cost.csv beside it. `sikpdos simulate` works through the
table from its beginning. The folders take turns, so that each gets its share of the time. Within a folder the first
site of each family comes before further ones, and of these what is cheap for its use: known spectra and experimental
phases count as cheaper, doubtful geometries as dearer. Sites of one structure that follow each other share a ground
state, so as many are taken at a time as cost what it costs. What cannot be computed is named and left out.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path

from sikpdos.common import tables
from sikpdos.structures import compounds
from sikpdos.structures.sites import Site, read_sites, write_sites

SHARES = {"compounds": 3.0, "structures": 3.0, "amorphous": 2.0}  # of the time; others 1
DEARER = {"known": 0.25, "likely": 0.5, "experimental": 0.5, "external": 0.5, "doubtful": 3.0}


@dataclass(frozen=True)
class Cost:
    """Seconds of one thread, for the site and for the ground state of its structure."""

    site_s: float
    ground_s: float


@dataclass(frozen=True)
class Piece:
    """Sites of one structure that are computed one after the other."""

    sites: tuple[Site, ...]
    turn: int  # how often the family was met before
    seconds: float
    dearness_s: float


def read_costs(path: Path) -> dict[str, Cost]:
    columns = tables.read_csv(path, ["site_id", "site_s", "ground_state_s"])
    rows = zip(columns["site_id"], columns["site_s"], columns["ground_state_s"], strict=True)
    return {name: Cost(float(site_s), float(ground_s)) for name, site_s, ground_s in rows}


def pieces(sites: list[Site], costs: dict[str, Cost]) -> list[Piece]:
    """The sites of a folder, the first to be computed first."""
    of_structure: dict[str, list[Site]] = defaultdict(list)
    for site in sites:
        of_structure[site.structure_id].append(site)
    found, met = [], defaultdict(int)
    for members in sorted(of_structure.values(), key=lambda of: dearness(of[0]) * costs[of[0].site_id].site_s):
        start = 0
        while start < len(members):
            cost = costs[members[start].site_id]
            some = members[start : start + max(1, ceil(cost.ground_s / max(cost.site_s, 1.0)))]
            seconds = cost.ground_s + sum(costs[site.site_id].site_s for site in some)
            found.append(Piece(tuple(some), met[some[0].group], seconds, seconds / len(some) * dearness(some[0])))
            met[some[0].group] += 1
            start += len(some)
    return sorted(found, key=lambda piece: (piece.turn, piece.dearness_s))


def dearness(site: Site) -> float:
    """By what the cost of a site is to be multiplied before it is compared with others'."""
    known = (
        {item.id: item for item in compounds.compounds()}.get(site.structure_id) if site.source == "compounds" else None
    )
    words = {site.split, site.status, known.spectrum if known else "", "doubtful" if known and known.doubtful else ""}
    factor = 1.0
    for word in words & DEARER.keys():
        factor *= DEARER[word]
    return factor


def interleave(queues: dict[str, list[Piece]]) -> list[Piece]:
    """The pieces of all folders, each folder with its share of the time as long as it has some."""
    queues = {name: list(queue) for name, queue in queues.items()}
    spent_s, order = dict.fromkeys(queues, 0.0), []
    while any(queues.values()):
        name = min((name for name in queues if queues[name]), key=lambda name: spent_s[name] / SHARES.get(name, 1.0))
        piece = queues[name].pop(0)
        spent_s[name] += piece.seconds
        order.append(piece)
    return order


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("table", type=Path, help="table of sites to write, above the folders")
    options.add_argument("folders", type=Path, nargs="+")
    chosen = options.parse_args()
    queues = {}
    for folder in chosen.folders:
        costs = read_costs(folder.with_name(f"{folder.name}.cost.csv"))
        within = folder.relative_to(chosen.table.parent)
        sites = [replace(site, file=str(within / site.file)) for site in read_sites(folder / "sites.csv")]
        for site in sites:
            if site.site_id not in costs:
                print(f"left out: {site.site_id}: cannot be computed, see the dry run", file=sys.stderr)
        queues[folder.name] = pieces([site for site in sites if site.site_id in costs], costs)
    order = interleave(queues)
    write_sites(chosen.table, [site for piece in order for site in piece.sites])
    summary(order)


def summary(order: list[Piece]) -> None:
    """Sites and hours of each class on stderr, and of how many hours the table's beginning is."""
    count, hours = defaultdict(int), defaultdict(float)
    for piece in order:
        site = piece.sites[0]
        kind = site.source if site.source.startswith("augment") else site.material_class
        count[kind] += len(piece.sites)
        hours[kind] += piece.seconds / 3600
    for kind in sorted(count, key=lambda name: -count[name]):
        print(f"{kind}: {count[kind]} sites, {hours[kind]:.1f} hours of a thread", file=sys.stderr)
    print(f"together: {sum(count.values())} sites, {sum(hours.values()):.0f} hours of a thread", file=sys.stderr)


if __name__ == "__main__":
    main()
