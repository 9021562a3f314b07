"""parse-odo on folders of runs: raw sites, the account of what is finished, symmetry, spin, and damage."""

from __future__ import annotations

import csv
import io
import os
import shutil

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure
from pymatgen.symmetry.analyzer import SpacegroupAnalyzer
from support.castep_fake import gaussian, odo_text, write_cell
from support.castep_model import LATTICE_A, N_OCCUPIED, POSITIONS, SIGMA_EV, write_ground, write_hole, write_runs_folder

from sikpdos.castep import sticks
from sikpdos.castep.collect import read_site
from sikpdos.castep.folder import equivalent_atoms
from sikpdos.castep.formats.bands import Bands
from sikpdos.castep.formats.binaries import PdosWeights
from sikpdos.castep.formats.cell import read_cell
from sikpdos.common.errors import SikpdosError
from sikpdos.dataset.raw_site import read_raw


def account(done) -> dict[str, dict[str, str]]:
    return {row["site_id"]: row for row in csv.DictReader(io.StringIO(done.stdout))}


def test_the_command_in_a_process_of_its_own(tmp_path, shell):
    write_runs_folder(tmp_path / "runs", 20)
    done = shell("sikpdos parse-odo runs --out raw --jobs 2 | cut -d, -f2 | sort | uniq -c", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["20", "finished", "1", "status"]
    assert len(list((tmp_path / "raw").iterdir())) == 20


def test_binaries_give_the_sticks(cli, tmp_path):
    rng = np.random.default_rng(0)
    write_runs_folder(tmp_path / "runs")
    model = write_ground(tmp_path / "check", rng), write_hole(tmp_path / "check", rng)  # same seed, same numbers
    done = cli("parse-odo", tmp_path / "runs", "--out", tmp_path / "raw")
    assert done.returncode == 0, done.stderr
    assert account(done)["S0-0"]["status"] == "finished"
    site = read_raw(tmp_path / "raw/S0-0.npz")
    assert (site.meta["edge_source"], site.meta["edge_sigma_eV"], site.meta["pdos_sigma_eV"]) == ("binaries", 0, 0)
    assert (site.meta["structure_id"], site.meta["multiplicity"], site.meta["atom_index"]) == ("S0", 4, 1)
    energy, weights = model[0]["energy_eV"], model[0]["weights"]
    top = energy[:, :N_OCCUPIED].max()
    assert site.meta["pdos_zero_eV"] == pytest.approx(top, abs=1e-8)
    assert site.meta["pdos_zero_is"] == "valence-band maximum"
    second_p = 2 * model[0]["k_weights"][:, None] * weights[:, :, 5:8].sum(axis=2)
    assert site.pdos_p.sum() == pytest.approx(second_p.sum(), rel=1e-6)
    assert site.pdos_s.sum() == pytest.approx((weights[:, :, 4] * 1.0).sum(), rel=1e-6)
    first_moment = (site.pdos_p * site.pdos_energy_eV).sum()
    assert first_moment == pytest.approx((second_p * (energy - top)).sum(), rel=1e-5)
    strength = 2 * model[1]["k_weights"][:, None] * model[1]["strength"]
    assert site.edge_weight.sum() == pytest.approx(strength.sum(), rel=1e-6)
    assert site.edge_energy_eV[site.edge_weight > 0].min() > 0  # occupied states are dropped


def test_text_and_binaries_agree(cli, tmp_path):
    """The same run from OptaDOS's curves and from CASTEP's sticks, broadened alike."""
    write_runs_folder(tmp_path / "runs", 2)
    for source in ("binaries", "optados"):
        done = cli("parse-odo", tmp_path / "runs/runs.csv", "--out", tmp_path / source, "--source", source)
        assert done.returncode == 0, done.stderr
    for name in ("S0-0.npz", "S1-0.npz"):
        fine, curve = read_raw(tmp_path / "binaries" / name), read_raw(tmp_path / "optados" / name)
        assert (curve.meta["edge_sigma_eV"], curve.meta["pdos_sigma_eV"]) == (SIGMA_EV, SIGMA_EV)
        for weight, energy in (
            ("pdos_s", "pdos_energy_eV"),
            ("pdos_p", "pdos_energy_eV"),
            ("edge_weight", "edge_energy_eV"),
        ):
            axis = getattr(curve, energy)
            broadened = gaussian(axis, getattr(fine, energy), getattr(fine, weight), SIGMA_EV)
            density = getattr(curve, weight) / (axis[1] - axis[0])
            assert np.abs(broadened - density).max() < 3e-3 * density.max()


def test_absent_binaries_leave_the_text(cli, tmp_path):
    write_runs_folder(tmp_path / "runs")
    for path in (tmp_path / "runs").rglob("*_bin"):
        path.unlink()
    done = cli("parse-odo", tmp_path / "runs", "--out", tmp_path / "raw")
    assert account(done)["S0-0"] == {"site_id": "S0-0", "status": "finished", "source": "optados", "cause": ""}


def test_spin_gives_the_same_density_as_without(cli, tmp_path):
    write_runs_folder(tmp_path / "runs")
    write_ground(tmp_path / "spin", np.random.default_rng(0), spin=True)
    write_ground(tmp_path / "plain", np.random.default_rng(0))
    tables = {}
    for name in ("spin", "plain"):
        for file in ("ground.pdos_bin", "ground.pdos.proj-0001-0004.dat"):
            done = cli("parse-odo", tmp_path / name / file, "--site", "Si2")
            assert done.returncode == 0, done.stderr
            tables[name, file] = np.loadtxt(io.StringIO(done.stdout), delimiter=",", skiprows=1)
    for file in ("ground.pdos_bin", "ground.pdos.proj-0001-0004.dat"):
        np.testing.assert_allclose(tables["spin", file], tables["plain", file], atol=2e-6)


def damage(path, keep=0.5):
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])


