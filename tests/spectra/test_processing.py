"""Arithmetic of spectra: what broadening, smoothing, cutting and backgrounds must leave as it was."""

from __future__ import annotations

import numpy as np
import pytest

from sikpdos.common.errors import SikpdosError
from sikpdos.common.grid import PDOS, SPECTRUM
from sikpdos.dataset import curves
from sikpdos.dataset.binning import linear_binning
from sikpdos.spectra import preprocess, processing
from sikpdos.spectra.refusal import Fault
from sikpdos.spectra.settings import Corrections, Preprocessing

WIDE_EV = np.arange(-60, 60, 0.05)
STICKS_EV, STICKS = np.array([-7.3, -2.21, 0.04, 3.333]), np.array([1.0, 2.5, 0.25, 1.7])


@pytest.mark.parametrize("sigma_eV", [0.3, 0.5, 1.2, 3.0])
def test_broadening_keeps_area_and_first_moment(sigma_eV):
    curve = processing.broaden(STICKS_EV, STICKS, WIDE_EV, sigma_eV)
    area = curve.sum() * 0.05
    assert area == pytest.approx(STICKS.sum(), rel=1e-3)
    assert (curve * WIDE_EV).sum() * 0.05 / area == pytest.approx((STICKS * STICKS_EV).sum() / STICKS.sum(), abs=1e-3)
    variance = (curve * WIDE_EV**2).sum() * 0.05 / area - ((curve * WIDE_EV).sum() * 0.05 / area) ** 2
    sticks_variance = (STICKS * STICKS_EV**2).sum() / STICKS.sum() - ((STICKS * STICKS_EV).sum() / STICKS.sum()) ** 2
    assert variance - sticks_variance == pytest.approx(sigma_eV**2, rel=1e-3)


def test_a_lorentzian_keeps_the_area_but_for_its_tails():
    fwhm_eV, axis_eV = 0.48, np.arange(-2000, 2000, 0.05)
    area = processing.broaden(STICKS_EV, STICKS, axis_eV, 0.5, fwhm_eV).sum() * 0.05
    tails = 1 - 2 / np.pi * np.arctan(2 * 2000 / fwhm_eV)
    assert area == pytest.approx(STICKS.sum() * (1 - tails), rel=1e-3)


def test_the_lorentzian_has_its_half_width():
    line = processing.kernel(np.array([0.0, 0.24]), 1e-4, 0.48)
    assert line[1] / line[0] == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize("sigma_eV", [0.3, 0.5, 1.2])
def test_sticks_and_their_histogram_give_the_same_curve(sigma_eV):
    centres_eV, bins = linear_binning(STICKS_EV, STICKS, -20, 30)
    assert bins.sum() == pytest.approx(STICKS.sum(), abs=1e-12)
    assert (bins * centres_eV).sum() == pytest.approx((STICKS * STICKS_EV).sum(), abs=1e-9)
    sticks = processing.broaden(STICKS_EV, STICKS, PDOS.energy_eV, sigma_eV)
    assert np.abs(processing.broaden(centres_eV, bins, PDOS.energy_eV, sigma_eV) - sticks).max() < 3e-3 * sticks.max()


def test_two_broadenings_add_in_quadrature():
    once = processing.broaden(STICKS_EV, STICKS, WIDE_EV, 1.2)
    first = processing.broaden(STICKS_EV, STICKS, WIDE_EV, 0.5)
    twice = processing.blur(first[None], curves.remaining_sigma(1.2, 0.5), 0.05)[0]
    assert np.abs(once - twice).max() < 1e-3 * once.max()
    with pytest.raises(SikpdosError, match="broadened"):
        curves.remaining_sigma(0.5, 1.2)


@pytest.mark.parametrize(("window", "order"), [(40, 3), (41, 3), (4, 1), (5, 2), (12, 4)])
def test_smoothing_keeps_a_line_to_its_ends(window, order):
    line = 3.0 - 0.7 * np.arange(120.0)
    assert np.abs(processing.smooth(line[None], window, order)[0] - line).max() < 1e-9


@pytest.mark.parametrize(("window", "order"), [(40, 3), (10, 2), (9, 2)])
def test_smoothing_keeps_a_polynomial_inside(window, order):
    x = np.linspace(-1, 1, 161)
    curve = (0.3 + x - 2 * x**2 + (x**3 if order == 3 else 0))[None]
    inside = slice(window, -window)
    assert np.abs(processing.smooth(curve, window, order) - curve)[0, inside].max() < 1e-9


@pytest.mark.parametrize("window", [4, 10, 40])
def test_an_even_window_does_not_move_a_peak(window):
    x = np.arange(-100, 101)
    peak = np.exp(-0.5 * (x / 12.0) ** 2)[None]
    smoothed = processing.smooth(peak, window, 3)[0]
    assert np.abs(smoothed - smoothed[::-1]).max() < 1e-12
    assert (smoothed * x).sum() == pytest.approx(0, abs=1e-9)


def test_an_odd_window_is_scipys():
    from scipy.signal import savgol_coeffs

    assert np.allclose(processing.smoothing_weights(41, 3), savgol_coeffs(41, 3))


def test_the_papers_smoothing_keeps_most_of_a_peak_of_1_2_eV():
    energy_eV = np.arange(-20, 20, 0.1)
    peak = np.exp(-0.5 * (energy_eV / 1.2) ** 2)
    assert processing.smooth(peak[None], 40, 3).max() == pytest.approx(0.95, abs=0.015)


