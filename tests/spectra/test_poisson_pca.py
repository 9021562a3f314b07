"""Principal components of counts: as many as there are phases, whatever the detector does to the noise."""

from __future__ import annotations

import numpy as np
import pytest

from sikpdos.spectra import poisson_pca

ENERGY_EV = 1780 + 0.25 * np.arange(320)
PEAKS = [(1842.0, 2.0), (1844.5, 3.0), (1849.0, 2.5)]


def phases(counts: float) -> np.ndarray:
    """Expected counts (3, n) of three edges on a background."""
    edges = [np.where(ENERGY_EV > 1840, 0.5, 0) + np.exp(-0.5 * ((ENERGY_EV - at) / width) ** 2) for at, width in PEAKS]
    return counts * (2 * (ENERGY_EV / 1780) ** -3 + np.array(edges))


def image(counts: float, pixels: int = 1500) -> np.ndarray:
    """Mean spectra (pixels, n): mixtures that change slowly, the thickness as well."""
    rng = np.random.default_rng(1)
    steps = rng.dirichlet([1, 1, 1], pixels // 30 + 2)
    mixture = np.stack([np.interp(np.arange(pixels) / 30, np.arange(len(steps)), column) for column in steps.T], axis=1)
    thickness = np.interp(np.arange(pixels), [0, pixels], [0.4, 1.0])[:, None]
    return thickness * (mixture @ phases(counts))


def spread(counts: np.ndarray, sigma: float) -> np.ndarray:
    """By a detector that spreads light over neighbouring channels."""
    kernel = np.exp(-0.5 * (np.arange(-6, 7) / sigma) ** 2)
    return np.stack(
        [np.convolve(row, kernel / kernel.sum(), "same") for row in np.pad(counts, [(0, 0), (6, 6)], "edge")]
    )[:, 6:-6]


READ_OUT = np.random.default_rng(2).normal(0, 20, (1500, ENERGY_EV.size))
DETECTORS = {
    "counting": lambda counts: counts,
    "gain": lambda counts: 2.7 * counts,
    "spread over channels": lambda counts: spread(counts, 1.0),
    "spread widely": lambda counts: spread(counts, 2.0),
    "read-out noise": lambda counts: spread(counts, 1.0) + READ_OUT,
}


def found(spectra: np.ndarray) -> poisson_pca.Components:
    return poisson_pca.components(np.array_split(spectra, 3), spectra.mean(axis=0))


@pytest.mark.parametrize("name", DETECTORS)
def test_components_are_as_many_as_phases_and_leave_noise_alone(name):
    mean = DETECTORS[name](image(1000)) - (READ_OUT if "read-out" in name else 0)
    spectra = DETECTORS[name](np.random.default_rng(0).poisson(image(1000)).astype(float))
    components = found(spectra)
    assert len(components.vectors) == 3
    smooth = components.denoised(spectra)
    assert components.unexplained(spectra, smooth, ENERGY_EV).mean() < 0.005
    left = (smooth - mean).std(axis=0).mean()
    assert left < 0.25 * (spectra - mean).std(axis=0).mean()
    for kept in (components, poisson_pca.components([spectra], spectra.mean(axis=0), count=12)):
        left = (kept.denoised(spectra) - mean).std(axis=0).mean()
        changes = list(kept.deviations(spectra))
        assert len(changes) <= 6
        assert np.sqrt(np.sum(np.square(changes), axis=0)).mean() == pytest.approx(left, rel=0.25)


@pytest.mark.parametrize(("counts", "pixels", "most"), [(1000, 9, 2), (1000, 60, 3), (3, 1500, 2)])
def test_few_pixels_and_few_counts_give_no_more(counts, pixels, most):
    spectra = np.random.default_rng(0).poisson(image(counts, pixels)).astype(float)
    assert 1 <= len(found(spectra).vectors) <= most


def test_noise_free_spectra_are_told_whole():
    spectra = image(1000)
    components = found(spectra)
    assert len(components.vectors) == 3
    np.testing.assert_allclose(components.denoised(spectra), spectra, rtol=1e-6)
    assert not components.unexplained(spectra, components.denoised(spectra), ENERGY_EV).any()


def test_a_spectrum_of_another_kind_is_told():
    spectra = np.random.default_rng(0).poisson(image(1000)).astype(float)
    spectra[700] += np.random.default_rng(3).poisson(400 * np.exp(-0.5 * ((ENERGY_EV - 1856) / 1.5) ** 2))
    spectra = spread(spectra, 1.0)
    components = poisson_pca.components([spectra], spectra.mean(axis=0), count=3)
    unexplained = components.unexplained(spectra, components.denoised(spectra), ENERGY_EV)
    assert unexplained[700]
    assert unexplained.sum() < 8
