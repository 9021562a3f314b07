"""The catalogue of compounds: what it says of itself, and that every entry can be computed."""

from __future__ import annotations

import csv
import io
from collections import Counter

import pytest

from sikpdos.common import resources
from sikpdos.structures import compounds
from sikpdos.structures.distances import too_close
from sikpdos.structures.inequivalent import analyse
from sikpdos.structures.material_class import CLASSES, ELEMENTAL, material_class
from sikpdos.structures.sites import read_sites


def test_every_compound_is_what_it_says():
    symbols = {path.name.partition(".")[0] for path in resources.PSEUDOPOTENTIALS.glob("*.UPF*")}
    entries = dict(zip((item.id for item in compounds.compounds()), compounds.entries(), strict=True))
    assert len(entries) == len(compounds.compounds())
    for item in compounds.compounds():
        structure = entries[item.id].structure
        wyckoff = [int("".join(filter(str.isdigit, position))) for _, position, *_ in item.sites]
        assert sum(wyckoff) == len(structure), item.id
        assert item.elements <= symbols, item.id
        pair = too_close(structure.lattice.matrix, structure.frac_coords, [s.specie.symbol for s in structure])
        assert pair is None, f"{item.id}: {pair}"
        assert item.numbers_source, item.id


@pytest.mark.parametrize("name", ["SiO2-quartz-alpha", "Mg2Si", "NiSi2", "SiC-4H", "K2SiF6-cubic"])
def test_space_groups_and_sites_are_found_again(name):
    item = next(item for item in compounds.compounds() if item.id == name)
    (entry,) = [entry for entry in compounds.entries(item.elements) if entry.structure_id == name]
    cell = analyse(entry.structure)
    assert cell.space_group == item.space_group
    assert len(cell.orbits) == sum(element == "Si" for element, *_ in item.sites)


def test_classes_and_the_external_set():
    counts = Counter(material_class(item.elements) for item in compounds.compounds())
    assert set(counts) == set(CLASSES) - {ELEMENTAL}
    families = {item.family or item.id for item in compounds.compounds() if item.split == "external"}
    assert len(families) >= 20
    assert not families & {item.family or item.id for item in compounds.compounds() if not item.split}
    for elements, name in (("", "elemental"), ("O N", "oxynitride"), ("O Na Al", "silicate"), ("C N", "nitride")):
        assert material_class(["Si", *elements.split()]) == name
    assert material_class(["Ni", "Si"]) == "silicide"
    assert material_class(["Mg", "Si"]) == "zintl"


def test_compounds_are_fetched_by_their_elements(tmp_path, cli):
    done = cli("fetch-structures", "--source", "compounds", "--elements", "Si-C", "--list")
    listed = [row["id"] for row in csv.DictReader(io.StringIO(done.stdout))]
    assert {"SiC-3C", "SiC-6H"} <= set(listed)
    words = ("fetch-structures", "--source", "compounds", "--elements", "Si-C", "--id", "SiC-21R", "--id", "SiC-3C")
    assert cli(*words, "--out", tmp_path).returncode == 0
    sites = read_sites(tmp_path / "sites.csv")
    assert {(site.structure_id, site.material_class, site.split) for site in sites} == {
        ("SiC-3C", "carbide", ""),
        ("SiC-21R", "carbide", "external"),
    }
    assert cli("fetch-structures", "--source", "mp", "--list").returncode == 2