DAMAGES = {
    "missing": lambda run: [p.unlink() for p in run.iterdir()],
    "no bands": lambda run: (run / "hole.bands").unlink(),
    "killed": lambda run: [(run / "hole.bands").unlink(), (run / "hole.castep").write_text("Welcome to CASTEP\n")],
    "castep error": lambda run: [
        (run / "hole.bands").unlink(),
        (run / "hole.0001.err").write_text("\n Error in cell_read: wrong label\n"),
    ],
    "cut bands": lambda run: damage(run / "hole.bands"),
    "NaN in bands": lambda run: (run / "hole.bands").write_text(
        (run / "hole.bands").read_text().replace("Spin component 1\n", "Spin component 1\n  NaN\n", 1)
    ),
    "cut binary": lambda run: damage(run / "hole.elnes_bin", 0.9),
    "empty binary": lambda run: (run / "hole.elnes_bin").write_bytes(b""),
    "wrong label": lambda run: write_cell(run / "hole-out.cell", LATTICE_A, ["Si", "Si"], POSITIONS),
    "unreadable cell": lambda run: (run / "hole-out.cell").write_text("%BLOCK lattice_cart\n"),
    "symmetry unknown": lambda run: [
        (run / "hole-out.cell").rename(run / "hole.cell"),
        (run / "hole.cell").write_text((run / "hole.cell").read_text() + "SYMMETRY_GENERATE\n"),
    ],
}
EXPECTED = {
    "missing": ("missing", "not started"),
    "no bands": ("missing", "hole.bands"),
    "killed": ("aborted", "no 'Total time'"),
    "castep error": ("aborted", "Error in cell_read: wrong label"),
    "cut bands": ("failed", "hole.bands: line"),
    "NaN in bands": ("failed", "hole.bands"),
    "cut binary": ("failed", "hole.elnes_bin: truncated at byte"),
    "empty binary": ("failed", "hole.elnes_bin: empty file"),
    "wrong label": ("failed", "several sites"),
    "unreadable cell": ("failed", "hole-out.cell: no complete block"),
    "symmetry unknown": ("failed", "SYMMETRY_GENERATE"),
}
TEXT_DAMAGES = {
    "log aborted": (lambda run: (run / "hole.odo").write_text(odo_text("core", complete=False)), "aborted", "hole.odo"),
    "second run aborted": (
        lambda run: (run / "hole.odo").write_text(odo_text("core") + odo_text("core", complete=False)),
        "aborted",
        "no 'Execution complete'",
    ),
    "wrong task": (lambda run: (run / "hole.odo").write_text(odo_text("dos")), "failed", "no run of task core"),
    "no log": (lambda run: (run / "hole.odo").unlink(), "missing", "OptaDOS was not run"),
    "no file": (lambda run: (run / "hole_core_edge.dat").unlink(), "missing", "no core file"),
    "cut file": (lambda run: damage(run / "hole_core_edge.dat", 0.99), "failed", "hole_core_edge.dat: line"),
    "adaptive": (
        lambda run: (run / "hole.odo").write_text(odo_text("core").replace("Fixed Width", "Adaptive Width")),
        "failed",
        "adaptive broadening",
    ),
    "chemical shift": (
        lambda run: (run / "hole.odo").write_text(odo_text("core", extra=" |  Core chemical shift   :  1500.0 |")),
        "failed",
        "core_chemical_shift",
    ),
}


