"""EMSA/MAS files: the numbers of rosettasciio where it is right, of the file itself where it is not."""

from __future__ import annotations

import logging
import re

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from sikpdos.common.errors import SikpdosError
from sikpdos.formats.emsa import write_msa
from sikpdos.formats.read import read_spectra

SAMPLES = [
    "eelsdb_nomad_test_1.msa",
    "exspy__coreloss_spectrum.msa",
    "jjkas__CoO.msa",
    "jjkas__GaAs.msa",
    "jjkas__KCl.msa",
    "jjkas__eelsdbBN.txt",
    "nexl__Si_std.msa",
    "pyEELSMODEL__hl.msa",
    "pyhmsa__spectrum1.emsa",
    "pyhmsa__spectrum2.emsa",
    "rosettasciio__ISO_22029_2022_compliance.msa",
    "rosettasciio__ISO_22029_2022_compliance_title_multiple_line.msa",
    "rosettasciio__example1.msa",
    "rosettasciio__example2_NCOLUMNS5.msa",
    "rosettasciio_writer_XY.msa",
]
WITHOUT_ENERGIES = {"exspy__coreloss_spectrum.msa", "nexl__Si_std.msa", "rosettasciio__example2_NCOLUMNS5.msa"}
UNEVEN = {name for name in SAMPLES if "ISO" in name} | {"rosettasciio__example1.msa", "pyhmsa__spectrum2.emsa"}


def one(path):
    """The only spectrum of a file: its set, energies and intensities."""
    [spectra] = read_spectra(path)
    [block] = spectra.blocks()
    assert not block.left_out
    return spectra, spectra.energy_eV, block.intensity[0]


def energy_column(path) -> np.ndarray:
    lines = path.read_text("latin-1").splitlines()
    return np.array([float(line.split(",")[0]) for line in lines if re.match(r"\s*-?\d", line)])


@pytest.mark.parametrize("name", SAMPLES)
def test_samples_agree_with_rosettasciio(shared, name):
    reader = pytest.importorskip("rsciio.msa")
    logging.getLogger("rsciio").setLevel(logging.ERROR)
    path = shared / "samples" / "msa" / name
    [theirs] = reader.file_reader(str(path))
    axis = theirs["axes"][0]
    unit = 1000 if axis["units"] == "keV" else 1
    _, energy_eV, intensity = one(path)
    np.testing.assert_array_equal(intensity, theirs["data"])
    expected = unit * (axis["offset"] + axis["scale"] * np.arange(axis["size"]))
    channel = unit * axis["scale"]
    # it makes the energies up from OFFSET and XPERCHAN even where the file has others
    assert np.abs(energy_eV - expected).max() < channel * (0.6 if name in UNEVEN else 0.02)
    if name in WITHOUT_ENERGIES:
        np.testing.assert_allclose(energy_eV, expected, rtol=1e-14)
    else:
        np.testing.assert_allclose(energy_eV, unit * energy_column(path), rtol=1e-14)


@pytest.mark.parametrize("name", sorted(UNEVEN))
def test_energy_column_wins_over_the_header(shared, name):
    spectra, energy_eV, _ = one(shared / "samples" / "msa" / name)
    assert energy_eV[-1] == 580.50  # OFFSET + 20 XPERCHAN would be 582.13
    assert any("disagree" in warning for warning in spectra.warnings)


def test_samples_kinds_titles_and_warnings(shared):
    folder = shared / "samples" / "msa"
    spectra, *_ = one(folder / "rosettasciio__ISO_22029_2022_compliance_title_multiple_line.msa")
    assert (spectra.kind, spectra.title.count("line of the title")) == ("eels", 2)
    spectra, *_ = one(folder / "nexl__Si_std.msa")
    assert any("CHOFFSET" in w for w in spectra.warnings)
    assert any("EDS" in w for w in spectra.warnings)
    spectra, *_ = one(folder / "rosettasciio_writer_XY.msa")
    assert spectra.title == "Si K µ"  # Latin-1
    with pytest.raises(SikpdosError, match="only one energy channel"):
        read_spectra(folder / "rosettasciio__minimum_metadata.msa")


HEADER = {
    "FORMAT": "EMSA/MAS Spectral Data File",
    "VERSION": "1.0",
    "TITLE": "Si K",
    "NPOINTS": "4",
    "NCOLUMNS": "1",
    "XUNITS": "eV",
    "DATATYPE": "Y",
    "XPERCHAN": "0.25",
    "OFFSET": "1840",
    "SIGNALTYPE": "ELS",
}
COUNTS = [5.0, 6.5, 1e6, 8.0]
ENERGIES = [1840.0, 1840.25, 1840.5, 1840.75]
Y = "5\n6.5\n1e6\n8\n"


