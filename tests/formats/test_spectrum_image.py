"""Spectrum images and line scans: shape and axes kept, whatever the file and however large."""

from __future__ import annotations

import io
import json
import zipfile

import numpy as np
import pytest

from sikpdos.common.errors import SikpdosError
from sikpdos.formats import hyperspy, nion
from sikpdos.formats.read import read_spectra
from sikpdos.formats.spectrum_set import NavigationAxis

ENERGY_EV = 1800 + 0.5 * np.arange(60)
CUBE = np.random.default_rng(0).poisson(50, (3, 4, 60)).astype(np.float32)
AXES = (NavigationAxis("y", 3, 0.2, 1.0, "nm"), NavigationAxis("x", 4, 0.4, -2.0, "nm"))


def hyperspy_signal(data: np.ndarray, energy_dimension: int = -1) -> dict:
    """A signal as rosettasciio's writers, which are HyperSpy's, take it; its last axes are y, x and the energy."""
    described = [{"name": a.name, "scale": a.scale, "offset": a.offset, "units": a.units} for a in AXES]
    described = described[3 - data.ndim :]
    energy = {"name": "Energy loss", "scale": 0.5, "offset": 1800.0, "units": "eV"}
    described.insert(len(described) if energy_dimension == -1 else energy_dimension, energy)
    axes = [
        {**axis, "size": size, "navigate": axis is not energy, "index_in_array": index, "_type": "UniformDataAxis"}
        for index, (axis, size) in enumerate(zip(described, data.shape, strict=True))
    ]
    metadata = {"General": {"title": "image"}, "Signal": {"signal_type": "EELS"}}
    empty = ("original_metadata", "tmp_parameters", "learning_results", "models")
    package = {"package": "hyperspy", "package_version": "2.0"}
    return {
        "data": data,
        "axes": axes,
        "metadata": metadata,
        **{key: {} for key in empty},
        "package_info": package,
        "attributes": {"_lazy": False},
    }


def write_npz(path, **more) -> None:
    described = {
        "navigation_names": [a.name for a in AXES],
        "navigation_units": [a.units for a in AXES],
        "navigation_scale": [a.scale for a in AXES],
        "navigation_offset": [a.offset for a in AXES],
    }
    np.savez(path, **{"energy_eV": ENERGY_EV, "spectra": CUBE, "kind": "eels", **described, **more})


def nion_properties(data: np.ndarray) -> dict:
    place = [{"offset": a.offset, "scale": a.scale, "units": a.units} for a in AXES][3 - data.ndim :]
    energy = {"offset": 1800.0, "scale": 0.5, "units": "eV"}
    return {"title": "image", "dimensional_calibrations": [*place, energy]}


def write_ndata(path, data=CUBE) -> None:
    array = io.BytesIO()
    np.save(array, data)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("data.npy", array.getvalue())
        archive.writestr("metadata.json", json.dumps(nion_properties(data)))


def write_npy(path, data=CUBE) -> None:
    np.save(path, data)
    path.with_suffix(".json").write_text(json.dumps(nion_properties(data)))


def write_hspy(path, data=CUBE, energy_dimension=-1) -> None:
    writer = pytest.importorskip("rsciio.hspy").file_writer
    writer(str(path), hyperspy_signal(data, energy_dimension))


WRITERS = {"x.npz": write_npz, "x.ndata": write_ndata, "x.npy": write_npy, "x.hspy": write_hspy}


def values(spectra) -> np.ndarray:
    return np.concatenate(list(spectra.rows(5))).reshape(*spectra.shape, -1)


@pytest.mark.parametrize("name", WRITERS)
def test_shape_and_axes_are_kept(tmp_path, name):
    WRITERS[name](tmp_path / name)
    [found] = read_spectra(tmp_path / name)
    assert found.navigation == AXES
    assert (found.shape, found.kind) == ((3, 4), "eels")
    np.testing.assert_allclose(found.energy_eV, ENERGY_EV)
    np.testing.assert_array_equal(values(found), CUBE)
    assert list(found.names)[:2] == ["0_0", "0_1"]


