"""Calibration: the best stacking weight, errors of groups, limits of what is usual."""

from __future__ import annotations

import numpy as np
import pytest

from sikpdos.model import calibration, outliers
from sikpdos.model.calibration import ValidationFold
from sikpdos.model.ensemble import Estimates
from sikpdos.model.training_spectra import SpectrumVariants


def validation_fold(rng: np.random.Generator, share: float, groups: list[str]) -> ValidationFold:
    """Two variants of each site; the truth lies between networks and regression."""
    k = len(groups)
    networks, regression = rng.random((1, 2 * k, 2, 300)), rng.random((2 * k, 2, 300))
    estimates = Estimates(
        networks=networks, regressions=regression[None], regression=regression, nearest=np.ones(2 * k)
    )
    return ValidationFold(
        variants=SpectrumVariants(spectra=np.ones((2, k, 200)), resolution=np.zeros((2, k, 2)), noise=0.0),
        groups=np.array(groups),
        true=networks[0] + share * (regression - networks[0]),
        estimates=estimates,
    )


@pytest.mark.parametrize(("share", "expected"), [(0.3, 0.3), (0.9, 0.9), (-0.5, 0.0), (1.5, 1.0)])
def test_the_stacking_weight_is_the_best_between_0_and_1(share, expected):
    rng = np.random.default_rng(0)
    folds = [validation_fold(rng, share, ["a", "b"]), validation_fold(rng, share, ["c"])]
    assert calibration.stacking_weight(folds) == pytest.approx(expected, abs=1e-9)


def test_regressions_that_say_the_same_as_the_networks_get_no_weight():
    fold = validation_fold(np.random.default_rng(0), 0.5, ["a"])
    fold.estimates.regression[:] = fold.estimates.networks[0]
    assert calibration.stacking_weight([fold]) == 0.0


def test_errors_of_groups_are_means_over_their_sites():
    fold = validation_fold(np.random.default_rng(0), 1.0, ["b", "a", "b"])
    site_error = np.array([0.1, 0.2, 0.3, 0.1, 0.2, 0.5])  # of the first variants, then of the second
    fold.true[:] = fold.estimates.regression + site_error[:, None, None]
    mse = calibration.group_mse([fold], 1.0)
    assert list(mse) == ["a", "b"]
    assert mse["a"] == pytest.approx(0.04)
    assert mse["b"] == pytest.approx((0.01 + (0.09 + 0.25) / 2) / 2)


def test_few_of_the_spectra_are_unusual():
    rng = np.random.default_rng(0)
    axis = np.linspace(0, 6, 200)
    spectra = 1 + sum(rng.normal(0, 0.1, (40, 1)) * np.sin(k * axis) for k in (1, 2, 3))
    fold = np.arange(40) % 5
    variants = SpectrumVariants(spectra=spectra[None], resolution=np.zeros((1, 40, 2)), noise=0.0)
    model = calibration.outlier_model(variants, fold)
    assert (outliers.novelty(model, spectra[fold != 0]) > 1).mean() <= 0.1
    assert (outliers.novelty(model, 1 + np.sin(9 * axis)[None]) > 1).all()
