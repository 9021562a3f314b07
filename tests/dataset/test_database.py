"""The database: written and read, groups of its sites, what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
from support.made_up_sites import site

from sikpdos.common import npz
from sikpdos.common.errors import SikpdosError
from sikpdos.dataset import database

ARRAYS = ("ids", "groups", "edge_energy_eV", "edge", "pdos_energy_eV", "pdos")


def test_round_trip(tmp_path):
    stacked = database.stack([site(number) for number in range(5)])
    database.write_database(tmp_path / "db.npz", stacked)
    again = database.read_database(tmp_path / "db.npz")
    for name in ARRAYS:
        assert np.array_equal(getattr(again, name), getattr(stacked, name))
    assert again.site_meta == stacked.site_meta


def test_texts_of_version_0_1_are_read(tmp_path):
    stacked = database.stack([site(number) for number in range(5)])
    arrays = {name: getattr(stacked, name) for name in ARRAYS}
    texts = np.array([json.dumps(meta) for meta in stacked.site_meta])
    npz.write(tmp_path / "old.npz", {**arrays, "site_meta": texts}, stacked.meta)
    assert database.read_database(tmp_path / "old.npz").site_meta == stacked.site_meta


@pytest.mark.parametrize(("lines", "reason"), [(b"{}\n{}", "2 lines for 5 sites"), (b"\xff", "no UTF-8 text")])
def test_lines_that_do_not_fit_the_sites_are_refused(tmp_path, lines, reason):
    stacked = database.stack([site(number) for number in range(5)])
    arrays = {name: getattr(stacked, name) for name in ARRAYS}
    npz.write(tmp_path / "odd.npz", {**arrays, "site_meta_lines": np.frombuffer(lines, np.uint8)}, stacked.meta)
    with pytest.raises(SikpdosError, match=reason):
        database.read_database(tmp_path / "odd.npz")


def test_sites_are_sorted_and_keep_their_weight():
    stacked = database.stack([site(3), site(0)])
    assert stacked.ids.tolist() == ["X0-0", "X1-1"]
    assert stacked.pdos[1].sum(axis=1) == pytest.approx([site(3).pdos_s.sum(), site(3).pdos_p.sum()], rel=1e-5)
    assert stacked.edge[0].sum() == pytest.approx(site(0).edge_weight.sum(), rel=1e-5)


def test_a_site_without_a_group_is_its_own_family():
    assert database.site_group({"site_id": "a"}, None) == "a"
    assert database.site_group({"site_id": "a", "structure_id": "s"}, {"s": "f"}) == "f"
    assert database.site_group({"site_id": "a", "structure_id": "s", "group": "g"}, {}) == "g"


def test_regrouped_by_a_table():
    stacked = database.stack([site(0), site(2)])
    assert database.regrouped(stacked, None).groups.tolist() == ["X0", "X1"]
    assert database.regrouped(stacked, {"X0": "family"}).groups.tolist() == ["family", "X1"]


def test_sites_by_settings():
    odd = site(2, {"xc": "LDA"})
    by_settings = database.stack([site(0), site(1), odd]).sites_by_settings()
    assert list(by_settings.values()) == [["X0-0", "X0-1"], ["X1-0"]]
    assert json.loads(list(by_settings)[1]) == {"xc": "LDA"}


def test_what_cannot_be_stacked_is_named():
    empty = site(0)
    empty.edge_weight[:] = 0
    with pytest.raises(SikpdosError, match="X0-0: the edge or the density of states has no weight"):
        database.stack([empty])
    with pytest.raises(SikpdosError, match="site X0-0 is there twice"):
        database.stack([site(0), site(0)])
    with pytest.raises(SikpdosError, match="no sites"):
        database.stack([])


def test_a_changed_byte_is_an_error(tmp_path):
    path = tmp_path / "db.npz"
    database.write_database(path, database.stack([site(0)]))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(SikpdosError, match=r"db.npz: damaged"):
        database.read_database(path)
