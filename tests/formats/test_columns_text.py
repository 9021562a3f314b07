"""Columns of text: separators, decimal commas, headers, units, and which columns are taken."""

from __future__ import annotations

import gzip

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from sikpdos.common.errors import SikpdosError
from sikpdos.formats.read import read_spectra

ENERGIES = [1838.0, 1838.25, 1838.5, 1839.0]
COUNTS = [10.0, 12.5, 400.0, 390.0]
ROWS = list(zip(ENERGIES, COUNTS, strict=True))


def read(tmp_path, text: str | bytes, name: str = "x.csv"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    [spectra] = read_spectra(path)
    [block] = spectra.blocks()
    return spectra, block.intensity[0]


def rows(separator: str, decimal: str = ".", end: str = "\n") -> str:
    return "".join(f"{x}{separator}{y}".replace(".", decimal) + end for x, y in ROWS)


@pytest.mark.parametrize(
    "text",
    [
        rows(","),
        rows(", "),
        rows(";"),
        rows("\t"),
        rows("   "),
        rows(" , "),
        rows(",", end=",\n"),
        rows(";", ","),
        rows("; ", ","),
        rows("\t", ","),
        rows("  ", ","),
        rows(",").replace("400.0", "4.0D+02").replace("390.0", "0.39d3"),
        rows(",", end="\r\n"),
        rows(",", end="\r"),
        rows(",").rstrip("\n"),
        "\n\n" + rows(",") + "\n\n",
        rows(",").replace("1838.5,", "# a remark\n1838.5,"),
        rows(" ", end=" # remark\n"),
        "Energy Loss (eV),Counts\n" + rows(","),
        "Energy (eV);Intensity (a.u.)\n" + rows(";", ","),
        "energy_eV,spectrum\n" + rows(","),
        '"Energy [eV]","Counts"\n' + rows(","),
        "Sample: Si\nOperator: me, 2026\n\n" + rows("\t"),
        "# Energy (eV)   sigma\n" + rows("  "),
        "% a remark of another kind\n" + rows("  "),
        rows(",").encode("utf-8-sig"),
        ("énergie,µ\n" + rows(",")).encode("utf-16"),
        ("énergie,µ\n" + rows(",")).encode("latin-1"),
        "".join(f"{x / 1000:.5f}, {y}\n" for x, y in ROWS),
        "energy_keV, counts\n" + "".join(f"{x / 1000:.5f}, {y}\n" for x, y in ROWS),
        "E (keV)\tI\n" + "".join(f"{x / 1000:.5f}\t{y}\n" for x, y in ROWS),
        "".join(f"{x}, {y}\n" for x, y in ROWS[::-1]),
        "counts, energy (eV)\n" + "".join(f"{y}, {x}\n" for x, y in ROWS),
    ],
)
def test_two_columns_in_any_dress(tmp_path, text):
    spectra, intensity = read(tmp_path, text)
    np.testing.assert_allclose(spectra.energy_eV, ENERGIES, rtol=1e-12)
    np.testing.assert_allclose(intensity, COUNTS, rtol=1e-12)


INTENSITIES = st.lists(st.floats(1e-300, 1e300), min_size=2, max_size=30)
DRESS = st.sampled_from(
    [(",", "."), (", ", "."), (";", "."), ("\t", "."), ("  ", "."), (";", ","), ("\t", ","), ("  ", ",")]
)


@settings(max_examples=80, deadline=None)
@given(
    intensity=INTENSITIES,
    start=st.integers(-100, 100_000),
    step=st.integers(1, 400),
    dress=DRESS,
    exponent=st.sampled_from("eEdD"),
    end=st.sampled_from(["\n", "\r\n", "\n\n", "\n# remark\n", " # remark\n"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_numbers_read_back(tmp_path_factory, intensity, start, step, dress, exponent, end, encoding):
    separator, decimal = dress
    energy_eV = start + step * np.arange(len(intensity)) / 8
    body = "".join(f"{x!r}{separator}{y!r}{end}" for x, y in zip(energy_eV.tolist(), intensity, strict=True))
    body = f"energy (eV){separator}counts\n" + body.replace(".", decimal).replace("e", exponent)
    body = body.replace(f"r{exponent}mark", "remark")
    path = tmp_path_factory.getbasetemp() / "numbers.csv"
    path.write_bytes(body.encode(encoding))
    [spectra] = read_spectra(path)
    np.testing.assert_array_equal(spectra.energy_eV, energy_eV)
    np.testing.assert_array_equal(spectra.intensity[0], intensity)


def test_whole_numbers_with_commas_are_two_columns(tmp_path):
    spectra, intensity = read(tmp_path, "1838,10\n1839,12\n1840,400\n1842,390\n")
    np.testing.assert_array_equal(spectra.energy_eV, [1838, 1839, 1840, 1842])
    np.testing.assert_array_equal(intensity, [10, 12, 400, 390])


def test_gzip_by_name(tmp_path):
    path = tmp_path / "x.csv.gz"
    path.write_bytes(gzip.compress(rows(",").encode()))
    [spectra] = read_spectra(path)
    np.testing.assert_array_equal(spectra.energy_eV, ENERGIES)
    assert spectra.names == (str(path),)


@pytest.mark.parametrize(
    ("header", "energy", "intensity", "kind"),
    [
        ("energy,mu,i0", 0, 1, "xas"),
        ("i0,energy (eV),xmu", 1, 2, "xas"),
        ("Energy_loss_eV,background,counts", 0, 2, "eels"),
        ("# omega    e    k    mu    mu0     chi     @#", 0, 3, "xas"),
        ("energy_loss,foo,norm", 0, 2, "eels"),
        ("energy,counts,foo_std", 0, 1, "unknown"),
        ("Pt_No Energy TEY_A I0", 1, (2, 3), "xas"),
        ("Time (s),hν(eV),ObservedΘ(deg.),Io(cps),SDD1(cps),SDD2(cps)", 1, (4, 5, 3), "xas"),
    ],
)
def test_columns_are_chosen_by_name(tmp_path, header, energy, intensity, kind):
    width = len(header.split(",")) if "," in header else 6 if "@#" in header else 4
    table = np.sort(np.random.default_rng(1).uniform(1, 1800, (20, width)), axis=0)
    body = "\n".join(" ".join(map(repr, row)) for row in table.tolist())
    spectra, values = read(tmp_path, f"{header}\n{body}\n", "x.dat")
    np.testing.assert_array_equal(spectra.energy_eV, table[:, energy])
    if isinstance(intensity, tuple):
        *summed, divisor = intensity
        np.testing.assert_allclose(values, table[:, summed].sum(axis=1) / table[:, divisor])
    else:
        np.testing.assert_array_equal(values, table[:, intensity])
    assert spectra.kind == kind


def test_columns_without_names_are_not_guessed_but_listed(tmp_path):
    with pytest.raises(
        SikpdosError, match=r"3 columns without names \(columns: column 1 1838 to 1850, column 2 1 to 3"
    ):
        read(tmp_path, "1838 1 9\n1839 2 8\n1850 3 7\n")


def test_raw_detectors_become_absorption(tmp_path):
    spectra, intensity = read(tmp_path, "energy i0 itrans\n1838 10 5\n1839 10 4\n1850 10 2\n")
    np.testing.assert_allclose(intensity, np.log([2, 2.5, 5]))
    assert spectra.kind == "xas"
    assert "ln(i0 / itrans)" in spectra.warnings[0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1 2\n2 3\n3 4 5\n4 5\n", "line 3 has 3 numbers, the lines before 2"),
        ("# head\n1 2\n\n2 x\n3 4\n", "line 4: cannot read 'x' as a number"),
        ("1\n2\n3\n", "only one column"),
        ("1,2\n2,,\n3,4\n", "line 2 has 3 numbers"),
        ("1840 1\n1841 2\n1842 2\n1835 2\n1836 3\n1837 3\n", "1835 follows 1842"),
        ("1840 1\n1840 2\n1840 3\n", "energy 1840 is repeated"),
        ("1840 1\n1840.01 2\n", "energies span 0.01 eV only"),
        ("1840 1\n1e8 2\n", "not those of a spectrum"),
        ("1840 1\n1841 nan\n1842 3\n", "intensity is nan in channel 2 of 3"),
        ("1840 1\n1841 inf\n1842 3\n", "intensity is inf in channel 2 of 3"),
        ("nan 1\n1841 1\n1842 3\n", "energy is nan in channel 1 of 3"),
        ("1840 0\n1841 0\n1842 0\n", "all intensities are zero"),
        ("1840 -1\n1841 -3\n1842 0\n", "no intensity is above zero"),
        ("1840 1\n", "only one energy channel"),
        ("a text\nof words\n", "no columns of numbers"),
        ("a text\n" * 5000 + "1 2\n2 3\n", "no columns of numbers"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, text, words):
    with pytest.raises(SikpdosError) as caught:
        read(tmp_path, text)
    assert words in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / "x.csv"))


def test_bad_line_is_named_behind_the_first_block(tmp_path):
    lines = [f"{1000 + i / 100:.2f} {i}" for i in range(1, 200_001)]
    lines[190_000] = "2900.01 oops"
    with pytest.raises(SikpdosError, match="line 190001: cannot read 'oops'"):
        read(tmp_path, "\n".join(lines))
    lines[190_000] = "2900.01"
    with pytest.raises(SikpdosError, match="line 190001 has 1 numbers"):
        read(tmp_path, "\n".join(lines))


def test_negative_counts_are_warned_of(tmp_path):
    spectra, _ = read(tmp_path, "1840 -1\n1841 2\n1842 3\n")
    assert spectra.warnings == ("1 of 3 intensities are negative (a background already removed?)",)


def test_computed_spectra_of_other_programs(shared):
    folder = shared / "samples" / "spectra"
    for name, energy, intensity, kind in [
        ("qe_xspectra__SiO2.xspectra_dip_c.dat", 0, 1, "unknown"),
        ("feff85exafs_Zircon_SiK_withSCF.xmu.dat", 0, 3, "xas"),
        ("sno2_l3.dat", 0, 1, "xas"),
    ]:
        table = np.loadtxt(folder / name)
        [spectra] = read_spectra(folder / name)
        np.testing.assert_array_equal(spectra.energy_eV, table[:, energy])
        np.testing.assert_array_equal(spectra.intensity[0], table[:, intensity])
        assert (spectra.kind, spectra.warnings) == (kind, ())
