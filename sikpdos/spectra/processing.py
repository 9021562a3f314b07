"""Arithmetic of spectra, on plain arrays: broaden, subtract a background, resample, smooth, find the onset, cut.

Arrays of spectra are (m, n): m spectra on one energy axis of n points.
"""

from __future__ import annotations

import re

import numpy as np

from sikpdos.common.errors import SikpdosError
from sikpdos.common.grid import SPECTRUM, Grid

ONSET_RULES = ("5%", "10%", "50%", "slope", "area")
ONSET_RULE = "50%"  # chosen by measurement: README, "The onset rule"
WIDEST_STEP_EV = 1.6  # between measured points: an edge's peaks are some 3 eV wide
_FEWEST_POINTS = 4  # that can have an onset
_DETECTION_SPAN_EV = 0.5  # the onset is sought in a running mean over this span
_AREA_RATIO = 0.02  # of the area in the _AREA_BELOW_EV below the onset to that in the _AREA_ABOVE_EV above
_AREA_BELOW_EV = 3.0
_AREA_ABOVE_EV = 12.0


def kernel(distance_eV: np.ndarray, sigma_eV: float, lorentz_fwhm_eV: float = 0.0) -> np.ndarray:
    """Line of area 1 at the given distances: Gaussian of standard deviation sigma, with a Lorentzian a Voigt line."""
    if sigma_eV < 0 or lorentz_fwhm_eV < 0 or sigma_eV + lorentz_fwhm_eV == 0:
        raise SikpdosError(f"cannot broaden with sigma {sigma_eV} eV and Lorentzian {lorentz_fwhm_eV} eV")
    if lorentz_fwhm_eV == 0:
        return np.exp(-0.5 * (distance_eV / sigma_eV) ** 2) / (sigma_eV * np.sqrt(2 * np.pi))
    from scipy.special import voigt_profile

    return voigt_profile(distance_eV, sigma_eV, lorentz_fwhm_eV / 2)


def missing_sigma(wanted_eV: float, present_eV: float) -> float:
    """Sigma of the Gaussian that brings one of present_eV to wanted_eV; 0 if it is as broad already."""
    return float(np.sqrt(max(wanted_eV**2 - present_eV**2, 0.0)))


def broaden(
    energy_eV: np.ndarray, weight: np.ndarray, at_eV: np.ndarray, sigma_eV: float, lorentz_fwhm_eV: float = 0.0
) -> np.ndarray:
    """Density of broadened sticks (or bins) at other energies.

    energy_eV (n,), weight (..., n) -> (..., k) for at_eV (k,), in weight per eV: the integral over all
    energies is the sum of the weights.
    """
    return np.asarray(weight) @ lines(energy_eV, at_eV, sigma_eV, lorentz_fwhm_eV)


def lines(energy_eV: np.ndarray, at_eV: np.ndarray, sigma_eV: float, lorentz_fwhm_eV: float = 0.0) -> np.ndarray:
    """The line of each stick at other energies (n, k), which broadens all weights on the same two axes."""
    return kernel(np.asarray(at_eV)[None, :] - np.asarray(energy_eV)[:, None], sigma_eV, lorentz_fwhm_eV)


def fit_power_law(energy_eV: np.ndarray, intensity: np.ndarray, low_eV: float, high_eV: float) -> np.ndarray:
    """Background A E^-r of EELS spectra, fitted to counts (m, n) between low and high; returns it on the whole axis.

    Below half the window's energy it stays at its value there: it would be infinite at 0 eV. Least
    squares of log counts weighted by the counts (their inverse variance if Poisson), r kept >= 0.
    Egerton, Electron Energy-Loss Spectroscopy in the EM, section 4.4. Rows of NaN where the counts' mean is not
    positive. Raises SikpdosError where fewer than five channels lie in the window or energies are not positive.
    """
    inside = _background_window(energy_eV, low_eV, high_eV)
    first_eV = energy_eV[inside][0]
    if first_eV <= 0:
        raise SikpdosError(f"no power law fits energies from {first_eV:g} eV: they must be positive")
    counts = intensity[:, inside].astype(float)
    mean = counts.mean(axis=1, keepdims=True)
    counts = np.maximum(counts, np.where(mean > 0, 1e-3 * mean, np.nan))
    x, y, w = np.log(energy_eV[inside])[None, :], np.log(counts), counts
    x_mean, y_mean = (w * x).sum(1) / w.sum(1), (w * y).sum(1) / w.sum(1)
    dx = x - x_mean[:, None]
    slope = np.minimum((w * dx * (y - y_mean[:, None])).sum(1) / (w * dx * dx).sum(1), 0.0)
    above = np.log(np.maximum(energy_eV, first_eV / 2))[None, :]
    return np.exp(y_mean[:, None] + slope[:, None] * (above - x_mean[:, None]))


