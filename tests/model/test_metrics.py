"""The errors that are reported, on curves whose errors are known."""

from __future__ import annotations

import numpy as np
import pytest

from sikpdos.common.grid import PDOS
from sikpdos.model import metrics
from sikpdos.model.uncertainty import BAND_90


@pytest.fixture
def true() -> np.ndarray:
    """Gaussian s and p bands (6, 2, 300) of one electron each, 5 and 4 eV below the Fermi level and lower."""
    centre_eV = np.array([-5.0, -4.0])[:, None] - np.arange(6)[:, None, None]
    return np.exp(-0.5 * ((PDOS.energy_eV - centre_eV) / 0.5) ** 2) / (0.5 * np.sqrt(2 * np.pi))


def test_a_perfect_prediction_has_no_error(true):
    summary = metrics.summary(true, true)
    assert not any(summary.values())


def test_twice_the_states_are_a_charge_of_their_own(true):
    assert metrics.valence_charge(true) == pytest.approx(2, rel=1e-6)
    assert metrics.summary(2 * true, true)["charge_error"] == pytest.approx(2, rel=1e-6)


def test_moved_bands_have_another_centre(true):
    assert metrics.band_centre(true)[0] == pytest.approx([-5, -4], abs=1e-3)
    moved = np.roll(true, -10, axis=-1)
    assert metrics.summary(moved, true)["band_centre_error_eV"] == pytest.approx(1.0, abs=1e-3)


def test_errors_of_s_and_p(true):
    predicted = true + np.array([0.1, 0.3])[:, None]
    summary = metrics.summary(predicted, true)
    assert summary["mse_s"] == pytest.approx(0.01)
    assert summary["mse_p"] == pytest.approx(0.09)
    assert summary["mse"] == pytest.approx(0.05)
    assert summary["mse_near_fermi"] == pytest.approx(0.05)
    assert metrics.mse(predicted, true).shape == (6, 2)


def test_the_mean_density_has_a_relative_error_of_1(true):
    mean = np.broadcast_to(true.mean(axis=0), true.shape)
    assert metrics.summary(mean, true)["relative_mse"] == pytest.approx(1)


def test_normal_errors_lie_in_the_band_9_times_of_10(true):
    errors = np.random.default_rng(0).normal(0, 0.02, true.shape)
    assert metrics.coverage(true + errors, np.full(true.shape, 0.02), true) == pytest.approx(0.9, abs=0.02)
    assert metrics.coverage(true + 1.01 * BAND_90 * 0.02, np.full(true.shape, 0.02), true) == 0
