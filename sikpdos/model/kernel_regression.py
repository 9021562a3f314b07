"""Kernel regression from spectra to densities of states: the networks' partner in an estimate.

A Gaussian process with the kernel exp(-|a - b| / length scale) for each principal component of the densities of states.
Distances are between logarithms of spectra, in which minima count as much as maxima; length scale and noise of a
component have the largest marginal likelihood (Rasmussen and Williams, Gaussian Processes for Machine Learning, section
5.4.1). Components about which the spectra say nothing stay at their mean.

Where the training knows several material classes, sites of different ones are related less by a factor, for chemistry
decides over what an edge means: what is predicted depends on the class, or on the classes' probabilities, too.

The regression is cross-fitted: one fit for each fold of the data that it leaves out, all with the same components,
length scales and noises.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sikpdos.common.grid import PDOS

_SPECTRUM_COMPONENTS, _PDOS_COMPONENTS = 24, 40  # principal components kept
_LENGTH_SCALES = np.geomspace(0.5, 64, 8)  # in units of the spectra's root mean square along their components
_NOISES = np.geomspace(1e-3, 10, 9)  # variance of the noise over that of the signal
_FAINT = 0.2  # of a spectrum's mean: where its logarithm becomes linear, so that noise near 0 does not count
_RELATED = 0.6  # covariance of sites of two material classes, in that of sites of one
_BLOCK = 1024  # spectra at a time


@dataclass(frozen=True, kw_only=True)
class Embedding:
    """n training spectra as points, between which and other spectra there are distances."""

    spectrum_mean: np.ndarray  # (200,) mean of the training spectra's logarithms
    spectrum_components: np.ndarray  # (200, inputs) their principal components over the root mean square
    spectrum_scores: np.ndarray  # (n, inputs) training spectra along them

    def distances(self, spectra: np.ndarray) -> np.ndarray:
        """Distances (m, n) of spectra (m, 200) to the n training spectra.

        In double precision: the large weights of alpha cancel, and would make single rounding 1e-3 of the result.
        """
        scores = (_logarithm(np.asarray(spectra, float)) - self.spectrum_mean) @ self.spectrum_components
        return distances_of(scores, self.spectrum_scores)


@dataclass(frozen=True, kw_only=True)
class KernelRegression(Embedding):
    """Cross-fitted regressions on n training spectra."""

    length_scales: np.ndarray  # (outputs,)
    alpha: np.ndarray  # (fits, n, outputs) weights of the training spectra; 0 for those that a fit leaves out
    left_out: np.ndarray  # (fits,) number of the fold that each fit leaves out
    pdos_mean: np.ndarray  # (600,) mean density of states, s then p, states/eV/atom
    pdos_components: np.ndarray  # (outputs, 600) its principal components
    material: np.ndarray | None = None  # (n, c) 1 at the class of each training spectrum; None: classes do not count

    def relation(self, likely: np.ndarray | None) -> np.ndarray | float:
        """Factors (m, n) of the covariances of spectra whose classes have probabilities likely (m, c)."""
        if self.material is None:
            return 1.0
        if likely is None:
            raise ValueError("this regression must be told the probabilities of classes")
        return _relation(likely, self.material)


def fit(
    spectra: np.ndarray,
    pdos: np.ndarray,
    fold: np.ndarray,
    left_out: Sequence[int],
    material: np.ndarray | None = None,
    noise_factor: np.ndarray | None = None,
) -> KernelRegression:
    """Fit to spectra (n, 200) and densities of states (n, 600) of the folds (n,): once for each fold left out.

    A fold of which there is no spectrum leaves out none. Components, length scales and noises are chosen once, from
    all spectra. material (n, c): 1 at the class of each, 0 where it is not known; by default classes do not count.
    noise_factor (n,): variance of each spectrum's noise in that of others, 1 by default.
    """
    known, pdos_mean = _embedding(spectra), pdos.mean(axis=0)
    pdos_components = _principal_components(pdos - pdos_mean, _PDOS_COMPONENTS)
    targets = (pdos - pdos_mean) @ pdos_components.T
    distance = distances_of(known.spectrum_scores, known.spectrum_scores)
    relation = np.ones_like(distance) if material is None else _relation(material, material)
    np.fill_diagonal(relation, 1)  # of sites whose class is not known, too
    scale = np.ones(len(spectra)) if noise_factor is None else 1 / np.sqrt(noise_factor)
    relation *= np.outer(scale, scale)  # in place of noise W beside K: noise beside W^-1/2 K W^-1/2
    targets *= scale[:, None]
    length_scales, noises = _most_likely(distance, relation, targets)
    used = np.array([fold != number for number in left_out])
    alpha = _weights(distance, relation, targets, length_scales, noises, used)
    arrays = {
        **vars(known),
        "length_scales": length_scales,
        "alpha": alpha * scale[:, None],
        "pdos_mean": pdos_mean,
        "pdos_components": pdos_components,
    }
    return KernelRegression(**_single(arrays), left_out=np.array(left_out), material=material)


def embedding(spectra: np.ndarray) -> Embedding:
    """Spectra (n, 200) as points."""
    return Embedding(**_single(vars(_embedding(spectra))))


def _embedding(spectra: np.ndarray) -> Embedding:
    """In double precision."""
    logarithms = _logarithm(spectra)
    mean = logarithms.mean(axis=0)
    components = _principal_components(logarithms - mean, _SPECTRUM_COMPONENTS).T
    scores = (logarithms - mean) @ components
    size = scores.std()
    return Embedding(spectrum_mean=mean, spectrum_components=components / size, spectrum_scores=scores / size)


def _single(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: array.astype(np.float32) for name, array in arrays.items()}


def _weights(
    distance: np.ndarray,
    relation: np.ndarray,
    targets: np.ndarray,
    length_scales: np.ndarray,
    noises: np.ndarray,
    used: np.ndarray,
) -> np.ndarray:
    """Weights alpha (fits, n, outputs) of n spectra in the targets (n, outputs), from those that each fit used."""
    alpha = np.zeros((len(used), *targets.shape))
    for length_scale, noise in sorted(set(zip(length_scales, noises, strict=True))):
        outputs = (length_scales == length_scale) & (noises == noise)
        covariance = np.exp(-distance / length_scale) * relation + noise * np.eye(len(targets))
        for weights, rows in zip(alpha, used, strict=True):
            block = np.ix_(rows, outputs)
            weights[block] = np.linalg.solve(covariance[np.ix_(rows, rows)], targets[block])
    return alpha


def predict(
    regression: KernelRegression, spectra: np.ndarray, left_out: Sequence[int], likely: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """What the fits that leave out these folds say of spectra (m, 200), whose classes have probabilities likely (m, c).

    Densities of states (fits, m, 2, 300) in states/eV/atom, not below 0, and the distances (m,) to the nearest of the
    spectra that the last of these fits used.
    """
    alpha = regression.alpha[[regression.left_out.tolist().index(number) for number in left_out]]
    used = np.any(alpha[-1], axis=1)  # (n,)
    pdos = np.empty((len(alpha), len(spectra), 2 * PDOS.size), np.float32)
    nearest = np.empty(len(spectra), np.float32)
    for start in range(0, len(spectra), _BLOCK):
        block = slice(start, start + _BLOCK)
        distance = regression.distances(spectra[block])
        nearest[block] = distance.min(axis=1, where=used, initial=np.inf)
        relation = regression.relation(None if likely is None else likely[block])
        outputs = _outputs(distance, relation, alpha, regression.length_scales)
        pdos[:, block] = (outputs @ regression.pdos_components + regression.pdos_mean).clip(0)
    return pdos.reshape(*pdos.shape[:2], 2, PDOS.size), nearest


def _relation(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Factors (m, n) of the covariances of sites with classes, or their probabilities, (m, c) and (n, c)."""
    return _RELATED + (1 - _RELATED) * (a.astype(np.float32) @ b.astype(np.float32).T)


