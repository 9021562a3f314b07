"""The outlier model: its statistics, and what it calls unusual."""

from __future__ import annotations

import numpy as np
import pytest

from sikpdos.model import outliers


@pytest.fixture(scope="module")
def spectra() -> np.ndarray:
    """Smooth spectra (300, 200), sums of eight shapes, above 0."""
    rng = np.random.default_rng(0)
    axis = np.linspace(0, 6, 200)
    return 2 + sum(rng.normal(0, 0.1, (300, 1)) * np.sin(k * axis) / k for k in range(1, 9))


def test_hotellings_t2_of_the_training_spectra_is_1(spectra):
    squared = outliers.statistics(outliers.fit(spectra), spectra)[:, 0] ** 2
    assert squared.mean() == pytest.approx(1, rel=0.02)


def test_what_lies_outside_the_components_is_a_residual(spectra):
    model = outliers.fit(spectra)
    inside = outliers.statistics(model, spectra)
    other_shape = outliers.statistics(model, spectra + 0.3 * np.sin(15 * np.linspace(0, 6, 200)))
    assert other_shape[:, 1].min() > 2 * inside[:, 1].max()


def test_an_edge_without_structure_is_flat(spectra):
    model = outliers.fit(spectra)
    flat = 1 + 1e-4 * np.sin(np.linspace(0, 6, 200))[None]
    assert outliers.statistics(model, flat)[0, 2] > 10 * outliers.statistics(model, spectra)[:, 2].max()


def test_noise_is_measured(spectra):
    rng = np.random.default_rng(1)
    for level in (0.05, 0.2):
        noisy = spectra * (1 + level * rng.normal(size=spectra.shape))
        assert outliers.noise(noisy).mean() == pytest.approx(level, rel=0.2)


def test_limits_are_those_of_similar_noise(spectra):
    """What is usual of a noisy spectrum is unusual of a clean one."""
    rng = np.random.default_rng(2)
    levels = np.geomspace(0.001, 0.3, 300)[:, None]
    noisy = spectra * (1 + levels * rng.normal(size=spectra.shape))
    model = outliers.fit(spectra)
    model = outliers.with_limits(model, outliers.statistics(model, noisy), outliers.noise(noisy))
    assert len(model.noise_steps) == 4
    assert (np.diff(model.limits[:, 1]) > 0).all()
    assert (outliers.novelty(model, noisy) > 1).mean() <= 0.1
    assert outliers.novelty(model, spectra[:1] * (1 + rng.normal(size=(1, 200)))) > 1
