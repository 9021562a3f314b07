"""The model: an expert for each kind of material, mixed by what kind of silicon a spectrum shows.

Silicon alone and compounds have experts of their own: densities of states of compounds differ by an order of magnitude
more, and what is best for them is not best for silicon. A model of few compounds, or of none, has one expert.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from sikpdos.common.errors import SikpdosError
from sikpdos.common.grid import PDOS
from sikpdos.model import outliers
from sikpdos.model.classification import ELEMENTAL, Classifier
from sikpdos.model.ensemble import Ensemble, estimate
from sikpdos.model.network import Architecture, recording
from sikpdos.model.outliers import OutlierModel
from sikpdos.model.uncertainty import Uncertainty

KINDS = (ELEMENTAL, "compound")  # of the experts of a model that has two, in this order
_BLOCK = 32  # spectra evaluated at a time: all members' intermediate arrays stay in the processor's cache
_LEAST_SHARE = 0.05  # of an expert that is asked


@dataclass(frozen=True, kw_only=True)
class Expert:
    """An ensemble with its calibration: all that prediction of one kind of material needs."""

    ensemble: Ensemble
    stacking_weight: float  # of the kernel regression in an estimate, 0 to 1
    uncertainty: Uncertainty
    outlier_model: OutlierModel  # what its training spectra look like

    def predict(self, spectra: np.ndarray, resolution: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation, both (B, 2, 300), of normalised spectra (B, 200)."""
        estimates = estimate(self.ensemble, spectra, resolution)
        mean = estimates.mean(self.stacking_weight)
        members = estimates.of_members(self.stacking_weight)
        return mean, self.uncertainty.std(members, estimates.nearest, mean)


@dataclass(frozen=True, kw_only=True)
class Model:
    """Experts with what tells which of them to ask."""

    experts: tuple[Expert, ...]  # one of all materials, or those of KINDS
    meta: dict  # model card: sigma_eV, onset_rule, split, scores, configuration
    classifier: Classifier | None = None  # None where the training knew one material class alone

    @property
    def architecture(self) -> Architecture:
        return self.experts[0].ensemble.architecture

    @property
    def members(self) -> int:
        return sum(len(expert.ensemble.member_fold) for expert in self.experts)

    @property
    def classes(self) -> tuple[str, ...]:
        """Material classes that it tells from each other."""
        return () if self.classifier is None else self.classifier.classes

    @property
    def sigma_eV(self) -> float:
        """Broadening of the predicted densities of states (and of the spectra, unless resolution_input)."""
        return float(self.meta["sigma_eV"])

    def of_kind(self, kind: str) -> Model:
        """The model without its other expert, for material that is known to be of one of KINDS.

        Raises SikpdosError where there is one expert, or for another kind.
        """
        if kind not in KINDS:
            raise SikpdosError(f"material '{kind}': expected {' or '.join(KINDS)}")
        if len(self.experts) == 1:
            raise SikpdosError(f"the model has no expert of {kind} silicon")
        return replace(self, experts=(self.experts[KINDS.index(kind)],))


def predict(
    model: Model,
    spectra: np.ndarray,
    resolution: np.ndarray | None = None,
    onset_eV: np.ndarray | None = None,
    block: int = _BLOCK,
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and calibrated standard deviation, both (B, 2, 300) in states/eV/atom, of normalised spectra (B, 200).

    resolution (B, 5): see network.recording; not known by default. onset_eV (B,): as class_probabilities takes them. A
    band of +-1.645 standard deviations holds 90 %. Evaluated `block` spectra at a time, so that memory grows with the
    results alone. Raises SikpdosError where they are not finite.
    """
    resolution = recording(spectra) if resolution is None else resolution
    mean = np.zeros((len(spectra), 2, PDOS.size), np.float32)
    std = np.zeros_like(mean)
    shares = _shares(model, spectra, onset_eV)
    for start in range(0, len(spectra), block):
        rows = slice(start, start + block)
        mean[rows], std[rows] = _mixed(model, spectra[rows], resolution[rows], shares[rows])
    if not (np.isfinite(mean).all() and np.isfinite(std).all()):
        raise SikpdosError(
            "the model gives NaN or infinity: its weights are damaged, or these are no normalised spectra"
        )
    return mean, std


def _shares(model: Model, spectra: np.ndarray, onset_eV: np.ndarray | None) -> np.ndarray:
    """Share (B, experts) of each expert: the probability of its kind; none below what is worth asking it."""
    if len(model.experts) == 1:
        return np.ones((len(spectra), 1))
    elemental = class_probabilities(model, spectra, onset_eV)[:, model.classes.index(ELEMENTAL)]
    shares = np.stack([elemental, 1 - elemental], axis=1)
    shares[shares < _LEAST_SHARE] = 0
    return shares / shares.sum(axis=1, keepdims=True)


def _mixed(
    model: Model, spectra: np.ndarray, resolution: np.ndarray, shares: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of the mixture of what the experts say of B spectra."""
    asked = list(_asked(model, spectra, resolution, shares))
    mean, square = (np.zeros((len(spectra), 2, PDOS.size), np.float32) for _ in range(2))
    for rows, share, (of_expert, _) in asked:
        mean[rows] += share * of_expert
    for rows, share, (of_expert, std) in asked:
        square[rows] += share * (std**2 + (of_expert - mean[rows]) ** 2)
    return mean, np.sqrt(square)


def _asked(
    model: Model, spectra: np.ndarray, resolution: np.ndarray, shares: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray, tuple[np.ndarray, np.ndarray]]]:
    """Of each expert the rows it is asked about, its shares there (k, 1, 1), and what it says of them."""
    for expert, share in zip(model.experts, shares.T, strict=True):
        rows = np.flatnonzero(share)
        if len(rows):
            of_rows = share[rows, None, None].astype(np.float32)
            yield rows, of_rows, expert.predict(spectra[rows], resolution[rows])


def class_probabilities(model: Model, spectra: np.ndarray, onset_eV: np.ndarray | None = None) -> np.ndarray:
    """Probabilities (B, c) of the material classes that a model knows, of normalised spectra (B, 200).

    onset_eV (B,): energies of their onsets; those that cannot be on an absolute scale are not used. (B, 0) of a model
    that knows one class alone.
    """
    if model.classifier is None:
        return np.empty((len(spectra), 0))
    return model.classifier.probabilities(spectra, onset_eV)


def novelty(model: Model, spectra: np.ndarray) -> np.ndarray:
    """How unlike all that the experts know spectra (B, 200) are (B,): see outliers.novelty. Over 1 is unusual."""
    return np.min([outliers.novelty(expert.outlier_model, spectra) for expert in model.experts], axis=0)
