"""parse-odo on single files: names of columns, energies, pipes, and every kind of damage."""

from __future__ import annotations

import gzip
import io
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import assert_one_line_failure
from support.castep_fake import core_text, gaussian, odo_text, pdos_text, write_cell, write_eels_mat
from support.castep_model import LATTICE_A, POSITIONS, write_ground, write_hole

AXIS_EV = np.linspace(-12, 12, 241)
HUMP = np.exp(-((AXIS_EV / 4) ** 2))


def csv_of(done) -> tuple[list[str], np.ndarray]:
    assert done.returncode == 0, done.stderr
    return done.stdout.split("\n", 1)[0].split(","), np.loadtxt(io.StringIO(done.stdout), delimiter=",", skiprows=1)


def one_line_failure(done, *words: str) -> None:
    assert done.returncode == 1, done.stdout
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    for word in words:
        assert word in done.stderr, done.stderr


LAYOUTS = {  # name -> columns of the file, header expected of parse-odo
    "one atom": ([([("Si", 1, "s")], HUMP), ([("Si", 1, "p")], 2 * HUMP)], ["s", "p"]),
    "strings": (
        [([("Si", n, c)], n * HUMP) for c in "sp" for n in (1, 2)],
        ["Si1_s", "Si2_s", "Si1_p", "Si2_p"],
    ),
    "species_ang": ([([("Si", n, c) for n in (1, 2)], HUMP) for c in "sp"], ["Si_s", "Si_p"]),
    "angular": ([([("Si", 1, c), ("C", 1, c)], HUMP) for c in "spdf"], ["all_s", "all_p", "all_d", "all_f"]),
    "species": ([([(x, 1, c) for c in "spdf"], HUMP) for x in ("Si", "C")], ["Si1", "C1"]),
    "sites": ([([("Si", n, c) for c in "spdf"], HUMP) for n in (1, 2)], ["Si1", "Si2"]),
    "sum": ([([("Si", n, "s") for n in (1, 2)], HUMP), ([("Si", 3, "s")], HUMP)], ["Si1+2_s", "Si3_s"]),
    "label lost": ([([("Si", 1, "s")], HUMP), ([("Si", 1, "s")], 2 * HUMP)], ["s", "s#2"]),
    "asked for twice": ([([("Si", 1, "s")], HUMP), ([("Si", 1, "s")], HUMP), ([("Si", 1, "p")], HUMP)], ["s", "p"]),
}


@pytest.mark.parametrize("word", ["Column", "Projector"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_names_come_from_the_header(tmp_path, layout, word):
    from sikpdos.castep.columns import name_columns
    from sikpdos.castep.formats.optados_dat import parse_pdos

    columns, names = LAYOUTS[layout]
    found = name_columns(parse_pdos(pdos_text(AXIS_EV, columns, word=word).encode()))
    assert list(found) == names
    np.testing.assert_allclose(found[names[0]], columns[0][1], atol=1e-7)


@pytest.mark.parametrize("down_sign", [-1, 1])
def test_spins_add_up_whatever_the_sign_of_down(down_sign):
    from sikpdos.castep.formats.optados_dat import parse_pdos

    columns, _ = LAYOUTS["strings"]
    pdos = parse_pdos(pdos_text(AXIS_EV, columns, spin=True, down_sign=down_sign).encode())
    for column, (projectors, density) in zip(pdos.columns, columns, strict=True):
        assert [(p.species, p.atom, p.channel) for p in column.projectors] == projectors
        np.testing.assert_allclose(column.density, density, atol=2e-7)


projector = st.tuples(st.sampled_from(["Si", "C", "Ge"]), st.integers(1, 999), st.sampled_from("spdf"))


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.lists(projector, min_size=1, max_size=4, unique=True), min_size=1, max_size=9, unique_by=tuple),
    st.booleans(),
    st.sampled_from(["Column", "Projector"]),
)
def test_what_was_written_is_read_back(columns, spin, word):
    from sikpdos.castep.formats.optados_dat import parse_pdos

    written = [(sorted(projectors), (n + 1) * HUMP) for n, projectors in enumerate(columns)]
    pdos = parse_pdos(pdos_text(AXIS_EV, written, spin, word=word).encode())
    assert len(pdos.columns) == len(written)
    for column, (projectors, density) in zip(pdos.columns, written, strict=True):
        assert [(p.species, p.atom, p.channel) for p in column.projectors] == projectors
        np.testing.assert_allclose(column.density, density, atol=1e-5)


