"""Catalogue to sites.csv, and grouping into families against pymatgen's StructureMatcher.group_structures.

    bin/bench structures [--n 3000] [--peer 150]

The structures to group: the catalogue, and strained copies and random crystals made of it (seed 0). The peer
gets the first few alone, as it compares each structure with every group and reduces it anew each time.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.core import Structure

from sikpdos.structures import catalogue, deform
from sikpdos.structures.collection import analyse_entries, collect, write_collection
from sikpdos.structures.families import group_families
from sikpdos.structures.random_crystal import random_crystal

MAX_ATOMS = 24


def mixture(n: int) -> list[Structure]:
    """Structures in random order: two thirds strained copies of the catalogue, one third random crystals."""
    rng = np.random.default_rng(0)
    parents = [cell.structure for _, cell in analyse_entries(catalogue.entries())[0]]
    parents = [cell for cell in parents if len(cell) <= MAX_ATOMS]
    structures = list(parents)
    while len(structures) < n:
        if rng.random() < 2 / 3:
            parent = parents[rng.integers(len(parents))]
            structures.append(deform.strained(parent, rng.uniform(-0.08, 0.08), rng.normal(0, 0.02, (3, 3))))
        elif (crystal := random_crystal(rng, MAX_ATOMS)) is not None:
            structures.append(crystal)
    return [structures[i] for i in rng.permutation(n)]


def seconds(action) -> tuple[float, object]:
    start = time.perf_counter()
    result = action()
    return time.perf_counter() - start, result


def catalogue_to_files() -> int:
    with tempfile.TemporaryDirectory() as folder:
        pairs, _ = analyse_entries(catalogue.entries())
        return len(write_collection(Path(folder), collect(pairs, catalogue.known())))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=3000, help="structures to group")
    parser.add_argument("--peer", type=int, default=150, help="structures that the peer groups")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    time_s, n_sites = seconds(catalogue_to_files)
    print(f"catalogue to sites.csv, {n_sites} sites: {time_s:.1f} s")
    structures = mixture(options.n)
    some = structures[: options.peer]
    with contextlib.redirect_stdout(sys.stderr):
        peer_s, groups = seconds(lambda: StructureMatcher().group_structures(some))
        some_s, names = seconds(lambda: group_families(some, [str(i) for i in range(len(some))]))
        all_s, every = seconds(lambda: group_families(structures, [str(i) for i in range(len(structures))]))
    print(f"{'grouping':<34}{'structures':>11}{'families':>10}{'seconds':>9}{'ratio':>8}")
    print(f"{'pymatgen group_structures':<34}{len(some):>11}{len(groups):>10}{peer_s:>9.1f}{1.0:>8.2f}")
    print(f"{'sikpdos group_families':<34}{len(some):>11}{len(set(names)):>10}{some_s:>9.1f}{some_s / peer_s:>8.3f}")
    print(f"{'sikpdos group_families':<34}{len(structures):>11}{len(set(every)):>10}{all_s:>9.1f}{'':>8}")


if __name__ == "__main__":
    main()
