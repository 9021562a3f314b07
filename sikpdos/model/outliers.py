"""Is a spectrum like those a model was trained on? Distance within, residual outside their components, flatness, noise.

For the first three, spectra are smoothed, so that noise and resolution count little, and what is usual is asked among
spectra of similar noise.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, fields, replace

import numpy as np

from sikpdos.common import npz
from sikpdos.common.grid import SPECTRUM
from sikpdos.spectra import processing

_COMPONENTS = 6
_BLUR_EV = 0.8
_NOISE_CLASSES = 5
_AFTER_RISE_EV = 3.0


@dataclass(frozen=True)
class Known:
    """Principal components of the training spectra (smoothed, scaled to mean 1) and the limits of what is usual."""

    mean: np.ndarray  # (200,)
    components: np.ndarray  # (k, 200) orthonormal rows
    deviation: np.ndarray  # (k,) standard deviation along each
    noise_steps: np.ndarray  # (classes - 1,) noise at which the next class begins
    noisiest: float  # highest noise of a training spectrum
    limits: np.ndarray  # (classes, 3) usual distance within, residual outside, flatness


def fit(training: np.ndarray) -> Known:
    """Principal components of the training spectra (n, 200); the limits are still 1."""
    shapes = _smoothed(training)
    mean = shapes.mean(axis=0)
    _, singular, rows = np.linalg.svd(shapes - mean, full_matrices=False)
    k = min(_COMPONENTS, len(training) - 1)
    deviation = singular[:k] / np.sqrt(len(training) - 1)
    mean, rows, deviation = (a.astype(np.float32) for a in (mean, rows[:k], deviation))
    return Known(mean, rows, deviation, np.empty(0, np.float32), np.inf, np.ones((1, 3), np.float32))


def with_limits(known: Known, held_out: np.ndarray, noise_of: np.ndarray, quantile: float = 0.97) -> Known:
    """Limits from the distances (m, 3) of held-out spectra and their noise (m,), so that few of them are unusual."""
    classes = _NOISE_CLASSES if noise_of.max() > 3 * noise_of.min() and len(noise_of) >= 20 * _NOISE_CLASSES else 1
    steps = np.quantile(noise_of, np.arange(1, classes) / classes)
    members = np.searchsorted(steps, noise_of, side="right")
    limits = np.array([np.quantile(held_out[members == c], quantile, axis=0) for c in range(classes)])
    steps, limits = steps.astype(np.float32), limits.astype(np.float32)
    return replace(known, noise_steps=steps, noisiest=float(noise_of.max()), limits=limits)


def distances(known: Known, spectra: np.ndarray) -> np.ndarray:
    """Distance within and residual outside the components, both root mean squares, and flatness (m, 3)."""
    shapes = _smoothed(spectra)
    centred = shapes - known.mean
    score = centred @ known.components.T
    residual = centred - score @ known.components
    inside = np.sqrt(((score / known.deviation) ** 2).mean(axis=1))
    return np.stack([inside, np.sqrt((residual**2).mean(axis=1)), _flatness(shapes)], axis=1)


def _flatness(shapes: np.ndarray) -> np.ndarray:
    """Mean of smoothed spectra over the spread of what follows the rise (m,): an edge without structure is flat."""
    after = shapes[:, SPECTRUM.energy_eV >= _AFTER_RISE_EV]
    return after.mean(axis=1) / np.maximum(after.std(axis=1), 1e-6)


def noise(spectra: np.ndarray) -> np.ndarray:
    """Root mean square of what smoothing removes (m,), in units of each spectrum's mean."""
    scaled = _scaled(spectra)
    return np.sqrt(((scaled - processing.blur(scaled, _BLUR_EV, SPECTRUM.step_eV)) ** 2).mean(axis=1))


def novelty(known: Known, spectra: np.ndarray) -> np.ndarray:
    """How unlike the training spectra each spectrum is (m,): over 1 is unusual, by whichever limit is exceeded more."""
    level = noise(spectra)
    classes = np.searchsorted(known.noise_steps, level, side="right")
    return np.maximum((distances(known, spectra) / known.limits[classes]).max(axis=1), level / known.noisiest)


def from_arrays(arrays: dict[str, np.ndarray], path: str | os.PathLike) -> Known:
    """The Known of a model file, from its arrays known_*. Raises SikpdosError if a part is missing or misshapen."""
    k, classes = (npz.length(arrays, path, key) for key in ("known_components", "known_limits"))
    npz.require(arrays, path, known_mean=(SPECTRUM.size,), known_components=(k, SPECTRUM.size))
    npz.require(arrays, path, known_deviation=(k,), known_noise_steps=(classes - 1,), known_limits=(classes, 3))
    npz.require(arrays, path, known_noisiest=())
    found = {f.name: arrays[f"known_{f.name}"] for f in fields(Known)}
    return Known(**{**found, "noisiest": float(found["noisiest"])})


def _scaled(spectra: np.ndarray) -> np.ndarray:
    return spectra / np.maximum(spectra.mean(axis=1, keepdims=True), 1e-3)


def _smoothed(spectra: np.ndarray) -> np.ndarray:
    return processing.blur(_scaled(spectra), _BLUR_EV, SPECTRUM.step_eV)