def test_small_negative_densities_are_kept():
    from sikpdos.castep.formats.optados_dat import parse_pdos

    density = HUMP - 0.01
    pdos = parse_pdos(pdos_text(AXIS_EV, [([("Si", 1, "s")], density)]).encode())
    np.testing.assert_allclose(pdos.columns[0].density, density, atol=1e-8)


def test_one_site_is_chosen_or_averaged(cli, tmp_path):
    columns, _ = LAYOUTS["strings"]
    (tmp_path / "si.pdos.dat").write_text(pdos_text(AXIS_EV, columns))
    for site, factor in (("Si2", 2.0), ("Si1", 1.0), ("Si", 1.5)):
        names, rows = csv_of(cli("parse-odo", tmp_path / "si.pdos.dat", "--site", site))
        assert names == ["energy_eV", "s", "p"]
        np.testing.assert_allclose(rows[:, 1], factor * HUMP, atol=1e-6)
    one_line_failure(cli("parse-odo", tmp_path / "si.pdos.dat", "--site", "Si7"), "si.pdos.dat", "no site Si7")
    one_line_failure(cli("parse-odo", tmp_path / "si.pdos.dat", "--site", "?"), "names no site")


def test_sites_that_a_file_does_not_separate_are_refused(cli, tmp_path):
    for layout in ("species_ang", "sites", "label lost"):
        (tmp_path / "si.pdos.dat").write_text(pdos_text(AXIS_EV, LAYOUTS[layout][0]))
        done = cli("parse-odo", tmp_path / "si.pdos.dat", "--site", "Si1")
        one_line_failure(done, "with and without a label" if layout == "label lost" else "no columns that give")


def test_symmetry_reduced_run_averages_the_orbit(cli, tmp_path):
    inversion = [(np.eye(3), np.zeros(3)), (-np.eye(3), POSITIONS[1])]
    write_cell(tmp_path / "si-out.cell", LATTICE_A, ["Si", "Si"], POSITIONS, inversion)
    (tmp_path / "si.pdos.dat").write_text(pdos_text(AXIS_EV, LAYOUTS["strings"][0]))
    _, rows = csv_of(cli("parse-odo", tmp_path / "si.pdos.dat", "--site", "Si1"))
    np.testing.assert_allclose(rows[:, 1], 1.5 * HUMP, atol=1e-6)
    plain = cli("parse-odo", tmp_path / "si.pdos.dat")
    assert plain.returncode == 0
    assert "reduced by 2 operations" in plain.stderr


@pytest.mark.parametrize(
    ("version", "efermi_zero", "spin", "shift"),
    [("1.3", True, False, 0.0), ("1.3", False, False, 4.5), ("1.2", True, True, 4.5), ("1.2", True, False, 0.0)],
)
def test_energies_count_from_the_fermi_level_of_the_log(cli, tmp_path, version, efermi_zero, spin, shift):
    (tmp_path / "si.pdos.dat").write_text(pdos_text(AXIS_EV, LAYOUTS["one atom"][0], spin=spin))
    (tmp_path / "si.odo").write_text(odo_text("pdos", version=version, efermi_zero=efermi_zero, spin=spin))
    _, rows = csv_of(cli("parse-odo", tmp_path / "si.pdos.dat"))
    np.testing.assert_allclose(rows[:, 0], AXIS_EV - shift, atol=1e-6)
    _, rows = csv_of(cli("parse-odo", tmp_path / "si.pdos.dat", "--fermi", "2"))
    np.testing.assert_allclose(rows[:, 0], AXIS_EV - 2, atol=1e-6)
    _, rows = csv_of(cli("parse-odo", tmp_path / "si.pdos.dat", "--absolute"))
    np.testing.assert_allclose(rows[:, 0], AXIS_EV, atol=1e-6)


@pytest.mark.parametrize("n_columns", [2, 3, 4, 7])
def test_core_layouts(cli, tmp_path, n_columns):
    blocks = [("Si 1    K1", AXIS_EV, 5 * HUMP), ("Si 1  L2,3     Si:ex", AXIS_EV, 7 * HUMP)]
    blocks.append(("Si 1    K1     Si:ex", AXIS_EV, HUMP))
    path = tmp_path / "si_core_edge.dat"
    path.write_text(core_text(blocks, n_columns))
    names, rows = csv_of(cli("parse-odo", path))
    assert names == ["energy_eV", "edge", *(["edge_broadened"] if n_columns in (3, 7) else [])]
    np.testing.assert_allclose(rows[:, 1], HUMP, rtol=1e-6)
    if n_columns in (3, 7):
        np.testing.assert_allclose(rows[:, 2], 2 * HUMP, rtol=1e-6)
    _, rows = csv_of(cli("parse-odo", path, "--site", "Si1"))
    np.testing.assert_allclose(rows[:, 1], 5 * HUMP, rtol=1e-6)
    _, rows = csv_of(cli("parse-odo", path, "--edge", "L2,3"))
    np.testing.assert_allclose(rows[:, 1], 7 * HUMP, rtol=1e-6)


