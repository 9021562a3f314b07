"""The spectra a network is trained and validated on: clean ones, or simulated measurements drawn anew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from sikpdos.dataset.dataset import Dataset
from sikpdos.model.settings import Settings
from sikpdos.spectra import preprocess, simulated_measurement

_VARIANTS = 4  # simulated measurements of each site drawn at a time
_REFRESH = 5  # epochs that a draw serves
_SMOOTHED = 0.3  # share of measurements smoothed as the paper does
_KNOWN_RESOLUTION = 0.7  # share of measurements whose resolution the network is given


@dataclass(frozen=True, kw_only=True)
class SpectrumVariants:
    """Variants of the spectrum of each of n sites.

    Flat arrays hold one row a spectrum, (variants * n, ...): the sites of the first variant, of the second, and so on.
    """

    spectra: np.ndarray  # (variants, n, 200) maximum 1
    resolution: np.ndarray  # (variants, n, 2) whether sigma is known, and sigma
    noise: float  # to be added to them, standard deviation

    def of_sites(self, sites: np.ndarray) -> SpectrumVariants:
        """The variants of some of the sites, by a mask (n,) or by their rows."""
        return replace(self, spectra=self.spectra[:, sites], resolution=self.resolution[:, sites])

    @property
    def flat_spectra(self) -> np.ndarray:  # (variants * n, 200)
        return self.spectra.reshape(-1, self.spectra.shape[-1])

    @property
    def flat_resolution(self) -> np.ndarray:  # (variants * n, 2)
        return self.resolution.reshape(-1, self.resolution.shape[-1])

    def flat_copies(self, of_sites: np.ndarray) -> np.ndarray:
        """What belongs to each site (n, ...), for each of its spectra: (variants * n, ...)."""
        return np.concatenate([of_sites] * len(self.spectra))

    def by_variant(self, flat: np.ndarray) -> np.ndarray:
        """A flat array (variants * n, ...) as (variants, n, ...)."""
        return flat.reshape(*self.spectra.shape[:2], *flat.shape[1:])


@dataclass(frozen=True, kw_only=True)
class SpectrumSampler:
    """A source of training spectra."""

    draw: Callable[[int], SpectrumVariants]  # those of an epoch
    held_out: SpectrumVariants  # fixed ones, to validate on


def sampler(dataset: Dataset, settings: Settings) -> SpectrumSampler:
    """The sampler that the settings ask for. Raises SikpdosError as `measured` does."""
    return measured(dataset, settings) if settings.measured else clean(dataset, settings)


def clean(dataset: Dataset, settings: Settings) -> SpectrumSampler:
    """The dataset's own spectra, with a little noise in training."""
    spectra = dataset.spectra[None].astype(np.float32)
    resolution = np.zeros((*spectra.shape[:2], 2), np.float32)
    held_out = SpectrumVariants(spectra=spectra, resolution=resolution, noise=0.0)
    noisy = replace(held_out, noise=settings.noise)
    return SpectrumSampler(draw=lambda epoch: noisy, held_out=held_out)


def measured(dataset: Dataset, settings: Settings) -> SpectrumSampler:
    """Simulated measurements of the dataset's sites, new ones every few epochs; a fixed set to validate on.

    Raises SikpdosError if the dataset has no edges before broadening.
    """

    @lru_cache(maxsize=1)
    def simulated(number: int) -> SpectrumVariants:
        return _simulate(dataset, settings, np.random.default_rng([settings.seed, number]))

    return SpectrumSampler(draw=lambda epoch: simulated(1 + epoch // _REFRESH), held_out=simulated(0))


def _simulate(dataset: Dataset, settings: Settings, rng: np.random.Generator) -> SpectrumVariants:
    variants = [_simulate_one(dataset, settings, rng) for _ in range(_VARIANTS)]
    spectra, resolution = (np.stack(arrays).astype(np.float32) for arrays in zip(*variants, strict=True))
    return SpectrumVariants(spectra=spectra, resolution=resolution, noise=0.0)


def _simulate_one(dataset: Dataset, settings: Settings, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """One measurement of every site (n, 200), and its resolution (n, 2).

    The few without a detectable onset are replaced by the clean spectrum.
    """
    conditions = simulated_measurement.draw(len(dataset), settings.sigma_eV, settings.counts, rng)
    smooth = (40, 3) if rng.random() < _SMOOTHED else None
    options = preprocess.Preprocessing(smooth=smooth, onset=dataset.onset_rule, allow_partial=True)
    spectra = simulated_measurement.measure(*dataset.unbroadened(), conditions, rng, options)
    lost = ~np.isfinite(spectra).all(axis=1)
    spectra[lost] = dataset.spectra[lost]
    known = rng.random(len(dataset)) < _KNOWN_RESOLUTION
    return spectra, np.stack([known, np.where(known, conditions.sigma_eV, 0)], axis=1)
