"""Plural scattering of electrons taken out of an edge with the low-loss spectrum of the same place.

Fourier-ratio deconvolution: Egerton, Electron Energy-Loss Spectroscopy in the Electron Microscope (3rd ed., Springer
2011), section 4.3.2, equation 4.43. Every electron of the edge may have lost energy to plasmons, too; the edge as
measured is the single-scattering one convolved with the low-loss spectrum.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sikpdos.common.constants import FWHM_PER_SIGMA
from sikpdos.common.errors import SikpdosError

_NEEDED_LOSS_EV = 25.0  # losses that must be measured: an edge's 20 eV window is filled from as far below
_AT_ZERO_EV = 10.0  # error of the energy zero that a zero-loss peak may have
_TAPER_EV = 20.0  # over which both spectra go to zero above their ends
_LEAST_ELASTIC = 0.05  # of all electrons in the zero-loss peak: thicker samples cannot be deconvolved


@dataclass(frozen=True)
class LowLoss:
    """A low-loss spectrum, zero-loss peak and plasmons."""

    energy_eV: np.ndarray  # (k,) increasing
    intensity: np.ndarray  # (k,)


@dataclass(frozen=True)
class ZeroLoss:
    """The zero-loss peak of a low-loss spectrum."""

    position_eV: float
    fwhm_eV: float
    share: float  # of all electrons, exp(-t/lambda)

    @property
    def thickness(self) -> float:
        """Thickness over the mean free path of inelastic scattering (Egerton, equation 5.1)."""
        return float(-np.log(self.share))


def zero_loss(spectrum: LowLoss) -> ZeroLoss:
    """Position, width and share of the zero-loss peak; it ends at the minimum above it.

    Raises SikpdosError where the strongest peak is not near 0 eV or the spectrum does not surround it.
    """
    energy_eV, low_loss = spectrum.energy_eV, spectrum.intensity
    peak = int(low_loss.argmax())
    if not 0 < peak < len(low_loss) - 1 or abs(energy_eV[peak]) > _AT_ZERO_EV:
        raise SikpdosError(
            f"no zero-loss peak: the strongest point of the low-loss spectrum is at {energy_eV[peak]:g} eV"
        )
    half = 0.5 * low_loss[peak]
    low_eV, high_eV = _crossing(energy_eV, low_loss, half, peak, -1), _crossing(energy_eV, low_loss, half, peak, 1)
    fwhm_eV = high_eV - low_eV
    after = (energy_eV > high_eV) & (energy_eV < high_eV + max(4 * fwhm_eV, 3.0))
    if not after.any():
        raise SikpdosError("the low-loss spectrum ends at its zero-loss peak")
    end = int(np.flatnonzero(after)[low_loss[after].argmin()])
    elastic = np.trapezoid(low_loss[: end + 1], energy_eV[: end + 1])
    return ZeroLoss(0.5 * (low_eV + high_eV), fwhm_eV, float(elastic / np.trapezoid(low_loss, energy_eV)))


def _crossing(energy_eV: np.ndarray, values: np.ndarray, level: float, start: int, step: int) -> float:
    """Energy at which the values fall below a level on the way from an index, by a straight line."""
    outside = values[start::step] < level
    if not outside.any():
        raise SikpdosError("the low-loss spectrum does not surround its zero-loss peak")
    far = start + step * int(outside.argmax())
    fraction = (level - values[far]) / (values[far - step] - values[far])
    return float(energy_eV[far] + fraction * (energy_eV[far - step] - energy_eV[far]))


def remove_plural_scattering(
    energy_eV: np.ndarray, edges: np.ndarray, low_loss: LowLoss, fwhm_eV: float | None = None
) -> tuple[np.ndarray, ZeroLoss]:
    """Single-scattering edges (m, n) and the zero-loss peak; edges without background, in equal steps energy_eV (n,).

    The result is as sharp as a Gaussian zero-loss peak of fwhm_eV (by default as wide as the measured one), which keeps
    the noise. The edges' scale is that of the elastic electrons' share. Raises SikpdosError for a low-loss spectrum
    without zero-loss peak, too short, or of too thick a sample.
    """
    peak, loss_eV = zero_loss(low_loss), low_loss.energy_eV
    if loss_eV[-1] - peak.position_eV < _NEEDED_LOSS_EV:
        raise SikpdosError(
            f"the low-loss spectrum ends {loss_eV[-1] - peak.position_eV:.1f} eV above its zero-loss peak, "
            f"{_NEEDED_LOSS_EV:g} eV are needed"
        )
    if peak.share < _LEAST_ELASTIC:
        raise SikpdosError(f"the sample is too thick to take plural scattering out (t/lambda {peak.thickness:.1f})")
    step_eV = (energy_eV[-1] - energy_eV[0]) / (len(energy_eV) - 1)
    losses = _tapered(_from_zero(low_loss, peak, step_eV), step_eV)
    edges, below = _tapered(edges, step_eV), int((peak.position_eV - loss_eV[0]) / step_eV)
    size = edges.shape[1] + losses.shape[1]
    losses = np.roll(np.pad(losses[0], (0, size - losses.shape[1])), -below)
    sigma_eV = (peak.fwhm_eV if fwhm_eV is None else fwhm_eV) / FWHM_PER_SIGMA
    reconvolution = np.exp(-2 * (np.pi * np.fft.rfftfreq(size, step_eV) * sigma_eV) ** 2)
    ratio = reconvolution * peak.share * np.fft.rfft(losses)[0].real / np.fft.rfft(losses)
    return np.fft.irfft(np.fft.rfft(edges, size, axis=1) * ratio, size, axis=1)[:, : len(energy_eV)], peak


def _from_zero(low_loss: LowLoss, peak: ZeroLoss, step_eV: float) -> np.ndarray:
    """The low-loss spectrum (1, k) in the edges' steps, counted from the middle of the zero-loss peak."""
    from scipy.interpolate import PchipInterpolator

    ends_eV = low_loss.energy_eV[[0, -1]]
    first, last = (int((end - peak.position_eV) / step_eV) for end in ends_eV)
    return PchipInterpolator(low_loss.energy_eV, low_loss.intensity)(
        peak.position_eV + step_eV * np.arange(first, last + 1)
    )[None]


def _tapered(spectra: np.ndarray, step_eV: float) -> np.ndarray:
    """Spectra (m, n) continued above their end by a half cosine that goes to zero (m, n + k)."""
    k = round(_TAPER_EV / step_eV)
    fall = 0.5 * (1 + np.cos(np.pi * np.arange(1, k + 1) / k))
    end = spectra[:, -max(1, round(0.5 / step_eV)) :].mean(axis=1, keepdims=True)
    return np.concatenate([spectra, end * fall], axis=1)
