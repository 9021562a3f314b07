"""The catalogue: every entry rebuilt and checked, and what the command writes."""

from __future__ import annotations

import csv
import io
import json
import warnings

import numpy as np
import pytest
import spglib
from pymatgen.core import Structure
from support import assert_one_line_failure

from sikpdos.common.ids import check_id
from sikpdos.structures import catalogue
from sikpdos.structures.entry import STATUSES
from sikpdos.structures.families import group_families
from sikpdos.structures.inequivalent import analyse
from sikpdos.structures.sites import read_sites

ALLOTROPES = catalogue.allotropes()


@pytest.fixture(scope="module")
def cells():
    return {entry.structure_id: analyse(entry.structure) for entry in catalogue.entries()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory, cli):
    out = tmp_path_factory.mktemp("catalogue")
    done = cli("fetch-structures", "--out", out)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    return out


@pytest.mark.parametrize("item", ALLOTROPES, ids=lambda item: item.id)
def test_entry_rebuilds(item, cells):
    cell = cells[item.id]
    full = catalogue.conventional_cell(item)
    letters = sorted(position[-1] for position, *_ in item.sites)
    multiplicities = [int(position[:-1]) for position, *_ in item.sites]
    assert len(full) == sum(multiplicities)
    assert len(cell.orbits) == len(item.sites)
    ratio = len(full) // len(cell.structure)
    assert sorted(o.multiplicity * ratio for o in cell.orbits) == sorted(multiplicities)
    assert len(letters) == len(item.sites)
    nearest_A = [orbit.nearest_distance_A for orbit in cell.orbits]
    assert min(nearest_A) > 2.2
    assert max(nearest_A) < 2.9
    assert item.status in STATUSES[:3]
    assert check_id(item.id) == item.id
    assert item.numbers.split("+")[0] in ("computed", "net", "publication", "constructed", "memory")
    assert item.numbers_source
    assert bool(item.doi) <= bool(item.doi_basis)


def test_space_groups_are_those_of_the_hall_numbers(cells):
    for item in ALLOTROPES:
        kind = spglib.get_spacegroup_type(item.hall)
        assert cells[item.id].space_group_number == kind.number
        assert item.space_group in (kind.international_short, kind.international_full.replace(" ", ""))


def test_catalogue_against_reference(shared, cells):
    reference = {e["id"]: e for e in json.loads((shared / "structures/allotropes.json").read_text())["entries"]}
    compared = [item for item in ALLOTROPES if item.id in reference and item.id != "Si-cII136"]
    assert len(compared) == len(reference) - 1
    for item in compared:
        known = reference[item.id]["verification"]
        cell = cells[item.id]
        assert len(cell.structure) == known["n_primitive"]
        assert len(cell.orbits) == known["inequivalent_sites"]
        assert cell.structure.volume / len(cell.structure) == pytest.approx(known["volume_per_atom"], abs=2e-3)
        assert sorted(o.nearest_distance_A for o in cell.orbits) == pytest.approx(
            sorted(known["nn_distance_per_site"]), abs=3e-4
        )


def test_recorded_families_are_those_of_the_matcher(cells):
    ids = [item.id for item in ALLOTROPES]
    found = group_families([cells[i].structure for i in ids], ids)
    assert found == [item.family or item.id for item in ALLOTROPES]


def test_files_read_back_to_the_table(folder):
    sites = read_sites(folder / "sites.csv")
    by_file = {}
    for site in sites:
        by_file.setdefault(site.file, []).append(site)
    assert {p.name for p in folder.glob("*.cif")} == set(by_file)
    for name, rows in by_file.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            cell = analyse(Structure.from_file(folder / name), primitive=False)
        found = {(o.atom_index, o.multiplicity, o.wyckoff, o.coordination) for o in cell.orbits}
        assert found == {(s.atom_index, s.multiplicity, s.wyckoff, s.coordination) for s in rows}
        assert {s.space_group for s in rows} == {cell.space_group}
        assert sum(s.multiplicity for s in rows) == len(cell.structure)


def test_only_mirror_images_are_merged(folder):
    rows = list(csv.DictReader((folder / "structures.csv").open()))
    assert {row["copies"] for row in rows} == {"", "Si3-P6_222"}
    assert len(rows) == len(ALLOTROPES) - 1


def test_order_is_that_of_a_campaign(folder):
    sites = read_sites(folder / "sites.csv")
    sizes = {row["structure_id"]: int(row["n_atoms"]) for row in csv.DictReader((folder / "structures.csv").open())}
    n_experimental = sum(site.status == "experimental" for site in sites)
    assert {site.status for site in sites[:n_experimental]} == {"experimental"}
    met, turns = {}, []
    for site in sites[n_experimental:]:
        met[site.group] = met.get(site.group, 0) + 1
        turns.append(met[site.group] > 2)
    change = turns.index(True)
    assert len({s.group for s in sites[: n_experimental + change]}) == len({s.group for s in sites})
    for part in (sites[:n_experimental], sites[n_experimental : n_experimental + change]):
        assert (np.diff([sizes[s.structure_id] for s in part]) >= 0).all()


def test_some_have_the_same_bytes_again(folder, cli, tmp_path):
    names = [item.id for item in ALLOTROPES[::12]]
    words = [word for name in names for word in ("--id", name)]
    for out in ("one", "two"):
        assert cli("fetch-structures", "--out", tmp_path / out, "--source", "catalogue", *words).returncode == 0
    assert {path.stem for path in (tmp_path / "one").glob("*.cif")} == set(names)
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()
        assert path.suffix != ".cif" or path.read_bytes() == (folder / path.name).read_bytes()


def test_list_and_pipes(cli, shell):
    rows = list(csv.DictReader(io.StringIO(cli("fetch-structures", "--list").stdout)))
    assert [row["id"] for row in rows] == [item.id for item in ALLOTROPES]
    assert sum(int(row["sites"]) for row in rows) == sum(len(item.sites) for item in ALLOTROPES)
    piped = shell("sikpdos fetch-structures --list | head -1")
    assert piped.returncode in (0, 141)
    assert piped.stdout.startswith("id,name,status")
    assert piped.stderr == ""


def test_one_id_and_wrong_use(cli, tmp_path):
    one = cli("fetch-structures", "--id", "Si-XII", "--summary")
    assert one.stdout == "structure_id,space_group,n_atoms,n_sites,group\nSi-XII,R-3,8,2,Si-III\n"
    assert_one_line_failure(cli("fetch-structures", "--id", "Si-XX", "--out", tmp_path), "Si-XX: not in the catalogue")
    assert cli("fetch-structures").returncode == 2
    assert cli("fetch-structures", "--elements", "Ge", "--out", tmp_path).returncode == 2
    (tmp_path / "file").write_text("")
    assert_one_line_failure(cli("fetch-structures", "--id", "Si-I", "--out", tmp_path / "file"))
