"""make-castep: what is written reads back, by readers that are not ours, to the crystal it was made from."""

from __future__ import annotations

import csv
import io
import re
import shutil
import subprocess
import warnings

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure
from support.castep_fake import odo_text

from sikpdos.castep.inputs import LABEL, Settings, build, excited_supercell, n_bands, projectors
from sikpdos.common import resources
from sikpdos.structures.reading import read_structure
from sikpdos.structures.sites import Site, write_sites
from sikpdos.structures.supercell import smallest_supercell

castep_outputs = pytest.importorskip("castep_outputs")
ase_castep = pytest.importorskip("ase.io.castep")
A = 5.43
DIAMOND = Structure.from_spacegroup("Fd-3m", Lattice.cubic(A), ["Si"], [[0, 0, 0]]).get_primitive_structure()


def site_row(structure_id="Si-I", number=0, atom_index=0, file="Si-I.cif") -> Site:
    return Site(
        f"{structure_id}-{number}", structure_id, file, atom_index, 2, "a", "Fd-3m", 4, 2.35, "diamond", "textbook"
    )


def read_back(text: str):
    """Lattice, labels and fractional positions of a .cell by ASE (castep-outputs 0.3 drops labelled atoms)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # ASE would like a CASTEP to ask for its keywords
        atoms = ase_castep.read_castep_cell(io.StringIO(text))
    labels = list(atoms.arrays.get("castep_custom_species", atoms.get_chemical_symbols()))
    assert set(atoms.get_chemical_symbols()) == {"Si"}
    return atoms.cell.array, labels, atoms.get_scaled_positions(wrap=False)


def same_crystal(lattice, positions, other: Structure) -> bool:
    """Whether each position, mapped into the other cell, is one of its atoms (a sublattice has more of each)."""
    inside = positions @ lattice @ np.linalg.inv(other.lattice.matrix)
    difference = inside[:, None] - other.frac_coords[None]
    distance = np.linalg.norm((difference - np.round(difference)) @ other.lattice.matrix, axis=2)
    counts = np.bincount(distance.argmin(axis=1), minlength=len(other))
    return distance.min(axis=1).max() < 1e-6 and len(set(counts)) == 1


def check_hole(text: str, structure: Structure, atom_index: int) -> None:
    lattice, labels, positions = read_back(text)
    assert labels.count(LABEL) == 1
    assert set(labels) <= {LABEL, "Si"}
    matrix = lattice @ np.linalg.inv(structure.lattice.matrix)
    np.testing.assert_allclose(matrix, np.round(matrix), atol=1e-8)
    assert len(labels) == len(structure) * round(abs(np.linalg.det(matrix)))
    assert same_crystal(lattice, positions, structure)
    excited = positions[labels.index(LABEL)] @ lattice @ np.linalg.inv(structure.lattice.matrix)
    difference = excited - structure.frac_coords[atom_index]
    np.testing.assert_allclose(difference, np.round(difference), atol=1e-8)
    corners = np.array([(i, j, k) for i in range(-3, 4) for j in range(-3, 4) for k in range(-3, 4) if i or j or k])
    assert np.linalg.norm(corners @ lattice, axis=1).min() > 10.0
    lengths = Lattice(lattice).reciprocal_lattice_crystallographic.abc
    mesh = [int(n) for n in re.search(r"gives the mesh ([\d ]+)", text)[1].split()]
    assert mesh == [max(1, int(np.ceil(b / 0.03 - 1e-9))) for b in lengths]
    assert re.search(r"^KPOINT_MP_SPACING : 0.03$", text, re.M)
    assert re.search(r"^SPECTRAL_KPOINT_MP_SPACING : 0.03$", text, re.M)


def test_every_small_structure(shared, some):
    """Reference structures with fewer than 60 atoms, one site of each."""
    checked = 0
    for number, path in enumerate(some(sorted((shared / "structures").glob("*/*.cif")))):
        structure = read_structure(path).structure
        if len(structure) >= 60:
            continue
        site = site_row("x", 0, number % len(structure), path.name)
        ground, hole = build([site], path.parent / "sites.csv", Settings())
        cell = castep_outputs.parse_cell_file(io.StringIO(ground.files["ground.cell"]))[0]
        np.testing.assert_allclose(cell["lattice_cart"]["data"], structure.lattice.matrix, atol=1e-12)
        positions = {key: atom["pos"] for key, atom in cell["positions_frac"].items()}
        np.testing.assert_allclose(list(positions.values()), structure.frac_coords, atol=1e-12)
        assert {symbol for symbol, _ in positions} == {"Si"}
        check_hole(hole.files["hole.cell"], structure, site.atom_index)
        assert hole.run.image_distance_A > 10
        checked += 1
    assert checked > 80


@pytest.fixture
def sites_csv(tmp_path):
    DIAMOND.to(filename=str(tmp_path / "Si-I.cif"), fmt="cif", significant_figures=12)
    write_sites(tmp_path / "sites.csv", [site_row(number=0), site_row(number=1, atom_index=1)])
    return tmp_path / "sites.csv"


def test_castep_outputs_reads_the_same_ground_state(sites_csv):
    ground, hole = build([site_row()], sites_csv, Settings())
    cell = castep_outputs.parse_cell_file(io.StringIO(ground.files["ground.cell"]))[0]
    lattice, _, positions = read_back(ground.files["ground.cell"])
    np.testing.assert_allclose(cell["lattice_cart"]["data"], lattice, atol=1e-12)
    np.testing.assert_allclose([atom["pos"] for atom in cell["positions_frac"].values()], positions, atol=1e-12)
    potentials = castep_outputs.parse_cell_file(io.StringIO(hole.files["hole.cell"]))[0]["species_pot"]
    assert len(potentials) == 2


def test_command_writes_runs_that_the_paper_describes(cli, sites_csv, tmp_path):
    done = cli("make-castep", sites_csv, "--out", tmp_path / "runs")
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    rows = list(csv.DictReader(io.StringIO((tmp_path / "runs/runs.csv").read_text())))
    assert [(r["run"], r["kind"], r["folder"]) for r in rows] == [
        ("1", "ground", "Si-I/ground"), ("2", "hole", "Si-I/Si-I-0"), ("3", "hole", "Si-I/Si-I-1"),
    ]  # fmt: skip
    folder = tmp_path / "runs/Si-I/Si-I-0"
    cell, param, odi = ((folder / f"hole.{ending}").read_text() for ending in ("cell", "param", "odi"))
    assert "\nSi:ex 3|1.8|5|6|7|30:31:32{1s1}\n" in cell
    assert "\nSYMMETRY_GENERATE" not in cell
    keys = castep_outputs.parse_param_file(io.StringIO(param))[0]
    assert keys["xc_functional"] == "PBE"
    assert keys["cut_off_energy"] == (500.0, "eV")
    assert int(keys["charge"]) == 1
    assert (keys["task"], keys["spectral_task"]) == ("SPECTRAL", "CORELOSS")
    settings = odi_settings(odi)
    assert settings["broadening"] == "fixed"
    assert settings["fixed_smearing"] == "0.5"
    assert not any(key.startswith(("core_lai", "lai")) for key in settings)  # no Lorentzian comes in silently
    ground = odi_settings((tmp_path / "runs/Si-I/ground/ground.odi").read_text())
    assert (ground["task"], ground["pdos"]) == ("pdos", "Si1-2(s,p)")
    assert "PDOS_CALCULATE_WEIGHTS : TRUE" in (tmp_path / "runs/Si-I/ground/ground.param").read_text()


def odi_settings(text: str) -> dict[str, str]:
    """Keywords of an .odi; OptaDOS cuts lines at 120 characters and refuses a keyword that stands twice."""
    assert all(len(line) < 120 for line in text.splitlines())
    lines = [line.split(":", 1) for line in text.splitlines() if line.strip() and line[0] not in "#!"]
    assert len({key.strip().lower() for key, _ in lines}) == len(lines)
    return {key.strip().lower(): value.strip() for key, value in lines}


def test_old_syntax_neutral_hole_and_another_potential(cli, sites_csv, tmp_path):
    done = cli(
        "make-castep", sites_csv, "--out", tmp_path / "runs", "--syntax", "elnes", "--electron", "neutral",
        "--potential", "2|1.8|4|5|6|30:31(qc=5)", "--sigma", "0.3", "--cutoff", "400",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "runs/Si-I/Si-I-1"
    param, cell = (folder / "hole.param").read_text(), (folder / "hole.cell").read_text()
    assert re.search(r"^TASK : ELNES$", param, re.M)
    assert re.search(r"^CHARGE : 0$", param, re.M)
    assert re.search(r"^CUT_OFF_ENERGY : 400 eV$", param, re.M)
    assert "SPECTRAL" not in re.sub("#.*", "", param + cell)
    assert "ELNES_KPOINT_MP_SPACING : 0.03" in cell
    assert "Si:ex 2|1.8|4|5|6|30:31(qc=5){1s1}" in cell
    assert odi_settings((folder / "hole.odi").read_text())["fixed_smearing"] == "0.3"


def test_second_run_keeps_what_was_edited(cli, sites_csv, tmp_path):
    runs = tmp_path / "runs"
    cli("make-castep", sites_csv, "--out", runs)
    before = {path: path.read_bytes() for path in runs.rglob("*") if path.is_file()}
    again = cli("make-castep", sites_csv, "--out", runs)
    assert "0 files written" in again.stderr
    edited = runs / "Si-I/ground/ground.param"
    edited.write_text("TASK : SPECTRAL ! mine\n")
    third = cli("make-castep", sites_csv, "--out", runs)
    assert third.returncode == 0
    assert str(edited) in third.stderr
    assert edited.read_text() == "TASK : SPECTRAL ! mine\n"
    assert all(path.read_bytes() == data for path, data in before.items() if path != edited)
    cli("make-castep", sites_csv, "--out", runs, "--force")
    assert edited.read_bytes() == before[edited]


def test_own_templates(cli, sites_csv, tmp_path):
    mine = tmp_path / "mine"
    shutil.copytree(resources.CASTEP_TEMPLATES, mine)
    (mine / "hole.param").write_text("CUT_OFF_ENERGY : @{cutoff_eV} eV\nMY_KEY : 1\n")
    assert cli("make-castep", sites_csv, "--out", tmp_path / "runs", "--templates", mine).returncode == 0
    assert (tmp_path / "runs/Si-I/Si-I-0/hole.param").read_text() == "CUT_OFF_ENERGY : 500 eV\nMY_KEY : 1\n"
    (mine / "hole.param").write_text("# one\nCUT_OFF_ENERGY : @{cut}\n")
    bad = cli("make-castep", sites_csv, "--out", tmp_path / "other", "--templates", mine)
    assert bad.returncode == 1
    assert "hole.param: line 2: no such placeholder @{cut}" in bad.stderr
    assert not (tmp_path / "other").exists()


def test_every_template_documents_its_placeholders():
    for path in resources.CASTEP_TEMPLATES.iterdir():
        if path.name in ("README.md", "potentials.csv"):
            continue
        text = path.read_text()
        comments = " ".join(line for line in text.splitlines() if line.startswith("#"))
        for name in set(re.findall(r"@\{(\w+)\}", text)):
            assert name in comments.replace(f"@{{{name}}}", ""), f"{path.name} does not explain {name}"


@pytest.mark.parametrize(
    ("break_it", "words"),
    [
        (lambda folder: (folder / "Si-I.cif").write_text("nothing"), ["Si-I.cif", "not CIF"]),
        (lambda folder: (folder / "Si-I.cif").unlink(), ["Si-I.cif"]),
        (lambda folder: write_sites(folder / "sites.csv", [site_row(atom_index=7)]), ["Si-I-0", "not a silicon atom"]),
        (lambda folder: write_sites(folder / "sites.csv", [site_row("../up")]), ["../up-0", "not a usable id"]),
        (lambda folder: (folder / "sites.csv").write_text("site_id\n1\n"), ["sites.csv", "no column"]),
    ],
)
def test_bad_input_is_one_line(cli, sites_csv, tmp_path, break_it, words):
    break_it(tmp_path)
    done = cli("make-castep", sites_csv, "--out", tmp_path / "runs")
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert all(word in done.stderr for word in words), done.stderr
    assert not (tmp_path / "runs").exists()


def test_unknown_potential_names_those_there_are(cli, sites_csv, tmp_path):
    done = cli("make-castep", sites_csv, "--out", tmp_path / "runs", "--potential", "C99")
    assert done.returncode == 1
    assert "no Si potential 'C99'; there are C19" in done.stderr


@pytest.mark.parametrize("n_silicon", range(1, 41))
def test_projectors_are_never_a_multiple_of_ten(n_silicon):
    string = projectors(n_silicon)
    assert (2 * n_silicon + string.count(":")) % 10 != 0
    assert len(f"pdos : {string}") < 120


def test_bands_reach_twenty_eV_and_grow_with_volume():
    assert n_bands(20.4 * 2, 8) / 2 == pytest.approx(12, abs=0.6)
    assert n_bands(30.0 * 100, 400) > 1.4 * n_bands(20.4 * 100, 400)


def test_excited_atom_is_the_image_of_the_site():
    matrix = smallest_supercell(DIAMOND.lattice.matrix, 10)
    cell, labels, positions = excited_supercell(DIAMOND, 1, matrix)
    offset = cell.lattice.get_cartesian_coords(positions[-1]) - DIAMOND[1].coords
    assert labels[-1] == LABEL
    fractional = offset @ DIAMOND.lattice.inv_matrix
    np.testing.assert_allclose(fractional, np.round(fractional), atol=1e-9)


def test_run_script_runs_each_row_once(cli, sites_csv, tmp_path):
    """run.sh with stand-ins for CASTEP and OptaDOS: all runs, one run, finished ones skipped, failures told."""
    runs = tmp_path / "runs"
    cli("make-castep", sites_csv, "--out", runs)
    (tmp_path / "log.odo").write_text(odo_text("core"))
    castep, optados = tmp_path / "castep", tmp_path / "optados"
    castep.write_text('#!/bin/sh\n[ -e "$1.cell" ] && echo "Total time 1 s" > "$1.castep" && echo "$1" >> ../../ran\n')
    optados.write_text(f'#!/bin/sh\n[ -e "$1.odi" ] && cp {tmp_path}/log.odo "$1.odo"\n')
    for program in (castep, optados):
        program.chmod(0o755)
    env = {"CASTEP": str(castep), "OPTADOS": str(optados), "PATH": "/usr/bin:/bin"}
    run = lambda *words: subprocess.run([str(runs / "run.sh"), *words], env=env, capture_output=True, text=True)  # noqa: E731
    assert run("2").returncode == 0
    assert (runs / "ran").read_text() == "hole\n"
    assert run().returncode == 0
    assert (runs / "ran").read_text() == "hole\nground\nhole\n"
    assert (runs / "Si-I/Si-I-1/hole.odo").exists()
    assert run("9").returncode == 1
    castep.write_text("#!/bin/sh\nexit 3\n")
    (runs / "Si-I/ground/ground.done").unlink()
    assert run("1").returncode == 1


def test_slurm_task_runs_its_row(cli, sites_csv, tmp_path):
    runs = tmp_path / "runs"
    cli("make-castep", sites_csv, "--out", runs)
    assert "#SBATCH --array=1-3\n" in (runs / "slurm.sh").read_text()
    castep = tmp_path / "castep"
    castep.write_text('#!/bin/sh\necho "Total time" > "$1.castep"\n')
    castep.chmod(0o755)
    env = {"CASTEP": str(castep), "OPTADOS": "true", "PATH": "/usr/bin:/bin", "SLURM_ARRAY_TASK_ID": "3"}
    assert subprocess.run(["./slurm.sh"], env=env, cwd=runs).returncode == 0
    assert (runs / "Si-I/Si-I-1/hole.done").exists()
    assert not (runs / "Si-I/Si-I-0/hole.done").exists()


def test_readme_commands_are_ours(cli):
    """Every sikpdos line of the templates' README names commands and options there are."""
    text = (resources.CASTEP_TEMPLATES / "README.md").read_text()
    lines = [line.split("#")[0].split() for line in text.splitlines() if line.startswith("sikpdos ")]
    assert len(lines) >= 4
    for words in lines:
        known = cli(words[1], "--help")
        assert known.returncode == 0
        assert all(word in known.stdout for word in words if word.startswith("-") and word != "-")
