"""Sticks to histograms of equal bins."""

from __future__ import annotations

import numpy as np

BIN_EV = 0.05  # default bin; exact to 0.2 % for sigma of 0.3 eV and more


def linear_binning(
    energy_eV: np.ndarray, weight: np.ndarray, start_eV: float, stop_eV: float, bin_eV: float = BIN_EV
) -> tuple[np.ndarray, np.ndarray]:
    """Deposit sticks (n,) linearly on the two nearest bin centres of [start, stop); sticks outside are dropped.

    Returns bin centres and weights, both (n_bins,). The total weight and first moment of the sticks
    at least half a bin inside the range are kept.
    """
    n_bins = round((stop_eV - start_eV) / bin_eV)
    position = (np.asarray(energy_eV, float) - start_eV) / bin_eV - 0.5
    inside = (position >= 0) & (position <= n_bins - 1)
    position, weight = position[inside], np.asarray(weight, float)[inside]
    left = np.minimum(position.astype(int), n_bins - 2)
    fraction = position - left
    bins = np.bincount(left, weight * (1 - fraction), n_bins) + np.bincount(left + 1, weight * fraction, n_bins)
    return start_eV + bin_eV * (np.arange(n_bins) + 0.5), bins