def msa(data: str, start: str = "#SPECTRUM    : Spectral Data Starts Here", end: str = "#ENDOFDATA   :\n", **changes):
    fields = {k: v for k, v in {**HEADER, **changes}.items() if v is not None}
    lines = [f"#{key:<12}: {value}" for key, value in fields.items()]
    return "\n".join([*lines, start, data]) + end


WILD = {
    "plain": msa(Y),
    "no blank after #SPECTRUM:": msa(Y, start="#SPECTRUM    :"),
    "no colon after #SPECTRUM": msa(Y, start="#SPECTRUM"),
    "lower case": msa(Y, start="#spectrum : starts").replace("#XPERCHAN", "#xperchan").replace("#OFFSET", "#Offset"),
    "tabs": msa(Y).replace("    :", "\t:"),
    "unit in keyword": msa(Y, XUNITS="")
    .replace("#XPERCHAN    ", "#XPERCHAN -eV")
    .replace("#OFFSET      ", "#OFFSET -eV"),
    "unit in value": msa(Y, XPERCHAN="0.25 eV per channel", XUNITS=""),
    "exponents": msa(Y, XPERCHAN="2.500000e-001", OFFSET="1.840D+03", NPOINTS="4."),
    "decimal comma in the header": msa(Y, XPERCHAN="0,25"),
    "keV": msa(Y, XUNITS="keV", XPERCHAN="0.00025", OFFSET="1.84"),
    "keV in a label": msa(Y, XUNITS="Energy Loss (keV)", XPERCHAN="0.00025", OFFSET="1.84"),
    "axis label for a unit": msa(Y, XUNITS="Energy Loss"),
    "blank before the exponent": msa(Y, XPERCHAN="2.5 E-01"),
    "contradicting CHOFFSET": msa(Y, CHOFFSET="0"),
    "NPOINTS off by one": msa(Y, NPOINTS="5"),
    "two columns": msa("5, 6.5\n1e6, 8\n", NCOLUMNS="2"),
    "three columns, last line short": msa("5, 6.5, 1e6,\n8\n", NCOLUMNS="3"),
    "five columns, trailing commas": msa("5, 6.5, 1e6, 8, \n", NCOLUMNS="5"),
    "D exponents": msa("5\n6.5D0\n1.0d+06\n8\n"),
    "comments in the data": msa("5\n# 3\n6.5\n1e6\n\n8\n#1840.75, 3\n"),
    "checksum after the end": msa(Y, end="#ENDOFDATA   :\n#CHECKSUM    : 522092\n"),
    "pairs": msa("1840, 5\n1840.25, 6.5\n1840.5, 1e6\n1840.75, 8\n", DATATYPE="XY"),
    "pairs with semicolons": msa("1840;5\n1840.25;6.5\n1840.5;1e6\n1840.75;8;\n", DATATYPE="XY"),
    "pairs with tabs": msa("1840\t5\n1840.25\t6.5\n1840.5\t1e6\n1840.75\t8\n", DATATYPE="XY"),
    "pairs, decimal commas": msa("1840,0;5\n1840,25;6,5\n1840,5;1e6\n1840,75;8\n", DATATYPE="XY"),
    "pairs, two a line": msa("1840,5,1840.25,6.5\n1840.5,1e6,1840.75,8\n", DATATYPE="XY", NCOLUMNS="2"),
    "pairs, no steps in the header": msa("1840 5\n1840.25 6.5\n1840.5 1e6\n1840.75 8\n", DATATYPE="XY", XPERCHAN=None),
    "pairs called Y": msa("1840, 5\n1840.25, 6.5\n1840.5, 1e6\n1840.75, 8\n"),
    "intensities called XY": msa(Y, DATATYPE="XY"),
    "no DATATYPE, pairs": msa("1840, 5\n1840.25, 6.5\n1840.5, 1e6\n1840.75, 8\n", DATATYPE=None),
    "no DATATYPE, intensities": msa(Y, DATATYPE=None),
    "decreasing pairs": msa("1840.75, 8\n1840.5, 1e6\n1840.25, 6.5\n1840, 5\n", DATATYPE="XY"),
    "negative step": msa("8\n1e6\n6.5\n5\n", OFFSET="1840.75", XPERCHAN="-0.25"),
    "no end": msa(Y, end=""),
}
ENCODINGS = {
    "utf-8": lambda text: text.encode(),
    "bom": lambda text: text.encode("utf-8-sig"),
    "utf-16": lambda text: text.encode("utf-16"),
    "utf-16-be": lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
    "latin-1": lambda text: text.replace("Si K", "Si K µ").encode("latin-1"),
    "crlf": lambda text: text.replace("\n", "\r\n").encode(),
    "cr": lambda text: text.replace("\n", "\r").encode(),
    "dos end": lambda text: text.encode() + b"\x1a",
}


