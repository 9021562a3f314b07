"""Between a computed edge and the edge of a real sample: self-energy, lifetime of the final states, native oxide."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from sikpdos.spectra import processing
from sikpdos.spectra.lifetime import Lifetime, broaden_bins

_ONSET_SIGMA_EV = 0.5  # at which onsets of silicon and of its oxide are compared
_CONTINUUM_EV = (25.0, 40.0)  # above an onset: where edges of a silicon atom have the same height in any compound
# Uniform ranges. DFT's conduction bands are too close together: the real part of the self-energy moves states by
# some per cent of their energy (Kas et al., Phys. Rev. B 76, 195116 (2007), doi:10.1103/PhysRevB.76.195116). Lifetimes:
# about 1 to 4 eV at 13 eV, around the electron gas's 0.134 w_p (E/E_F)^2 = 2.4 eV for silicon and FDMNES's 2.2 eV.
# Oxide: Si4+ stands 5.5 to 8 eV above Si0, of which 1 to 2 nm lie on any surface: up to a quarter of what electrons
# escape from.
STRETCH = (0.02, 0.08)
LIFETIME_EV = {"maximum_eV": (8.0, 18.0), "centre_eV": (20.0, 35.0), "spread_eV": (20.0, 35.0)}
OXIDE_SHIFT_EV = (5.5, 8.0)
OXIDE_SIGMA_EV = (0.4, 1.2)  # amorphous: broader than quartz
_LIFETIMES = 8  # different ones in a draw


@dataclass(frozen=True)
class Reality:
    """What m real edges have that computed ones lack; every field but `lifetimes` (m,)."""

    stretch: np.ndarray  # relative, of energies from the Fermi level
    lifetime: np.ndarray  # index of
    lifetimes: tuple[Lifetime, ...]  # a few
    oxide_share: np.ndarray  # of the silicon atoms
    oxide_shift_eV: np.ndarray  # of its onset
    oxide_sigma_eV: np.ndarray

    def __getitem__(self, rows: np.ndarray) -> Reality:
        some = {f.name: getattr(self, f.name)[rows] for f in fields(self) if f.name != "lifetimes"}
        return Reality(**some, lifetimes=self.lifetimes)


def draw(oxide_share: np.ndarray, rng: np.random.Generator) -> Reality:
    """Random ones, of given shares of oxide (m,)."""
    m = len(oxide_share)
    lifetimes = [Lifetime(**{key: rng.uniform(*span) for key, span in LIFETIME_EV.items()}) for _ in range(_LIFETIMES)]
    return Reality(
        stretch=rng.uniform(*STRETCH, m),
        lifetime=rng.integers(_LIFETIMES, size=m),
        lifetimes=tuple(lifetimes),
        oxide_share=oxide_share,
        oxide_shift_eV=rng.uniform(*OXIDE_SHIFT_EV, m),
        oxide_sigma_eV=rng.uniform(*OXIDE_SIGMA_EV, m),
    )


def real_edges(energy_eV: np.ndarray, edges: np.ndarray, oxide: np.ndarray, reality: Reality) -> np.ndarray:
    """Computed edges (m, n) in equal bins energy_eV (n,) from their Fermi levels as real ones; oxide (n,) likewise."""
    bin_eV = (energy_eV[-1] - energy_eV[0]) / (len(energy_eV) - 1)
    oxides = np.broadcast_to(oxide, edges.shape)
    silicon, above = (_stretched(energy_eV, each, reality.stretch) for each in (edges, oxides))
    for number, lifetime in enumerate(reality.lifetimes):
        rows = reality.lifetime == number
        both = broaden_bins(energy_eV, np.concatenate([silicon[rows], above[rows]]), lifetime)
        silicon[rows], above[rows] = np.split(both, 2)
    above = _gaussian(above, bin_eV, reality.oxide_sigma_eV)
    return _mixture(energy_eV, bin_eV, silicon, above, reality)


def _mixture(energy_eV, bin_eV: float, silicon: np.ndarray, oxide: np.ndarray, reality: Reality) -> np.ndarray:
    """Silicon and oxide (m, n) of equal continua, by share, the oxide's onset above silicon's by the shift."""
    onset_eV, oxide_onset_eV = (_onsets(energy_eV, bin_eV, edges) for edges in (silicon, oxide))
    move = (oxide_onset_eV - onset_eV - reality.oxide_shift_eV)[:, None] / bin_eV
    moved = _at(oxide, np.arange(len(energy_eV)) + move)
    heights = [_continuum(energy_eV, edges, onset_eV) for edges in (silicon, moved)]
    share = reality.oxide_share[:, None]
    return (1 - share) * silicon + share * moved * heights[0] / heights[1]


def _onsets(energy_eV: np.ndarray, bin_eV: float, edges: np.ndarray) -> np.ndarray:
    smoothed = _gaussian(edges, bin_eV, np.full(len(edges), _ONSET_SIGMA_EV))
    near = energy_eV < 25
    onset_eV = processing.find_onset(energy_eV[near], smoothed[:, near])
    return np.where(np.isfinite(onset_eV), onset_eV, 0.0)


def _continuum(energy_eV: np.ndarray, edges: np.ndarray, onset_eV: np.ndarray) -> np.ndarray:
    above = energy_eV - onset_eV[:, None]
    inside = (above > _CONTINUUM_EV[0]) & (above < _CONTINUUM_EV[1])
    return ((edges * inside).sum(axis=1) / inside.sum(axis=1))[:, None]


def _stretched(energy_eV: np.ndarray, edges: np.ndarray, stretch: np.ndarray) -> np.ndarray:
    bin_eV = (energy_eV[-1] - energy_eV[0]) / (len(energy_eV) - 1)
    return _at(edges, (energy_eV / (1 + stretch[:, None]) - energy_eV[0]) / bin_eV)


def _gaussian(edges: np.ndarray, bin_eV: float, sigma_eV: np.ndarray) -> np.ndarray:
    n = edges.shape[1]
    frequency = np.fft.rfftfreq(2 * n, bin_eV)
    response = np.exp(-2 * (np.pi * frequency * sigma_eV[:, None]) ** 2)
    return np.fft.irfft(np.fft.rfft(edges, 2 * n, axis=1) * response, 2 * n, axis=1)[:, :n]


def _at(values: np.ndarray, position: np.ndarray) -> np.ndarray:
    """Rows (m, n) at fractional columns (m, k), by straight lines; the ends continue."""
    position = np.clip(position, 0, values.shape[1] - 1.001)
    left = position.astype(int)
    low, high = (np.take_along_axis(values, left + k, axis=1) for k in (0, 1))
    return low + (position - left) * (high - low)
