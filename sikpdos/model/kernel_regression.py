"""Kernel regression from spectra to densities of states: the networks' partner in an estimate.

A Gaussian process with the kernel exp(-|a - b| / length) for each principal component of the densities of states.
Distances are between logarithms of spectra, in which minima count as much as maxima; length and noise of a component
have the largest marginal likelihood (Rasmussen and Williams, Gaussian Processes for Machine Learning, section 5.4.1).
Components that the spectra do not tell anything about stay at their mean.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from sikpdos.common import npz
from sikpdos.common.grid import PDOS, SPECTRUM

_INPUTS, _OUTPUTS = 24, 40  # principal components kept, of the spectra and of the densities of states
_LENGTHS = np.geomspace(0.5, 64, 8)  # in units of the spectra's root mean square along their components
_NOISES = np.geomspace(1e-3, 10, 9)  # variance of the noise over that of the signal
_FAINT = 0.2  # of a spectrum's mean: where its logarithm becomes linear, so that noise near 0 does not count
_BLOCK = 1024  # spectra at a time


@dataclass(frozen=True)
class Kernel:
    """A fitted regression; `part` p leaves out the training rows whose weights alpha[p] are 0."""

    centre: np.ndarray  # (200,) mean of the training spectra's logarithms
    components: np.ndarray  # (200, inputs) their principal components over the root mean square
    rows: np.ndarray  # (n, inputs) training spectra along them
    lengths: np.ndarray  # (outputs,)
    alpha: np.ndarray  # (parts, n, outputs)
    mean: np.ndarray  # (600,) mean density of states, s then p
    basis: np.ndarray  # (outputs, 600) its principal components


def fit(spectra: np.ndarray, pdos: np.ndarray, parts: np.ndarray) -> Kernel:
    """Fit to spectra (n, 200) and densities of states (n, 600).

    parts (p, n): the rows that each part may use. Components, lengths and noises are chosen once, from all rows.
    """
    shapes = _logarithm(spectra)
    centre, mean = shapes.mean(axis=0), pdos.mean(axis=0)
    components = _principal(shapes - centre, _INPUTS).T
    rows = (shapes - centre) @ components
    components, rows = components / rows.std(), rows / rows.std()
    basis = _principal(pdos - mean, _OUTPUTS)
    targets = (pdos - mean) @ basis.T
    distance = _distances(rows, rows)
    lengths, noises = _most_likely(distance, targets)
    alpha = np.zeros((len(parts), *targets.shape))
    for length, noise in sorted(set(zip(lengths, noises, strict=True))):
        mine = (lengths == length) & (noises == noise)
        covariance = np.exp(-distance / length) + noise * np.eye(len(rows))
        for part, used in zip(alpha, parts, strict=True):
            part[np.ix_(used, mine)] = np.linalg.solve(covariance[np.ix_(used, used)], targets[np.ix_(used, mine)])
    return Kernel(*(a.astype(np.float32) for a in (centre, components, rows, lengths, alpha, mean, basis)))


def predict(kernel: Kernel, spectra: np.ndarray, parts: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """What some of the parts say of spectra (m, 200).

    Densities of states (parts, m, 2, 300), not below 0, and the distances (parts, m) to the nearest of the rows that
    a part used.
    """
    alpha = kernel.alpha[list(parts)]
    used = alpha.any(axis=2)  # (parts, n)
    found = np.empty((len(alpha), len(spectra), kernel.basis.shape[1]), np.float32)
    nearest = np.empty(found.shape[:2], np.float32)
    for start in range(0, len(spectra), _BLOCK):
        block = slice(start, start + _BLOCK)
        distance = _distances((_logarithm(spectra[block]) - kernel.centre) @ kernel.components, kernel.rows)
        nearest[:, block] = [distance[:, mine].min(axis=1) for mine in used]
        along = np.empty((len(alpha), len(distance), len(kernel.lengths)), np.float32)
        for length in np.unique(kernel.lengths):
            mine = kernel.lengths == length
            along[:, :, mine] = np.exp(distance / -length) @ alpha[:, :, mine]
        found[:, block] = (along @ kernel.basis + kernel.mean).clip(0)
    return found.reshape(*found.shape[:2], 2, PDOS.size), nearest


def from_arrays(arrays: dict[str, np.ndarray], path: str | os.PathLike, parts: int) -> Kernel:
    """The Kernel of a model file, from its arrays kernel_*. Raises SikpdosError if one is missing or misshapen."""
    n, inputs = arrays["kernel_rows"].shape if getattr(arrays.get("kernel_rows"), "ndim", 0) == 2 else (None, None)
    outputs = npz.length(arrays, path, "kernel_lengths")
    npz.require(arrays, path, kernel_centre=(SPECTRUM.size,), kernel_components=(SPECTRUM.size, inputs))
    npz.require(arrays, path, kernel_rows=(n, inputs), kernel_lengths=(outputs,), kernel_alpha=(parts, n, outputs))
    npz.require(arrays, path, kernel_mean=(2 * PDOS.size,), kernel_basis=(outputs, 2 * PDOS.size))
    return Kernel(*(arrays[f"kernel_{f.name}"] for f in fields(Kernel)))


def _logarithm(spectra: np.ndarray) -> np.ndarray:
    """Logarithm of spectra (n, 200) at mean 1."""
    return np.log((spectra / spectra.mean(axis=1, keepdims=True).clip(1e-3)).clip(0) + _FAINT)


def _principal(centred: np.ndarray, count: int) -> np.ndarray:
    """The first principal components (k, n) of centred rows (m, n)."""
    return np.linalg.svd(centred, full_matrices=False)[2][: min(count, len(centred) - 1)]


def _distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Euclidean distances (m, n) of rows (m, k) and (n, k)."""
    return np.sqrt(((a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T).clip(0))


def _most_likely(distance: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Length and noise of the largest marginal likelihood for each target (n, k), amplitude eliminated."""
    n, outputs = targets.shape
    best = np.full(outputs, -np.inf)
    lengths, noises = np.empty(outputs), np.empty(outputs)
    for length in _LENGTHS:
        values, vectors = np.linalg.eigh(np.exp(-distance / length))
        power = (vectors.T @ targets) ** 2
        for noise in _NOISES:
            variance = values.clip(0)[:, None] + noise
            likelihood = -n / 2 * np.log((power / variance).mean(axis=0)) - np.log(variance).sum() / 2
            better = likelihood > best
            best[better], lengths[better], noises[better] = likelihood[better], length, noise
    return lengths, noises
