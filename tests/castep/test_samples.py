"""Real OptaDOS and CASTEP files: every number against an independent reading."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
from support.castep_fake import gaussian

from sikpdos.castep.formats import optados_core, optados_dat
from sikpdos.castep.formats.bands import read_bands
from sikpdos.castep.formats.binaries import read_core_strengths, read_pdos_bin
from sikpdos.castep.formats.cell import read_cell
from sikpdos.castep.formats.odo import read_odo
from sikpdos.castep.sticks import edge_sticks, pdos_sticks
from sikpdos.common.errors import SikpdosError

BOHR_A, E_CHARGE, EPSILON_0 = 0.529177210903, 1.602176487e-19, 8.8541878176e-12


@pytest.fixture(scope="module")
def optados(shared):
    return shared / "samples" / "optados"


@pytest.fixture(scope="module")
def castep(shared):
    return shared / "samples" / "castep"


def loadtxt(path):
    return np.loadtxt(path, comments="#")


# (file, projectors of a column, hand-picked numeric column of a non-spin file)
PICKED = [
    ("od13dev/si2_pdos_angular/Si2.pdos.dat", {("Si", 1, "p"), ("Si", 2, "p")}, 2),
    ("od13dev/si2_pdos_species_ang/Si2.pdos.dat", {("Si", 1, "s"), ("Si", 2, "s")}, 1),
    ("od12/si2_pdos_species_ang/Si2.pdos.dat", {("Si", 1, "p"), ("Si", 2, "p")}, 2),
    ("od13dev/si2_pdos_string_range/Si2.pdos.proj-0001-0004.dat", {("Si", 2, "s")}, 2),
    ("od13dev/si2_pdos_string_siteouter/Si2.pdos.proj-0001-0004.dat", {("Si", 2, "s")}, 3),
    ("od13dev/si2_pdos_sum/Si2.pdos.proj-0001-0001.dat", {("Si", 1, "s"), ("Si", 2, "s")}, 1),
    ("od13dev/si2_castep19_dos+pdos_fixed/Si2.pdos.proj-0001-0004.dat", {("Si", 1, "p")}, 3),
    ("hostile/multi_file_24proj/Si.pdos.proj-0021-0024.dat", {("Si", 12, "p")}, 4),
    ("hostile/doc_semicolon_syntax_one_projector/Si2.pdos.proj-0001-0001.dat", {("Si", 1, "s")}, 1),
]


@pytest.mark.parametrize(("file", "projectors", "column"), PICKED)
def test_pdos_columns_by_header(optados, file, projectors, column):
    path = optados / file
    pdos = optados_dat.parse_pdos(path.read_bytes())
    found = [c for c in pdos.columns if {(p.species, p.atom, p.channel) for p in c.projectors} == projectors]
    assert len(found) == 1 or file.startswith("hostile/doc")
    expected = loadtxt(path)
    np.testing.assert_array_equal(pdos.energy_eV, expected[:, 0])
    np.testing.assert_array_equal(found[0].density if found else pdos.columns[0].density, expected[:, column])


@pytest.mark.parametrize("release", ["od12", "od13dev"])
def test_spin_pdos_is_the_sum_and_equals_the_run_without_spin(optados, release):
    path = optados / release / "si2_spin_pdos_species_ang" / "Si2.pdos.dat"
    pdos = optados_dat.parse_pdos(path.read_bytes())
    rows = loadtxt(path)
    np.testing.assert_allclose(pdos.columns[0].density, rows[:, 1] - rows[:, 3], atol=1e-12)
    np.testing.assert_allclose(pdos.columns[1].density, rows[:, 2] - rows[:, 4], atol=1e-12)
    other = optados / "od13dev" / "si2_pdos_species_ang" / "Si2.pdos.dat"
    plain = optados_dat.parse_pdos(other.read_bytes())
    shift = read_odo(path.with_name("Si2.odo")).fermi_eV if release == "od12" else 0.0  # 1.2 leaves spin files absolute
    np.testing.assert_allclose(
        np.interp(plain.energy_eV, pdos.energy_eV - shift, pdos.columns[0].density), plain.columns[0].density, atol=2e-3
    )


@pytest.mark.parametrize("kind", ["adaptive", "fixed"])
def test_spin_dos_is_the_sum(optados, kind):
    path = optados / f"od13dev/si2_spin_dos_{kind}/Si2.{kind}.dat"
    dos, rows = optados_dat.parse_dos(path.read_bytes()), loadtxt(path)
    np.testing.assert_allclose(dos.density, rows[:, 1] - rows[:, 2], atol=1e-12)
    np.testing.assert_allclose(dos.integrated, rows[:, 3] - rows[:, 4], atol=1e-12)
    assert dos.integrated[-1] == pytest.approx(46, abs=0.02)  # 23 bands of two electrons


def test_every_core_block_equals_loadtxt_of_its_lines(optados):
    files = sorted(optados.glob("*/*/*_core_edge.dat"))
    assert len(files) >= 9
    for path in files:
        text = path.read_text()
        lines = text.splitlines()
        headings = [i for i, line in enumerate(lines) if re.match(r" # [A-Z]\w? ?\d", line)]
        with open(path, "rb") as stream:
            blocks = optados_core.find_blocks(stream)
            assert len(blocks) == len(headings)
            for block, start, stop in zip(blocks, headings, [*headings[1:], len(lines)], strict=True):
                assert lines[start].split()[1:3] == [block.species, str(block.atom)]
                expected = np.loadtxt(io.StringIO("\n".join(lines[start + 1 : stop])))
                edge = optados_core.read_block(stream, block)
                np.testing.assert_array_equal(edge.strength, expected[:, 1])
                assert (edge.broadened is None) == (expected.shape[1] == 2)


def test_labelled_atom_is_chosen_in_every_core_file(optados):
    for path in sorted(optados.glob("*/*/*_core_edge.dat")):
        with open(path, "rb") as stream:
            block = optados_core.choose_block(optados_core.find_blocks(stream))
        assert (block.edge, block.label) in (("K1", "Si:ex"), ("K1", "Ge:ex"))


def test_logs_tell_fermi_level_version_and_end(optados):
    for path in sorted(optados.glob("*/*/*.odo")):
        run = read_odo(path)
        text = path.read_text()
        assert run.version == {"od12": "1.2"}.get(path.parts[-3], "1.3")
        assert run.complete == text.rstrip().splitlines()[-1].startswith(" OptaDOS: Execution complete")
        if run.fermi_source == "EfD":
            assert f"Fermi energy from DOS :   {run.fermi_eV:.4f} eV" in text
    two = read_odo(optados / "hostile/odo_two_runs_appended/Si2.odo")
    assert (two.runs_in_file, two.tasks, two.fermi_eV) == (2, ("dos",), 4.6053)
    assert read_odo(optados / "hostile/odo_two_runs_appended/Si2.odo", "pdos").fermi_eV == 4.4481
    assert read_odo(optados / "od13dev/si2_pdos_efermi_5.0/Si2.odo").fermi_source == "EfU"
    assert read_odo(optados / "od13dev/nage_corehole_chemshift/NaGe.odo").chemical_shift


def test_binary_projections_give_optados_fixed_pdos(optados, castep):
    """s and p of CASTEP's own file, broadened, against OptaDOS: 2e-6 per eV."""
    bands = read_bands(castep / "castepxbin_Si2/Si2.bands")
    weights = read_pdos_bin(castep / "castepxbin_Si2/Si2.pdos_bin")
    folder = optados / "od13dev/si2_castep19_dos+pdos_fixed"
    path = folder / "Si2.pdos.proj-0001-0004.dat"
    pdos = optados_dat.parse_pdos(path.read_bytes())
    absolute_eV = pdos.energy_eV + read_odo(folder / "Si2.odo").fermi_eV
    for column in pdos.columns:
        (projector,) = column.projectors
        sticks = pdos_sticks(bands, weights, 1, [projector.atom], projector.channel)
        curve = gaussian(absolute_eV, sticks.energy_eV, sticks.weight, 0.5)
        assert np.abs(curve - column.density).max() < 3e-6


