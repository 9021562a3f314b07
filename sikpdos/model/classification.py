"""What kind of silicon a spectrum shows: probabilities of the material classes of the training's sites.

A Gaussian process on the indicators of classes, with the distances of the kernel regression: far from all training
spectra every class is as likely as another. Where the energy scale is absolute, the onset speaks, too: silicon's
chemical shift is 6 to 7 eV in its oxide. Scales are off at times, so a share of them counts as saying nothing.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sikpdos.common.constants import SI_K_EDGE_EV
from sikpdos.dataset import split
from sikpdos.model import kernel_regression
from sikpdos.model.kernel_regression import Embedding

_LENGTH_SCALES = (1.0, 4.0, 16.0)  # of the regression's distances
_NOISES = (0.03, 0.3)  # variance of the indicators' noise over that of the signal
_SHARPNESSES = np.geomspace(0.5, 8, 13)  # not more: few sites of a class may be told from all others by chance
ELEMENTAL = "elemental"  # class from whose onsets chemical shifts count
_SCALE_ERROR_EV = 1.5  # usual error of an absolute energy scale, standard deviation
_LEAST_SHIFT_STD_EV = 0.5  # of a class of few sites
_WRONG_SCALES = 0.1  # share of scales that say nothing: uniform over
_SCALE_RANGE_EV = 15.0  # either side of elemental silicon's edge; onsets beyond it are not on an absolute scale
_LEAST_LOG = -28.0  # of a probability, in a likelihood
_BLOCK = 1024  # spectra at a time


@dataclass(frozen=True, kw_only=True)
class Classifier:
    """Tells c classes by n training spectra."""

    classes: tuple[str, ...]
    known: Embedding  # of the training spectra
    alpha: np.ndarray  # (n, c) weights of the training spectra
    length_scale: float
    sharpness: float  # among compounds: probabilities are exp(sharpness * score), normalised
    kind_sharpness: float  # of silicon alone against compounds, whose indicators are 1 and -1
    shift_eV: np.ndarray  # (c,) mean of the onsets' energies from elemental silicon's
    shift_std_eV: np.ndarray  # (c,) their standard deviation; 0 where the shift is not known

    def probabilities(self, spectra: np.ndarray, onset_eV: np.ndarray | None = None) -> np.ndarray:
        """Probabilities (m, c) for normalised spectra (m, 200) and, if known, the energies of their onsets (m,).

        Onsets that are NaN, or more than 15 eV from elemental silicon's, are not on an absolute scale: not used.
        """
        scores = [
            np.exp(self.known.distances(spectra[start : start + _BLOCK]) / -self.length_scale) @ self.alpha
            for start in range(0, len(spectra), _BLOCK)
        ]
        found = np.concatenate([np.empty((0, len(self.classes))), *scores])
        elemental = np.array(self.classes) == ELEMENTAL
        logits = _log_probabilities(found, elemental, self.sharpness, self.kind_sharpness)
        return _normalised(logits if onset_eV is None else logits + self._shift_logits(onset_eV))

    def _shift_logits(self, onset_eV: np.ndarray) -> np.ndarray:
        """Log likelihoods (m, c) of onsets (m,) in each class; 0 where they or the class's shift are not known."""
        off_eV = onset_eV[:, None] - SI_K_EDGE_EV - self.shift_eV
        variance = self.shift_std_eV**2 + _SCALE_ERROR_EV**2
        usual = np.exp(-(off_eV**2) / (2 * variance)) / np.sqrt(2 * np.pi * variance)
        nothing = 1 / (2 * _SCALE_RANGE_EV)
        likelihood = (1 - _WRONG_SCALES) * np.where(self.shift_std_eV > 0, usual, nothing) + _WRONG_SCALES * nothing
        absolute = np.abs(onset_eV - SI_K_EDGE_EV) <= _SCALE_RANGE_EV
        return np.where(absolute[:, None], np.log(likelihood), 0.0)


def likeliest(classes: Sequence[str], probabilities: np.ndarray) -> np.ndarray:
    """Names (m,) by probabilities (m, c): silicon alone if that is likelier than all compounds together."""
    names = np.array(classes)
    elemental = names == ELEMENTAL
    if not elemental.any() or len(names) == 1:
        return names[probabilities.argmax(axis=1)]
    among = names[~elemental][probabilities[:, ~elemental].argmax(axis=1)]
    return np.where(probabilities[:, elemental][:, 0] >= 0.5, ELEMENTAL, among)


@dataclass(frozen=True)
class Fitted:
    """A classifier, and what one that does not know their folds says of the spectra it learnt from."""

    classifier: Classifier
    left_out: np.ndarray  # (n, c) probabilities, by the shape of the edge


def fit(spectra: np.ndarray, labels: np.ndarray, absolute_onset_eV: np.ndarray, fold: np.ndarray) -> Fitted | None:
    """Learn the classes (n,) of training spectra (n, 200), which are in folds (n,); of empty ones nothing is learnt.

    absolute_onset_eV (n,): photon energies of their onsets, 0 where not known. Silicon alone and compounds count as
    equally likely, however many there are of each. Length scale, noise and sharpness are those of the largest
    likelihood of the classes of folds left out. None where fewer than two are known.
    """
    classes = tuple(sorted(set(labels.tolist()) - {""}))
    if len(classes) < 2:
        return None
    labelled = labels != ""
    classifier, left_out = _fitted(
        classes, spectra[labelled], labels[labelled], absolute_onset_eV[labelled], fold[labelled]
    )
    probabilities = np.empty((len(spectra), len(classes)))
    probabilities[labelled] = left_out
    probabilities[~labelled] = classifier.probabilities(spectra[~labelled])
    return Fitted(classifier, probabilities)


