"""HyperSpy itself: its signals go in and come out, its files are read, and it opens ours."""

from __future__ import annotations

import numpy as np
import pytest
from support import assert_one_line_failure
from support import spectrum_image as images

import sikpdos
from sikpdos.formats.spectrum_set import NavigationAxis

api = pytest.importorskip("hyperspy.api", reason="hyperspy is not installed")
Undefined = pytest.importorskip("traits.api").Undefined

SHAPE = (4, 6)
AXES = (NavigationAxis("y", 4, 0.5, -1.0, "nm"), NavigationAxis("x", 6, 0.25, 2.0, "nm"))


@pytest.fixture(scope="module")
def cube():
    energy_eV, counts, *_ = images.cube(SHAPE, 3000)
    counts[1, 2, 5] = np.nan
    return energy_eV, counts


def signal(energy_eV, counts, factor=1.0, units="eV", named=True):
    """A signal of HyperSpy, its energies divided by a factor."""
    made = api.signals.Signal1D(counts)
    [energy] = made.axes_manager.signal_axes
    energy.name, energy.units = "Energy loss", units
    energy.offset, energy.scale = energy_eV[0] / factor, (energy_eV[1] - energy_eV[0]) / factor
    for axis, said in zip(made.axes_manager.navigation_axes, reversed(AXES), strict=False):
        if named:
            axis.name, axis.scale, axis.offset, axis.units = said.name, said.scale, said.offset, said.units
    made.metadata.General.title = "SIMULATED interface"
    made.metadata.Signal.signal_type = "EELS"
    return made


@pytest.fixture(scope="module")
def mapped():
    model = sikpdos.load_model("measured")
    return lambda *cube: sikpdos.predict_map(*cube, model=model, sigma_eV=1.0)


@pytest.fixture(scope="module")
def found(cube, mapped):
    return mapped(signal(*cube))


def assert_signals(signals, found):
    """By the names of the maps' arrays: values, and all axes."""
    for name in ("s", "p", "s_std", "p_std"):
        np.testing.assert_array_equal(signals[name].data, getattr(found, name))
        manager = signals[name].axes_manager
        assert (manager.navigation_shape, manager.signal_shape) == (SHAPE[::-1], (300,))
        [energy] = manager.signal_axes
        assert (energy.name, energy.units, energy.offset, energy.size) == ("E - E_F", "eV", -15.0, 300)
        np.testing.assert_allclose(energy.axis, found.energy_eV, atol=1e-9)
        assert_places(manager.navigation_axes)
    for name in ("novelty", "onset_eV", "mask", "intensity"):
        np.testing.assert_array_equal(signals[name].data, getattr(found, name))
        assert_places(signals[name].axes_manager.signal_axes)


def assert_places(axes):
    read = [NavigationAxis(axis.name, axis.size, axis.scale, axis.offset, axis.units) for axis in reversed(axes)]
    assert read == list(AXES)


def test_a_signal_goes_in_and_signals_come_out(cube, found, mapped):
    assert found.navigation == AXES
    assert_signals(found.to_hyperspy(), found)
    plain = mapped(cube[1], cube[0])
    np.testing.assert_array_equal(found.p, plain.p)
    assert found.causes[found.mask[1, 2]] == "not finite"


def test_hyperspy_opens_the_commands_file(cli, cube, tmp_path, found):
    signal(*cube).save(tmp_path / "cube.hspy")
    done = cli("predict", tmp_path / "cube.hspy", "--sigma", "1", "-o", tmp_path / "maps.hspy")
    assert done.returncode == 0, done.stderr
    titles = {signal.metadata.General.title.split(" of ")[0]: signal for signal in api.load(tmp_path / "maps.hspy")}
    names = {"s PDOS": "s", "p PDOS": "p", "s standard deviation": "s_std", "p standard deviation": "p_std"}
    assert_signals({names.get(title, title.replace(" (eV)", "_eV")): titles[title] for title in titles}, found)
    assert "SIMULATED" in titles["novelty"].metadata.General.title
    for command in (("predict", "maps.hspy"), ("plot", "maps.hspy", "-o", "x.png")):
        assert_one_line_failure(cli(*command, cwd=tmp_path), "maps.hspy", "not measured spectra")
    with pytest.raises(sikpdos.SikpdosError, match="not measured spectra"):
        sikpdos.predict_map(titles["s PDOS"])


@pytest.mark.parametrize("named", [True, False])
def test_hyperspys_file_is_read_back_equal(cube, tmp_path, named):
    energy_eV, counts = cube
    signal(energy_eV, counts, *((1e3, "keV") if named else (1, Undefined)), named).save(tmp_path / "cube.hspy")
    [read] = sikpdos.read_spectra(tmp_path / "cube.hspy")
    assert read.navigation == (AXES if named else (NavigationAxis("y", 4), NavigationAxis("x", 6)))
    assert read.kind == "eels"
    np.testing.assert_allclose(read.energy_eV, energy_eV, rtol=1e-12)
    np.testing.assert_array_equal(np.concatenate(list(read.rows())).reshape(counts.shape), counts)


def test_lazy_signals_lines_and_positions_that_are_not_even(cube, found, mapped):
    lazy = mapped(signal(*cube).as_lazy())
    np.testing.assert_array_equal(lazy.p, found.p)
    line = mapped(signal(*cube).inav[:, 3])
    assert line.to_hyperspy()["p"].axes_manager.navigation_shape == SHAPE[1:]
    assert line.to_hyperspy()["novelty"].axes_manager.signal_axes[0].units == "nm"
    uneven = {"axis": np.array([0.0, 1, 3, 4]), "name": "y", "navigate": True}
    others = [{"size": 6, "navigate": True}, {"size": cube[0].size, "offset": cube[0][0], "scale": 0.25, "units": "eV"}]
    numbered = mapped(api.signals.Signal1D(cube[1], axes=[uneven, *others]))
    assert numbered.navigation == (NavigationAxis("y", 4), NavigationAxis("x", 6))


def test_the_example(cube, found, tmp_path):
    module = images.example("in_hyperspy")
    images.write(tmp_path / "interface.npz", *cube)
    image = module.interface(tmp_path / "interface.npz")
    np.testing.assert_array_equal(image.data, cube[1])
    np.testing.assert_allclose(image.axes_manager.signal_axes[0].axis, cube[0])
    band = module.conduction_band(found.to_hyperspy())
    inside = (found.energy_eV > -0.01) & (found.energy_eV < 4.95)
    expected = np.where(found.novelty <= 1, found.p[..., inside].mean(axis=-1), np.nan)
    np.testing.assert_allclose(band.data, expected, rtol=1e-5)
    assert_places(band.axes_manager.signal_axes)
    assert np.isnan(band.data[1, 2])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: s.as_signal2D((0, 1)), "2 signal axes"),
        (lambda s: s.inav[2, 2], "no spectrum image"),
        (lambda s: s * 1j, "type complex"),
    ],
)
def test_signals_that_are_no_spectrum_image_are_refused(cube, mapped, change, words):
    with pytest.raises(sikpdos.SikpdosError, match=words):
        mapped(change(signal(cube[0], np.nan_to_num(cube[1]))))