def test_gatans_sample(shared):
    pytest.importorskip("rsciio.digitalmicrograph")
    [found] = read_spectra(shared / "samples" / "dm" / "EELS_SI.dm4")
    assert [(a.name, a.size, a.units) for a in found.navigation] == [("y", 2, "µm"), ("x", 2, "µm")]
    assert found.navigation[0].scale == pytest.approx(0.00199207, rel=1e-5)


def test_ripple(tmp_path):
    writer = pytest.importorskip("rsciio.ripple").file_writer
    writer(str(tmp_path / "x.rpl"), hyperspy_signal(CUBE))
    [found] = read_spectra(tmp_path / "x.rpl")
    assert [(a.size, a.units) for a in found.navigation] == [(3, "nm"), (4, "nm")]
    np.testing.assert_array_equal(values(found), CUBE)


@pytest.mark.parametrize("first", [True, False])
def test_large_images_stay_in_their_files(tmp_path, monkeypatch, first):
    data = np.moveaxis(CUBE, -1, 0).copy() if first else CUBE
    write_hspy(tmp_path / "x.hspy", data, 0 if first else -1)
    write_npy(tmp_path / "x.npy")
    for module in (hyperspy, nion):
        monkeypatch.setattr(module, "IN_MEMORY_BYTES", 0)
    for name in ("x.hspy", "x.npy"):
        [found] = read_spectra(tmp_path / name)
        assert not isinstance(found.intensity, np.ndarray)
        np.testing.assert_array_equal(values(found), CUBE)
        np.testing.assert_array_equal(values(found), CUBE)  # any number of times
        assert max(len(block) for block in found.rows(5)) <= 5


def test_line_scans(tmp_path):
    line = CUBE[0]
    write_npz(
        tmp_path / "x.npz",
        spectra=line,
        **{f"navigation_{key}": [v] for key, v in {"names": "x", "units": "nm", "scale": 0.4, "offset": -2.0}.items()},
    )
    write_ndata(tmp_path / "x.ndata", line)
    write_hspy(tmp_path / "x.hspy", line)
    for name in ("x.npz", "x.ndata", "x.hspy"):
        [found] = read_spectra(tmp_path / name)
        assert found.navigation == AXES[1:]
        np.testing.assert_array_equal(values(found), line)


def test_a_matrix_is_no_line_scan(tmp_path):
    np.savez(tmp_path / "x.npz", energy_eV=ENERGY_EV, spectra=CUBE[0])
    [found] = read_spectra(tmp_path / "x.npz")
    assert (found.navigation, found.shape) == ((), (4,))


def test_falling_energies_are_turned_round(tmp_path):
    write_npz(tmp_path / "x.npz", energy_eV=ENERGY_EV[::-1], spectra=CUBE[..., ::-1])
    [found] = read_spectra(tmp_path / "x.npz")
    np.testing.assert_array_equal(values(found), CUBE)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"navigation_scale": [1.0]}, "expected one for each of 2 axes"),
        ({"navigation_scale": [0.0, 1.0]}, "holds 0, NaN or infinity"),
        ({"navigation_names": [1, 2]}, "navigation_names"),
        ({"spectra": CUBE[:, :, :-1]}, "do not fit energy_eV"),
        ({"spectra": CUBE[:0]}, "m > 0"),
    ],
)
def test_axes_that_do_not_fit(tmp_path, more, words):
    write_npz(tmp_path / "x.npz", **more)
    with pytest.raises(SikpdosError, match=words):
        read_spectra(tmp_path / "x.npz")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda p: p.update(dimensional_calibrations=[]), "no calibration for each dimension"),
        (lambda p: p["dimensional_calibrations"][2].update(units="nm"), "no axis in eV"),
        (lambda p: p["dimensional_calibrations"][0].update(scale="wide"), "cannot be read"),
        (lambda p: p["dimensional_calibrations"].__setitem__(0, None), "cannot be read"),
    ],
)
def test_descriptions_that_do_not_fit(tmp_path, change, words):
    write_npy(tmp_path / "x.npy")
    properties = nion_properties(CUBE)
    change(properties)
    (tmp_path / "x.json").write_text(json.dumps(properties))
    with pytest.raises(SikpdosError, match=words):
        read_spectra(tmp_path / "x.npy")
    (tmp_path / "x.json").unlink()
    with pytest.raises(SikpdosError, match="not beside it"):
        read_spectra(tmp_path / "x.npy")
