"""Energy axes as beamlines record them: repeated, jittering, up and down, falling, in keV."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from sikpdos.common.errors import SikpdosError
from sikpdos.formats.energies import axis, in_order
from sikpdos.formats.read import read_spectra

ENERGY = np.arange(1800.0, 1900.0, 0.5)
RAMP = 3 + 0.01 * ENERGY  # a line survives every average and interpolation


def arranged(energy, intensity, unit=None):
    found = axis(np.asarray(energy), unit)
    return found.energy_eV, found.arrange(np.asarray(intensity)[None])[0], found.warnings


@settings(max_examples=60, deadline=None)
@given(
    jitter=st.floats(0, 0.7),
    repeated=st.lists(st.integers(0, ENERGY.size - 1), max_size=8),
    falls=st.booleans(),
    unit=st.sampled_from([None, "eV", "keV"]),
    seed=st.integers(0, 1000),
)
def test_a_line_stays_a_line_whatever_the_order(jitter, repeated, falls, unit, seed):
    energy = ENERGY + jitter * np.random.default_rng(seed).uniform(-1, 1, ENERGY.size)
    energy = np.insert(energy, repeated, energy[repeated])
    energy = energy[::-1] if falls else energy
    found, intensity, warnings = arranged(energy / (1e3 if unit == "keV" else 1), 3 + 0.01 * energy, unit)
    assert (np.diff(found) > 0).all()
    np.testing.assert_allclose(found[[0, -1]], [energy.min(), energy.max()])
    np.testing.assert_allclose(intensity, 3 + 0.01 * found, rtol=1e-12)
    assert bool(warnings) == bool(repeated or falls or (np.diff(energy) < 0).any())


def test_repeated_energies_are_averaged_and_said():
    found, intensity, warnings = arranged([1800, 1801, 1801, 1801, 1802], [1, 2, 3, 7, 5])
    np.testing.assert_array_equal(found, [1800, 1801, 1802])
    np.testing.assert_array_equal(intensity, [1, 4, 5])
    assert warnings == ("1 energy (1801) is repeated: the intensities there averaged",)


def test_up_and_down_is_averaged_and_said():
    energy = np.concatenate([ENERGY, ENERGY[::-1] - 0.2])
    values = np.concatenate([RAMP + 0.1, RAMP[::-1] - 0.002 - 0.1])
    found, intensity, warnings = arranged(energy, values)
    np.testing.assert_array_equal(found, ENERGY)
    np.testing.assert_allclose(intensity[:-1], RAMP[:-1], rtol=1e-12)  # hysteresis cancels where both ways measured
    assert warnings == ("the scan goes to 1899.5 and back: both ways averaged",)


@pytest.mark.parametrize(
    "energy",
    [
        [*range(1800, 1830), *range(1820, 1900)],  # a region measured again
        [*range(1800, 1900), *range(1800, 1900)],  # two scans
        [1800, 1850, 1810, 1860, 1820, 1870, 1830, 1880],
        np.random.default_rng(0).permutation(ENERGY),
    ],
    ids=["overlap", "two scans", "zigzag", "shuffled"],
)
def test_large_steps_back_are_refused(energy):
    with pytest.raises(SikpdosError, match="neither increase nor decrease"):
        axis(np.asarray(energy, float), None)


@pytest.mark.parametrize(
    ("unit", "expected"), [(None, "without a unit: taken as keV"), ("eV", r"in eV\?: taken as keV"), ("keV", "")]
)
def test_kev_is_told_from_the_values(unit, expected):
    found, _, warnings = arranged(ENERGY / 1e3, RAMP, unit)
    np.testing.assert_allclose(found, ENERGY)
    assert (expected in warnings[0].replace("?", r"\?")) if expected else not warnings


def test_ev_called_kev_is_told_from_the_values():
    found, _, warnings = arranged(ENERGY, RAMP, "keV")
    np.testing.assert_array_equal(found, ENERGY)
    assert "taken as eV" in warnings[0]


@pytest.mark.parametrize(
    ("energy", "unit", "words"),
    [
        ([1800.0, 1e300], None, "not those of a spectrum"),
        ([1840.0, 1840.00000001], "eV", "energies span 1e-08 eV only"),
        ([1840.0, np.nan], None, "energy is nan in channel 2 of 2"),
        ([1840.0], None, "only one energy channel"),
        ([1840.0, 1841.0], "nm", "energies in 'nm', expected eV or keV"),
        ([1840.0] * 5, None, "energy 1840 is repeated"),
    ],
)
def test_what_is_no_energy_axis(energy, unit, words):
    with pytest.raises(SikpdosError) as caught:
        axis(np.asarray(energy), unit)
    assert words in str(caught.value)


def test_order():
    assert in_order(ENERGY)
    assert in_order(ENERGY[::-1])
    assert not in_order(np.random.default_rng(0).normal(size=100))
    assert not in_order(np.ones(10))


DRESS = {
    "thousands, tabs": ("\t", lambda x: f"{x:,.2f}"),
    "thousands, quoted": (",", lambda x: f'"{x:,.2f}"'),
    "thousands, semicolons": (";", lambda x: f"{x:,.3f}"),
    "thousands, blanks": ("   ", lambda x: f"{x:,.2f}"),
    "decimal commas": ("\t", lambda x: f"{x:.2f}".replace(".", ",")),
    "decimal commas, points for thousands": (";", lambda x: f"{x:,.2f}".translate({44: 46, 46: 44})),
    "decimal commas, quoted": (";", lambda x: f'"{x:.2f}"'.replace(".", ",")),
    "decimal commas, quoted, comma separated": (",", lambda x: f'"{x:.2f}"'.replace(".", ",")),
    "quoted": (",", lambda x: f'"{x:.2f}"'),
    "exponents": (" ", lambda x: f"{x:.6E}"),
    "Fortran exponents": (" ", lambda x: f"{x:.6E}".replace("E", "D")),
}


@pytest.mark.parametrize("name", DRESS)
def test_numbers_in_any_dress(tmp_path, name):
    separator, written = DRESS[name]
    counts = 900 + 10 * np.arange(ENERGY.size)  # with and without a thousands separator
    path = tmp_path / "x.txt"
    rows = "".join(f"{written(e)}{separator}{written(c)}\n" for e, c in zip(ENERGY, counts, strict=True))
    path.write_text(f"Energy{separator}Counts\n{rows}")
    [spectra] = read_spectra(path)
    np.testing.assert_allclose(spectra.energy_eV, ENERGY)
    np.testing.assert_allclose(spectra.intensity[0], counts)


def test_whole_thousands(tmp_path):
    path = tmp_path / "x.txt"
    path.write_text("Energy\tCounts\n" + "".join(f"{1800 + i:,}\t{950 + 10 * i:,}\n" for i in range(80)))
    [spectra] = read_spectra(path)
    np.testing.assert_array_equal(spectra.energy_eV, 1800 + np.arange(80))
    np.testing.assert_array_equal(spectra.intensity[0], 950 + 10 * np.arange(80))
