"""Gatan and HyperSpy files through rosettasciio, against what it and h5py say itself."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from support import ROOT

from sikpdos.common.errors import SikpdosError
from sikpdos.formats.read import read_spectra


def test_hyperspy_file(shared):
    h5py = pytest.importorskip("h5py")
    path = shared / "samples" / "hspy" / "jeels2026__cl_k_edge.hspy"
    with h5py.File(path) as file:
        [experiment] = file["Experiments"].values()
        data = experiment["data"][()]
    [spectra] = read_spectra(path)
    np.testing.assert_array_equal(spectra.intensity[0], data)
    np.testing.assert_array_equal(spectra.energy_eV, 1700 + 0.5 * np.arange(1024))
    assert (spectra.kind, spectra.source_format) == ("eels", "hspy")
    assert spectra.title.startswith("Si 100 nm")


def test_dm3_spectrum(shared):
    reader = pytest.importorskip("rsciio.digitalmicrograph")
    path = shared / "samples" / "dm" / "test-EELS_spectrum.dm3"
    [theirs] = reader.file_reader(str(path))
    [spectra] = read_spectra(path)
    np.testing.assert_array_equal(spectra.intensity[0], theirs["data"])
    np.testing.assert_array_equal(spectra.energy_eV, -100 + 0.5 * np.arange(2048))
    assert (spectra.kind, spectra.intensity.dtype) == ("eels", np.float32)


def test_dm4_spectrum_image(shared):
    reader = pytest.importorskip("rsciio.digitalmicrograph")
    path = shared / "samples" / "dm" / "EELS_SI.dm4"
    [theirs] = reader.file_reader(str(path))
    [spectra] = read_spectra(path)
    [block] = spectra.blocks()
    assert block.names == ["0_0", "0_1", "1_0", "1_1"]
    assert theirs["data"].shape == (2048, 2, 2)  # energy first
    for name, spectrum in zip(block.names, block.intensity, strict=True):
        y, x = map(int, name.split("_"))
        np.testing.assert_array_equal(spectrum, theirs["data"][:, y, x])
    np.testing.assert_array_equal(spectra.energy_eV, 300.0 + np.arange(2048))


def test_content_says_the_format_on_stdin(shared):
    pytest.importorskip("rsciio.digitalmicrograph")
    path = shared / "samples" / "dm" / "EELS_SI.dm4"
    script = "from sikpdos.formats.read import read_spectra; print(*(s.intensity.shape for s in read_spectra('-')))"
    with open(path, "rb") as stream:
        done = subprocess.run(
            [sys.executable, "-c", script], stdin=stream, capture_output=True, text=True, check=True, cwd=ROOT
        )
    assert (done.stdout, done.stderr) == ("(4, 2048)\n", "")


@pytest.mark.parametrize(("unit", "factor"), [("meV", 1e-3), ("nm", None)])
def test_unit_of_the_axis(shared, tmp_path, unit, factor):
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "x.hspy"
    path.write_bytes((shared / "samples" / "hspy" / "jeels2026__cl_k_edge.hspy").read_bytes())
    with h5py.File(path, "r+") as file:
        [experiment] = file["Experiments"].values()
        experiment["axis-0"].attrs["units"] = unit
    if factor:
        np.testing.assert_allclose(read_spectra(path)[0].energy_eV, factor * (1700 + 0.5 * np.arange(1024)))
    else:
        with pytest.raises(SikpdosError, match="no axis in eV"):
            read_spectra(path)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("x.hspy", b"\x89HDF\r\n\x1a\n" + bytes(100), "damaged HDF5 file"),
        ("x.dm3", b"\0\0\0\3" + bytes(100), "damaged dm3 file"),
        ("x.dm4", b"\0\0\0\4" + bytes(range(200)), "damaged dm4 file"),
        ("x.dm4", b"1840, 1\n1841, 2\n", "not a dm4 file"),
        ("x.hspy", b"1840, 1\n1841, 2\n", "not a hspy file"),
    ],
)
def test_damaged_files(tmp_path, name, content, words):
    pytest.importorskip("rsciio.hspy")
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(SikpdosError) as caught:
        read_spectra(path)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("head", [b"\x89HDF\r\n\x1a\n", b"\0\0\0\3", b"\0\0\0\4"])
def test_without_the_package_the_error_says_what_to_install(tmp_path, monkeypatch, head):
    for module in ("h5py", "rsciio", "rsciio.digitalmicrograph"):
        monkeypatch.setitem(sys.modules, module, None)
    path = tmp_path / "x"
    path.write_bytes(head)
    with pytest.raises(SikpdosError, match=r"pip install 'sikpdos\[eels\]'"):
        read_spectra(path)
