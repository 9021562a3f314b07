"""An ensemble's estimates: all members, or those that kept a fold."""

from __future__ import annotations

import numpy as np
import pytest

from sikpdos.dataset.dataset import read_dataset
from sikpdos.model import ensemble, mixture
from sikpdos.model.ensemble import Estimates
from sikpdos.model.model_file import read_model
from sikpdos.model.network import recording


@pytest.fixture(scope="module")
def model(small_model):
    return read_model(small_model)


@pytest.fixture(scope="module")
def known(small_dataset):
    return read_dataset(small_dataset)


def test_blocks_do_not_matter_to_a_prediction(model):
    spectra = np.random.default_rng(0).random((70, 200), np.float32)
    (mean, std), (mean_in_blocks, std_in_blocks) = (mixture.predict(model, spectra, block=size) for size in (70, 9))
    assert np.abs(mean - mean_in_blocks).max() < 1e-6
    assert np.abs(std - std_in_blocks).max() < 1e-6
    assert (std > 0).all()


def test_no_spectra_give_no_predictions(model):
    mean, std = mixture.predict(model, np.empty((0, 200), np.float32))
    assert mean.shape == std.shape == (0, 2, 300)


@pytest.mark.parametrize("fold", [1, 2, 3, 4])
def test_a_fold_is_estimated_by_those_that_did_not_know_it(model, known, fold):
    sites = np.array(model.meta["split"]["fold"]) == fold
    resolution = recording(known.spectra[sites])
    (expert,) = model.experts
    estimates = ensemble.estimate(expert.ensemble, known.spectra[sites], resolution, left_out=fold)
    assert len(estimates.networks) == (expert.ensemble.member_fold == fold).sum()
    assert np.array_equal(estimates.regressions[0], estimates.regression)
    assert estimates.nearest.min() > 0.01  # of a fit that knows them it is 0
    everyone = ensemble.estimate(expert.ensemble, known.spectra[sites], resolution)
    assert len(everyone.networks) == model.members
    assert everyone.nearest.max() < 0.01


def test_the_stacking_weight_goes_from_networks_to_regression():
    rng = np.random.default_rng(0)
    networks, regressions = rng.random((2, 3, 5, 2, 300))
    estimates = Estimates(
        networks=networks, regressions=regressions, regression=regressions[0] + 1, nearest=np.zeros(5)
    )
    assert np.array_equal(estimates.mean(0.0), networks.mean(axis=0))
    assert np.allclose(estimates.mean(1.0), regressions[0] + 1)
    assert np.allclose(estimates.mean(0.25), 0.75 * networks.mean(axis=0) + 0.25 * (regressions[0] + 1))
    assert np.allclose(estimates.of_members(0.25), 0.75 * networks + 0.25 * regressions)
