"""Broadening that grows with energy: its width, its area, and its limit of a constant width."""

from __future__ import annotations

import numpy as np
import pytest

from sikpdos.spectra import processing
from sikpdos.spectra.lifetime import SI_1S_FWHM_EV, Lifetime, broaden_bins

ENERGY_EV = np.arange(-5, 60, 0.05)


def test_the_width_grows_from_the_core_holes_by_several_eV():
    width = Lifetime().fwhm_eV(np.array([0.0, 5.0, 13.0, 20.0, 1e4]))
    assert width[0] == pytest.approx(SI_1S_FWHM_EV, abs=0.02)
    assert (np.diff(width) > 0).all()
    assert 1 < width[2] < 4
    assert width[-1] == pytest.approx(SI_1S_FWHM_EV + 15, abs=0.1)


def test_the_area_is_kept_and_features_fade_the_more_the_higher():
    edges = np.array([np.exp(-0.5 * ((ENERGY_EV - at) / 0.5) ** 2) for at in (3.0, 13.0)])
    faded = broaden_bins(ENERGY_EV, edges, Lifetime())
    assert faded.sum(axis=1) == pytest.approx(edges.sum(axis=1), rel=0.06)
    assert faded[1].max() < 0.7 * faded[0].max()


def test_without_growth_it_is_the_core_holes_lorentzian():
    sticks = np.zeros((1, len(ENERGY_EV)))
    sticks[0, 500] = 1.0
    faded = broaden_bins(ENERGY_EV, sticks, Lifetime(maximum_eV=0.0))[0] / 0.05
    line = processing.broaden(ENERGY_EV, sticks[0], ENERGY_EV, 1e-3, SI_1S_FWHM_EV)
    assert np.abs(faded - line).max() < 0.02 * line.max()


def test_a_flat_continuum_stays_flat_to_its_end():
    faded = broaden_bins(ENERGY_EV, np.ones((1, len(ENERGY_EV))), Lifetime())[0]
    assert np.abs(faded[ENERGY_EV > 30] - 1).max() < 0.12
