"""Simulated measurements: a computed edge as a spectrometer or a beamline would record it, for training and tests."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from sikpdos.common.constants import SI_K_EDGE_EV
from sikpdos.spectra import preprocess
from sikpdos.spectra.settings import Preprocessing

_PLASMON_EV, _PLASMON_FWHM_EV = 16.7, 3.7  # bulk silicon (Egerton, EELS in the EM, table C.2)
_RANGE_EV = (-99.0, 32.0)  # measured, from the edge
_RANGES = {  # of nuisances drawn by draw(); uniform, counts uniform in the logarithm
    "background_ratio": (0.5, 5.0),
    "background_exponent": (2.5, 4.0),
    "dispersion_error": (-0.01, 0.01),
    "edge_offset_eV": (-3.0, 3.0),
    "thickness": (-0.6, 0.6),
}
# A yield's background comes from all that absorbs, films above the silicon too, and its noise is a share of the whole
# yield: electrometers and monitors, not counting, decide.
_BELOW = (0.1, 20.0)  # yield below the edge over the edge's height
_YIELD_NOISE = (0.003, 0.1)  # standard deviation over the edge's height, from the whole yield
_YIELD_EXPONENT = (-1.0, 3.0)  # of the fall of the yield with energy
_DRIFT_PERIOD_EV = (8.0, 80.0)  # of errors in the normalisation to the beam
_GLITCHES = 0.2  # share of spectra with a glitch of the monochromator
_GLITCH_OFFSET_EV, _GLITCH_SIGMA_EV, _GLITCH_HEIGHT = (-10.0, 25.0), (0.1, 0.4), (-0.2, 0.2)
_YIELD_STEPS_EV = (0.1, 0.2, 0.25, 0.5)  # around the edge; longer ones before
_YIELD_RANGE_EV = (-39.0, -9.0, 32.0)  # from the edge: long steps, short steps, end


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

    def of(self, rows: np.ndarray) -> Conditions:
        """Those of some of the spectra."""
        return Conditions(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})


def draw(
    count: int, sigma_eV: tuple[float, float], counts: tuple[float, float], rng: np.random.Generator
) -> Conditions:
    """Random conditions: sigma uniform, counts uniform in the logarithm, nuisances over usual ranges."""
    uniform = {name: rng.uniform(*limits, count) for name, limits in _RANGES.items()}
    return Conditions(rng.uniform(*sigma_eV, count), _log_uniform(counts, (count,), rng), **uniform)


def ideal(count: int, sigma_eV: float, counts: float) -> Conditions:
    """Conditions with noise and a background, but no error of the energy scale and no plural scattering."""
    values = {"background_ratio": 2.0, "background_exponent": 3.0, "dispersion_error": 0.0, "edge_offset_eV": 0.0}
    full = {name: np.full(count, value) for name, value in {**values, "thickness": -1.0}.items()}
    return Conditions(np.full(count, sigma_eV), np.full(count, counts), **full)


def record(
    energy_eV: np.ndarray, edge: np.ndarray, conditions: Conditions, rng: np.random.Generator, channel_eV: float = 0.25
) -> tuple[np.ndarray, np.ndarray]:
    """Poisson counts (m, k) on a channel axis (k,) around 1839 eV, of edges (m, n) in equal bins energy_eV (n,)."""
    axis_eV, mean = expected(energy_eV, edge, conditions, rng, channel_eV)
    return axis_eV, rng.poisson(mean).astype(float)


def expected(
    energy_eV: np.ndarray, edge: np.ndarray, conditions: Conditions, rng: np.random.Generator, channel_eV: float = 0.25
) -> tuple[np.ndarray, np.ndarray]:
    """The same without noise: the mean counts (m, k); where the channels (k,) lie is still drawn."""
    start_eV = _RANGE_EV[0] + rng.uniform(0, channel_eV)
    channels_eV = np.arange(start_eV, _RANGE_EV[1], channel_eV)
    signal = _signal(energy_eV, edge, conditions, channels_eV)
    signal *= conditions.counts[:, None]
    axis_eV = SI_K_EDGE_EV + channels_eV
    falling = (axis_eV / SI_K_EDGE_EV) ** -conditions.background_exponent[:, None]
    background = (conditions.counts * conditions.background_ratio)[:, None] * falling
    return axis_eV, np.maximum(signal + background, 0)


def _signal(energy_eV: np.ndarray, edge: np.ndarray, conditions: Conditions, channels_eV: np.ndarray) -> np.ndarray:
    """Broadened edges at energies from the tabulated edge (m, k), maximum 1."""
    bin_eV = (energy_eV[-1] - energy_eV[0]) / (len(energy_eV) - 1)
    curves = _broadened(edge, bin_eV, conditions)
    true_eV = (channels_eV - conditions.edge_offset_eV[:, None]) * (1 + conditions.dispersion_error[:, None])
    position = np.clip((true_eV - energy_eV[0]) / bin_eV, 0, len(energy_eV) - 1.001)
    left = position.astype(int)
    rows = np.arange(len(edge))[:, None]
    signal = curves[rows, left] + (position - left) * (curves[rows, left + 1] - curves[rows, left])
    return signal / signal.max(axis=1)[:, None]


def record_yield(
    energy_eV: np.ndarray, edge: np.ndarray, conditions: Conditions, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Yield over the beam's intensity (m, k) at energies (k,), as a beamline records it; no plural scattering.

    Of the conditions, the counts and the power law are not used.
    """
    m, axis_eV = len(edge), _yield_axis(rng)
    signal = _signal(energy_eV, edge, replace(conditions, thickness=np.full(m, -1.0)), axis_eV)
    below = _log_uniform(_BELOW, (m, 1), rng)
    fall = (1 + axis_eV / SI_K_EDGE_EV) ** -rng.uniform(*_YIELD_EXPONENT, m)[:, None]
    noise = _log_uniform(_YIELD_NOISE, (m, 1), rng) / (1 + below)
    wander = rng.uniform(0, 1, m)[:, None] * _drift(axis_eV, m, rng)
    whole = (signal + below * fall) * (1 + noise * (rng.normal(size=signal.shape) + wander))
    return SI_K_EDGE_EV + axis_eV, whole + _glitches(axis_eV, m, rng)


