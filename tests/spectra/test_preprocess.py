"""Background, onset, gaps and spikes by what was measured; what is no silicon K-edge is refused."""

from __future__ import annotations

import numpy as np
import pytest

from sikpdos.common.errors import SikpdosError
from sikpdos.spectra.preprocess import prepare
from sikpdos.spectra.settings import Corrections, Preprocessing

ENERGY_EV = np.arange(1740.0, 1900.0, 0.25)


def edge(energy_eV: np.ndarray, at_eV: float = 1840.0) -> np.ndarray:
    x = energy_eV - at_eV
    return 0.5 * (1 + np.tanh(x / 0.8)) * (1 + 0.5 * np.exp(-0.5 * ((x - 3) / 1.5) ** 2))


def counts(at_eV: float = 1840.0) -> np.ndarray:
    return 5e4 * (ENERGY_EV / 1740) ** -3 + 1e4 * edge(ENERGY_EV, at_eV)


CLEAN = prepare(ENERGY_EV, counts()[None], "eels").spectra[0]


def prepared(energy_eV: np.ndarray, intensity: np.ndarray, kind: str = "unknown", **corrections):
    return prepare(energy_eV, intensity[None], kind, Preprocessing(corrections=Corrections(**corrections)))


@pytest.mark.parametrize("offset", [0.3, 1.4, -2.0])
@pytest.mark.parametrize("start_eV", [1822.0, 1830.0])
def test_a_short_pre_edge_gets_a_line_and_a_warning(start_eV, offset):
    energy_eV = np.arange(start_eV, 1872, 0.2)
    found = prepared(energy_eV, edge(energy_eV) + offset - 2e-3 * (energy_eV - 1840))
    assert found.background.law == "line"
    assert any("measured before the edge" in warning for warning in found.warnings)
    assert np.abs(found.spectra[0] - CLEAN).max() < 0.02


def test_subtracted_spectra_are_left_alone():
    found = prepared(ENERGY_EV, 1e4 * edge(ENERGY_EV) + np.random.default_rng(0).normal(0, 20, len(ENERGY_EV)), "eels")
    assert found.background is None
    assert any("already subtracted" in remark for remark in found.remarks)


def test_a_wide_range_with_its_zero_loss_peak():
    energy_eV = np.arange(-50.0, 1950.0, 0.5)
    intensity = (
        1e6 * np.exp(-0.5 * energy_eV**2) + edge(energy_eV) * 1e3 + 5e3 * (np.maximum(energy_eV, 50) / 1740) ** -3
    )
    found = prepared(energy_eV, intensity, "eels")
    assert found.onset_eV[0] == pytest.approx(1840, abs=0.5)


def test_a_later_edge_does_not_take_the_onset():
    energy_eV = np.arange(1750.0, 2300.0, 0.5)
    found = prepared(energy_eV, edge(energy_eV) + 3 * edge(energy_eV, 2145))
    assert found.onset_eV[0] == pytest.approx(1840, abs=0.5)


@pytest.mark.parametrize("shift_eV", [-14.0, 12.0])
def test_the_window_ends_below_a_shifted_edge(shift_eV):
    found = prepared(ENERGY_EV, counts(1840 + shift_eV), "eels")
    assert found.onset_eV[0] == pytest.approx(1840 + shift_eV, abs=0.5)
    back = prepared(ENERGY_EV, counts(1840 + shift_eV), "eels", e0_shift_eV=-shift_eV)
    assert back.onset_eV[0] == pytest.approx(1840, abs=0.5)


@pytest.mark.parametrize("hole", [(1842, 1854), (1850, 1853)])
def test_a_gap_in_the_window_is_not_measured(hole):
    kept = (hole[0] > ENERGY_EV) | (hole[1] < ENERGY_EV)
    assert "not measured" in prepared(ENERGY_EV[kept], counts()[kept], "eels").causes[0]


def test_steps_too_coarse_are_not_measured():
    assert "not measured" in prepared(ENERGY_EV[::10], counts()[::10], "eels").causes[0]


def test_a_spike_is_named_and_removed_on_request():
    spiked = counts()
    spiked[np.searchsorted(ENERGY_EV, 1850.0)] += 1e5
    assert "spike at 1850.00 eV" in prepared(ENERGY_EV, spiked, "eels").causes[0]
    assert np.abs(prepared(ENERGY_EV, spiked, "eels", despike=True).spectra[0] - CLEAN).max() < 0.02


@pytest.mark.parametrize("span", [(7000, 7300), (500, 600), (1500, 1700)])
def test_other_edges_are_refused(span):
    energy_eV = np.arange(*span, 0.5)
    intensity = edge(energy_eV, sum(span) / 2) + 0.2
    with pytest.raises(SikpdosError, match="no silicon K-edge"):
        prepared(energy_eV, intensity)
    assert prepared(energy_eV, intensity, any_edge=True).usable.all()


def test_a_zero_loss_peak_is_no_edge():
    energy_eV = np.arange(-10.0, 80.0, 0.25)
    plasmon = 0.05 / (1 + ((energy_eV - 16.7) / 2) ** 2)
    assert "peak" in prepared(energy_eV, np.exp(-0.5 * energy_eV**2) + plasmon).causes[0]