def fit_line(energy_eV: np.ndarray, intensity: np.ndarray, low_eV: float, high_eV: float) -> np.ndarray:
    """Pre-edge line of absorption spectra (m, n), fitted between low and high; returns it on the whole axis."""
    inside = _background_window(energy_eV, low_eV, high_eV)
    coefficients = np.polynomial.polynomial.polyfit(energy_eV[inside], intensity[:, inside].T, 1)
    return np.polynomial.polynomial.polyval(energy_eV, coefficients)


def fit_constant(energy_eV: np.ndarray, intensity: np.ndarray, low_eV: float, high_eV: float) -> np.ndarray:
    """Mean of spectra (m, n) between low and high, on the whole axis."""
    inside = _background_window(energy_eV, low_eV, high_eV)
    return np.repeat(intensity[:, inside].mean(axis=1, keepdims=True), len(energy_eV), axis=1)


def _background_window(energy_eV: np.ndarray, low_eV: float, high_eV: float) -> np.ndarray:
    inside = (energy_eV >= low_eV) & (energy_eV <= high_eV)
    if inside.sum() < 5:
        raise SikpdosError(f"fewer than 5 points between {low_eV:g} and {high_eV:g} eV for the background")
    return inside


def resample(energy_eV: np.ndarray, intensity: np.ndarray, step_eV: float) -> tuple[np.ndarray, np.ndarray]:
    """Spectra (m, n) on an equally spaced axis: cubic spline; data finer than the step are averaged first.

    The new axis lies on multiples of the step inside the old one. Gaps are bridged by straight lines.
    """
    energy_eV = np.asarray(energy_eV, float)
    spacing = np.median(np.diff(energy_eV))
    group = int(step_eV / spacing + 1e-6)
    if group > 1:
        n = len(energy_eV) // group * group
        energy_eV = energy_eV[:n].reshape(-1, group).mean(1)
        intensity = intensity[:, :n].reshape(len(intensity), -1, group).mean(2)
    first, last = np.ceil(energy_eV[0] / step_eV - 1e-6), np.floor(energy_eV[-1] / step_eV + 1e-6)
    grid_eV = np.round(step_eV * np.arange(first, last + 1), 9)
    if len(energy_eV) < 4 or len(grid_eV) < 4:
        raise SikpdosError("too few points to resample")
    if len(grid_eV) == len(energy_eV) and np.allclose(grid_eV, energy_eV, rtol=0, atol=1e-4 * step_eV):
        return grid_eV, intensity
    from scipy.interpolate import make_interp_spline

    values = np.ascontiguousarray(make_interp_spline(energy_eV, intensity.T)(grid_eV).T)
    for low_eV, high_eV in gaps(energy_eV):
        inside = (grid_eV > low_eV) & (grid_eV < high_eV)
        ends = [intensity[:, np.searchsorted(energy_eV, end)][:, None] for end in (low_eV, high_eV)]
        values[:, inside] = ends[0] + (ends[1] - ends[0]) * (grid_eV[inside] - low_eV) / (high_eV - low_eV)
    return grid_eV, values


def gaps(energy_eV: np.ndarray) -> np.ndarray:
    """Ends (k, 2) of the steps of an axis that are too wide to know what lies between."""
    wide = np.flatnonzero(np.diff(energy_eV) > WIDEST_STEP_EV)
    return np.stack([energy_eV[wide], energy_eV[wide + 1]], axis=1)


