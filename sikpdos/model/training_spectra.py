"""The spectra a network is trained and validated on: clean ones, or simulated measurements drawn anew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, lru_cache

import numpy as np

from sikpdos.common import resources
from sikpdos.common.grid import SPECTRUM
from sikpdos.dataset import raw_site
from sikpdos.dataset.dataset import Dataset
from sikpdos.model.network import CONDITIONS, recording
from sikpdos.model.settings import Settings
from sikpdos.spectra import real_edge, simulated_measurement
from sikpdos.spectra.settings import Preprocessing

_VARIANTS = 4  # simulated measurements of each site drawn at a time
_HELD_OUT = 3500  # about so many of all sites together, for the regressions keep them; one of each site at least
_REFRESH = 10  # epochs that a draw serves
_SMOOTHED = 0.3  # share of measurements smoothed as the paper does
_KNOWN_RESOLUTION = 0.7  # share of measurements whose resolution the network is given
_KNOWN_KIND = 0.8  # share that it is told are EELS, or XAS
_XAS = 0.5  # share of XAS
_REAL = 0.4  # share of EELS with what real edges have and computed ones lack; simulated measurements lack it, too
_OXIDES = ("oxide", "silicate", "oxynitride")
_OXIDE_XAS, _OXIDE_EELS = (-0.25, 0.25), (-0.1, 0.1)  # shares of native oxide; none below 0


@dataclass(frozen=True, kw_only=True)
class SpectrumVariants:
    """Variants of the spectrum of each of n sites.

    Flat arrays hold one row a spectrum, (variants * n, ...): the sites of the first variant, of the second, and so on.
    """

    spectra: np.ndarray  # (variants, n, 200) maximum 1
    resolution: np.ndarray  # (variants, n, 5) how they were recorded: see network.recording
    noise: float  # to be added to them, standard deviation
    likely: np.ndarray | None = None  # (variants, n, c) probabilities of material classes, or the classes themselves

    def of_sites(self, sites: np.ndarray) -> SpectrumVariants:
        """The variants of some of the sites, by a mask (n,) or by their rows."""
        likely = None if self.likely is None else self.likely[:, sites]
        return replace(self, spectra=self.spectra[:, sites], resolution=self.resolution[:, sites], likely=likely)

    @property
    def flat_spectra(self) -> np.ndarray:  # (variants * n, 200)
        return self.spectra.reshape(-1, self.spectra.shape[-1])

    @property
    def flat_resolution(self) -> np.ndarray:  # (variants * n, 5)
        return self.resolution.reshape(-1, self.resolution.shape[-1])

    @property
    def flat_likely(self) -> np.ndarray | None:  # (variants * n, c)
        return None if self.likely is None else self.likely.reshape(-1, self.likely.shape[-1])

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
    resolution = np.zeros((*spectra.shape[:2], CONDITIONS), np.float32)
    held_out = SpectrumVariants(spectra=spectra, resolution=resolution, noise=0.0)
    noisy = replace(held_out, noise=settings.noise)
    return SpectrumSampler(draw=lambda epoch: noisy, held_out=held_out)


def measured(dataset: Dataset, settings: Settings) -> SpectrumSampler:
    """Simulated measurements of the dataset's sites, new ones every few epochs; a fixed set to validate on.

    Raises SikpdosError if the dataset has no edges before broadening.
    """

    @lru_cache(maxsize=1)
    def simulated(number: int, variants: int) -> SpectrumVariants:
        return _simulate(dataset, settings, variants, np.random.default_rng([settings.seed, number]))

    held_out = simulated(0, int(np.clip(round(_HELD_OUT / len(dataset)), 1, _VARIANTS)))
    return SpectrumSampler(draw=lambda epoch: simulated(1 + epoch // _REFRESH, _VARIANTS), held_out=held_out)


def _simulate(dataset: Dataset, settings: Settings, count: int, rng: np.random.Generator) -> SpectrumVariants:
    variants = [_simulate_one(dataset, settings, rng) for _ in range(count)]
    spectra, resolution = (np.stack(arrays).astype(np.float32) for arrays in zip(*variants, strict=True))
    return SpectrumVariants(spectra=spectra, resolution=resolution, noise=0.0)


def _simulate_one(dataset: Dataset, settings: Settings, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """One measurement of every site (n, 200), by EELS or XAS, and how it was recorded (n, 5).

    The few without a detectable onset are replaced by the clean spectrum.
    """
    energy_eV, edges = dataset.unbroadened()
    n = len(dataset)
    conditions = simulated_measurement.draw(n, settings.sigma_eV, settings.counts, rng)
    smooth = (40, 3) if rng.random() < _SMOOTHED else None
    options = Preprocessing(smooth=smooth, onset=dataset.onset_rule, allow_partial=True)
    xas, real = rng.random(n) < _XAS, rng.random(n) < _REAL
    share = np.where(xas, rng.uniform(*_OXIDE_XAS, n), rng.uniform(*_OXIDE_EELS, n)).clip(0)
    share[_is_oxide(dataset)] = 0
    real |= xas
    edges = np.array(edges, float)
    edges[real] = real_edge.real_edges(energy_eV, edges[real], _oxide(), real_edge.draw(share[real], rng))
    spectra, resolution = np.empty((n, SPECTRUM.size)), np.empty((n, CONDITIONS))
    for kind, rows in (("eels", np.flatnonzero(~xas)), ("xas", np.flatnonzero(xas))):
        if not len(rows):  # of a handful of sites
            continue
        measured = simulated_measurement.measure(energy_eV, edges[rows], conditions.of(rows), rng, options, kind)
        lost = ~np.isfinite(measured).all(axis=1)
        measured[lost] = dataset.spectra[rows][lost]
        spectra[rows], resolution[rows] = measured, recording(measured, conditions.sigma_eV[rows], kind)
    resolution[rng.random(n) >= _KNOWN_RESOLUTION, :2] = 0
    resolution[rng.random(n) >= _KNOWN_KIND, 2:4] = 0
    return spectra, resolution


def _is_oxide(dataset: Dataset) -> np.ndarray:
    """Sites (n,) of crystals whose silicon has oxygen about it: they have no other oxide on them."""
    if dataset.material_class is None:
        return np.zeros(len(dataset), bool)
    return np.isin(dataset.material_class, _OXIDES)


@cache
def _oxide() -> np.ndarray:
    """The computed edge of quartz, in the bins of the database's edges."""
    return raw_site.read_raw(resources.OXIDE).edge_weight
