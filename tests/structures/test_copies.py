"""Copies and random crystals of the embedded database come out as structures, to be computed again."""

from __future__ import annotations

import numpy as np
import pytest
from support import ROOT, runs

from sikpdos.common import resources
from sikpdos.dataset import database
from sikpdos.structures.inequivalent import analyse
from sikpdos.structures.reading import read_file
from sikpdos.structures.sites import read_sites, structure_file

WAYS = ("strain", "rattle", "vacancy", "random")


def add_copies(sites) -> None:
    done = runs.script(ROOT / "examples" / "database" / "add_copies.py", resources.DATABASE, sites)
    assert done.returncode == 0, done.stderr


def test_the_table_gets_every_site_of_a_copy_or_a_random_crystal(tmp_path, cli):
    assert cli("fetch-structures", "--out", tmp_path, "--id", "Si-I").returncode == 0
    sites = tmp_path / "sites.csv"
    before = read_sites(sites)
    add_copies(sites)
    after = read_sites(sites)
    held = database.read_database(resources.DATABASE)
    known = {meta["site_id"]: (meta, group) for meta, group in zip(held.site_meta, held.groups, strict=True)}
    assert after[: len(before)] == before
    copies = {name for name, (meta, _) in known.items() if meta["source"].removeprefix("augment ") in WAYS}
    assert len(copies) > 100
    assert {site.site_id for site in after} == copies | {site.site_id for site in before}
    for site in after[len(before) :: 10]:
        structure = read_file(str(structure_file(site, sites))).entries[0].structure
        assert structure.volume == pytest.approx(abs(np.linalg.det(known[site.site_id][0]["cell_A"])), rel=1e-5)
        orbits = {orbit.atom_index: orbit for orbit in analyse(structure, primitive=False).orbits}
        assert orbits[site.atom_index].nearest_distance_A == pytest.approx(site.nearest_distance_A, abs=1e-3)
        assert site.group == known[site.site_id][1]
    written = sites.read_bytes()
    add_copies(sites)
    assert sites.read_bytes() == written