def test_a_damaged_site_is_told_and_the_others_are_done(cli, tmp_path):
    """Every damage in one folder of runs: each is named with its file, the whole site is written, exit 1."""
    write_runs_folder(tmp_path / "runs", len(DAMAGES) + 1)
    for number, harm in enumerate(DAMAGES.values()):
        harm(tmp_path / f"runs/S{number}/S{number}-0")
    done = cli("parse-odo", tmp_path / "runs", "--out", tmp_path / "raw", "--source", "binaries")
    rows = account(done)
    for number, name in enumerate(DAMAGES):
        status, words = EXPECTED[name]
        row = rows[f"S{number}-0"]
        assert row["status"] == status, (name, row)
        assert words in row["cause"], (name, row)
    assert rows[f"S{len(DAMAGES)}-0"]["status"] == "finished"
    assert [p.name for p in (tmp_path / "raw").iterdir()] == [f"S{len(DAMAGES)}-0.npz"]
    assert done.returncode == 1
    assert (
        done.stderr.strip()
        .splitlines()[-1]
        .startswith(f"sikpdos parse-odo: {len(DAMAGES)} of {len(DAMAGES) + 1} sites are not finished, first S0-0")
    )


def test_damaged_text_is_told(cli, tmp_path):
    write_runs_folder(tmp_path / "runs", len(TEXT_DAMAGES) + 1)
    for number, (harm, _, _) in enumerate(TEXT_DAMAGES.values()):
        harm(tmp_path / f"runs/S{number}/S{number}-0")
    done = cli("parse-odo", tmp_path / "runs", "--out", tmp_path / "raw", "--source", "optados", "--jobs", "2")
    rows = account(done)
    for number, (name, (_, status, words)) in enumerate(TEXT_DAMAGES.items()):
        row = rows[f"S{number}-0"]
        assert row["status"] == status, (name, row)
        assert words in row["cause"], (name, row)
    assert rows[f"S{len(TEXT_DAMAGES)}-0"]["status"] == "finished"
    assert done.returncode == 1


def test_two_complete_runs_in_one_log_count_as_the_last(cli, tmp_path):
    write_runs_folder(tmp_path / "runs")
    log = tmp_path / "runs/S0/S0-0/hole.odo"
    log.write_text(odo_text("core", complete=False, sigma_eV=0.3) + odo_text("core", fermi_eV=5.4))
    done = cli("parse-odo", tmp_path / "runs", "--out", tmp_path / "raw", "--source", "optados")
    assert done.returncode == 0, done.stderr
    assert read_raw(tmp_path / "raw/S0-0.npz").meta["edge_sigma_eV"] == 0.5


def test_one_file_an_edge(cli, tmp_path):
    """Releases from 2024 name a file after its edge, a labelled one with spaces."""
    write_runs_folder(tmp_path / "runs")
    folder = tmp_path / "runs/S0/S0-0"
    text = (folder / "hole_core_edge.dat").read_text()
    assert cli("parse-odo", tmp_path / "runs", "--out", tmp_path / "one", "--source", "optados").returncode == 0
    head, *blocks = text.split(" # Si 1")
    for block, name in zip(blocks, ("Si1K1", "Si1 L2,3 Si:ex", "Si1 K1 Si:ex"), strict=True):
        (folder / f"hole_{name}_core_edge.dat").write_text(f"{head} # Si 1{block}")
    (folder / "hole_core_edge.dat").unlink()
    assert cli("parse-odo", tmp_path / "runs", "--out", tmp_path / "many", "--source", "optados").returncode == 0
    one, many = read_raw(tmp_path / "one/S0-0.npz"), read_raw(tmp_path / "many/S0-0.npz")
    np.testing.assert_array_equal(one.edge_weight, many.edge_weight)
    done = cli("parse-odo", folder / "hole_Si1 K1 Si:ex_core_edge.dat")
    assert done.stderr == ""  # the log was found: energies count from the Fermi level
    assert done.stdout.startswith("energy_eV,edge\n-15.4,")


def test_densities_per_volume_are_taken_back(cli, tmp_path):
    write_runs_folder(tmp_path / "runs")
    ground = tmp_path / "runs/S0/ground"
    cli("parse-odo", tmp_path / "runs", "--out", tmp_path / "cell", "--source", "optados")
    unit = " |  J/P/DOS units                             :  electrons eV^-1 Ang^-3       |"
    (ground / "ground.odo").write_text(odo_text("pdos", fermi_eV=5.4, extra=unit))
    cli("parse-odo", tmp_path / "runs", "--out", tmp_path / "volume", "--source", "optados")
    per_cell, per_volume = (read_raw(tmp_path / name / "S0-0.npz").pdos_p for name in ("cell", "volume"))
    np.testing.assert_allclose(per_volume, 40.0 * per_cell, rtol=1e-5)  # the log's volume: 40 A^3