def edge(energy_eV: np.ndarray, at_eV: float) -> np.ndarray:
    return 1 / (1 + np.exp(-(energy_eV - at_eV) / 0.4)) + 0.5 * np.exp(-0.5 * ((energy_eV - at_eV - 4) / 1.0) ** 2)


@pytest.mark.parametrize("rule", processing.ONSET_RULES)
def test_the_onset_moves_with_the_spectrum(rule):
    energy_eV = np.arange(0, 60, 0.1)
    onsets = processing.find_onset(energy_eV, np.array([edge(energy_eV, at) for at in (20.0, 23.4, 25.07)]), rule)
    assert np.diff(onsets) == pytest.approx([3.4, 1.67], abs=0.02)
    assert 17 < onsets[0] < 22


@pytest.mark.parametrize("rule", processing.ONSET_RULES)
def test_no_rise_has_no_onset(rule):
    energy_eV = np.arange(0, 60, 0.1)
    assert np.isnan(processing.find_onset(energy_eV, np.ones((1, 600)), rule)).all()


def test_an_unknown_onset_rule_is_refused():
    with pytest.raises(SikpdosError, match="unknown onset rule"):
        processing.find_onset(np.arange(5.0), np.ones((1, 5)), "bogus")


def known(energy_eV: np.ndarray) -> np.ndarray:
    return 2 + np.sin(energy_eV / 1.7) + 0.1 * energy_eV


@pytest.mark.parametrize("step_eV", [0.02, 0.05, 0.1, 0.25])
def test_resampling_keeps_a_smooth_function(step_eV):
    energy_eV = 1800.013 + step_eV * np.arange(round(60 / step_eV))
    grid_eV, values = processing.resample(energy_eV, known(energy_eV)[None], 0.1)
    assert np.allclose(np.diff(grid_eV), 0.1)
    assert np.abs(values[0] - known(grid_eV)).max() < 2e-3


def test_resampling_takes_uneven_steps():
    energy_eV = np.cumsum(np.random.default_rng(0).uniform(0.1, 0.4, 300))
    grid_eV, values = processing.resample(energy_eV, known(energy_eV)[None], 0.1)
    assert np.abs(values[0] - known(grid_eV)).max() < 2e-3


@pytest.mark.parametrize("onset_eV", [10.0, 10.03, 12.349])
def test_cutting_puts_the_onset_at_zero(onset_eV):
    energy_eV = np.round(np.arange(0, 40, 0.1), 9)
    cut = processing.cut(energy_eV, known(energy_eV)[None], np.array([onset_eV]))[0]
    assert cut.shape == (SPECTRUM.size,)
    assert np.abs(cut - known(SPECTRUM.energy_eV + onset_eV)).max() < 1e-3


def test_a_pure_power_law_leaves_nothing():
    energy_eV = np.arange(1700, 1950, 0.25)
    counts = np.array([1e6 * (energy_eV / 1700) ** -r for r in (2.0, 3.3, 4.0)])
    rest = counts - processing.fit_power_law(energy_eV, counts, 1740, 1830)
    assert np.abs(rest / counts).max() < 1e-6


def test_a_line_leaves_nothing():
    energy_eV = np.arange(1700, 1950, 0.25)
    mu = np.array([0.2 - 1e-3 * energy_eV, 3 + 2e-4 * energy_eV])
    assert np.abs(mu - processing.fit_line(energy_eV, mu, 1740, 1830)).max() < 1e-8


def test_coverage_of_each_spectrum():
    below, above = processing.coverage(np.arange(0, 30, 0.1), np.array([0.4, 5.0, 15.0]))
    assert below == pytest.approx([0.6, 0, 0])
    assert above == pytest.approx([0, 0, 4.0])


def test_one_bad_spectrum_of_a_block_stops_no_others():
    energy_eV = np.arange(1740, 1880, 0.25)
    good = 1e4 * (energy_eV / 1740) ** -3 + 5e3 * edge(energy_eV, 1840)
    late = 1e4 * (energy_eV / 1740) ** -3 + 5e3 * edge(energy_eV, 1872)
    counts = np.array([good, -good, late, np.full_like(good, 10.0), good])
    found = preprocess.prepare(energy_eV, counts, "eels")
    assert sorted(found.causes) == [1, 2, 3]
    kinds = {row: refusal.fault for row, refusal in found.refused.items()}
    assert kinds == {1: Fault.NO_BACKGROUND, 2: Fault.NOT_COVERED, 3: Fault.NO_EDGE}
    assert "no onset" in found.causes[3]
    assert found.usable.tolist() == [True, False, False, False, True]
    assert np.isnan(found.spectra[[1, 2, 3]]).all()
    assert np.array_equal(found.spectra[0], found.spectra[4])
    alone = preprocess.prepare(energy_eV, good[None], "eels")
    assert np.allclose(found.spectra[0], alone.spectra[0], atol=1e-9)
    partial = preprocess.prepare(energy_eV, counts, "eels", Preprocessing(allow_partial=True))
    assert sorted(partial.causes) == [1, 2, 3]  # an onset 33 eV from silicon's
    assert "no silicon K-edge" in partial.causes[2]
    any_edge = Corrections(any_edge=True)
    wanted = Preprocessing(allow_partial=True, corrections=any_edge)
    partial = preprocess.prepare(energy_eV, counts, "eels", wanted)
    assert sorted(partial.causes) == [1, 3]
    assert any("not measured" in warning for warning in partial.warnings)