def test_binary_matrix_elements_give_optados_fixed_k1(optados, castep):
    """K1 of the labelled atom against OptaDOS's epsilon_2: 3e-5 of its maximum."""
    bands = read_bands(castep / "Si2_core/Si2.bands")
    cell = read_cell(castep / "Si2_core/Si2-out.cell")
    strengths = read_core_strengths(castep / "Si2_core/Si2.elnes_bin")
    sticks = edge_sticks(bands, strengths, cell.species.index("Si:Ex") + 1, 1)
    folder = optados / "od13dev/si2_core_fixed0.5_ef0"
    with open(folder / "Si2_core_edge.dat", "rb") as stream:
        block = optados_core.choose_block(optados_core.find_blocks(stream))
        edge = optados_core.read_block(stream, block)
    volume_m3 = abs(np.linalg.det(bands.lattice_A)) * 1e-30
    epsilon_2 = BOHR_A**2 * 1e-20 * E_CHARGE * np.pi / (volume_m3 * EPSILON_0)
    absolute_eV = edge.energy_eV + read_odo(folder / "Si2.odo").fermi_eV
    curve = epsilon_2 * gaussian(absolute_eV, sticks.energy_eV, sticks.weight, 0.5)
    assert np.abs(curve - edge.strength).max() < 3e-5 * edge.strength.max()


def test_core_hole_binary_of_another_element_is_read(castep):
    folder = castep / "NaGe_core_chemical_shift"
    bands, cell = read_bands(folder / "NaGe.bands"), read_cell(folder / "NaGe-out.cell")
    sticks = edge_sticks(bands, read_core_strengths(folder / "NaGe.elnes_bin"), cell.species.index("Ge:ex") + 1, 1)
    assert (sticks.weight >= 0).all()
    assert sticks.energy_eV.min() > bands.reference_eV()[0]


def test_all_bands_and_cells_read(castep):
    for path in sorted(castep.glob("*/*.bands")):
        bands = read_bands(path)
        assert bands.k_weights.sum() == pytest.approx(1, abs=1e-6)
        cell = read_cell(path.with_name(f"{path.stem}-out.cell"))
        np.testing.assert_allclose(cell.lattice_A, bands.lattice_A, atol=1e-5)


def test_symmetry_operations_of_diamond_connect_its_two_atoms(castep):
    cell = read_cell(castep / "castepxbin_Si2/Si2-out.cell")
    assert len(cell.rotations) == 48
    assert cell.orbit(0) == [0, 1]
    assert read_cell(castep / "Si2_core/Si2-out.cell").orbit(0) == [0]


@pytest.mark.parametrize("file", ["castepxbin_Si2/Si2.pdos_bin", "Si2_core/Si2.elnes_bin"])
def test_every_truncation_of_a_binary_is_an_error(castep, tmp_path, file):
    data = (castep / file).read_bytes()
    read = read_pdos_bin if file.endswith("pdos_bin") else read_core_strengths
    for length in [0, 3, 11, 100, 150, *np.linspace(200, len(data) - 1, 20).astype(int)]:
        path = tmp_path / "cut.bin"
        path.write_bytes(data[:length])
        with pytest.raises(SikpdosError, match=r"cut\.bin"):
            read(path)
