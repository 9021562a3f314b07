"""Simulated measurements: a computed edge as a spectrometer or a beamline would record it, for training and tests."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sikpdos.common.constants import SI_K_EDGE_EV
from sikpdos.spectra import preprocess

_PLASMON_EV, _PLASMON_FWHM_EV = 16.7, 3.7  # bulk silicon (Egerton, EELS in the EM, table C.2)
_RANGE_EV = (-99.0, 32.0)  # measured, from the edge
_RANGES = {  # of nuisances drawn by draw(); uniform, counts uniform in the logarithm
    "background_ratio": (0.5, 5.0),
    "background_exponent": (2.5, 4.0),
    "dispersion_error": (-0.01, 0.01),
    "edge_offset_eV": (-3.0, 3.0),
    "thickness": (-0.6, 0.6),
}
_YIELD_RANGES = {
    "below": (0.1, 20.0),
    "noise": (1e-4, 5e-3),
}
_YIELD_GLITCHES = 0.2  # share of spectra with one
_YIELD_STEPS_EV = (0.1, 0.2, 0.25, 0.5)
SHARE_XAS = 0.5
OXIDE = {"eels": (-0.1, 0.1), "xas": (-0.25, 0.25)}


@dataclass(frozen=True)
class Conditions:
    """How m spectra are recorded; every field (m,)."""

    sigma_eV: np.ndarray  # resolution
    counts: np.ndarray  # of the edge's maximum, per channel
    background_ratio: np.ndarray  # background at the onset over the edge's maximum
    background_exponent: np.ndarray  # r of A E^-r
    dispersion_error: np.ndarray  # relative error of the energy scale
    edge_offset_eV: np.ndarray  # error of the energy zero
    thickness: np.ndarray  # t/lambda, for plural scattering by one plasmon; none if negative

    def __len__(self) -> int:
        return len(self.sigma_eV)


def draw(
    count: int, sigma_eV: tuple[float, float], counts: tuple[float, float], rng: np.random.Generator
) -> Conditions:
    """Random conditions: sigma uniform, counts uniform in the logarithm, nuisances over usual ranges."""
    uniform = {name: rng.uniform(*limits, count) for name, limits in _RANGES.items()}
    return Conditions(rng.uniform(*sigma_eV, count), np.exp(rng.uniform(*np.log(counts), count)), **uniform)


def ideal(count: int, sigma_eV: float, counts: float) -> Conditions:
    """Conditions with noise and a background, but no error of the energy scale and no plural scattering."""
    values = {"background_ratio": 2.0, "background_exponent": 3.0, "dispersion_error": 0.0, "edge_offset_eV": 0.0}
    full = {name: np.full(count, value) for name, value in {**values, "thickness": -1.0}.items()}
    return Conditions(np.full(count, sigma_eV), np.full(count, counts), **full)


def record(
    energy_eV: np.ndarray, edge: np.ndarray, conditions: Conditions, rng: np.random.Generator, channel_eV: float = 0.25
) -> tuple[np.ndarray, np.ndarray]:
    """Poisson counts (m, k) on a channel axis (k,) around 1839 eV, of edges (m, n) in equal bins energy_eV (n,)."""
    start_eV = _RANGE_EV[0] + rng.uniform(0, channel_eV)
    channels_eV = np.arange(start_eV, _RANGE_EV[1], channel_eV)
    signal = _signal(energy_eV, edge, conditions, channels_eV)
    signal *= conditions.counts[:, None]
    axis_eV = SI_K_EDGE_EV + channels_eV
    falling = (axis_eV / SI_K_EDGE_EV) ** -conditions.background_exponent[:, None]
    background = (conditions.counts * conditions.background_ratio)[:, None] * falling
    return axis_eV, rng.poisson(np.maximum(signal + background, 0)).astype(float)


def _signal(energy_eV, edge, conditions, channels_eV):
    """Broadened edges on the channels (m, k), maximum 1."""
    bin_eV = (energy_eV[-1] - energy_eV[0]) / (len(energy_eV) - 1)
    curves = _broadened(edge, bin_eV, conditions)
    true_eV = (channels_eV - conditions.edge_offset_eV[:, None]) * (1 + conditions.dispersion_error[:, None])
    position = np.clip((true_eV - energy_eV[0]) / bin_eV, 0, len(energy_eV) - 1.001)
    left = position.astype(int)
    rows = np.arange(len(edge))[:, None]
    signal = curves[rows, left] + (position - left) * (curves[rows, left + 1] - curves[rows, left])
    return signal / signal.max(axis=1)[:, None]


def record_yield(energy_eV, edge, conditions, rng):
    """Yield over the beam's intensity (m, k) at energies (k,), as an absorption beamline records it."""
    m, step_eV = len(edge), rng.choice(_YIELD_STEPS_EV)
    shift_eV = rng.uniform(0, 1)
    before_eV = np.arange(-39.0, -9.0, max(0.5, step_eV)) + shift_eV
    channels_eV = np.concatenate([before_eV, np.arange(before_eV[-1] + step_eV, 32.0, step_eV)])
    signal = _signal(energy_eV, edge, conditions, channels_eV)
    below = np.exp(rng.uniform(*np.log(_YIELD_RANGES["below"]), m))[:, None]
    slope = rng.uniform(-1.0, 3.0, (m, 1))
    axis_eV = SI_K_EDGE_EV + channels_eV
    whole = signal + below * (axis_eV / SI_K_EDGE_EV) ** -slope
    noise = np.exp(rng.uniform(*np.log(_YIELD_RANGES["noise"]), m))[:, None]
    drift = _drift(channels_eV, m, rng) * rng.uniform(0, 1, (m, 1))
    whole = whole * (1 + noise * (rng.normal(size=whole.shape) + drift))
    hit = np.flatnonzero(rng.random(m) < _YIELD_GLITCHES)
    at = rng.uniform(-10, 25, len(hit))[:, None]
    width = rng.uniform(0.1, 0.4, len(hit))[:, None]
    size = rng.uniform(-0.2, 0.2, len(hit))[:, None]
    whole[hit] += size * np.exp(-0.5 * ((channels_eV - at) / width) ** 2)
    return axis_eV, whole