def test_pipes_and_packed_files(cli, shell, tmp_path):
    columns, _ = LAYOUTS["one atom"]
    text = pdos_text(AXIS_EV, columns)
    (tmp_path / "si.pdos.dat").write_text(text)
    plain = cli("parse-odo", tmp_path / "si.pdos.dat").stdout
    assert cli("parse-odo", "-", stdin=text.encode()).stdout == plain
    (tmp_path / "z.pdos.dat.gz").write_bytes(gzip.compress(text.encode()))
    assert cli("parse-odo", tmp_path / "z.pdos.dat.gz").stdout == plain
    assert cli("parse-odo", "-", stdin=text.replace("\n", "\r\n").encode()).stdout == plain
    done = shell("sikpdos parse-odo si.pdos.dat | sikpdos broaden - --sigma 1.2 --input-sigma 0.5", cwd=tmp_path)
    assert done.stdout.startswith("energy_eV,s,p\n"), done.stderr
    done = shell("sikpdos parse-odo si.pdos.dat | head -1", cwd=tmp_path)
    assert done.stdout == "energy_eV,s,p\n"
    assert "Traceback" not in done.stderr


def test_several_files_of_one_run(cli, tmp_path):
    columns, names = LAYOUTS["strings"]
    for number, half in enumerate((columns[:2], columns[2:])):
        (tmp_path / f"si.pdos.proj-{number}.dat").write_text(pdos_text(AXIS_EV, half))
    found, _ = csv_of(cli("parse-odo", tmp_path / "si.pdos.proj-0.dat", tmp_path / "si.pdos.proj-1.dat"))
    assert found == ["energy_eV", *names]
    (tmp_path / "b.pdos.dat").write_text(pdos_text(AXIS_EV + 1, columns))
    one_line_failure(
        cli("parse-odo", tmp_path / "si.pdos.proj-0.dat", tmp_path / "b.pdos.dat"), "b.pdos.dat", "energies"
    )
    (tmp_path / "b.pdos.dat").write_text(pdos_text(AXIS_EV, columns, spin=True))
    done = cli("parse-odo", tmp_path / "si.pdos.proj-0.dat", tmp_path / "b.pdos.dat")
    one_line_failure(done, "b.pdos.dat", "mixed spin settings")


def test_log_as_a_table(cli, tmp_path):
    (tmp_path / "si.odo").write_text(odo_text("pdos") + odo_text("core", fermi_eV=5.25, version="1.2"))
    done = cli("parse-odo", tmp_path / "si.odo")
    header, row = done.stdout.strip().split("\n")
    found = dict(zip(header.split(","), row.split(","), strict=True))
    assert (found["version"], found["fermi_eV"], found["tasks"], found["runs_in_file"]) == ("1.2", "5.25", "core", "2")


def test_binaries_as_columns(cli, tmp_path):
    rng = np.random.default_rng(1)
    model, hole = write_ground(tmp_path, rng), write_hole(tmp_path, rng)
    names, rows = csv_of(cli("parse-odo", tmp_path / "ground.pdos_bin"))
    assert names == ["energy_eV", "Si1_s", "Si1_p", "Si2_s", "Si2_p"]
    s = 2 * model["k_weights"][:, None] * model["weights"][:, :, 0]
    curve = gaussian(rows[:, 0], rows[:, 0], rows[:, 1] * 0.05, 0.5)
    zero = model["energy_eV"][:, :4].max()
    np.testing.assert_allclose(curve, gaussian(rows[:, 0], model["energy_eV"] - zero, s, 0.5), atol=2e-3)
    names, rows = csv_of(cli("parse-odo", tmp_path / "hole.elnes_bin"))
    assert names == ["energy_eV", "edge"]
    assert rows[:, 1].sum() * 0.05 == pytest.approx((2 * hole["k_weights"][:, None] * hole["strength"]).sum(), rel=1e-5)
    one_line_failure(cli("parse-odo", tmp_path / "hole.elnes_bin", "--site", "Si9"), "hole.elnes_bin", "no site 'Si9'")
    (tmp_path / "ground.bands").write_bytes((tmp_path / "hole.bands").read_bytes())
    (tmp_path / "ground-out.cell").unlink()
    one_line_failure(cli("parse-odo", tmp_path / "ground.pdos_bin"), "ground-out.cell")


