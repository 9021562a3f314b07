"""The kernel regression: against scikit-learn's Gaussian process, and what its fits must not know."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import Matern

from sikpdos.model import kernel_regression
from sikpdos.model.kernel_regression import KernelRegression


@pytest.fixture(scope="module")
def data() -> tuple[np.ndarray, np.ndarray]:
    """Smooth spectra (60, 200), above 0, and densities of states (60, 600) that depend on three numbers each."""
    rng = np.random.default_rng(0)
    hidden = rng.normal(size=(60, 3))
    axis, wide = np.linspace(0, 1, 200), np.linspace(0, 1, 600)
    spectra = 8 + sum(hidden[:, [k]] * np.sin((k + 1) * 3 * axis) for k in range(3)) + 0.01 * rng.normal(size=(60, 200))
    pdos = 3 + sum(np.tanh(hidden[:, [k]]) * np.cos((k + 1) * 4 * wide) for k in range(3))
    return spectra, pdos


def fitted_to(spectra: np.ndarray, pdos: np.ndarray) -> KernelRegression:
    """One fit on all spectra."""
    return kernel_regression.fit(spectra, pdos, np.ones(len(spectra), int), left_out=[0])


def predicted(regression: KernelRegression, spectra: np.ndarray) -> np.ndarray:
    pdos, _ = kernel_regression.predict(regression, spectra, [0])
    return pdos.reshape(len(spectra), 600)


@pytest.mark.parametrize("noisy", [1.0, 5.0])
def test_weights_are_those_of_a_gaussian_process(data, noisy):
    """Also where the noise of every third spectrum is larger."""
    spectra, pdos = data
    factor = np.where(np.arange(50) % 3 == 0, noisy, 1.0)
    regression = kernel_regression.fit(spectra[:50], pdos[:50], np.ones(50, int), left_out=[0], noise_factor=factor)
    targets = (pdos[:50] - regression.pdos_mean) @ regression.pdos_components.T
    logarithms = kernel_regression._logarithm(spectra[50:])
    scores = (logarithms - regression.spectrum_mean) @ regression.spectrum_components
    for j in (0, 1, 2):
        likelihoods = {}
        for length_scale in kernel_regression._LENGTH_SCALES:
            for noise in kernel_regression._NOISES:
                # a signal of variance a and noise of variance a * noise; the best a is eliminated
                peer = GaussianProcessRegressor(Matern(length_scale, nu=0.5), alpha=noise * factor, optimizer=None)
                peer.fit(regression.spectrum_scores.astype(float), targets[:, j])
                amplitude = targets[:, j] @ peer.alpha_ / 50
                logdet = 2 * np.log(np.diag(peer.L_)).sum()
                likelihoods[length_scale, noise] = (-25 * np.log(amplitude) - logdet / 2, peer)
        best = max(likelihoods, key=lambda key: likelihoods[key][0])
        assert regression.length_scales[j] == pytest.approx(best[0], rel=1e-6)
        expected = likelihoods[best][1].predict(scores)
        distance = kernel_regression.distances_of(scores, regression.spectrum_scores)
        output = np.exp(-distance / regression.length_scales[j]) @ regression.alpha[0, :, j]
        assert np.abs(output - expected).max() < 2e-3 * np.abs(expected).max()


def test_it_predicts_what_it_has_not_seen(data):
    spectra, pdos = data
    error = predicted(fitted_to(spectra[:50], pdos[:50]), spectra[50:]) - pdos[50:]
    assert (error**2).mean() < 0.15 * pdos.var(axis=0).mean()


def test_a_fit_does_not_know_the_fold_that_it_leaves_out(data):
    spectra, pdos = data
    fold = np.repeat([3, 1, 2], 20)
    regression = kernel_regression.fit(spectra, pdos, fold, left_out=[0, 3])
    assert not regression.alpha[1, :20].any()
    assert regression.alpha[0, :20].any()
    estimates, nearest = kernel_regression.predict(regression, spectra[:20], [3, 0])
    unseen, seen = estimates.reshape(2, 20, 600)
    assert nearest.max() < 0.01 < kernel_regression.predict(regression, spectra[:20], [0, 3])[1].min()
    assert ((unseen - pdos[:20]) ** 2).mean() > 3 * ((seen - pdos[:20]) ** 2).mean()


def test_spectra_that_tell_nothing_give_the_mean(data):
    _, pdos = data
    noise, other_noise = (5 + np.random.default_rng(seed).normal(size=(60, 200)) for seed in (1, 2))
    error = predicted(fitted_to(noise, pdos), other_noise[:5]) - pdos.mean(axis=0)
    assert np.abs(error).mean() < 0.3 * pdos.std(axis=0).mean()


def test_never_below_zero(data):
    spectra, pdos = data
    assert predicted(fitted_to(spectra, pdos - 3), spectra**2).min() >= 0


def test_chemistry_decides_over_what_an_edge_means(data):
    """Sites of two classes whose edges are the same: told, each gets its own density of states, else their mean."""
    spectra, pdos = np.tile(data[0], (2, 1)), np.concatenate([data[1], data[1] + 2])
    material = np.repeat(np.eye(2), 60, axis=0)
    regression = kernel_regression.fit(spectra, pdos, np.ones(120, int), left_out=[0], material=material)

    def level(likely: list[float]) -> float:
        found = kernel_regression.predict(regression, data[0], [0], np.tile(likely, (60, 1)))[0]
        return float((found.reshape(60, 600) - data[1]).mean())

    told, other, unknown = level([1, 0]), level([0, 1]), level([0.5, 0.5])
    assert told < 0.5
    assert other > 1.5
    assert unknown == pytest.approx((told + other) / 2, abs=0.01)
    with pytest.raises(ValueError, match="must be told"):
        kernel_regression.predict(regression, data[0], [0])


def test_a_site_of_no_known_class_is_a_class_of_its_own(data):
    spectra, pdos = data
    material = np.repeat(np.eye(2), 30, axis=0)
    material[::7] = 0
    regression = kernel_regression.fit(spectra, pdos, np.ones(60, int), left_out=[0], material=material)
    found = kernel_regression.predict(regression, spectra, [0], material)[0].reshape(60, 600)
    assert ((found - pdos) ** 2).mean() < 0.15 * pdos.var(axis=0).mean()