def indicators(labels: np.ndarray, classes: Sequence[str]) -> np.ndarray:
    """1 (n, c) at the class of each of the labels (n,), nothing at those of none of the classes."""
    return (labels[:, None] == np.array(classes)).astype(np.float32)


def _fitted(
    classes: tuple[str, ...], spectra: np.ndarray, labels: np.ndarray, absolute_onset_eV: np.ndarray, fold: np.ndarray
) -> tuple[Classifier, np.ndarray]:
    """The classifier, and probabilities (n, c) of each spectrum by those of the other folds."""
    known = kernel_regression.embedding(spectra)
    scores = known.spectrum_scores.astype(float)
    elemental, true = np.array(classes) == ELEMENTAL, indicators(labels, classes).astype(float)
    process = _Process(
        distance=kernel_regression.distances_of(scores, scores),
        targets=np.where(elemental, 2 * true - 1, true),
        counts=_balance(labels == ELEMENTAL),
    )
    tried = []
    for length_scale, noise in itertools.product(_LENGTH_SCALES, _NOISES):
        left_out = process.left_out(fold, length_scale, noise)
        tried.append((*_sharpness(left_out, elemental, true, process.counts), length_scale, noise))
    _, sharpness, kind_sharpness, length_scale, noise = max(tried)
    shift_eV, shift_std_eV = _shifts(classes, labels, absolute_onset_eV)
    left_out = process.left_out(fold, length_scale, noise)
    classifier = Classifier(
        classes=classes,
        known=known,
        alpha=process.weights(np.ones(len(labels), bool), length_scale, noise).astype(np.float32),
        length_scale=length_scale,
        sharpness=sharpness,
        kind_sharpness=kind_sharpness,
        shift_eV=shift_eV,
        shift_std_eV=shift_std_eV,
    )
    return classifier, np.exp(_log_probabilities(left_out, elemental, sharpness, kind_sharpness))


def _balance(elemental: np.ndarray) -> np.ndarray:
    """For how many each spectrum (n,) counts: both kinds together for half of all."""
    share = np.where(elemental, elemental.mean(), 1 - elemental.mean())
    return 0.5 / share if 0 < elemental.mean() < 1 else np.ones(len(elemental))


@dataclass(frozen=True)
class _Process:
    """A Gaussian process on what n spectra say of c classes, each observed `counts` (n,) times."""

    distance: np.ndarray  # (n, n)
    targets: np.ndarray  # (n, c) of silicon alone 1 or -1; of each compound 1 or 0
    counts: np.ndarray

    def weights(self, rows: np.ndarray, length_scale: float, noise: float) -> np.ndarray:
        """Weights of the spectra of a mask."""
        covariance = np.exp(-self.distance[np.ix_(rows, rows)] / length_scale) + np.diag(noise / self.counts[rows])
        return np.linalg.solve(covariance, self.targets[rows])

    def left_out(self, fold: np.ndarray, length_scale: float, noise: float) -> np.ndarray:
        """Scores (n, c) of the spectra, each by those of the other folds."""
        scores = np.zeros(self.targets.shape)
        for number in split.VALIDATION_FOLDS:
            rows, others = fold == number, fold != number
            covariance = np.exp(-self.distance[np.ix_(rows, others)] / length_scale)
            scores[rows] = covariance @ self.weights(others, length_scale, noise)
        return scores


def _sharpness(
    scores: np.ndarray, elemental: np.ndarray, true: np.ndarray, counts: np.ndarray
) -> tuple[float, float, float]:
    """The largest mean log likelihood of the true classes, and the two kinds of sharpness that give it."""
    likelihoods = []
    for sharpness, kind_sharpness in itertools.product(_SHARPNESSES, _SHARPNESSES):
        of_true = (_log_probabilities(scores, elemental, sharpness, kind_sharpness) * true).sum(axis=1)
        likelihood = np.average(of_true.clip(_LEAST_LOG), weights=counts)
        likelihoods.append((float(likelihood), float(sharpness), float(kind_sharpness)))
    return max(likelihoods)


def _log_probabilities(
    scores: np.ndarray, elemental: np.ndarray, sharpness: float, kind_sharpness: float
) -> np.ndarray:
    """Logarithms (m, c) of the classes' probabilities by scores (m, c): silicon alone or not, then which compound."""
    logits = sharpness * scores
    if not elemental.any():
        return logits - _log_sum(logits)
    margin = kind_sharpness * scores[:, elemental]
    among = logits - _log_sum(logits[:, ~elemental]) - np.logaddexp(0, margin)
    return np.where(elemental, -np.logaddexp(0, -margin), among)


def _log_sum(logits: np.ndarray) -> np.ndarray:
    """Logarithm of the sum (m, 1) of the exponentials of logits (m, c)."""
    return np.logaddexp.reduce(logits, axis=1, keepdims=True)


def _normalised(logits: np.ndarray) -> np.ndarray:
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


def _shifts(classes: tuple[str, ...], labels: np.ndarray, onset_eV: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation (c,) of the classes' onsets from elemental silicon's; 0 where not known."""
    mean, std = np.zeros(len(classes), np.float32), np.zeros(len(classes), np.float32)
    reference = onset_eV[(labels == ELEMENTAL) & (onset_eV > 0)]
    for column, name in enumerate(classes):
        onsets = onset_eV[(labels == name) & (onset_eV > 0)]
        if len(reference) and len(onsets):
            mean[column] = onsets.mean() - reference.mean()
            std[column] = max(onsets.std(), _LEAST_SHIFT_STD_EV)
    return mean, std
