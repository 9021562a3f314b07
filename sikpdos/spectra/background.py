"""Which background to take off an edge: its law and its window, by what was measured before the edge."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sikpdos.common.constants import SI_K_EDGE_EV
from sikpdos.spectra import processing

_PRE_EDGE_EV = (-99.0, -9.0)  # usual window, from the tabulated edge
_BELOW_RISE_EV = 9.0  # by which the window ends below the rise of the edge
_LEAST_BELOW_RISE_EV = 4.0  # by which a short one does
_POWER_LAW_SPAN_EV = 15.0  # over less, no exponent can be fitted
_LEAST_POINTS = 5
_FLAT_EXPONENT = 1.5  # energy losses fall faster, as E^-2 to E^-5
_UNEVEN = 1.5  # longest over usual step: spectrometers' channels are equal, beamlines' steps are not
_GONE = 0.02  # of the edge's height: so small a background has been subtracted
_TOLERATED = 0.05  # of the edge's height: error of a line continued 15 eV into the edge


@dataclass(frozen=True)
class Background:
    """What is subtracted."""

    law: str  # "line", "power law" or "constant"
    window_eV: tuple[float, float]  # it is fitted in

    def fit(self, energy_eV: np.ndarray, intensity: np.ndarray) -> np.ndarray:
        """The background of spectra (m, n) on their whole axis; NaN where it cannot be fitted."""
        fits = {"line": processing.fit_line, "power law": processing.fit_power_law, "constant": processing.fit_constant}
        return fits[self.law](energy_eV, intensity, *self.window_eV)


@dataclass(frozen=True)
class Choice:
    """A background, or none, and why."""

    background: Background | None
    remark: str = ""  # for the user
    doubtful: bool = False  # whether the remark is a warning


def choose(
    energy_eV: np.ndarray, typical: np.ndarray, kind: str, rise_eV: float, wanted: str | tuple[float, float]
) -> Choice:
    """The background of spectra like `typical` (n,) whose edge rises near rise_eV.

    wanted: a window in eV; "none"; or "auto", 1740 to 1830 eV as far as it was measured and lies below the edge.
    """
    if wanted == "none":
        return Choice(None)
    if not isinstance(wanted, str):
        law = "line" if looks_like_absorption(energy_eV, typical, kind, wanted) else "power law"
        overlap = wanted[1] > rise_eV - 1 and wanted[0] < rise_eV
        text = f"the background's window, {wanted[0]:g} to {wanted[1]:g} eV, runs into the edge at {rise_eV:.0f} eV"
        return Choice(Background(law, wanted), text if overlap else "", overlap)
    window_eV = _window(energy_eV, rise_eV)
    if window_eV is None:
        return _without_pre_edge(energy_eV, typical, rise_eV)
    before = (energy_eV >= window_eV[0]) & (energy_eV <= window_eV[1])
    height = _height(energy_eV, typical, rise_eV, typical[before].mean())
    line, error = _line(energy_eV[before], typical[before], rise_eV + 15)
    if height > 0 and np.abs(line).max() < _GONE * height:
        state = "normalised" if 0.6 < height < 1.5 else "subtracted"
        return Choice(None, f"background already {state}: next to nothing over {_text(window_eV)}")
    if window_eV[1] - window_eV[0] >= _POWER_LAW_SPAN_EV:
        absorption = looks_like_absorption(energy_eV, typical, kind, window_eV)
        return Choice(Background("line" if absorption else "power law", window_eV))
    law = "line" if error < _TOLERATED * height else "constant"
    remark = f"only {window_eV[1] - window_eV[0]:.1f} eV measured before the edge: a {law} taken as background"
    return Choice(Background(law, window_eV), remark, True)


def _window(energy_eV: np.ndarray, rise_eV: float) -> tuple[float, float] | None:
    """The usual window as far as measured, nearer to the edge where it would be short; None if too few points."""
    low_eV, high_eV = (SI_K_EDGE_EV + offset for offset in _PRE_EDGE_EV)
    low_eV, high_eV = max(low_eV, energy_eV[0]), min(high_eV, rise_eV - _BELOW_RISE_EV)
    if high_eV - low_eV < _POWER_LAW_SPAN_EV:
        high_eV = max(high_eV, rise_eV - _LEAST_BELOW_RISE_EV)
    if ((energy_eV >= low_eV) & (energy_eV <= high_eV)).sum() < _LEAST_POINTS:
        return None
    return round(float(low_eV), 2), round(float(high_eV), 2)


def _without_pre_edge(energy_eV: np.ndarray, typical: np.ndarray, rise_eV: float) -> Choice:
    height = _height(energy_eV, typical, rise_eV, 0.0)
    if abs(typical[0]) < _TOLERATED * abs(height):
        return Choice(None)
    return Choice(None, "nothing measured before the edge: no background subtracted", True)


def _height(energy_eV: np.ndarray, typical: np.ndarray, rise_eV: float, base: float) -> float:
    """Of the edge above a base, on the mean from 2 to 20 eV above its rise; NaN if nothing is measured there."""
    after = (energy_eV > rise_eV + 2) & (energy_eV < rise_eV + 20)
    return float(typical[after].mean() - base) if after.any() else np.nan


def _line(energy_eV: np.ndarray, values: np.ndarray, far_eV: float) -> tuple[np.ndarray, float]:
    """A line through values (n,), and the standard error of its continuation to an energy."""
    centred = energy_eV - energy_eV.mean()
    slope = (centred * values).sum() / (centred**2).sum()
    line = values.mean() + slope * centred
    noise = np.sqrt(((values - line) ** 2).sum() / max(len(values) - 2, 1))
    reach = far_eV - energy_eV.mean()
    return line, float(noise * np.sqrt(1 / len(values) + reach**2 / (centred**2).sum()))


def looks_like_absorption(
    energy_eV: np.ndarray, typical: np.ndarray, kind: str, window_eV: tuple[float, float]
) -> bool:
    """Whether a pre-edge line fits better than a power law: by the kind if known, else by steps, sign and slope."""
    if kind == "xas" or window_eV[0] <= 0:
        return True
    before = (energy_eV >= window_eV[0]) & (energy_eV <= window_eV[1])
    if not before.any() or typical[before].mean() <= 0:
        return True
    if kind == "eels":
        return False
    steps = np.diff(energy_eV)
    if steps.max() > _UNEVEN * np.median(steps):
        return True
    ends = np.array_split(typical[before], 2)
    middles = [half.mean() for half in np.array_split(energy_eV[before], 2)]
    low, high = (end.mean() for end in ends)
    return bool(min(low, high) <= 0 or np.log(low / high) / np.log(middles[1] / middles[0]) < _FLAT_EXPONENT)


def _text(window_eV: tuple[float, float]) -> str:
    return f"{window_eV[0]:g} to {window_eV[1]:g} eV"
