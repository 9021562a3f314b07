"""NeXus and HyperSpy files; what other HDF5 files are told to be."""

from __future__ import annotations

import os
import signal

import numpy as np
import pytest
from attack.spectrum_seeds import write_bliss, write_hyperspy

from sikpdos.common.errors import SikpdosError
from sikpdos.formats.columns import ColumnChoice
from sikpdos.formats.read import read_spectra
from sikpdos.formats.trial import try_in_child

h5py = pytest.importorskip("h5py")
ENERGY_EV = np.arange(1800.0, 1900.0, 0.5)
EDGE = 0.3 + 1 / (1 + np.exp(-(ENERGY_EV - 1840)))


def nxxas(file, mode: str, absorbed: np.ndarray) -> None:
    """The application definition NXxas."""
    entry = file.create_group("entry")
    entry.attrs["NX_class"] = "NXentry"
    entry["definition"], entry["title"] = "NXxas", "silicon wafer"
    entry["instrument/monochromator/energy"] = ENERGY_EV
    entry["instrument/incoming_beam/data"] = np.full(ENERGY_EV.size, 1e4)
    entry["instrument/absorbed_beam/data"] = absorbed
    data = entry.create_group("data")
    data.attrs["NX_class"] = "NXdata"
    data["energy"], data["mode"] = entry["instrument/monochromator/energy"], mode
    data["absorbed_beam"] = entry["instrument/absorbed_beam/data"]


def nxdata(file) -> None:
    data = file.create_group("scan").create_group("plot")
    data.attrs.update(NX_class="NXdata", signal="mu", axes="energy")
    data["energy"], data["mu"], data["I0"] = ENERGY_EV, EDGE, np.full(ENERGY_EV.size, 5.0)


def soleil(file) -> None:
    """Columns called by their attributes only."""
    group = file.create_group("exp_0001/scan_data")
    for name, alias, values in [
        ("actuator_1_1", "energy (eV)", ENERGY_EV),
        ("data_01", "I0", np.full(ENERGY_EV.size, 2.0)),
        ("data_02", "TEY", 2 * EDGE),
        ("data_03", "sensorsTimestamps", ENERGY_EV * 3),
    ]:
        group[name] = values
        group[name].attrs["long_name"] = alias


LAYOUTS = {
    "transmission": lambda file: nxxas(file, "Transmission", 1e4 * np.exp(-EDGE)),
    "electron yield": lambda file: nxxas(file, "Total Electron Yield", 1e4 * EDGE),
    "fluorescence": lambda file: nxxas(file, "Fluorescence Yield", 1e4 * EDGE),
    "NXdata": nxdata,
    "SOLEIL": soleil,
    "columns in the root": lambda file: file.update(energy=ENERGY_EV, mu=EDGE),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_nexus_layouts(tmp_path, name):
    path = tmp_path / "x.nxs"
    with h5py.File(path, "w") as file:
        LAYOUTS[name](file)
    [spectra] = read_spectra(path)
    np.testing.assert_array_equal(spectra.energy_eV, ENERGY_EV)
    np.testing.assert_allclose(spectra.intensity[0], EDGE, rtol=1e-12)
    assert spectra.kind == "xas"


def test_scans_of_a_file(tmp_path):
    path = tmp_path / "bliss.h5"
    with h5py.File(path, "w") as file:
        write_bliss(file)
    first, second = read_spectra(path)
    assert (first.names, second.names) == (("scan 1.1",), ("scan 2.1",))
    assert first.warnings[0] == "fluo / I0 taken"
    np.testing.assert_allclose(first.energy_eV[[0, -1]], [1800, 1899.5])
    [chosen] = read_spectra(path, choice=ColumnChoice(scan="2.1", column="fluo"))
    assert chosen.intensity.max() == pytest.approx(100)


def test_hyperspy_image(tmp_path):
    path = tmp_path / "x.hspy"
    with h5py.File(path, "w") as file:
        write_hyperspy(file)
    [spectra] = read_spectra(path)
    assert (list(spectra.names), spectra.kind, spectra.title) == (["0_0", "0_1", "1_0", "1_1"], "eels", "image")
    np.testing.assert_array_equal(spectra.energy_eV, 1830 + 0.5 * np.arange(50))


def test_hyperspy_measured_axis_and_faults(tmp_path):
    path = tmp_path / "x.hspy"
    with h5py.File(path, "w") as file:
        write_hyperspy(file)
        axis = file["Experiments/image/axis-2"]
        del axis.attrs["scale"]
    with pytest.raises(SikpdosError, match="no usable offset and scale"):
        read_spectra(path)
    with h5py.File(path, "r+") as file:
        file["Experiments/image/axis-2/axis"] = 1830 + np.arange(50.0) ** 1.1
    np.testing.assert_array_equal(read_spectra(path)[0].energy_eV, 1830 + np.arange(50.0) ** 1.1)


OTHERS = {
    "netCDF": (lambda file: file.attrs.update(_NCProperties="version=2"), "a netCDF-4 file, without columns"),
    "empty": (
        lambda file: None,
        "neither HyperSpy's nor NeXus, without columns of energies and intensities (it is empty)",
    ),
    "image": (lambda file: file.update(image=np.ones((4, 5))), "it holds /image (4, 5)"),
    "NeXus without energies": (
        lambda file: file.create_group("entry").attrs.update(NX_class="NXentry"),
        "a NeXus file",
    ),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_hdf5_files_are_told_what_they_are(tmp_path, name):
    write, words = OTHERS[name]
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        write(file)
    with pytest.raises(SikpdosError) as caught:
        read_spectra(path)
    assert words in str(caught.value)
    assert "damaged" not in str(caught.value)


def test_links_to_other_files_are_not_followed(tmp_path):
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        nxdata(file)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["scan"] = h5py.ExternalLink("secret.h5", "/scan")
        file["loop"] = h5py.SoftLink("/")
        file["nowhere"] = h5py.SoftLink("/gone")
    with pytest.raises(SikpdosError, match="without columns of energies"):
        read_spectra(tmp_path / "x.h5")


def test_sizes_are_checked_before_reading(tmp_path, monkeypatch):
    monkeypatch.setenv("SIKPDOS_MAX_BYTES", "1000")
    with h5py.File(tmp_path / "x.h5", "w") as file:
        nxdata(file)
    with pytest.raises(SikpdosError, match="SIKPDOS_MAX_BYTES raises this limit"):
        read_spectra(tmp_path / "x.h5")


def test_a_library_that_loops_or_crashes_is_no_hang_and_no_crash():
    def loop():
        while True:
            pass

    with pytest.raises(SikpdosError, match="not read within 0 s"):
        try_in_child(loop, 0.2)
    with pytest.raises(SikpdosError, match="crashes"):
        try_in_child(lambda: os.kill(os.getpid(), signal.SIGTERM), 5)
    try_in_child(lambda: 1 / 0, 5)  # what fails is told by the reading itself


@pytest.mark.parametrize(
    ("head", "words"), [(b"SIMPLE  =                    T", "a FITS file: export"), (b"%PDF-1.4", "a PDF document")]
)
def test_other_formats_are_refused_with_a_hint(tmp_path, head, words):
    path = tmp_path / "x"
    path.write_bytes(head + bytes(3000))
    with pytest.raises(SikpdosError, match=words):
        read_spectra(path)
