"""Broadening: areas kept, onsets at 0, what is broad already."""

from __future__ import annotations

import numpy as np
import pytest
from support.made_up_sites import site

from sikpdos.common.errors import SikpdosError
from sikpdos.common.grid import SPECTRUM
from sikpdos.dataset import curves, database
from sikpdos.spectra import processing


def stacked(count: int, **meta) -> database.Database:
    sites = [site(number) for number in range(count)]
    for each in sites:
        each.meta.update(meta)
    return database.stack(sites)


def test_the_charge_is_kept():
    sites = stacked(4)
    broadened = curves.broaden_sites(sites, 0.2)
    assert broadened.pdos.sum(axis=2) * 0.1 == pytest.approx(sites.pdos.sum(axis=2), rel=2e-3)


@pytest.mark.parametrize("rule", processing.ONSET_RULES)
def test_the_onset_is_at_0(rule):
    broadened = curves.broaden_sites(stacked(4), 0.5, onset_rule=rule)
    again_eV = processing.find_onset(SPECTRUM.energy_eV, broadened.spectra, rule)
    assert np.abs(again_eV).max() < 0.11 if rule != "area" else np.isfinite(broadened.onset_eV).all()


def test_what_is_broadened_twice_has_both_broadenings():
    assert curves.remaining_sigma(0.5, 0.3) == pytest.approx(0.4)
    assert curves.remaining_sigma(0.5, 0.0) == 0.5


@pytest.mark.parametrize("key", ["edge_sigma_eV", "pdos_sigma_eV"])
def test_a_site_that_is_broader_already_is_named(key):
    with pytest.raises(SikpdosError, match=r"site X0-0: is broadened with sigma 0.8 eV already, more than 0.5 eV"):
        curves.broaden_sites(stacked(2, **{key: 0.8}), 0.5)


def test_a_site_without_an_onset_is_named():
    sites = stacked(2)
    sites.edge[1] = 0
    with pytest.raises(SikpdosError, match="site X0-1: no onset"):
        curves.broaden_sites(sites, 0.5)
