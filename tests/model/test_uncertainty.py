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


def coverage(calibrated: uncertainty.Uncertainty, case: tuple, part: np.ndarray) -> float:
    members, nearest, errors = case
    std = calibrated.std(members[:, part], nearest[part])
    return float((np.abs(errors[part]) <= uncertainty.BAND_90 * std).mean())


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
def test_bands_grow_with_the_distance_as_errors_do(power):
    calibrated = uncertainty.calibrate(*([array] for array in drawn(power, 0)))
    assert calibrated.power == pytest.approx(power, abs=0.1)
    case = drawn(power, 1)
    for part in (case[1] < 1.0, case[1] > 3.0):
        assert coverage(calibrated, case, part) == pytest.approx(0.9, abs=0.02)


def test_bands_do_not_shrink_with_the_distance():
    members, nearest, errors = drawn(1.0, 0)
    assert uncertainty.calibrate([members], [1 / nearest], [errors]).power == 0.0


def test_members_that_differ_widen_the_bands():
    members, nearest, errors = drawn(0.5, 0)
    calibrated = uncertainty.calibrate([members], [nearest], [errors])
    apart = members + np.array([-0.1, 0.1])[:, None, None, None]
    assert (calibrated.std(apart, nearest) > calibrated.std(members, nearest)).all()
