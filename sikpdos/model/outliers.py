"""Is a spectrum like those a model was trained on? A principal component model of the training spectra tells.

A spectrum is judged by four statistics: Hotelling's T2 (distance within the components), the Q residual (what lies
outside them; Jackson and Mudholkar, doi:10.1080/00401706.1979.10489779), flatness, and noise. For the first three,
spectra are smoothed, so that noise and resolution count little, and limits are those of spectra of similar noise.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from sikpdos.common.grid import SPECTRUM
from sikpdos.spectra import processing

_COMPONENTS = 6
_SMOOTHING_SIGMA_EV = 0.8
_NOISE_CLASSES = 5
_AFTER_RISE_EV = 3.0


@dataclass(frozen=True, kw_only=True)
class OutlierModel:
    """Principal components of the training spectra (smoothed, scaled to mean 1) and the limits of what is usual."""

    mean: np.ndarray  # (200,)
    components: np.ndarray  # (k, 200) orthonormal rows
    score_std: np.ndarray  # (k,) standard deviation of the training spectra along each
    noise_steps: np.ndarray  # (classes - 1,) noise at which the next class begins
    largest_noise: float  # of a training spectrum
    limits: np.ndarray  # (classes, 3) usual values of `statistics`


def fit(training: np.ndarray) -> OutlierModel:
    """Principal components of the training spectra (n, 200); the limits are still 1."""
    shapes = _smoothed(training)
    mean = shapes.mean(axis=0)
    _, singular, components = np.linalg.svd(shapes - mean, full_matrices=False)
    k = min(_COMPONENTS, len(training) - 1)
    score_std = singular[:k] / np.sqrt(len(training) - 1)
    return OutlierModel(
        mean=mean.astype(np.float32),
        components=components[:k].astype(np.float32),
        score_std=score_std.astype(np.float32),
        noise_steps=np.empty(0, np.float32),
        largest_noise=np.inf,
        limits=np.ones((1, 3), np.float32),
    )


def with_limits(
    model: OutlierModel, held_out: np.ndarray, noise_levels: np.ndarray, quantile: float = 0.97
) -> OutlierModel:
    """Limits from the statistics (m, 3) of held-out spectra and their noise (m,), so that few of them are unusual."""
    enough = noise_levels.max() > 3 * noise_levels.min() and len(noise_levels) >= 20 * _NOISE_CLASSES
    classes = _NOISE_CLASSES if enough else 1
    steps = np.quantile(noise_levels, np.arange(1, classes) / classes)
    noise_class = np.searchsorted(steps, noise_levels, side="right")
    limits = np.array([np.quantile(held_out[noise_class == c], quantile, axis=0) for c in range(classes)])
    return replace(
        model,
        noise_steps=steps.astype(np.float32),
        largest_noise=float(noise_levels.max()),
        limits=limits.astype(np.float32),
    )


def statistics(model: OutlierModel, spectra: np.ndarray) -> np.ndarray:
    """Square roots of Hotelling's T2 per component and of the Q residual per point, and flatness (m, 3)."""
    shapes = _smoothed(spectra)
    centred = shapes - model.mean
    score = centred @ model.components.T
    residual = centred - score @ model.components
    hotelling_t = np.sqrt(((score / model.score_std) ** 2).mean(axis=1))
    return np.stack([hotelling_t, np.sqrt((residual**2).mean(axis=1)), _flatness(shapes)], axis=1)


def _flatness(shapes: np.ndarray) -> np.ndarray:
    """Mean of smoothed spectra over the spread of what follows the rise (m,): an edge without structure is flat."""
    after = shapes[:, SPECTRUM.energy_eV >= _AFTER_RISE_EV]
    return after.mean(axis=1) / np.maximum(after.std(axis=1), 1e-6)


def noise(spectra: np.ndarray) -> np.ndarray:
    """Root mean square of what smoothing removes (m,), in units of each spectrum's mean."""
    scaled = _scaled(spectra)
    smoothed = processing.blur(scaled, _SMOOTHING_SIGMA_EV, SPECTRUM.step_eV)
    return np.sqrt(((scaled - smoothed) ** 2).mean(axis=1))


def novelty(model: OutlierModel, spectra: np.ndarray) -> np.ndarray:
    """How unlike the training spectra each spectrum (m, 200) is (m,): its largest ratio of a statistic to the limit.

    Over 1 is unusual.
    """
    noise_levels = noise(spectra)
    noise_class = np.searchsorted(model.noise_steps, noise_levels, side="right")
    ratios = statistics(model, spectra) / model.limits[noise_class]
    return np.maximum(ratios.max(axis=1), noise_levels / model.largest_noise)


def _scaled(spectra: np.ndarray) -> np.ndarray:
    return spectra / np.maximum(spectra.mean(axis=1, keepdims=True), 1e-3)


def _smoothed(spectra: np.ndarray) -> np.ndarray:
    return processing.blur(_scaled(spectra), _SMOOTHING_SIGMA_EV, SPECTRUM.step_eV)
