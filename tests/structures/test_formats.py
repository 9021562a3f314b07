"""Every format gives the same crystal; what files mean by their units, booleans and last structures; damage."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

import numpy as np
import pytest
from attack import structure_seeds
from attack.structure_seeds import DIAMOND, QUARTZ
from attack.structure_seeds import extxyz as extxyz_of

from sikpdos.castep.formats.cell import read_cell
from sikpdos.common.errors import SikpdosError
from sikpdos.structures.formats import castep_cell, documents, extxyz
from sikpdos.structures.reading import read_file, read_structure


@pytest.mark.parametrize("crystal", [DIAMOND, QUARTZ], ids=["diamond", "quartz"])
@pytest.mark.parametrize("name", structure_seeds.texts(DIAMOND))
def test_every_format_gives_the_crystal(tmp_path, name, crystal):
    (tmp_path / name).write_text(structure_seeds.texts(crystal)[name])
    fetched = read_file(tmp_path / name)
    assert not fetched.failures
    assert not fetched.notes
    for entry in fetched.entries:
        assert entry.structure.matches(crystal, ltol=1e-4, stol=1e-3, scale=False)
    assert len(fetched.entries) == (2 if name in ("two.xyz", "lines.json") else 1)


@pytest.mark.parametrize("pbc", ["T T T", "true true true", "[T,T,T]", "TRUE", "1 1 1", '["True", "True", "True"]'])
def test_periodic_in_every_spelling(pbc):
    comment = 'Lattice="{}" Properties=species:S:1:pos:R:3 pbc=' + (pbc if pbc[0] == "[" else f'"{pbc}"')
    (frame,) = extxyz.frames(extxyz_of(DIAMOND, comment))
    assert len(extxyz.crystal_of(frame).elements) == 8


@pytest.mark.parametrize("pbc", ["T T F", "false false false", "[T,T,F]", "F"])
def test_not_periodic_in_every_spelling(pbc):
    comment = 'Lattice="{}" pbc=' + (pbc if pbc[0] == "[" else f'"{pbc}"')
    (frame,) = extxyz.frames(extxyz_of(DIAMOND, comment))
    with pytest.raises(SikpdosError, match="not periodic"):
        extxyz.crystal_of(frame)


def test_atomic_numbers_in_place_of_symbols():
    text = extxyz_of(DIAMOND, "Lattice=[{}] Properties=Z:I:1:pos:R:3").replace("Si ", "14 ")
    (frame,) = extxyz.frames(text)
    assert set(extxyz.crystal_of(frame).elements) == {"Si"}


@pytest.mark.parametrize(("unit", "per_A"), [("", 1), ("ang\n", 1), ("bohr\n", 1 / 0.529177210903), ("nm\n", 0.1)])
@pytest.mark.parametrize("name", ["lattice_cart", "lattice_abc"])
def test_units_of_cells(unit, per_A, name):
    numbers = {"lattice_cart": np.eye(3) * 5.4 * per_A, "lattice_abc": [[5.4 * per_A] * 3, [90] * 3]}[name]
    rows = "\n".join(" ".join(f"{x:.12f}" for x in row) for row in numbers)
    atom = " ".join([f"{2.7 * per_A:.12f}"] * 3)
    text = f"%BLOCK {name}\n{unit}{rows}\n%ENDBLOCK {name}\n"
    text += f"%block POSITIONS_ABS\n{unit}Si:ex {atom}\n%endblock positions_abs"
    crystal = castep_cell.crystal_of(text)
    assert crystal.lattice_A == pytest.approx(np.eye(3) * 5.4)
    assert crystal.positions == pytest.approx(np.full((1, 3), 0.5))
    assert crystal.elements == ("Si",)


def test_cells_of_absolute_positions_for_castep(tmp_path):
    (tmp_path / "a.cell").write_text(structure_seeds.cell_absolute(QUARTZ) + "SYMMETRY_GENERATE\n")
    cell = read_cell(tmp_path / "a.cell")
    assert cell.species == ("Si", "O")
    assert cell.symmetry_generate
    assert cell.positions == pytest.approx(QUARTZ.frac_coords)


def test_the_last_structure_of_a_run(tmp_path):
    strained = DIAMOND.copy()
    strained.apply_strain(0.02)
    for name in ("run.castep", "pw.out"):
        texts = [structure_seeds.texts(crystal)[name] for crystal in (DIAMOND, strained)]
        (tmp_path / name).write_text("".join(texts))
        assert read_structure(tmp_path / name).structure.volume == pytest.approx(strained.volume, rel=1e-6)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"nperiodic_dimensions": 2}, "not periodic"),
        ({"dimension_types": [1, 1, 0]}, "not periodic"),
        ({"structure_features": ["assemblies"]}, "disorder"),
        (
            {"species": [{"name": "Si", "chemical_symbols": ["Si"], "concentration": [1], "attached": ["H"]}]},
            "attached",
        ),
        ({"lattice_vectors": None}, "not periodic"),
        ({"species_at_sites": 3}, "cannot be read"),
        ({"species_at_sites": ["Si"] * 6000}, "more than 5000"),
    ],
)
def test_entries_of_optimade_that_are_no_crystals(changes, words):
    with pytest.raises(SikpdosError, match=words):
        documents.crystal_of_optimade(structure_seeds.optimade(DIAMOND) | changes)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, '{"data": ' + "[" * 500 + "]" * 500 + "}"])
def test_deep_json_is_one_message(tmp_path, text):
    (tmp_path / "deep.json").write_text(text)
    with pytest.raises(SikpdosError, match=r"deeply|not JSON"):
        read_file(tmp_path / "deep.json")


def test_documents_name_no_python_classes(tmp_path):
    item = DIAMOND.as_dict()
    item["sites"][0]["properties"] = {"x": {"@module": "os", "@class": "system", "command": "false"}}
    (tmp_path / "x.json").write_text(json.dumps(item))
    assert len(read_structure(tmp_path / "x.json").structure) == 8


def test_packed_files_are_bounded(tmp_path, monkeypatch):
    import gzip

    monkeypatch.setenv("SIKPDOS_MAX_BYTES", "10000")
    (tmp_path / "bomb.cif").write_bytes(gzip.compress(b"\n" * 10_000_000))
    (tmp_path / "cut.cif").write_bytes(gzip.compress(b"data_x")[:-3])
    (tmp_path / "long.cif").write_bytes(b"\n" * 20_000)
    for name, words in (("bomb", "when unpacked"), ("cut", "damaged gzip"), ("long", "more than")):
        with pytest.raises(SikpdosError, match=words):
            read_file(tmp_path / f"{name}.cif")


def test_names_that_are_not_utf8(tmp_path, cli):
    name = os.path.join(os.fsencode(tmp_path), b"Si_5\xb5m.cif")
    with open(name, "wb") as stream:
        stream.write(structure_seeds.texts(DIAMOND)["p1.cif"].encode())
    done = cli("fetch-structures", os.fsdecode(name), "--out", tmp_path / "s")
    assert done.returncode == 0, done.stderr
    assert "Si_5_m" in (tmp_path / "s/sites.csv").read_text()


def test_simulate_and_fetch_read_alike(tmp_path, cli):
    (tmp_path / "x.cif").write_text(
        "data_x\n_cell_length_a 5.43\n_cell_length_b 5.43\n_cell_length_c 5.43\n"
        "_symmetry_space_group_name_H-M 'F d -3 m S'\n_cell_formula_units_Z 8\n_chemical_formula_sum Si\n"
        "loop_\n_atom_site_label\n_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\nSi1 0 0 0\n"
    )
    done = cli("simulate", tmp_path / "x.cif", "--site", 0, "--dry-run")
    assert done.returncode == 0, done.stderr
    done = cli("fetch-structures", tmp_path / "x.cif", "--summary")
    assert done.stdout.splitlines()[1] == "x,Fd-3m,2,1,Si-I"


def test_own_cases_of_the_bug_reports(shared):
    atoms = {}
    for path in sorted((shared / "bugs").glob("2[1-8]*.*")):
        fetched = read_file(path)
        assert not fetched.failures, path.name
        atoms[path.name] = [len(entry.structure) for entry in fetched.entries]
    exceptions = {"21e_betatin_S.cif": [4], "26_lonsdaleite_3digits.cif": [4], "28d_castep.cell": [2]}
    assert {name: n for name, n in atoms.items() if n != [8]} == exceptions


def test_reference_files_are_read_in_the_files_order(shared):
    from pymatgen.core import Structure

    for path in sorted((shared / "compounds" / "cif").glob("*.cif"))[::40]:
        ours, theirs = read_structure(path).structure, Structure.from_file(Path(path))
        assert ours.matches(theirs, ltol=1e-4, stol=1e-4, scale=False)


@pytest.mark.parametrize("name", structure_seeds.texts(structure_seeds.QUARTZ))
def test_file_cut_at_any_line_is_read_or_refused(name, tmp_path):
    lines = structure_seeds.texts(structure_seeds.QUARTZ)[name].splitlines(keepends=True)
    for cut in range(1, len(lines)):
        path = tmp_path / name
        path.write_text("".join(lines[:cut]).rstrip("\n"))
        with contextlib.suppress(SikpdosError):
            assert all(entry.structure.num_sites for entry in read_file(path).entries)