@pytest.mark.parametrize("case", WILD)
def test_wild_files(tmp_path, case):
    path = tmp_path / "x.msa"
    path.write_text(WILD[case])
    spectra, energy_eV, intensity = one(path)
    np.testing.assert_allclose(energy_eV, ENERGIES, rtol=1e-14)
    np.testing.assert_array_equal(intensity, COUNTS)
    assert spectra.kind == "eels"


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_encodings(tmp_path, encoding):
    path = tmp_path / "x.msa"
    path.write_bytes(ENCODINGS[encoding](msa(Y)))
    spectra, energy_eV, intensity = one(path)
    np.testing.assert_array_equal(energy_eV, ENERGIES)
    np.testing.assert_array_equal(intensity, COUNTS)
    assert spectra.title.startswith("Si K")


@pytest.mark.parametrize(
    ("case", "word"),
    [
        ("contradicting CHOFFSET", "CHOFFSET"),
        ("pairs called Y", "DATATYPE Y"),
        ("intensities called XY", "DATATYPE XY"),
        ("no DATATYPE, pairs", "DATATYPE"),
        ("decreasing pairs", "turned round"),
        ("no end", "cut"),
    ],
)
def test_what_is_odd_is_said(tmp_path, case, word):
    path = tmp_path / "x.msa"
    path.write_text(WILD[case])
    assert any(word in warning for warning in one(path)[0].warnings)


@pytest.mark.parametrize("case", ["plain", "NPOINTS off by one", "pairs", "keV", "five columns, trailing commas"])
def test_what_is_common_is_not_warned_of(tmp_path, case):
    path = tmp_path / "x.msa"
    path.write_text(WILD[case])
    assert one(path)[0].warnings == ()


def test_energies_rounded_until_equal_are_computed(tmp_path):
    path = tmp_path / "x.msa"
    path.write_text(msa("1840, 5\n1840, 6.5\n1840.1, 1e6\n1840.1, 8\n", DATATYPE="XY", XPERCHAN="0.04"))
    spectra, energy_eV, _ = one(path)
    np.testing.assert_allclose(energy_eV, [1840, 1840.04, 1840.08, 1840.12])
    assert any("rounded" in warning for warning in spectra.warnings)


FINITE = st.floats(-1e12, 1e12).filter(lambda x: x == 0 or abs(x) > 1e-290)
INTENSITIES = st.lists(FINITE, min_size=2, max_size=40).filter(lambda y: max(y) > 0)
TITLES = st.text(st.characters(min_codepoint=33, max_codepoint=0x2FFF, exclude_categories=("C", "Z")), max_size=60)


@settings(max_examples=60, deadline=None)
@given(intensity=INTENSITIES, offset=st.integers(-50, 10**5), step=st.sampled_from([0.125, 0.15, 0.25, 1.0, 3.3]),
       datatype=st.sampled_from(["XY", "Y"]), title=TITLES)  # fmt: skip
def test_written_files_read_back(tmp_path_factory, intensity, offset, step, datatype, title):
    path = tmp_path_factory.getbasetemp() / "round_trip.msa.gz"
    energy_eV = offset + step * np.arange(len(intensity))
    write_msa(path, energy_eV, intensity, title=title, comments=["simulated", "#SPECTRUM in a comment\nsecond"],
              datatype=datatype)  # fmt: skip
    spectra, read_eV, read = one(path)
    np.testing.assert_array_equal(read, intensity)
    np.testing.assert_allclose(read_eV, energy_eV, rtol=1e-12, atol=1e-9)
    assert spectra.title == title
    assert not [w for w in spectra.warnings if "negative" not in w]


@pytest.mark.parametrize("datatype", ["XY", "Y"])
def test_written_files_are_read_by_rosettasciio(tmp_path, datatype):
    reader = pytest.importorskip("rsciio.msa")
    path = tmp_path / "x.msa"
    energy_eV = 1700 + 0.25 * np.arange(100)
    write_msa(path, energy_eV, np.arange(100) ** 2, title="Si K, simulated", comments=["a", "b"], datatype=datatype)
    [theirs] = reader.file_reader(str(path))
    np.testing.assert_array_equal(theirs["data"], np.arange(100) ** 2)
    assert (theirs["axes"][0]["offset"], theirs["axes"][0]["scale"]) == (1700, 0.25)
    assert theirs["metadata"]["General"]["title"] == "Si K, simulated"
    assert theirs["metadata"]["Signal"]["signal_type"] == "EELS"


def test_uneven_energies_are_not_written_without_them(tmp_path):
    with pytest.raises(SikpdosError, match="not equally spaced"):
        write_msa(tmp_path / "x.msa", [1, 2, 4], [1, 2, 3], title="", datatype="Y")
    with pytest.raises(SikpdosError, match="increasing"):
        write_msa(tmp_path / "x.msa", [1, 1, 4], [1, 2, 3], title="")
    assert not list(tmp_path.iterdir())
