"""Saturated detectors: which spectra of an image are clipped at the largest number that the detector gives.

A full detector gives the same number again and again, where counts scatter. So the top of a spectrum is a ceiling if
it is flat over more channels than its noise allows, or if far more spectra end there than just below and above. Nothing
can be said of noise-free spectra: their flat tops are taken for true, unless they lie at the full scale of a converter
(255, 4095, 65535, ...).
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

_LEAST_CHANNELS = 3  # next to each other, of a flat top
_SHARED_BY = 3  # spectra: a flat top below the image's largest number (a cosmic ray, a hot channel) is that of so many
_CHANCE = 1e-5  # that counts alone give a spectrum such a flat top, at most
_NOISY = 0.2  # share of neighbouring second differences that change sign: 0.73 of noise, half or less where a detector
# spreads it over channels, few of a smooth curve
_ROUNDING = 1e-5  # of the intensity: less is no noise but the rounding of numbers
_KNOWN = 8  # channels away from the top that tell the noise; with fewer it is taken to be that of counts
_FULL_SCALES = 2.0 ** np.arange(8, 33) - 1
_LEAST_STEPS = 16  # of a ceiling, in the smallest steps between intensities: no detector is full of fewer counts
_PILE, _PILE_TIMES = 10, 3  # spectra that end at a ceiling; that many times those at any of the nearest other tops
_ABOVE = 0.01  # of the spectra may lie above it


@dataclass(frozen=True)
class Tops:
    """The largest intensity of each of m spectra."""

    value: np.ndarray  # (m,) NaN where a spectrum is not finite
    repeated: np.ndarray  # (m,) whether more than one channel has it
    noisy: np.ndarray  # (m,) whether that is so, and the spectrum is noisy
    flat: np.ndarray  # (m,) whether it is a ceiling by the spectrum's own noise
    constant: np.ndarray  # (m,) whether all channels have it


def tops(spectra: np.ndarray) -> Tops:
    """Of spectra (m, n)."""
    value = np.where(np.isfinite(spectra).all(axis=1), spectra.max(axis=1), np.nan)
    at_top = spectra == value[:, None]
    channels = at_top.sum(axis=1)
    noisy, flat = np.zeros((2, len(spectra)), bool)
    rows = np.flatnonzero((channels > 1) & (value > 0))
    noisy[rows], flat[rows] = _judged(spectra[rows].astype(float), at_top[rows])
    return Tops(value, channels > 1, noisy, flat, channels == spectra.shape[1])


def joined(parts: list[Tops]) -> Tops:
    """Those of several blocks."""
    return Tops(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Tops)))


def saturated(found: Tops) -> np.ndarray:
    """Which spectra (m,) are clipped: with more than one channel at a ceiling of their image, or all at its largest."""
    values, shared = np.unique(found.value[found.flat], return_counts=True)
    largest = np.nanmax(found.value, initial=-np.inf)
    real = (shared >= _SHARED_BY) | (values == largest) | np.isin(values, _FULL_SCALES)
    ceilings = np.concatenate([values[real], _piled(found)])
    return (np.isin(found.value, ceilings) & found.repeated) | (found.constant & (found.value == largest))


def _piled(found: Tops) -> np.ndarray:
    """Values that far more noisy spectra end at than nearby, and hardly any above."""
    values, count = np.unique(found.value[found.noisy], return_counts=True)
    around = np.lib.stride_tricks.sliding_window_view(np.pad(count, 3), 7).copy() if len(values) else np.zeros((0, 7))
    around[:, 3] = 0
    ordered = np.sort(found.value[np.isfinite(found.value)])
    above = 1 - np.searchsorted(ordered, values, side="right") / max(len(ordered), 1)
    return values[(count >= _PILE) & (count >= _PILE_TIMES * around.max(axis=1)) & (above <= _ABOVE)]


def _judged(spectra: np.ndarray, at_top: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Whether spectra (m, n) are noisy, and whether their tops are flat (m,)."""
    value, quantum, noise = spectra.max(axis=1), _quantum(spectra), _noise(spectra, at_top)
    with np.errstate(divide="ignore", invalid="ignore"):
        tie = quantum / (np.sqrt(2 * np.pi * value) * np.where(np.isnan(noise), np.sqrt(quantum), noise))
        needed = 1 + np.ceil(np.log(_CHANCE / _LEAST_CHANNELS) / np.log(tie))
    needed = np.where(tie < 1, np.maximum(needed, _LEAST_CHANNELS), spectra.shape[1] + 1)
    needed = np.where(np.isin(value, _FULL_SCALES), _LEAST_CHANNELS, needed)
    return (tie < 1) & (value >= _LEAST_STEPS * quantum), _has_run(at_top, needed.astype(int))


def _quantum(spectra: np.ndarray) -> np.ndarray:
    """Smallest step between intensities (m,): 1 of counts; infinite where they are all the same."""
    steps = np.diff(np.sort(spectra, axis=1), axis=1)
    least = 1e-6 * np.ptp(spectra, axis=1, keepdims=True)
    return np.where(steps > least, steps, np.inf).min(axis=1)


def _noise(spectra: np.ndarray, at_top: np.ndarray) -> np.ndarray:
    """Standard deviation over the root of the intensity (m,), by second differences away from the top.

    0 where spectra are smooth, NaN where hardly a channel is away from the top.
    """
    second, middle = np.diff(spectra, 2, axis=1), np.maximum(spectra[:, 1:-1], 0)
    near = np.pad(at_top, [(0, 0), (1, 1)])
    near = near[:, :-2] | near[:, 1:-1] | near[:, 2:]
    away = ~(near[:, :-2] | near[:, 1:-1] | near[:, 2:]) & (middle > 0)
    scaled = np.where(away, np.abs(second) / np.sqrt(np.where(middle > 0, middle, 1)), np.nan)
    scaled[~away.any(axis=1)] = 0
    turns, counted = second[:, 1:] * second[:, :-1], away[:, 1:] & away[:, :-1]
    changes = ((turns < 0) & counted).sum(axis=1) / np.maximum(((turns != 0) & counted).sum(axis=1), 1)
    found = np.nanmedian(scaled, axis=1) / (0.6745 * np.sqrt(6))
    found = np.where((changes > _NOISY) & (found > _ROUNDING * np.sqrt(spectra.max(axis=1))), found, 0.0)
    return np.where(away.sum(axis=1) < _KNOWN, np.nan, found)


def _has_run(at_top: np.ndarray, length: np.ndarray) -> np.ndarray:
    """Whether rows (m, n) of truth values hold so many (m,) of them next to each other."""
    n = at_top.shape[1]
    before = np.pad(np.cumsum(at_top, axis=1), [(0, 0), (1, 0)])
    ends = np.minimum(np.arange(n) + length[:, None], n)
    return np.asarray((np.take_along_axis(before, ends, axis=1) - before[:, :-1] >= length[:, None]).any(axis=1))