def _drift(channels_eV, m, rng):
    """Slow wandering (m, k), standard deviation about 1: errors of the normalisation to the beam."""
    total = 0.0
    for _ in range(4):
        period = np.exp(rng.uniform(np.log(8), np.log(80), (m, 1)))
        total = total + np.sqrt(0.5) * np.sin(2 * np.pi * (channels_eV / period + rng.random((m, 1))))
    return total


def _broadened(edge: np.ndarray, bin_eV: float, conditions: Conditions) -> np.ndarray:
    """Gaussian resolution and one plasmon loss, as products in Fourier space (m, n)."""
    n = edge.shape[1]
    frequency = np.fft.rfftfreq(2 * n, bin_eV)[None, :]
    response = np.exp(-2 * (np.pi * frequency * conditions.sigma_eV[:, None]) ** 2).astype(complex)
    decay = np.exp(-np.pi * _PLASMON_FWHM_EV * frequency - 2j * np.pi * _PLASMON_EV * frequency)
    response *= 1 + np.maximum(conditions.thickness, 0)[:, None] * decay
    return np.fft.irfft(np.fft.rfft(edge, 2 * n, axis=1) * response, 2 * n, axis=1)[:, :n]


def measure(
    energy_eV: np.ndarray,
    edge: np.ndarray,
    conditions: Conditions,
    rng: np.random.Generator,
    options: preprocess.Preprocessing = preprocess.Preprocessing(),
) -> np.ndarray:
    """Recorded and prepared as a user would (m, 200); rows of NaN where no onset was found."""
    axis_eV, counts = record(energy_eV, edge, conditions, rng)
    return preprocess.prepare(axis_eV, counts, "eels", options).spectra
