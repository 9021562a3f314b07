"""Spectra to train on: flat and by site, clean and measured."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sikpdos.common.errors import SikpdosError
from sikpdos.dataset.dataset import read_dataset
from sikpdos.model.settings import Settings
from sikpdos.model.training_spectra import SpectrumVariants, sampler


@pytest.fixture(scope="module")
def known(small_dataset):
    return read_dataset(small_dataset)


def test_flat_arrays_belong_together():
    site = np.arange(5)
    number = 10 * np.arange(3)[:, None] + site  # (variants, n): tells each spectrum
    variants = SpectrumVariants(
        spectra=np.repeat(number[..., None], 200, axis=2),
        resolution=np.repeat(number[..., None], 2, axis=2),
        noise=0.1,
    ).of_sites(site != 2)
    assert variants.flat_spectra[:, 0].tolist() == [0, 1, 3, 4, 10, 11, 13, 14, 20, 21, 23, 24]
    assert variants.flat_resolution[:, 0].tolist() == variants.flat_spectra[:, 0].tolist()
    assert (variants.flat_copies(site[site != 2]) == variants.flat_spectra[:, 0] % 10).all()
    assert variants.by_variant(variants.flat_spectra).tolist() == variants.spectra.tolist()
    assert variants.noise == 0.1


def test_clean_spectra_are_the_datasets(known):
    clean = sampler(known, Settings(noise=0.2))
    assert np.array_equal(clean.draw(7).spectra[0], known.spectra)
    assert (clean.draw(7).noise, clean.held_out.noise) == (0.2, 0.0)
    assert not clean.held_out.resolution.any()


def test_measurements_are_new_every_few_epochs_and_the_same_for_a_seed(known):
    few = replace(
        known, ids=known.ids[:4], groups=known.groups[:4], spectra=known.spectra[:4], pdos=known.pdos[:4],
        edge=known.edge[:4], material_class=known.material_class[:4],
    )  # fmt: skip
    measured, again = (sampler(few, Settings(measured=True, seed=3)) for _ in range(2))
    assert np.array_equal(measured.held_out.spectra, again.held_out.spectra)
    first, later = measured.draw(1), measured.draw(10)
    assert np.array_equal(first.spectra, measured.draw(4).spectra)
    assert not np.array_equal(first.spectra, later.spectra)
    assert not np.array_equal(first.spectra, measured.held_out.spectra)
    is_known, sigma_eV, xas, eels, _noise = np.moveaxis(later.resolution, -1, 0)
    assert set(np.unique(xas + eels)) <= {0, 1}
    assert set(np.unique(is_known)) <= {0, 1}
    assert ((sigma_eV == 0) == (is_known == 0)).all()
    assert ((sigma_eV[is_known == 1] >= 0.4) & (sigma_eV[is_known == 1] <= 1.5)).all()
    assert np.isfinite(later.spectra).all()
    assert later.spectra.shape[1:] == (4, 200)


def test_measurements_need_edges_before_broadening(known):
    with pytest.raises(SikpdosError, match="no edges before broadening"):
        sampler(replace(known, edge=None, edge_energy_eV=None), Settings(measured=True))
