"""XDI files and Athena projects."""

from __future__ import annotations

import gzip
import json
import re

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from sikpdos.common.errors import SikpdosError
from sikpdos.formats.read import read_spectra

XDI = """# XDI/1.0 GSE/1.0
# Column.1: energy {unit}
# Column.2: {second}
# Column.3: {third}
# Element.symbol: {element}
# Element.edge: K
# Sample.name: quartz
# ///
# a comment: with a colon
#----
# energy second third
{rows}"""
TABLE = np.array([[1838.0, 10.0, 5.0], [1839.0, 10.0, 4.0], [1850.0, 12.0, 3.0]])


def xdi(second="mutrans", third="i0", unit="eV", element="Si", table=TABLE) -> str:
    rows = "".join(" ".join(f"{x:.8f}" for x in row) + "\n" for row in table)
    return XDI.format(unit=unit, second=second, third=third, element=element, rows=rows)


def read(tmp_path, text):
    path = tmp_path / "x.xdi"
    path.write_text(text)
    [spectra] = read_spectra(path)
    return spectra


@pytest.mark.parametrize(
    ("second", "third", "expected"),
    [
        ("mutrans", "i0", TABLE[:, 1]),
        ("i0", "mufluor", TABLE[:, 2]),
        ("i0", "itrans", np.log(TABLE[:, 1] / TABLE[:, 2])),
        ("itrans", "i0", np.log(TABLE[:, 2] / TABLE[:, 1])),
        ("i0", "ifluor", TABLE[:, 2] / TABLE[:, 1]),
    ],
)
def test_xdi_absorption(tmp_path, second, third, expected):
    spectra = read(tmp_path, xdi(second, third))
    np.testing.assert_array_equal(spectra.energy_eV, TABLE[:, 0])
    np.testing.assert_allclose(spectra.intensity[0], expected)
    assert (spectra.kind, spectra.source_format, spectra.title) == ("xas", "XDI", "quartz")


MU = st.lists(st.floats(-1e6, 1e6).filter(lambda x: x == 0 or abs(x) > 1e-290), min_size=2, max_size=30).filter(any)


@settings(max_examples=40, deadline=None)
@given(mu=MU, step=st.floats(0.125, 10), shift=st.integers(-5, 5))
def test_numbers_read_back(tmp_path_factory, mu, step, shift):
    energy_eV = 1800 + step * np.arange(len(mu))
    path = tmp_path_factory.getbasetemp() / "x"
    rows = "".join(f"{x!r} {y!r}\n" for x, y in zip(energy_eV.tolist(), mu, strict=True))
    path.write_text(f"# XDI/1.0\n# Column.1: energy eV\n# Column.2: mutrans\n#---\n{rows}")
    [spectra] = read_spectra(path)
    np.testing.assert_array_equal(spectra.energy_eV, energy_eV)
    np.testing.assert_array_equal(spectra.intensity[0], mu)
    path.write_bytes(perl_project(perl_group("a", energy_eV.tolist(), mu, bkg_eshift=shift)))
    [spectra] = read_spectra(path)
    np.testing.assert_array_equal(spectra.energy_eV, energy_eV + shift)
    np.testing.assert_array_equal(spectra.intensity[0], mu)


def test_xdi_in_kev_and_of_another_element(tmp_path):
    spectra = read(tmp_path, xdi(unit="keV", element="Al", table=TABLE * [1e-3, 1, 1]))
    np.testing.assert_allclose(spectra.energy_eV, TABLE[:, 0])
    assert spectra.warnings == ("the file says Al K edge, not Si K",)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            xdi("i0", "irefer"),
            "no intensity can be told from the columns (columns: energy (eV) 1838 to 1850, i0 10 to 12, ",
        ),
        (xdi().replace("energy", "angle"), "no energy column (columns: angle, mutrans, i0)"),
        (xdi(unit="pixel"), "energies in 'pixel', expected eV or keV"),
        (xdi("i0", "itrans", table=TABLE * [1, 1, -1]), "no intensity can be told from the columns"),
        (xdi(table=TABLE[:0]), "no columns of numbers"),
    ],
)
def test_xdi_that_cannot_be_used(tmp_path, text, words):
    with pytest.raises(SikpdosError) as caught:
        read(tmp_path, text)
    assert words in str(caught.value)


def test_xdi_sample(shared):
    path = shared / "samples" / "spectra" / "fe3c_rt.xdi"
    table = np.loadtxt(path)
    [spectra] = read_spectra(path)
    np.testing.assert_array_equal(spectra.energy_eV, table[:, 0])
    np.testing.assert_array_equal(spectra.intensity[0], table[:, 1])
    assert spectra.warnings == ("the file says Fe K edge, not Si K",)