def smoothing_weights(window: int, order: int) -> np.ndarray:
    """Savitzky-Golay weights, centred for even windows too (doi:10.1021/ac60214a047).

    An odd window is the usual one. An even window W takes W + 1 points, the two outermost at half weight
    in the least squares, so that it spans W steps and stays symmetric. Sum 1; a polynomial of the given
    order is kept.
    """
    if window < 2 or order < 0 or order >= window:
        raise SikpdosError(
            f"cannot smooth with window {window} and order {order}: needs 0 <= order < window, window >= 2"
        )
    half = window // 2
    offset = np.arange(-half, half + 1)
    weight = np.ones(len(offset))
    if window % 2 == 0:
        weight[[0, -1]] = 0.5
    powers = np.vander(offset / half, order + 1, increasing=True) * np.sqrt(weight)[:, None]
    return np.linalg.pinv(powers)[0] * np.sqrt(weight)


def smooth(intensity: np.ndarray, window: int, order: int) -> np.ndarray:
    """Savitzky-Golay smoothing along the last axis; near the ends the polynomial is fitted to mirrored-odd data."""
    weights = smoothing_weights(window, order)
    half = len(weights) // 2
    if intensity.shape[-1] <= half:
        raise SikpdosError(f"smoothing window of {window} points is longer than the spectrum")
    padded = np.pad(intensity, [(0, 0)] * (intensity.ndim - 1) + [(half, half)], mode="reflect", reflect_type="odd")
    return _weighted_windows(padded, weights)


def blur(intensity: np.ndarray, sigma_eV: float, step_eV: float) -> np.ndarray:
    """Gaussian broadening of spectra (m, n) on an equally spaced axis; the end values continue outside."""
    half = max(1, int(np.ceil(5 * sigma_eV / step_eV)))
    weights = kernel(step_eV * np.arange(-half, half + 1), sigma_eV)
    padded = np.pad(intensity, [(0, 0), (half, half)], mode="edge")
    return _weighted_windows(padded, weights / weights.sum())