def test_matrix_elements_of_the_older_elnes_task(cli, tmp_path):
    write_hole(tmp_path, np.random.default_rng(3))
    current = cli("parse-odo", tmp_path / "hole.elnes_bin").stdout
    elements = np.random.default_rng(3)
    orbitals = [(species, 1, shell, lm) for species in (1, 2) for shell, lm in ((1, 1), (2, 1), (2, 2))]
    elements.uniform(size=(2, 4)), elements.uniform(size=(2, 8))  # the draws of the bands
    shape = (2, 3, 12, 6)
    write_eels_mat(
        tmp_path / "hole.eels_mat", orbitals, [elements.normal(size=shape) + 1j * elements.normal(size=shape)]
    )
    assert cli("parse-odo", tmp_path / "hole.eels_mat").stdout == current
    data = (tmp_path / "hole.eels_mat").read_bytes()
    for length in (0, 3, 30, 100, len(data) - 5):
        (tmp_path / "hole.eels_mat").write_bytes(data[:length])
        one_line_failure(cli("parse-odo", tmp_path / "hole.eels_mat"), "hole.eels_mat")


PDOS = pdos_text(AXIS_EV, LAYOUTS["one atom"][0])
FIRST_DATA = next(i for i, line in enumerate(PDOS.splitlines(), 1) if not line.lstrip().startswith("#"))
CORE = core_text([("Si 1    K1", AXIS_EV, HUMP)])


def _third(row, new):
    """The PDOS file with one number of its fifth row replaced."""
    lines = PDOS.splitlines()
    cells = lines[FIRST_DATA + 3].split()
    cells[row] = new
    lines[FIRST_DATA + 3] = " ".join(cells)
    return "\n".join(lines) + "\n"


