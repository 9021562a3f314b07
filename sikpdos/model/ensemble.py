"""The ensemble: networks and a cross-fitted kernel regression on the same sites, and their calibrated estimate.

The data outside the test part are divided into four folds. Every network keeps one fold for validation; the regression
has a fit for each fold that leaves it out, and one on all four. The mean estimate combines all networks with the fit on
all folds. A member, for the uncertainty, is a network with the fit that leaves out its validation fold: so the sites of
a fold can be estimated by the members that were not trained on it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sikpdos.common.grid import SPECTRUM
from sikpdos.dataset import split
from sikpdos.model import kernel_regression
from sikpdos.model.kernel_regression import KernelRegression
from sikpdos.model.network import Architecture, forward, scale

REGRESSION_FOLDS = (*split.VALIDATION_FOLDS, split.TEST)  # left out by the fits; the test part is never trained on


@dataclass(frozen=True, kw_only=True)
class Ensemble:
    """Trained networks and regressions."""

    architecture: Architecture
    weights: dict[str, np.ndarray]  # (members, ...)
    member_fold: np.ndarray  # (members,) validation fold of each network
    input_mean: np.ndarray  # (200,) of the network's inputs in training
    input_std: float
    regression: KernelRegression  # with a fit for each of REGRESSION_FOLDS


@dataclass(frozen=True, kw_only=True)
class Estimates:
    """What members of an ensemble say of B spectra."""

    networks: np.ndarray  # (members, B, 2, 300)
    regressions: np.ndarray  # (members, B, 2, 300) of the fit that leaves out each network's validation fold
    regression: np.ndarray  # (B, 2, 300) of the fit on all sites that these members may know
    nearest: np.ndarray  # (B,) distance to the nearest of that fit's spectra

    def mean(self, stacking_weight: float) -> np.ndarray:
        """Density of states (B, 2, 300): the networks' mean and, by its weight, the regression."""
        networks = self.networks.mean(axis=0)
        return networks + stacking_weight * (self.regression - networks)

    def of_members(self, stacking_weight: float) -> np.ndarray:
        """Every member's own estimate (members, B, 2, 300)."""
        return self.networks + stacking_weight * (self.regressions - self.networks)


def estimate(
    ensemble: Ensemble,
    spectra: np.ndarray,
    resolution: np.ndarray,
    likely: np.ndarray | None = None,
    left_out: int = split.TEST,
) -> Estimates:
    """What members say of normalised spectra (B, 200), resolution (B, 5), with classes of probabilities likely (B, c).

    left_out: the fold that the spectra are of. Of a validation fold, only the members that kept it are asked and only
    the fit that leaves it out; of the test part, or of no part at all, all are.
    """
    members = np.flatnonzero((ensemble.member_fold == left_out) | (left_out == split.TEST))
    folds = ensemble.member_fold[members].tolist()
    fits = [*sorted(set(folds) - {left_out}), left_out]
    regressions, nearest = kernel_regression.predict(ensemble.regression, spectra, fits, likely)
    return Estimates(
        networks=_network_estimates(ensemble, members, spectra, resolution),
        regressions=regressions[[fits.index(fold) for fold in folds]],
        regression=regressions[-1],
        nearest=nearest,
    )


def _network_estimates(
    ensemble: Ensemble, members: np.ndarray, spectra: np.ndarray, resolution: np.ndarray
) -> np.ndarray:
    """Densities of states (members, B, 2, 300) by some of the networks."""
    weights = ensemble.weights
    if len(members) < len(ensemble.member_fold):
        weights = {name: weight[members] for name, weight in weights.items()}
    scaled = scale(np.asarray(spectra, np.float32), ensemble.input_mean, ensemble.input_std).astype(np.float32)
    shape = (len(members), len(spectra))
    inputs = np.broadcast_to(scaled, (*shape, SPECTRUM.size))
    return forward(
        weights, ensemble.architecture, inputs, np.broadcast_to(resolution, (*shape, resolution.shape[-1])), np
    )