def test_run_killed_after_its_ground_state(cli, tmp_path):
    """CASTEP writes .bands after the SCF already; what counts is that the matrix elements are missing."""
    write_runs_folder(tmp_path / "runs")
    folder = tmp_path / "runs/S0/S0-0"
    for name in ("hole.elnes_bin", "hole.odo", "hole_core_edge.dat"):
        (folder / name).unlink()
    (folder / "hole.castep").write_text("Welcome to CASTEP\n")
    row = account(cli("parse-odo", tmp_path / "runs", "--out", tmp_path / "raw"))["S0-0"]
    assert row["status"] == "aborted"
    assert "hole.castep: no 'Total time'" in row["cause"]


def test_a_file_where_a_folder_should_be(cli, tmp_path):
    write_runs_folder(tmp_path / "runs", 2)
    folder = tmp_path / "runs/S0/S0-0"
    shutil.rmtree(folder)
    folder.write_text("not a folder")
    done = cli("parse-odo", tmp_path / "runs", "--out", tmp_path / "raw")
    rows = account(done)
    assert (rows["S0-0"]["status"], rows["S1-0"]["status"]) == ("missing", "finished")
    assert done.returncode == 1


def test_mixed_spin_settings_are_told(cli, tmp_path):
    write_runs_folder(tmp_path / "runs")
    write_ground(tmp_path / "runs/S0/ground", np.random.default_rng(0), spin=True)
    done = cli("parse-odo", tmp_path / "runs", "--out", tmp_path / "raw")
    assert done.returncode == 1
    assert "mixed spin settings: S0/ground is spin-polarised" in account(done)["S0-0"]["cause"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every folder")
def test_unreadable_folder_is_told(cli, tmp_path):
    write_runs_folder(tmp_path / "runs", 2)
    (tmp_path / "runs/S0/S0-0").chmod(0)
    done = cli("parse-odo", tmp_path / "runs", "--out", tmp_path / "raw")
    (tmp_path / "runs/S0/S0-0").chmod(0o755)
    rows = account(done)
    assert rows["S1-0"]["status"] == "finished"
    assert "S0-0" in rows["S0-0"]["cause"]
    assert done.returncode == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty file"),
        ("run,kind\n1,ground\n", "no column 'folder'"),
        (None, "runs.csv"),
    ],
)
def test_bad_table_of_runs(cli, tmp_path, text, words):
    (tmp_path / "runs").mkdir()
    if text is not None:
        (tmp_path / "runs/runs.csv").write_text(text)
    done = cli("parse-odo", tmp_path / "runs", "--out", tmp_path / "raw")
    assert done.returncode == 1
    assert words in done.stderr
    assert done.stdout == ""


def test_runs_need_a_place_for_the_sites(cli, tmp_path):
    write_runs_folder(tmp_path / "runs")
    assert cli("parse-odo", tmp_path / "runs").returncode == 2


def four_atoms_about_an_axis(divisions: int = 4):
    """A crystal with a fourfold axis through the origin, an atom off it, and its full mesh of k-points."""
    turn = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    positions = np.array([np.linalg.matrix_power(turn.astype(int), n) @ [0.13, 0.29, 0.2] for n in range(4)])
    ticks = (np.arange(divisions) + 0.5) / divisions - 0.5
    points = np.array([(x, y, z) for x in ticks for y in ticks for z in ticks[:2]])
    return turn, positions, points


def made_up_bands(points, positions):
    """Bands and weights with the crystal's symmetry: they depend on |k| and on k.r of the atom alone."""
    kr = points[:, :2] @ positions[:, :2].T  # (n_k, n_atoms)
    radius = np.linalg.norm(points[:, :2], axis=1)
    energy = np.stack([-5 + 3 * radius + points[:, 2], 2 + 5 * radius**2 - points[:, 2]], axis=1)  # (n_k, 2)
    weights = np.stack([0.1 + kr**2, 0.3 + np.cos(9 * kr) * 0.2 + 0.5 * kr], axis=1)  # (n_k, 2, n_atoms)
    return energy, weights


