"""Is a spectrum like those a model was trained on? Distance within, residual outside their components."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields, replace

import numpy as np

from sikpdos.errors import SikpdosError

_COMPONENTS = 12


@dataclass(frozen=True)
class Known:
    """Principal components of the training spectra (scaled to mean 1) and the limits of what is usual."""

    mean: np.ndarray  # (200,)
    components: np.ndarray  # (k, 200) orthonormal rows
    deviation: np.ndarray  # (k,) standard deviation along each
    limits: np.ndarray  # (2,) usual distance inside, usual residual outside


def fit(training: np.ndarray) -> Known:
    """Principal components of the training spectra (n, 200); the limits are still 1."""
    shapes = _scaled(training)
    mean = shapes.mean(axis=0)
    _, singular, rows = np.linalg.svd(shapes - mean, full_matrices=False)
    k = min(_COMPONENTS, len(training) - 1)
    deviation = singular[:k] / np.sqrt(len(training) - 1)
    return Known(*(a.astype(np.float32) for a in (mean, rows[:k], deviation, np.ones(2))))


def with_limits(known: Known, held_out: np.ndarray, quantile: float = 0.985) -> Known:
    """Limits from the distances (m, 2) of held-out spectra, so that few of them count as unusual."""
    return replace(known, limits=np.quantile(held_out, quantile, axis=0).astype(np.float32))


def distances(known: Known, spectra: np.ndarray) -> np.ndarray:
    """Distance inside and residual outside the components (m, 2), both root mean squares."""
    centred = _scaled(spectra) - known.mean
    score = centred @ known.components.T
    residual = centred - score @ known.components
    inside = np.sqrt(((score / known.deviation) ** 2).mean(axis=1))
    return np.stack([inside, np.sqrt((residual**2).mean(axis=1))], axis=1)


def novelty(known: Known, spectra: np.ndarray) -> np.ndarray:
    """How unlike the training spectra each spectrum is (m,): over 1 is unusual, by whichever limit is exceeded more."""
    return (distances(known, spectra) / known.limits).max(axis=1)


def from_arrays(arrays: dict[str, np.ndarray], path: str | os.PathLike) -> Known:
    """The Known of a model file. Raises SikpdosError if a part is missing."""
    missing = [f.name for f in fields(Known) if f.name not in arrays]
    if missing:
        raise SikpdosError(f"{path}: array 'known_{missing[0]}' is missing")
    return Known(**arrays)


def _scaled(spectra: np.ndarray) -> np.ndarray:
    return spectra / np.maximum(spectra.mean(axis=1, keepdims=True), 1e-3)
