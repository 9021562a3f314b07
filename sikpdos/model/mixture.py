"""The model: an expert for each kind of material, mixed by what kind of silicon a spectrum shows.

Silicon alone and compounds have experts of their own: densities of states of compounds differ by an order of magnitude
more, and what is best for them is not best for silicon. A model of few compounds, or of none, has one expert. The
expert of compounds learns from silicon, too, and that of silicon from nothing else: in doubt the former knows more.
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

COMPOUND = "compound"
KINDS = (ELEMENTAL, COMPOUND)  # of the experts of a model that has two, in this order
_BLOCK = 32  # spectra evaluated at a time: all members' intermediate arrays stay in the processor's cache
_LEAST_SHARE = 0.05  # of an expert that is asked; up to twice as much it counts less, so that no estimate jumps
_DOUBT = 2.0  # power of silicon's probability that is its expert's share, where the kind is not told


@dataclass(frozen=True, kw_only=True)
class Expert:
    """An ensemble with its calibration: all that prediction of one kind of material needs."""

    ensemble: Ensemble
    stacking_weight: float  # of the kernel regression in an estimate, 0 to 1
    uncertainty: Uncertainty
    outlier_model: OutlierModel  # what its training spectra look like
    when_told: Expert | None = None  # the same, calibrated for a material class that is told; None: no difference

    def predict(self, spectra: np.ndarray, resolution: np.ndarray, likely: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation, both (B, 2, 300), of normalised spectra (B, 200).

        likely (B, c): probabilities of the model's material classes.
        """
        estimates = estimate(self.ensemble, spectra, resolution, likely)
        mean = estimates.mean(self.stacking_weight)
        members = estimates.of_members(self.stacking_weight)
        return mean, self.uncertainty.std(members, estimates.nearest, mean)


@dataclass(frozen=True, kw_only=True)
class Model:
    """Experts with what tells which of them to ask."""

    experts: tuple[Expert, ...]  # one of all materials, or those of KINDS
    meta: dict  # model card: sigma_eV, onset_rule, split, scores, configuration
    classifier: Classifier | None = None  # None where the training knew one material class alone
    material: str | None = None  # what all spectra are known to be of: one of KINDS, or of the classes

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

    @property
    def materials(self) -> tuple[str, ...]:
        """What it can be told that the silicon is of: KINDS, where it has an expert for each, and its classes."""
        return tuple(dict.fromkeys((*(KINDS if len(self.experts) == len(KINDS) else ()), *self.classes)))

    def of_material(self, material: str) -> Model:
        """The model for silicon that is known to be of one of its materials. Raises SikpdosError for others."""
        if material not in self.materials:
            known = f"it knows {', '.join(self.materials)}" if self.materials else "it knows one class alone"
            raise SikpdosError(f"the model cannot be told that the material is '{material}': {known}")
        return replace(self, material=material)


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
    likely = _likely(model, spectra, onset_eV)
    shares = _shares(model, likely)
    for start in range(0, len(spectra), block):
        rows = slice(start, start + block)
        mean[rows], std[rows] = _mixed(model, spectra[rows], resolution[rows], likely[rows], shares[rows])
    if not (np.isfinite(mean).all() and np.isfinite(std).all()):
        raise SikpdosError(
            "the model gives NaN or infinity: its weights are damaged, or these are no normalised spectra"
        )
    return mean, std


def _likely(model: Model, spectra: np.ndarray, onset_eV: np.ndarray | None) -> np.ndarray:
    """Probabilities (B, c) of the model's classes, with what is known of the material."""
    classes = np.array(model.classes)
    if model.material in model.classes:
        return np.tile((classes == model.material).astype(float), (len(spectra), 1))
    likely = class_probabilities(model, spectra, onset_eV)
    if model.material == COMPOUND:
        likely[:, classes == ELEMENTAL] = 0
        likely /= likely.sum(axis=1, keepdims=True)
    return likely


def _shares(model: Model, likely: np.ndarray) -> np.ndarray:
    """Share (B, experts) of each expert, by the probability of its kind; none below what is worth asking it."""
    if len(model.experts) == 1:
        return np.ones((len(likely), 1))
    if model.material is not None:
        elemental = np.full(len(likely), float(model.material == ELEMENTAL))
    else:
        elemental = likely[:, model.classes.index(ELEMENTAL)] ** _DOUBT
    shares = np.stack([elemental, 1 - elemental], axis=1)
    shares = np.minimum(shares, 2 * (shares - _LEAST_SHARE).clip(0))
    return shares / shares.sum(axis=1, keepdims=True)


def _mixed(
    model: Model, spectra: np.ndarray, resolution: np.ndarray, likely: np.ndarray, shares: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of the mixture of what the experts say of B spectra."""
    asked = list(_asked(model, spectra, resolution, likely, shares))
    mean, square = (np.zeros((len(spectra), 2, PDOS.size), np.float32) for _ in range(2))
    for rows, share, (of_expert, _) in asked:
        mean[rows] += share * of_expert
    for rows, share, (of_expert, std) in asked:
        square[rows] += share * (std**2 + (of_expert - mean[rows]) ** 2)
    return mean, np.sqrt(square)


def _asked(
    model: Model, spectra: np.ndarray, resolution: np.ndarray, likely: np.ndarray, shares: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray, tuple[np.ndarray, np.ndarray]]]:
    """Of each expert the rows it is asked about, its shares there (k, 1, 1), and what it says of them."""
    is_told = model.material in model.classes
    for known, share in zip(model.experts, shares.T, strict=True):
        expert = known.when_told if is_told and known.when_told is not None else known
        rows = np.flatnonzero(share)
        if len(rows):
            of_rows = share[rows, None, None].astype(np.float32)
            yield rows, of_rows, expert.predict(spectra[rows], resolution[rows], likely[rows])


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