def _yield_axis(rng: np.random.Generator) -> np.ndarray:
    """Energies from the tabulated edge (k,): long steps far below it, short ones around and above."""
    step_eV, (start_eV, near_eV, end_eV) = rng.choice(_YIELD_STEPS_EV), _YIELD_RANGE_EV
    before_eV = np.arange(start_eV, near_eV, max(0.5, step_eV)) + rng.uniform(0, 1)
    return np.concatenate([before_eV, np.arange(before_eV[-1] + step_eV, end_eV, step_eV)])


def _log_uniform(limits: tuple[float, float], shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Numbers between two positive limits, uniform in the logarithm."""
    low, high = np.log(limits).tolist()
    return np.exp(rng.uniform(low, high, shape))


def _drift(axis_eV: np.ndarray, m: int, rng: np.random.Generator) -> np.ndarray:
    """Slow wandering (m, k) of standard deviation 1: four waves."""
    periods_eV = _log_uniform(_DRIFT_PERIOD_EV, (4, m, 1), rng)
    return np.sqrt(0.5) * np.sin(2 * np.pi * (axis_eV / periods_eV + rng.random((4, m, 1)))).sum(axis=0)


def _glitches(axis_eV: np.ndarray, m: int, rng: np.random.Generator) -> np.ndarray:
    """One narrow dip or peak in a share of the spectra (m, k)."""
    ranges = (_GLITCH_OFFSET_EV, _GLITCH_SIGMA_EV, _GLITCH_HEIGHT)
    at_eV, sigma_eV, height = (rng.uniform(*limits, m)[:, None] for limits in ranges)
    return (rng.random(m) < _GLITCHES)[:, None] * height * np.exp(-0.5 * ((axis_eV - at_eV) / sigma_eV) ** 2)


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
    options: Preprocessing = Preprocessing(),
    kind: str = "eels",
) -> np.ndarray:
    """Recorded and prepared as a user would (m, 200); rows of NaN where no onset was found."""
    recorded = record_yield if kind == "xas" else record
    axis_eV, intensity = recorded(energy_eV, edge, conditions, rng)
    return preprocess.prepare(axis_eV, intensity, kind, options).spectra