def _outputs(
    distance: np.ndarray, relation: np.ndarray | float, alpha: np.ndarray, length_scales: np.ndarray
) -> np.ndarray:
    """Components of the densities of states (fits, m, outputs) of spectra at distances (m, n) from the training's."""
    outputs = np.empty((len(alpha), len(distance), len(length_scales)), np.float32)
    for length_scale in np.unique(length_scales):
        same = length_scales == length_scale
        outputs[:, :, same] = (np.exp(distance / -length_scale) * relation) @ alpha[:, :, same]
    return outputs


def _logarithm(spectra: np.ndarray) -> np.ndarray:
    """Logarithm of spectra (n, 200) at mean 1."""
    return np.log((spectra / spectra.mean(axis=1, keepdims=True).clip(1e-3)).clip(0) + _FAINT)


def _principal_components(centred: np.ndarray, count: int) -> np.ndarray:
    """The first principal components (k, n) of centred rows (m, n)."""
    return np.linalg.svd(centred, full_matrices=False)[2][: min(count, len(centred) - 1)]


def distances_of(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Euclidean distances (m, n) of rows (m, k) and (n, k)."""
    return np.sqrt(((a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T).clip(0))


def _most_likely(distance: np.ndarray, relation: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Length scale and noise of the largest marginal likelihood for each target (n, k), amplitude eliminated."""
    n, outputs = targets.shape
    best = np.full(outputs, -np.inf)
    length_scales, noises = np.empty(outputs), np.empty(outputs)
    for length_scale in _LENGTH_SCALES:
        values, vectors = np.linalg.eigh(np.exp(-distance / length_scale) * relation)
        power = (vectors.T @ targets) ** 2
        for noise in _NOISES:
            variance = values.clip(0)[:, None] + noise
            likelihood = -n / 2 * np.log((power / variance).mean(axis=0)) - np.log(variance).sum() / 2
            better = likelihood > best
            best[better], length_scales[better], noises[better] = likelihood[better], length_scale, noise
    return length_scales, noises
