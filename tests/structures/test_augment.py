"""augment: bounds, families, and the same bytes for the same seed."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.core import Lattice, Structure
from support import assert_one_line_failure

from sikpdos.common import npz
from sikpdos.common.errors import SikpdosError
from sikpdos.structures import augment, deform
from sikpdos.structures.augment import read_parents
from sikpdos.structures.disorder import amorphous, bond_switching
from sikpdos.structures.potentials import stillinger_weber
from sikpdos.structures.potentials.keating import relax
from sikpdos.structures.random_crystal import CLOSEST_A, hall_numbers, random_crystal
from sikpdos.structures.reading import read_file
from sikpdos.structures.sites import read_sites

DIAMOND = Structure.from_spacegroup("Fd-3m", Lattice.cubic(5.43), ["Si"], [[0, 0, 0]])
NAMES = ("Si-I", "Si-II", "Si-III", "Si24", "Si-XII")


@pytest.fixture(scope="module")
def parents(tmp_path_factory, cli):
    out = tmp_path_factory.mktemp("parents")
    done = cli("fetch-structures", "--out", out, *(word for name in NAMES for word in ("--id", name)))
    assert done.returncode == 0, done.stderr
    return out / "sites.csv"


@pytest.fixture(scope="module")
def more(parents, tmp_path_factory, cli):
    out = tmp_path_factory.mktemp("more")
    done = cli(
        "augment", parents, "--strain", 8, "--rattle", 8, "--vacancy", 6, "--random", 8, "--seed", 3, "--out", out
    )
    assert done.returncode == 0, done.stderr
    return out


def test_bounds_and_families(parents, more):
    groups = {site.structure_id: site.group for site in read_sites(parents)}
    sites = read_sites(more / "sites.csv")
    assert {site.status for site in sites} == {"augmented"}
    counts = {}
    for site_id, site in {site.structure_id: site for site in sites}.items():
        kind = site.source.removeprefix("augment ")
        counts[kind] = counts.get(kind, 0) + 1
        (entry,) = read_file(str(more / site.file)).entries
        distances_A = entry.structure.get_neighbor_list(4.0)[3]
        assert distances_A.min() >= 1.9
        assert 10 <= entry.structure.volume / len(entry.structure) <= 45
        if kind != "random":
            assert site.group == groups[site_id.partition(f"-{kind}-")[0]]
    assert counts == {"strain": 8, "rattle": 8, "vacancy": 6, "random": 8}
    assert max(np.unique([s.structure_id for s in sites], return_counts=True)[1]) <= 2


def test_defects_of_a_kind_are_one_family(tmp_path, cli):
    done = cli("augment", "--defects", 10, "--sites", 1, "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    groups = {site.structure_id: site.group for site in read_sites(tmp_path / "sites.csv")}
    assert groups["Si-intrinsic-fault-0-0"] == groups["Si-intrinsic-fault-0-9"]  # the kinds come in turn
    assert len(groups) == 10
    assert len(set(groups.values())) == 9


def test_same_seed_same_bytes_and_other_seed_other_structures(parents, more, tmp_path, cli):
    words = ("--strain", 8, "--rattle", 8, "--vacancy", 6, "--random", 8)
    assert cli("augment", parents, *words, "--seed", 3, "--out", tmp_path / "same").returncode == 0
    for path in more.iterdir():
        assert path.read_bytes() == (tmp_path / "same" / path.name).read_bytes()
    assert cli("augment", parents, "--strain", 8, "--seed", 4, "--out", tmp_path / "other").returncode == 0
    assert not {p.name for p in (tmp_path / "other").glob("*.cif")} & {p.name for p in more.glob("*.cif")}


def model(path, **meta):
    from sikpdos.model.model_file import SCHEMA

    npz.write(path, {"x": np.zeros(1)}, {**npz.provenance(SCHEMA), **meta})
    return path


def test_copies_go_where_the_model_is_wrong(parents, tmp_path, cli):
    path = model(tmp_path / "m.npz", group_mse={"Si-III": 3.0, "Si-I": 1.0, "elsewhere": 50.0})
    done = cli("augment", parents, "--strain", 60, "--sites", 1, "--where-wrong", path, "--out", tmp_path / "w")
    assert done.returncode == 0, done.stderr
    groups = [site.group for site in read_sites(tmp_path / "w/sites.csv")]
    assert set(groups) == {"Si-III", "Si-I"}
    assert 33 <= groups.count("Si-III") <= 57  # 45 expected, four standard deviations


def test_wrong_use(parents, tmp_path, cli):
    assert cli("augment", parents, "--out", tmp_path / "x").returncode == 2
    assert cli("augment", "--strain", 1, "--out", tmp_path / "x").returncode == 2
    assert cli("augment", "--amorphous", 1, "--density", "5", "--out", tmp_path / "x").returncode == 2
    assert cli("augment", parents, "--strain", 1, "--volume-range", "10", "--out", tmp_path / "x").returncode == 2
    words = ("augment", parents, "--strain", 1, "--out", tmp_path / "x")
    assert_one_line_failure(cli(*words, "--volume-range", "1,2"), "within the bounds")
    assert_one_line_failure(cli(*words, "--max-atoms", 1), "no structure of at most 1 atoms")
    assert_one_line_failure(cli(*words, "--where-wrong", model(tmp_path / "none.npz")), "group_mse")
    stranger = model(tmp_path / "s.npz", group_mse={"elsewhere": 1.0})
    assert_one_line_failure(cli(*words, "--where-wrong", stranger), "no error for any family")
    assert not (tmp_path / "x").exists()


@settings(max_examples=50, deadline=None)
@given(st.floats(-0.3, 0.3), st.lists(st.floats(-0.2, 0.2), min_size=9, max_size=9))
def test_strain_changes_the_volume_as_said(change, shear):
    strained = deform.strained(DIAMOND, change, np.reshape(shear, (3, 3)))
    assert strained.volume == pytest.approx(DIAMOND.volume * (1 + change))
    assert strained.frac_coords == pytest.approx(DIAMOND.frac_coords)


def test_rattling_has_the_amplitude_asked_for():
    cell = DIAMOND.make_supercell(4, in_place=False)
    moved = deform.rattled(cell, 0.07, np.random.default_rng(0))
    moves_A = moved.cart_coords - cell.cart_coords
    assert moves_A.std() == pytest.approx(0.07, rel=0.05)


def test_thermal_amplitude_is_that_of_silicon():
    # B = 8 pi^2 <u^2> of silicon at 293 K is 0.46 A^2 (X-ray Debye-Waller factors).
    assert 8 * np.pi**2 * deform.thermal_amplitude_A(293.0) ** 2 == pytest.approx(0.46, rel=0.05)
    amplitudes_A = [deform.thermal_amplitude_A(t) for t in (0.0, 50.0, 300.0, 900.0)]
    assert amplitudes_A == sorted(amplitudes_A)
    assert amplitudes_A[0] > 0


def test_no_vacancy_twice(tmp_path, cli):
    assert cli("fetch-structures", "--out", tmp_path, "--id", "Si-I").returncode == 0  # all atoms are equivalent
    words = ("augment", tmp_path / "sites.csv", "--out", tmp_path / "more", "--vacancy")
    assert_one_line_failure(cli(*words, 2), "no new vacancy structure")
    assert not (tmp_path / "more" / "sites.csv").exists()
    assert cli(*words, 1).returncode == 0


def test_vacancy_leaves_the_others_in_place():
    cell, hole = deform.with_vacancy(DIAMOND, "Si", np.random.default_rng(1))
    whole = deform.enlarged(DIAMOND, deform.VACANCY_ATOMS)
    assert len(cell) == len(whole) - 1
    assert {tuple(x) for x in np.round(whole.frac_coords, 6)} - {tuple(x) for x in np.round(cell.frac_coords, 6)} == {
        tuple(np.round(hole, 6))
    }


def test_random_crystals_are_sane_and_symmetric():
    assert len(set(hall_numbers())) == 230
    made = [random_crystal(np.random.default_rng(seed), 12) for seed in range(300)]
    crystals = [crystal for crystal in made if crystal is not None]
    assert len(crystals) > 10
    for crystal in crystals:
        assert crystal.get_neighbor_list(3.5)[3].min() >= CLOSEST_A
        assert len(crystal.get_primitive_structure()) <= 12
    symmetric = sum(crystal.get_space_group_info()[1] > 2 for crystal in crystals)
    assert symmetric > len(crystals) / 2


def test_parents_are_read_once(parents):
    assert sorted(p.structure_id for p in read_parents(read_sites(parents), parents)) == sorted(NAMES)


def short(monkeypatch, limit_deg: float) -> None:
    """Amorphous cells cooled too quickly to be good, and any that is better than this taken."""
    monkeypatch.setattr(amorphous, "START", replace(amorphous.START, melt_ps=0.1, cooling_ps=2.0))
    monkeypatch.setattr(amorphous, "GLASS", replace(amorphous.GLASS, melt_ps=0.1, cooling_ps=0.5))
    monkeypatch.setattr(amorphous, "TRIALS", 1)
    monkeypatch.setattr(amorphous, "FOURFOLD", 0.5)
    monkeypatch.setattr(amorphous, "CLOSEST_A", 1.9)
    monkeypatch.setattr(amorphous, "LIMIT_DEG", limit_deg)


def test_amorphous_cells_are_what_they_are_said_to_be(monkeypatch):
    short(monkeypatch, 25.0)
    settings = augment.Settings(atoms=54, density=(2.2, 2.3), seed=5)
    crystals = augment.augment([], Counter(amorphous=1, quenched=1), settings)
    assert {crystal.group for crystal in crystals} == {"Si-amorphous-5-0", "Si-quenched-5-0"}
    for crystal in crystals:
        structure, said = crystal.cell.structure, crystal.entry.numbers
        assert len(crystal.sites()) == 54
        density = 28.0855 / 0.602214 * 54 / structure.volume
        assert 2.2 <= density <= 2.3
        assert f"{density:.3f} g/cm3" in said
        measured = amorphous.quality(structure.lattice.matrix, structure.cart_coords)
        assert str(measured) in said
        neighbours = [len(structure.get_neighbors(site, amorphous.BONDED_A)) for site in structure]
        assert measured.fourfold == neighbours.count(4) / 54
        assert measured.closest_A > 1.9
        assert measured.angle_deg > 5.0  # 0 would be a crystal


def test_a_network_that_is_not_good_is_refused(monkeypatch):
    short(monkeypatch, 1.0)
    monkeypatch.setattr(amorphous, "STARTS", 1)
    monkeypatch.setattr(amorphous, "CYCLES", 1)
    with pytest.raises(SikpdosError, match="no network of 54 atoms"):
        amorphous.network(54, 2.29, np.random.default_rng(0))


def test_stillinger_weber_forces_are_the_slope_of_its_energy():
    cell = deform.rattled(DIAMOND, 0.3, np.random.default_rng(1))
    pairs = stillinger_weber.list_pairs(cell.lattice.matrix, cell.cart_coords)
    forces = stillinger_weber.energy_and_forces(cell.cart_coords, pairs)[1]
    assert np.allclose(forces.sum(axis=0), 0.0, atol=1e-9)
    for atom, axis in ((0, 0), (3, 2)):
        slope = [
            stillinger_weber.energy_and_forces(
                cell.cart_coords + h * (np.eye(24)[3 * atom + axis]).reshape(8, 3), pairs
            )[0]
            for h in (-1e-4, 1e-4)
        ]
        assert forces[atom, axis] == pytest.approx((slope[0] - slope[1]) / 2e-4, rel=1e-4, abs=1e-6)
    ideal = stillinger_weber.list_pairs(DIAMOND.lattice.matrix, DIAMOND.cart_coords)
    energy_eV = stillinger_weber.energy_and_forces(DIAMOND.cart_coords, ideal)[0]
    assert energy_eV / 8 == pytest.approx(-4.3363, abs=5e-4)  # as published, at its minimum


def test_a_switch_keeps_four_bonds_both_ways():
    lattice_A = 2 * DIAMOND.lattice.matrix
    network = bond_switching.network_of(lattice_A, DIAMOND.make_supercell(2, in_place=False).cart_coords)
    assert network.energy_eV()[0] / 64 < 0.01
    assert bond_switching.anneal(network, 3.0, 100, np.random.default_rng(0)) > 0
    (neighbours,), (shifts,) = network.neighbours, network.shifts
    for atom, ends in enumerate(neighbours):
        assert len(set(ends.tolist()) - {atom}) == 4
        for end, shift in zip(ends, shifts[atom], strict=True):
            back = neighbours[end].tolist().index(atom)
            assert (shifts[end, back] == -shift).all()
    relaxed = network.take(np.zeros(1, int))
    relax(relaxed, np.arange(64)[None])
    assert relaxed.energy_eV()[0] == pytest.approx(network.energy_eV()[0], abs=1e-2)


def test_defects_and_surfaces_have_the_bonds_that_they_should(tmp_path, cli):
    done = cli("augment", "--defects", 3, "--surface", "001", "--surface", "111", "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    sites = read_sites(tmp_path / "sites.csv")
    assert {site.material_class for site in sites} == {"elemental"}
    structures = {}
    for site in sites:
        structures.setdefault(site.structure_id, read_file(str(tmp_path / site.file)).entries[0].structure)
    assert sorted(map(len, structures.values())) == [8, 16, 16, 20, 63]
    for name, cell in structures.items():
        for site in cell:
            if site.specie.symbol == "Si" and "vacancy" not in name:
                silicon = [n for n in cell.get_neighbors(site, 2.7) if n.specie.symbol == "Si"]
                hydrogen = [n for n in cell.get_neighbors(site, 1.7) if n.specie.symbol == "H"]
                assert len(silicon) + len(hydrogen) == 4, name
    # the sites are those at the vacancy: one of its neighbours, with three bonds, is among them
    assert 3 in {site.coordination for site in sites if "vacancy" in site.structure_id}
    assert cli("augment", "--surface", "1x1", "--out", tmp_path / "no").returncode == 2


@pytest.mark.parametrize("hkl", ["113", "210"])
def test_hydrogens_of_neighbouring_atoms_turn_away_from_each_other(tmp_path, cli, hkl):
    assert cli("augment", "--surface", hkl, "--out", tmp_path).returncode == 0
    cell = read_file(str(tmp_path / read_sites(tmp_path / "sites.csv")[0].file)).entries[0].structure
    silicon, hydrogen = ([site for site in cell if site.specie.symbol == symbol] for symbol in ("Si", "H"))
    apart = [n.nn_distance for site in hydrogen for n in cell.get_neighbors(site, 3) if n.specie.symbol == "H"]
    assert 2.0 < min(apart) < 2.3  # cut from the crystal they would be 1.41 A apart
    for site in silicon:
        assert sorted(n.nn_distance for n in cell.get_neighbors(site, 2.7))[3] < 2.45
        assert len(cell.get_neighbors(site, 2.7)) >= 4
