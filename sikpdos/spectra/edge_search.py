"""Where silicon's K-edge is sought in a spectrum, and what is none."""

from __future__ import annotations

import numpy as np

from sikpdos.common.constants import SI_K_EDGE_EV
from sikpdos.common.grid import SPECTRUM

NEAR_EV = 30.0  # from silicon's edge: no chemical shift and no usual error of the energy zero is larger
_RELATIVE_TO_EV = 300.0  # axes that begin below 100 eV and end below this count from the edge
_ABOVE_RISE_EV = 32.0  # how far above the rise an edge's maximum is sought
_STEP_EV = (4.0, 5.0)  # intensity above minus intensity below over these spans tells the rise
_NOISE_EV = (60.0, 5.0)  # below the rise: between them the noise is taken
_LEAST_CHANNELS = 8
_PEAK = 0.06  # of the maximum: an edge keeps more of it from 5 to 12 eV above its onset (quartz 0.11), a peak does not


def is_absolute(energy_eV: np.ndarray) -> bool:
    """Whether energies are losses or photon energies, and not counted from the edge."""
    return not (energy_eV[0] < 100 and energy_eV[-1] <= _RELATIVE_TO_EV)


def fault(energy_eV: np.ndarray, any_edge: bool) -> str:
    """Why no silicon K-edge can be in a range of energies; empty if one can."""
    low_eV, high_eV = SI_K_EDGE_EV - NEAR_EV, SI_K_EDGE_EV + NEAR_EV
    if any_edge or not is_absolute(energy_eV) or (energy_eV[0] < high_eV and energy_eV[-1] > low_eV):
        return ""
    return (
        f"no silicon K-edge: energies from {energy_eV[0]:g} to {energy_eV[-1]:g} eV, the edge lies at "
        f"{SI_K_EDGE_EV:g} eV (--any-edge goes on all the same)"
    )


def rise(energy_eV: np.ndarray, typical: np.ndarray, any_edge: bool = False) -> float:
    """Where a spectrum (n,) rises most; near silicon's edge on an absolute axis, unless any edge is wanted."""
    grid_eV = np.arange(energy_eV[0], energy_eV[-1], 0.25)
    values = np.concatenate([[0.0], np.cumsum(np.interp(grid_eV, energy_eV, typical))])
    index, above, below = np.arange(len(grid_eV)), *(round(span / 0.25) for span in _STEP_EV)
    after = (values[np.minimum(index + above, len(grid_eV))] - values[index]) / np.minimum(
        above, np.maximum(len(grid_eV) - index, 1)
    )
    first = np.maximum(index - below, 0)
    before = np.where(index > first, (values[index] - values[first]) / np.maximum(index - first, 1), np.inf)
    step = after - before
    if is_absolute(energy_eV) and not any_edge:
        step = np.where(np.abs(grid_eV - SI_K_EDGE_EV) <= NEAR_EV, step, -np.inf)
    return float(grid_eV[step.argmax()])


def search_range(energy_eV: np.ndarray, rise_eV: float, start_eV: float | None, any_edge: bool) -> slice:
    """The part of an axis where the onset is sought: above the background's window, around the rise."""
    if not is_absolute(energy_eV) or any_edge:
        return slice(0 if start_eV is None else int(np.searchsorted(energy_eV, start_eV)), None)
    low_eV = max(SI_K_EDGE_EV - NEAR_EV, energy_eV[0]) if start_eV is None else start_eV
    first, last = np.searchsorted(energy_eV, [low_eV, rise_eV + _ABOVE_RISE_EV])
    return slice(int(first), max(int(last), int(first) + 4))


def significance(
    energy_eV: np.ndarray, intensity: np.ndarray, background: np.ndarray | None, rise_eV: float
) -> np.ndarray:
    """How many times its standard error an edge's height is (m,), of spectra (m, n) with their backgrounds (m, n).

    The height is the mean from 2 to 20 eV above the rise; the noise is that from 60 to 5 eV below it, and counts in
    the extrapolation of the background, too (Egerton, EELS in the EM, 3rd ed., equation 4.69). Infinite where too
    little was measured before the edge to know.
    """
    before = (energy_eV > rise_eV - _NOISE_EV[0]) & (energy_eV < rise_eV - _NOISE_EV[1])
    after = (energy_eV > rise_eV + 2) & (energy_eV < rise_eV + 20)
    if before.sum() < _LEAST_CHANNELS or not after.any():
        return np.full(len(intensity), np.inf)
    rest = intensity if background is None else intensity - background
    noise = np.sqrt((rest[:, before] ** 2).mean(axis=1) if background is not None else rest[:, before].var(axis=1))
    centred = energy_eV[before] - energy_eV[before].mean()
    reach = energy_eV[after].mean() - energy_eV[before].mean()
    share = 1 / after.sum() + (background is not None) * (1 / before.sum() + reach**2 / (centred**2).sum())
    height = rest[:, after].mean(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.nan_to_num(height / (noise * np.sqrt(share)), nan=0.0, posinf=np.inf, neginf=-np.inf)


def is_peak(spectra: np.ndarray) -> np.ndarray:
    """Whether cut spectra (m, 200) are peaks without the continuum of an edge: zero-loss peaks, emission lines."""
    after = spectra[:, (SPECTRUM.energy_eV >= 5) & (SPECTRUM.energy_eV < 12)]
    return after.mean(axis=1) < _PEAK * spectra.max(axis=1)
