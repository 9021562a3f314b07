"""Simulated measurements: a computed edge as a spectrometer would record it, for training and for honest tests."""

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
    bin_eV = (energy_eV[-1] - energy_eV[0]) / (len(energy_eV) - 1)
    curves = _broadened(edge, bin_eV, conditions)
    start_eV = _RANGE_EV[0] + rng.uniform(0, channel_eV)
    channels_eV = np.arange(start_eV, _RANGE_EV[1], channel_eV)
    true_eV = (channels_eV - conditions.edge_offset_eV[:, None]) * (1 + conditions.dispersion_error[:, None])
    position = np.clip((true_eV - energy_eV[0]) / bin_eV, 0, len(energy_eV) - 1.001)
    left = position.astype(int)
    rows = np.arange(len(edge))[:, None]
    signal = curves[rows, left] + (position - left) * (curves[rows, left + 1] - curves[rows, left])
    signal *= (conditions.counts / signal.max(axis=1))[:, None]
    axis_eV = SI_K_EDGE_EV + channels_eV
    falling = (axis_eV / SI_K_EDGE_EV) ** -conditions.background_exponent[:, None]
    background = (conditions.counts * conditions.background_ratio)[:, None] * falling
    return axis_eV, rng.poisson(np.maximum(signal + background, 0)).astype(float)


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
