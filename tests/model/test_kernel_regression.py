"""The kernel regression: against scikit-learn's Gaussian process, and what its parts must not know."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import Matern

from sikpdos.model import kernel_regression


@pytest.fixture(scope="module")
def data() -> tuple[np.ndarray, np.ndarray]:
    """Smooth spectra (60, 200), above 0, and densities of states (60, 600) that depend on three numbers each."""
    rng = np.random.default_rng(0)
    hidden = rng.normal(size=(60, 3))
    axis, wide = np.linspace(0, 1, 200), np.linspace(0, 1, 600)
    spectra = 8 + sum(hidden[:, [k]] * np.sin((k + 1) * 3 * axis) for k in range(3)) + 0.01 * rng.normal(size=(60, 200))
    pdos = 3 + sum(np.tanh(hidden[:, [k]]) * np.cos((k + 1) * 4 * wide) for k in range(3))
    return spectra, pdos


def everything(n: int) -> np.ndarray:
    return np.ones((1, n), bool)


def test_weights_are_those_of_a_gaussian_process(data):
    spectra, pdos = data
    fitted = kernel_regression.fit(spectra[:50], pdos[:50], everything(50))
    along = (pdos[:50] - fitted.mean) @ fitted.basis.T
    new = (kernel_regression._logarithm(spectra[50:]) - fitted.centre) @ fitted.components
    for j in (0, 1, 2):
        likelihoods = {}
        for length in kernel_regression._LENGTHS:
            for noise in kernel_regression._NOISES:
                # a signal of variance a and noise of variance a * noise; the best a is eliminated
                peer = GaussianProcessRegressor(Matern(length, nu=0.5), alpha=noise, optimizer=None)
                peer.fit(fitted.rows.astype(float), along[:, j])
                amplitude = along[:, j] @ peer.alpha_ / 50
                logdet = 2 * np.log(np.diag(peer.L_)).sum()
                likelihoods[length, noise] = (-25 * np.log(amplitude) - logdet / 2, peer)
        best = max(likelihoods, key=lambda key: likelihoods[key][0])
        assert fitted.lengths[j] == pytest.approx(best[0], rel=1e-6)
        expected = likelihoods[best][1].predict(new)
        found = np.exp(-kernel_regression._distances(new, fitted.rows) / fitted.lengths[j]) @ fitted.alpha[0, :, j]
        assert np.abs(found - expected).max() < 2e-3 * np.abs(expected).max()


def test_it_predicts_what_it_has_not_seen(data):
    spectra, pdos = data
    fitted = kernel_regression.fit(spectra[:50], pdos[:50], everything(50))
    error = kernel_regression.predict(fitted, spectra[50:], [0])[0].reshape(10, 600) - pdos[50:]
    assert (error**2).mean() < 0.15 * pdos.var(axis=0).mean()


def test_a_part_does_not_know_the_rows_that_it_leaves_out(data):
    spectra, pdos = data
    parts = np.ones((2, 60), bool)
    parts[1, :20] = False
    fitted = kernel_regression.fit(spectra, pdos, parts)
    assert not fitted.alpha[1, :20].any()
    assert fitted.alpha[0, :20].any()
    found, nearest = kernel_regression.predict(fitted, spectra[:20], [0, 1])
    seen, unseen = found.reshape(2, 20, 600)
    assert nearest[0].max() < 0.01 < nearest[1].min()
    assert ((unseen - pdos[:20]) ** 2).mean() > 3 * ((seen - pdos[:20]) ** 2).mean()


def test_spectra_that_tell_nothing_give_the_mean(data):
    _, pdos = data
    noise = 5 + np.random.default_rng(1).normal(size=(60, 200))
    fitted = kernel_regression.fit(noise, pdos, everything(60))
    found = kernel_regression.predict(fitted, 5 + np.random.default_rng(2).normal(size=(5, 200)), [0])[0].reshape(
        5, 600
    )
    assert np.abs(found - pdos.mean(axis=0)).mean() < 0.3 * pdos.std(axis=0).mean()


def test_never_below_zero(data):
    spectra, pdos = data
    fitted = kernel_regression.fit(spectra, pdos - 3, everything(60))
    assert kernel_regression.predict(fitted, spectra**2, [0])[0].min() >= 0