def _weighted_windows(padded: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted sum of each window along the last axis; of doubles: NumPy would copy all windows of another type."""
    return np.lib.stride_tricks.sliding_window_view(padded.astype(float), len(weights), axis=-1) @ weights


def find_onset(energy_eV: np.ndarray, intensity: np.ndarray, rule: str = ONSET_RULE) -> np.ndarray:
    """Onset of each edge (m, n) on an equally spaced axis, in eV (m,).

    rule "P%": the first energy at which the spectrum passes P % of its maximum; "slope": the steepest rise
    before the maximum; "area": where the area in the 3 eV below passes 2 % of that in the 12 eV above. All are
    sought in a running mean over 0.5 eV. NaN where a spectrum has no rise. Raises SikpdosError for an unknown rule.
    """
    if len(energy_eV) < _FEWEST_POINTS:
        return np.full(len(intensity), np.nan)
    step_eV = (energy_eV[-1] - energy_eV[0]) / (len(energy_eV) - 1)
    mean = _running_mean(intensity, max(1, round(_DETECTION_SPAN_EV / step_eV)))
    top = mean.max(axis=1)
    top[~(top > 0)] = np.nan
    if rule == "slope":
        return _steepest_rise(energy_eV, mean)
    if rule == "area":
        first = min(round(_AREA_BELOW_EV / step_eV), len(energy_eV) - 1)  # earlier ones have no full span below them
        return _first_crossing(
            energy_eV[first:], _area_ratio(mean, step_eV)[:, first:], np.full(len(mean), _AREA_RATIO)
        )
    if re.fullmatch(r"\d+(\.\d+)?%", rule) and 0 < float(rule[:-1]) < 100:
        return _first_crossing(energy_eV, mean, float(rule[:-1]) / 100 * top)
    raise SikpdosError(f"unknown onset rule '{rule}'; known: {', '.join(ONSET_RULES)}")


def _steepest_rise(energy_eV: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Energy of the largest derivative before the maximum, by a parabola through its neighbours."""
    slope = np.gradient(mean, energy_eV, axis=1)
    before = np.arange(mean.shape[1])[None, :] <= mean.argmax(axis=1)[:, None]
    index = np.clip(np.where(before, slope, -np.inf).argmax(axis=1), 1, mean.shape[1] - 2)
    left, centre, right = (slope[np.arange(len(mean)), index + k] for k in (-1, 0, 1))
    curvature = 2 * centre - left - right
    shift = np.where(curvature > 0, 0.5 * (right - left) / np.where(curvature > 0, curvature, 1), 0)
    found_eV = energy_eV[index] + np.clip(shift, -0.5, 0.5) * (energy_eV[1] - energy_eV[0])
    return np.where(centre > 0, found_eV, np.nan)


def _area_ratio(mean: np.ndarray, step_eV: float) -> np.ndarray:
    """Area in the few eV below each energy over the area in the many above it; 0 where hardly any lies above."""
    total = np.cumsum(np.pad(mean, [(0, 0), (1, 0)]), axis=1)[:, 1:]
    index = np.arange(mean.shape[1])
    low = np.maximum(index - round(_AREA_BELOW_EV / step_eV), 0)
    high = np.minimum(index + round(_AREA_ABOVE_EV / step_eV), mean.shape[1] - 1)
    below, above = total - total[:, low], total[:, high] - total
    enough = above > 0.5 * above.max(axis=1, keepdims=True)
    return np.where(enough, below / np.where(enough, above, 1), 0)


def _running_mean(intensity: np.ndarray, points: int) -> np.ndarray:
    points += 1 - points % 2
    padded = np.pad(intensity, [(0, 0), (points // 2, points // 2)], mode="edge")
    return np.lib.stride_tricks.sliding_window_view(padded, points, axis=1).mean(-1)


def _first_crossing(energy_eV: np.ndarray, mean: np.ndarray, level: np.ndarray) -> np.ndarray:
    """Energy of each spectrum's first upward crossing of its level, between points by a straight line; NaN if none."""
    index = (mean >= level[:, None]).argmax(axis=1)  # 0: above from the start, or never
    rows = np.arange(len(mean))
    low, high = mean[rows, index - 1], mean[rows, index]
    with np.errstate(invalid="ignore", divide="ignore"):
        fraction = (level - low) / (high - low)
    crossing_eV = energy_eV[index - 1] + fraction * (energy_eV[index] - energy_eV[index - 1])
    return np.where(index > 0, crossing_eV, np.nan)


def coverage(energy_eV: np.ndarray, onset_eV: np.ndarray, grid: Grid = SPECTRUM) -> tuple[np.ndarray, np.ndarray]:
    """What is missing of the grid around each onset (m,), in eV, below and above the measured range (0: nothing)."""
    below = energy_eV[0] - (onset_eV + grid.start_eV)
    above = onset_eV + grid.energy_eV[-1] - energy_eV[-1]
    return np.maximum(below, 0.0), np.maximum(above, 0.0)


def cut(energy_eV: np.ndarray, intensity: np.ndarray, onset_eV: np.ndarray, grid: Grid = SPECTRUM) -> np.ndarray:
    """Spectra (m, n) on an equally spaced axis of the grid's step, cut to the grid with the onset at 0: (m, grid.size).

    Four-point (Catmull-Rom) interpolation; outside the measured range the end values stand.
    """
    position = (onset_eV + grid.start_eV - energy_eV[0]) / grid.step_eV
    first = np.floor(position).astype(int)
    f = (position - first)[:, None]
    weights = (
        ((2 - f) * f - 1) * f / 2,
        ((3 * f - 5) * f * f + 2) / 2,
        ((4 - 3 * f) * f + 1) * f / 2,
        (f - 1) * f * f / 2,
    )
    rows, last = np.arange(len(intensity))[:, None], intensity.shape[1] - 1
    columns = first[:, None] + np.arange(grid.size)[None, :]
    return sum(w * intensity[rows, np.clip(columns + k - 1, 0, last)] for k, w in enumerate(weights))


def normalise(intensity: np.ndarray) -> np.ndarray:
    """Spectra (m, n) with the maximum at 1. Raises SikpdosError for one that is nowhere positive."""
    top = intensity.max(axis=1, keepdims=True)
    if not (top > 0).all():
        raise SikpdosError("the spectrum is nowhere positive in the window")
    return intensity / top
