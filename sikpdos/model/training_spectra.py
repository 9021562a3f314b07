"""What a network is trained and validated on: clean spectra, or simulated measurements drawn anew."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from sikpdos.common.errors import SikpdosError
from sikpdos.common.grid import SPECTRUM
from sikpdos.dataset.dataset import Dataset
from sikpdos.spectra import preprocess, simulated_measurement

if TYPE_CHECKING:
    from sikpdos.model.training import Settings

_POOL = 4  # simulated measurements of each site drawn at a time
_REFRESH = 5  # epochs that a draw serves
_SMOOTHED = 0.3  # share of measurements smoothed as the paper does
_SIGMA_TOLD = 0.7  # share of measurements whose resolution the network is told


@dataclass(frozen=True)
class Drawn:
    """Variants of every site's spectrum."""

    spectra: np.ndarray  # (variants, n, 200) maximum 1
    resolution: np.ndarray  # (variants, n, 2) whether sigma is known, and sigma
    noise: float  # to be added to them, standard deviation


class Examples:
    """A source of training spectra: draw(epoch), and the fixed ones to validate on."""

    def __init__(self, source, held_out: Drawn):
        self.draw, self.held_out = source, held_out


def clean(dataset: Dataset, settings: Settings) -> Examples:
    """The dataset's own spectra, with a little noise in training."""
    spectra = dataset.spectra[None].astype(np.float32)
    resolution = np.zeros((*spectra.shape[:2], 2), np.float32)
    return Examples(lambda epoch: Drawn(spectra, resolution, settings.noise), Drawn(spectra, resolution, 0.0))


def measured(dataset: Dataset, settings: Settings) -> Examples:
    """Simulated measurements of the dataset's sites, new ones every few epochs; a fixed set to validate on.

    Raises SikpdosError if the dataset has no edges before broadening.
    """
    if dataset.edge is None:
        raise SikpdosError("the dataset has no edges before broadening: measurements cannot be simulated from it")

    @lru_cache(maxsize=1)
    def pool(number: int) -> Drawn:
        return _simulate(dataset, settings, np.random.default_rng([settings.seed, number]))

    return Examples(lambda epoch: pool(1 + epoch // _REFRESH), pool(0))


def _simulate(dataset: Dataset, settings: Settings, rng: np.random.Generator) -> Drawn:
    """_POOL variants of every site; the few without a detectable onset are replaced by the clean spectrum."""
    spectra = np.empty((_POOL, len(dataset), SPECTRUM.size), np.float32)
    resolution = np.zeros((_POOL, len(dataset), 2), np.float32)
    for k in range(_POOL):
        conditions = simulated_measurement.draw(len(dataset), settings.sigma_eV, settings.counts, rng)
        smooth = (40, 3) if rng.random() < _SMOOTHED else None
        options = preprocess.Preprocessing(smooth=smooth, onset=dataset.onset_rule, allow_partial=True)
        found = simulated_measurement.measure(dataset.edge_energy_eV, dataset.edge, conditions, rng, options)
        lost = ~np.isfinite(found).all(axis=1)
        found[lost] = dataset.spectra[lost]
        spectra[k] = found
        told = rng.random(len(dataset)) < _SIGMA_TOLD
        resolution[k, :, 0], resolution[k, :, 1] = told, np.where(told, conditions.sigma_eV, 0)
    return Drawn(spectra, resolution, 0.0)