BAD = {
    "stars": (_third(1, "********"), [f"line {FIRST_DATA + 4}", "'********' is not a number"]),
    "NaN": (_third(2, "NaN"), [f"line {FIRST_DATA + 4}", "'NaN' is not a number"]),
    "infinity": (_third(2, "Infinity"), [f"line {FIRST_DATA + 4}"]),
    "a number missing": (_third(2, ""), [f"line {FIRST_DATA + 4}", "2 numbers, expected 3"]),
    "a number too many": (_third(2, "1.0 2.0"), [f"line {FIRST_DATA + 4}", "4 numbers, expected 3"]),
    "cut in a number": (PDOS[:-20], ["was cut here"]),
    "cut between numbers": (PDOS[:-16], ["was cut here"]),
    "header only": ("\n".join(PDOS.splitlines()[: FIRST_DATA - 1]) + "\n", ["no data after the header"]),
    "stub": (re.sub(r"#\|    Column.*?\n(#\+-+\+\n)", "", PDOS, flags=re.S), ["stub"]),
    "empty": ("", ["empty file"]),
    "blank": ("\n\n", ["empty file"]),
    "something else": ("# Absorption\n1 2\n3 4\n", ["not an OptaDOS"]),
    "core header only": (CORE.split("# Si")[0], ["no edge in the file"]),
    "core block empty": (CORE[: CORE.index("K1") + 3], ["no data"]),
    "core stars": (CORE.replace(f"{HUMP[7]:24.16E}", "*" * 24), ["line 14", "not a number"]),
    "core cut": (CORE[:-60], ["was cut here"]),
    "two sites": (
        core_text([(f"Si {n}    K1", AXIS_EV, HUMP) for n in (1, 2)]),
        ["several K1 edges: name one site; there are Si1, Si2"],
    ),
    "another edge": (core_text([("Si 1    L1", AXIS_EV, HUMP)]), ["no K1 edge; it has L1"]),
    "five columns": (re.sub(r"(?m)^( *-?\d\S+ +\S+)$", r"\1 1 1 1", CORE), ["5 columns"]),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_file_is_one_line_with_its_name(cli, tmp_path, name):
    text, words = BAD[name]
    path = tmp_path / "si.dat"
    path.write_text(text)
    one_line_failure(cli("parse-odo", path), "si.dat", *words)


def test_numbers_without_E_and_with_D_are_read(cli, tmp_path):
    for written, value in (("0.4306105538641-314", 0.0), ("1.5-101", 0.0), ("2.5D-01", 0.25), ("2.5d+00", 2.5)):
        (tmp_path / "si.dat").write_text(_third(1, written))
        _, rows = csv_of(cli("parse-odo", tmp_path / "si.dat"))
        assert rows[4, 1] == pytest.approx(value, abs=1e-90)


def test_log_of_another_task_and_aborted_log(cli, tmp_path):
    (tmp_path / "si.pdos.dat").write_text(PDOS)
    (tmp_path / "si.odo").write_text(odo_text("core"))
    one_line_failure(cli("parse-odo", tmp_path / "si.pdos.dat"), "si.odo", "no run of task pdos")
    (tmp_path / "si.odo").write_text(odo_text("pdos", complete=False))
    one_line_failure(cli("parse-odo", tmp_path / "si.pdos.dat"), "si.odo", "aborted or cut")
    (tmp_path / "si.odo").write_text("hello\n")
    one_line_failure(cli("parse-odo", tmp_path / "si.pdos.dat"), "si.odo: line 1: not an OptaDOS log")


def test_damaged_gzip_files(cli, tmp_path):
    packed = gzip.compress(PDOS.encode())
    for data in (packed[:200], packed[:60] + b"damage" + packed[66:], b"not gzip", b""):
        (tmp_path / "si.pdos.dat.gz").write_bytes(data)
        one_line_failure(cli("parse-odo", tmp_path / "si.pdos.dat.gz"), "si.pdos.dat.gz")


def test_missing_file_and_folder(cli, tmp_path):
    one_line_failure(cli("parse-odo", tmp_path / "none.pdos.dat"), "none.pdos.dat")
    one_line_failure(cli("parse-odo", tmp_path / "none.pdos_bin"), "none.pdos_bin: No such file")


def test_hostile_samples(cli, shared):
    """What real runs left behind: read, or refused with the reason."""
    hostile = shared / "samples/optados/hostile"
    stub = hostile / "proj_multiple_of_10_abort/Si.pdos.proj-0011-0010.dat"
    one_line_failure(cli("parse-odo", stub), "stub that an aborted run leaves")
    aborted = hostile / "proj_multiple_of_10_abort/Si.pdos.proj-0001-0010.dat"
    one_line_failure(cli("parse-odo", aborted), "Si.odo", "aborted or cut")
    names, rows = csv_of(cli("parse-odo", *sorted((hostile / "multi_file_24proj").glob("*.proj-*.dat"))))
    assert names[1:] == [f"Si{n}_{c}" for c in "sp" for n in range(1, 13)]
    names, rows = csv_of(cli("parse-odo", hostile / "core_12_sites_36_blocks/Si_core_edge.dat"))
    assert len(rows) == 137
    names, rows = csv_of(cli("parse-odo", hostile / "core_denormal_exponents/Si2_core_edge.dat"))
    assert np.isfinite(rows).all()


def test_every_sample_is_read_or_refused_for_its_documented_reason(cli, shared):
    refused = {"Si.pdos.proj-0001-0010.dat": "aborted or cut", "Si.pdos.proj-0011-0010.dat": "stub"}
    files = [*shared.glob("samples/optados/*/*/*.dat"), *shared.glob("samples/optados/*/*/*.odo")]
    files += [*shared.glob("samples/castep/*/*_bin")]
    n_read = 0
    for path in sorted(path for path in files if path.suffix != ".dome_bin"):
        done = cli("parse-odo", path)
        if path.parent.name == "proj_multiple_of_10_abort" and path.name in refused:
            one_line_failure(done, path.name if "stub" in refused[path.name] else "Si.odo", refused[path.name])
            continue
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("\n") >= 2
        assert not re.search("nan|inf", done.stdout, re.I)
        n_read += 1
    assert n_read > 70


@pytest.mark.parametrize("name", ["Si2.pdos.dat.gz", "Si2_B_K1_core_edge.dat.gz", "Si2.pdos_bin.gz"])
def test_what_unpacks_to_too_much_is_refused(cli, tmp_path, monkeypatch, name):
    monkeypatch.setenv("SIKPDOS_MAX_BYTES", "100000")
    (tmp_path / name).write_bytes(gzip.compress(b"1.0 2.0\n" * 20_000))
    assert_one_line_failure(cli("parse-odo", name, cwd=tmp_path), f"{name}: holds more than", "SIKPDOS_MAX_BYTES")
    done = cli("parse-odo", "-", stdin=b"1.0 2.0\n" * 20_000, cwd=tmp_path)
    assert_one_line_failure(done, "standard input: holds more than")
