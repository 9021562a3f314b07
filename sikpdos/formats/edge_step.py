"""Steps at the silicon K-edge, which tell detectors that saw the sample from timers, monitors and dead ones."""

from __future__ import annotations

import numpy as np

from sikpdos.common.constants import SI_K_EDGE_EV

_BELOW_EV, _ABOVE_EV = (-45.0, -5.0), (8.0, 45.0)  # where lines are fitted, from the edge
_FEWEST = 4  # points in each
_NOISES = 4.0  # of the lines' scatter that a step must exceed
_LEAST = 2e-3  # of the signal that a step must be: less is curvature, or rounding


def has_step(energy_eV: np.ndarray, signal: np.ndarray) -> bool | None:
    """Whether a signal (n,) rises at the edge from one line to another; None where the energies do not show it."""
    good = np.isfinite(energy_eV) & np.isfinite(signal)
    relative = energy_eV[good] - SI_K_EDGE_EV
    below, above = (_line(relative, signal[good], *limits) for limits in (_BELOW_EV, _ABOVE_EV))
    if below is None or above is None:
        return None
    step = above[0] - below[0]
    error = np.hypot(below[1], above[1])
    return bool(step > max(_NOISES * error, _LEAST * np.abs(signal[good]).max()))


def _line(relative_eV: np.ndarray, signal: np.ndarray, low: float, high: float) -> tuple[float, float] | None:
    """A line's value at the edge and its standard error; None for too few points."""
    inside = (relative_eV >= low) & (relative_eV <= high)
    count = int(inside.sum())
    x, y = relative_eV[inside], signal[inside]
    if count < _FEWEST or np.ptp(x) < (high - low) / 4:
        return None
    design = np.stack([np.ones(count), x], axis=1)
    coefficients, *_ = np.linalg.lstsq(design, y, rcond=None)
    scatter = float(np.sqrt(np.sum((y - design @ coefficients) ** 2) / (count - 2)))
    covariance = np.linalg.pinv(design.T @ design)
    return float(coefficients[0]), scatter * float(np.sqrt(covariance[0, 0]))
