"""Bands: as wide as they say, near to what a model knows and far from it."""

from __future__ import annotations

import numpy as np
import pytest

from sikpdos.model import uncertainty


def drawn(power: float, seed: int, count: int = 600) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Estimates of two members that agree (2, n, 2, 300), distances (n,), and errors that grow with their power."""
    rng = np.random.default_rng(seed)
    nearest = rng.uniform(0.1, 4.0, count)
    errors = 0.02 * nearest[:, None, None] ** power * rng.normal(size=(count, 2, 300))
    return np.zeros((2, *errors.shape)), nearest, errors


def calibrate(members: np.ndarray, nearest: np.ndarray, errors: np.ndarray) -> uncertainty.Uncertainty:
    """From one fold, whose mean estimate is that of its members."""
    return uncertainty.calibrate([members], [nearest], [members.mean(axis=0)], [errors])


def coverage(calibrated: uncertainty.Uncertainty, case: tuple, part: np.ndarray) -> float:
    members, nearest, errors = case
    std = calibrated.std(members[:, part], nearest[part], members[0, part])
    return float((np.abs(errors[part]) <= uncertainty.BAND_90 * std).mean())


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
def test_bands_grow_with_the_distance_as_errors_do(power):
    calibrated = calibrate(*drawn(power, 0))
    assert calibrated.power == pytest.approx(power, abs=0.1)
    case = drawn(power, 1)
    for part in (case[1] < 1.0, case[1] > 3.0):
        assert coverage(calibrated, case, part) == pytest.approx(0.9, abs=0.02)


def test_bands_do_not_shrink_with_the_distance():
    members, nearest, errors = drawn(1.0, 0)
    assert calibrate(members, 1 / nearest, errors).power == 0.0


def test_members_that_differ_widen_the_bands():
    members, nearest, errors = drawn(0.5, 0)
    calibrated = calibrate(members, nearest, errors)
    apart = members + np.array([-0.1, 0.1])[:, None, None, None]
    mean = members[0]
    assert (calibrated.std(apart, nearest, mean) > calibrated.std(members, nearest, mean)).all()


def test_bands_are_as_wide_as_estimates_of_a_kind_are_wrong():
    """Estimates of two shapes, of which one is wrong by three times as much."""
    rng = np.random.default_rng(0)
    hard = np.arange(800) % 2 == 0
    mean = np.where(hard[:, None, None], 1.0, 0.0) * np.sin(np.arange(600).reshape(2, 300) / 40)
    mean = mean + 0.05 * rng.normal(size=mean.shape)
    errors = np.where(hard, 0.06, 0.02)[:, None, None] * rng.normal(size=mean.shape)
    nearest = np.ones(800)
    quarters = [slice(k, None, 4) for k in range(4)]
    calibrated = uncertainty.calibrate(
        [np.array([mean[part], mean[part]]) for part in quarters],
        [nearest[part] for part in quarters],
        [mean[part] for part in quarters],
        [errors[part] for part in quarters],
    )
    for kind in (hard, ~hard):
        std = calibrated.std(np.array([mean[kind], mean[kind]]), nearest[kind], mean[kind])
        assert (np.abs(errors[kind]) <= uncertainty.BAND_90 * std).mean() == pytest.approx(0.9, abs=0.02)
