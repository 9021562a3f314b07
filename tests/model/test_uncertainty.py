"""Bands: as wide as they say, near to what a model knows and far from it."""

from __future__ import annotations

import numpy as np
import pytest

from sikpdos.common import resources
from sikpdos.dataset import curves, database, dataset
from sikpdos.model import metrics, shipped, uncertainty
from sikpdos.model.ensemble import predict
from sikpdos.model.template_matching import match


def drawn(power: float, seed: int, count: int = 600) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Estimates of two members that agree (2, n, 2, 300), distances (n,), and errors that grow with their power."""
    rng = np.random.default_rng(seed)
    nearest = rng.uniform(0.1, 4.0, count)
    errors = 0.02 * nearest[:, None, None] ** power * rng.normal(size=(count, 2, 300))
    return np.zeros((2, *errors.shape)), nearest, errors


def held(found: uncertainty.Uncertainty, case: tuple, part: np.ndarray) -> float:
    members, nearest, errors = case
    deviation = found.deviation(members[:, part], nearest[part])
    return float((np.abs(errors[part]) <= uncertainty.BAND_90 * deviation).mean())


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
def test_bands_grow_with_the_distance_as_errors_do(power):
    found = uncertainty.calibrate(*([each] for each in drawn(power, 0)))
    assert found.power == pytest.approx(power, abs=0.1)
    case = drawn(power, 1)
    for part in (case[1] < 1.0, case[1] > 3.0):
        assert held(found, case, part) == pytest.approx(0.9, abs=0.02)


def test_bands_do_not_shrink_with_the_distance():
    members, nearest, errors = drawn(1.0, 0)
    assert uncertainty.calibrate([members], [1 / nearest], [errors]).power == 0.0


def test_members_that_differ_widen_the_bands():
    members, nearest, errors = drawn(0.5, 0)
    found = uncertainty.calibrate([members], [nearest], [errors])
    apart = members + np.array([-0.1, 0.1])[:, None, None, None]
    assert (found.deviation(apart, nearest) > found.deviation(members, nearest)).all()


def test_shipped_bands_hold_on_crystals_that_others_found():
    known = database.read_database(resources.EXTERNAL)
    external = dataset.assemble(curves.broaden_sites(known, 0.5), known)
    pdos, deviation = predict(shipped.load("0.5"), external.spectra)
    wide = deviation.mean(axis=(1, 2)) > np.median(deviation.mean(axis=(1, 2)))
    for part in (wide, ~wide):
        assert 0.85 <= metrics.coverage(pdos[part], deviation[part], external.pdos[part]) <= 0.98


def test_the_shipped_model_is_far_better_than_matching_on_crystals_that_others_found():
    known, embedded = (database.read_database(path) for path in (resources.EXTERNAL, resources.DATABASE))
    external, own = (dataset.assemble(curves.broaden_sites(each, 0.5), each) for each in (known, embedded))
    rest = np.isin(own.ids, shipped.load("0.5").meta["split"]["train"])
    matched = match(own.spectra[rest], own.pdos[rest], external.spectra).pdos
    error = metrics.mse(predict(shipped.load("0.5"), external.spectra)[0], external.pdos).mean()
    assert error < 0.6 * metrics.mse(matched, external.pdos).mean()
