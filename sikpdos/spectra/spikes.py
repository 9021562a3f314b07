"""Spikes: channels hit by X-rays or cosmic rays, glitches of a monochromator; narrower than any edge's structure."""

from __future__ import annotations

import numpy as np

_WIDTH_EV = 1.0  # of the running median; the core hole alone makes features 0.5 eV wide
_BEYOND_NOISE = 8.0  # in robust standard deviations of what the median leaves
_OF_RANGE = 0.3  # of the spectrum's range: smaller ones do no harm


def spikes(energy_eV: np.ndarray, intensity: np.ndarray) -> np.ndarray:
    """Which points (m, n) of spectra (m, n) stand out of their surroundings beyond noise and structure."""
    points = max(3, 2 * int(np.ceil(_WIDTH_EV / 2 / np.median(np.diff(energy_eV)))) + 1)
    if intensity.shape[1] <= 2 * points:
        return np.zeros(intensity.shape, bool)
    padded = np.pad(intensity, [(0, 0), (points // 2, points // 2)], mode="reflect")
    median = np.median(np.lib.stride_tricks.sliding_window_view(padded, points, axis=1), axis=-1)
    rest = np.abs(intensity - median)
    noise = 1.4826 * np.median(rest, axis=1, keepdims=True)
    if are_counts(intensity):  # a few counts have a long tail, and none at all no scatter
        noise = np.maximum(noise, np.sqrt(median + 1))
    structure = _OF_RANGE * np.ptp(median, axis=1, keepdims=True)
    beside = np.max(
        [
            np.abs(np.diff(median, axis=1, prepend=median[:, :1])),
            np.abs(np.diff(median, axis=1, append=median[:, -1:])),
        ],
        axis=0,
    )
    return rest > np.maximum(np.maximum(_BEYOND_NOISE * noise, structure), 2 * beside)


def are_counts(intensity: np.ndarray) -> bool:
    """Whether intensities are whole numbers that scatter as counts do: their variance is their mean."""
    return bool((intensity >= 0).all() and (intensity == np.rint(intensity)).all())


def without(energy_eV: np.ndarray, intensity: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Spectra (m, n) with a straight line through the points (m, n) that are marked."""
    mended = intensity.copy()
    for row in np.flatnonzero(where.any(axis=1)):
        good = ~where[row]
        mended[row, ~good] = np.interp(energy_eV[~good], energy_eV[good], intensity[row, good])
    return mended


def energies(energy_eV: np.ndarray, where: np.ndarray) -> np.ndarray:
    """One energy for each group of neighbouring marked points (n,)."""
    index = np.flatnonzero(where)
    groups = np.split(index, np.flatnonzero(np.diff(index) > 1) + 1) if len(index) else []
    return np.array([energy_eV[group].mean() for group in groups])