def test_reduced_k_points_averaged_over_the_orbit_equal_the_full_mesh(tmp_path):
    turn, positions, points = four_atoms_about_an_axis()
    operations = [(np.linalg.matrix_power(turn.astype(int), n).astype(float), np.zeros(3)) for n in range(4)]
    write_cell(tmp_path / "x-out.cell", np.eye(3) * 6.0, ["Si"] * 4, positions, operations)
    atoms = equivalent_atoms(read_cell(tmp_path / "x-out.cell"), "Si", 1)
    assert atoms == [1, 2, 3, 4]
    wedge = (points[:, 0] > 0) & (points[:, 1] > 0)  # one of four quadrants: the irreducible points

    def moments(chosen, group):
        energy, weights = made_up_bands(points[chosen], positions)
        n_k = chosen.sum()
        bands = Bands(points[chosen], np.full(n_k, 1 / n_k), (energy,), (2.0,), 0.0, np.eye(3) * 6.0)
        one = np.ones(4, int)
        file = PdosWeights("", points[chosen], one, np.arange(1, 5), one * 0, (weights,))
        found = sticks.pdos_sticks(bands, file, 1, group, "s")
        return gaussian(np.linspace(-7, 7, 50), found.energy_eV, found.weight, 0.5)

    full = moments(np.ones(len(points), bool), [1])
    np.testing.assert_allclose(moments(wedge, atoms), full, atol=1e-12)
    assert np.abs(moments(wedge, [1]) - full).max() > 0.01  # the single atom from reduced points is wrong


@pytest.mark.parametrize("by_columns", [False, True])
@pytest.mark.parametrize("group", ["P6_122", "Ia-3", "P4_12_12", "Fd-3m"])
def test_orbits_are_spglibs_in_either_layout_of_the_operations(tmp_path, group, by_columns):
    lattice = (
        Lattice.hexagonal(5, 9)
        if group == "P6_122"
        else Lattice.tetragonal(6, 7)
        if "P4" in group
        else Lattice.cubic(6)
    )
    crystal = Structure.from_spacegroup(group, lattice, ["Si", "Si"], [[0.1003, 0.1003, 0.1003], [0.31, 0.02, 0.17]])
    analyzer = SpacegroupAnalyzer(crystal)
    operations = [
        (op.rotation_matrix.T if by_columns else op.rotation_matrix, found.translation_vector)
        for op, found in zip(
            analyzer.get_symmetry_operations(cartesian=True), analyzer.get_symmetry_operations(), strict=True
        )
    ]
    write_cell(tmp_path / "x-out.cell", crystal.lattice.matrix, ["Si"] * len(crystal), crystal.frac_coords, operations)
    cell = read_cell(tmp_path / "x-out.cell")
    equivalent = analyzer.get_symmetry_dataset().equivalent_atoms
    for index in range(0, len(crystal), 7):
        assert cell.orbit(index) == np.flatnonzero(equivalent == equivalent[index]).tolist()


def damaged(data: bytes, rng) -> bytes:
    """Bytes overwritten, cut off or cut out, mostly near the start, where headers are."""
    at = int(rng.integers(min(len(data), 3000)))
    kind = rng.integers(3)
    if kind == 0:
        return data[:at] + bytes(rng.integers(0, 256, 3).tolist()) + data[at + 3 :]
    return data[:at] if kind == 1 else data[:at] + data[at + int(rng.integers(1, 40)) :]


@pytest.mark.parametrize("source", ["binaries", "optados"])
def test_any_damage_is_read_or_told_with_the_name_of_the_run(tmp_path, source):
    hole_and_ground = write_runs_folder(tmp_path)
    rng = np.random.default_rng(5)
    files = sorted(path for path in tmp_path.rglob("*") if path.is_file() and path.name != "runs.csv")
    messages = []
    for number in range(150):
        path = files[number % len(files)]
        intact = path.read_bytes()
        path.write_bytes(damaged(intact, rng))
        try:
            site = read_site(hole_and_ground[1], hole_and_ground[0], tmp_path, source)
            assert all(np.isfinite(a).all() for a in (site.edge_weight, site.pdos_s, site.pdos_p, site.edge_energy_eV))
        except SikpdosError as error:
            messages.append(str(error))
        path.write_bytes(intact)
    assert len(messages) > 30
    assert all(str(tmp_path) in message for message in messages)


def test_the_material_class_goes_from_the_table_into_the_site(cli, tmp_path):
    write_runs_folder(tmp_path)
    table = tmp_path / "runs.csv"
    for expected in ("oxide", ""):
        done = cli("parse-odo", tmp_path, "-o", tmp_path / f"raw{expected}", "--jobs", "1")
        assert done.returncode == 0, done.stderr
        assert read_raw(tmp_path / f"raw{expected}" / "S0-0.npz").meta["material_class"] == expected
        lines = [line.rpartition(",")[0] for line in table.read_text().splitlines()]  # as earlier versions wrote it
        table.write_text("\n".join(lines) + "\n")