def test_athena_sample(shared):
    path = shared / "samples" / "spectra" / "S_CAMD.prj"
    text = gzip.decompress(path.read_bytes()).decode()
    x, y = (re.findall(rf"^@{key} = \((.*)\);", text, re.M) for key in "xy")
    shifts = [float(shift) for shift in re.findall(r"'bkg_eshift',\s*'?([-\d.]+)", text)]
    sets = read_spectra(path)
    assert len(sets) == len(x) == len(shifts) == 22
    for spectra, energies, absorption, shift in zip(sets, x, y, shifts, strict=True):
        expected = np.array(energies.replace("'", "").split(","), float) + shift
        np.testing.assert_allclose(spectra.energy_eV, expected, rtol=1e-14)
        np.testing.assert_array_equal(spectra.intensity[0], np.array(absorption.replace("'", "").split(","), float))
        assert (spectra.kind, spectra.warnings) == ("xas", ())
    names = [name for spectra in sets for name in spectra.names]
    assert names[:2] == ["PdS (ox. 2-)", "CaS (ox 2- ?)"]
    assert len(set(names)) == 22


def perl_group(label: str, x: list, y: list, **settings) -> str:
    def quoted(values):
        return ",".join(f"'{value}'" for value in values)

    args = [part for item in {"label": label, **settings}.items() for part in item]
    return f"$old_group = 'abcd';\n@args = ({quoted(args)});\n@x = ({quoted(x)});\n@y = ({quoted(y)});\n[record]\n\n"


def perl_project(*groups: str) -> bytes:
    return gzip.compress(("# Athena project file -- Demeter version 0.9.25\n\n" + "".join(groups)).encode())


GOOD = perl_group(r"Si \'a\', 1", [1838, 1839, 1840], [0.1, 0.2, 0.3], bkg_eshift="0.5", is_xmu=1, file="")


def test_athena_groups_that_are_damaged_are_named_and_the_others_read(tmp_path):
    path = tmp_path / "x.prj"
    path.write_bytes(
        perl_project(
            perl_group("repeated", [1838, 1838, 1838], [0.1, 0.2, 0.3]),
            GOOD,
            perl_group("in k", [0, 1, 2], [0.1, 0.2, 0.3], is_chi=1),
            perl_group("short", [1838, 1839, 1840], [0.1, 0.2]),
            GOOD,
        )
    )
    first, second = read_spectra(path)
    [block], [other] = first.blocks(), second.blocks()
    assert (block.names, other.names) == (["Si 'a', 1"], ["Si 'a', 1 (2)"])
    np.testing.assert_array_equal(first.energy_eV, [1838.5, 1839.5, 1840.5])
    assert block.left_out == {
        "repeated": "energy 1838 is repeated",
        "in k": "not a spectrum in energy, but chi(k)",
        "short": "3 energies, but 2 intensities",
    }
    assert not other.left_out


def test_athena_written_by_larch(tmp_path):
    path = tmp_path / "x.prj"
    group = {"args": {"label": "quartz", "bkg_eshift": 0.5}, "x": ["1838", "1839"], "y": ["0.1", "0.2"]}
    project = {"_____header1": "# Athena project file -- Demeter version 0.9.24", "_____order": ["q"], "q": group}
    path.write_bytes(gzip.compress(json.dumps(project).encode()))
    [spectra] = read_spectra(path)
    assert spectra.names == ("quartz",)
    np.testing.assert_array_equal(spectra.energy_eV, [1838.5, 1839.5])
    del project["q"]
    path.write_bytes(gzip.compress(json.dumps(project).encode()))
    with pytest.raises(SikpdosError, match="damaged Athena project"):
        read_spectra(path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (perl_project(), "no absorption spectrum in this Athena project"),
        (perl_project(perl_group("a", [1, 1], [1, 2])), "a: energy 1 is repeated"),
        (perl_project(perl_group("a", [1, "x"], [1, 2])), "could not convert"),
        (perl_project(GOOD)[:60], "damaged gzip file"),
        (b"\x1f\x8b\x08" + bytes(40), "damaged gzip file"),
    ],
    ids=["empty", "repeated energy", "not a number", "cut", "junk"],  # bytes as ids would hold gzip's time stamp
)
def test_athena_projects_that_cannot_be_used(tmp_path, content, words):
    path = tmp_path / "x.prj"
    path.write_bytes(content)
    with pytest.raises(SikpdosError) as caught:
        read_spectra(path)
    assert words in str(caught.value)
