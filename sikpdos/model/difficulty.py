"""Which densities of states are harder to predict than others: told from the estimate itself.

Estimates like those of diamond are several times better than those of dense metals. A Gaussian process learns the
logarithm of the error from the principal components of the estimates of sites that their members did not know. Of what
was tried beside the estimate (noise, resolution, spread of the members, distance to the training spectra) nothing
added to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_COMPONENTS = 12
_LENGTH_SCALE = 4.0  # in units of the estimates' root mean square along their components
_NOISE = 3.0  # variance of what the estimate does not tell of the error, over that of what it tells
_BLOCK = 2048  # estimates at a time


@dataclass(frozen=True, kw_only=True)
class Difficulty:
    """Factor of a standard deviation by the estimate (2, 300) that it belongs to."""

    mean: np.ndarray  # (600,) of the estimates learnt from
    components: np.ndarray  # (600, k) over their root mean square
    rows: np.ndarray  # (n, k) the estimates along them
    weights: np.ndarray  # (n,)
    usual: float  # logarithm of the factor far from all of them

    def factor(self, estimates: np.ndarray) -> np.ndarray:
        """Factors (m,) for estimates (m, 2, 300)."""
        blocks = [self._factor(estimates[start : start + _BLOCK]) for start in range(0, len(estimates), _BLOCK)]
        return np.concatenate(blocks) if blocks else np.empty(0)

    def _factor(self, estimates: np.ndarray) -> np.ndarray:
        scores = (estimates.reshape(len(estimates), -1) - self.mean) @ self.components
        return np.exp(self.usual + _kernel(scores, self.rows) @ self.weights)


def fit(estimates: Sequence[np.ndarray], log_errors: Sequence[np.ndarray]) -> tuple[Difficulty, np.ndarray]:
    """Learn from estimates (k, 2, 300) and logarithms of their errors over their standard deviations (k,), by folds.

    Also gives the factors of all estimates in order, each told from the other folds.
    """
    flat = np.concatenate(estimates).reshape(sum(map(len, estimates)), -1).astype(float)
    mean, target = flat.mean(axis=0), np.concatenate(log_errors)
    vectors = np.linalg.svd(flat - mean, full_matrices=False)[2][: min(_COMPONENTS, len(flat) - 1)].T
    scores = (flat - mean) @ vectors
    unit = scores.std() or 1.0
    rows = scores / unit
    covariance, number = _kernel(rows, rows), np.repeat(np.arange(len(estimates)), [len(each) for each in estimates])
    factors = np.empty(len(flat))
    for fold in range(len(estimates)):
        here, others = number == fold, number != fold
        if not others.any():
            others = here
        weights, usual = _solve(covariance[np.ix_(others, others)], target[others])
        factors[here] = np.exp(usual + covariance[np.ix_(here, others)] @ weights)
    weights, usual = _solve(covariance, target)
    single = {"mean": mean, "components": vectors / unit, "rows": rows, "weights": weights}
    return Difficulty(**{name: array.astype(np.float32) for name, array in single.items()}, usual=usual), factors


def _solve(covariance: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, float]:
    usual = float(target.mean())
    return np.linalg.solve(covariance + _NOISE * np.eye(len(target)), target - usual), usual


def _kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    square = (a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T
    return np.exp(-np.sqrt(square.clip(0)) / _LENGTH_SCALE)
