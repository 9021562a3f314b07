"""From a measured spectrum to what the model takes: background off, 0.1 eV grid, smoothed, onset at 0, maximum 1."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sikpdos import spectrum
from sikpdos.constants import SI_K_EDGE_EV
from sikpdos.errors import SikpdosError
from sikpdos.grid import SPECTRUM

_PRE_EDGE_EV = (-99.0, -9.0)  # usual background window, from the silicon K-edge
_PRE_EDGE_MIN_EV = 15.0  # of it that must be measured for an automatic fit
_ONSET_BELOW_EV = 14.0  # an absolute spectrum's onset is sought from this much below the tabulated edge


@dataclass(frozen=True)
class Options:
    """How to prepare a spectrum."""

    background: str | tuple[float, float] = "auto"  # window in eV, "auto" or "none"
    smooth: tuple[int, int] | None = None  # Savitzky-Golay window (points of 0.1 eV) and order
    blur_eV: float = 0.0  # Gaussian broadening added, to bring sharper data to a model's resolution
    onset: str | float | None = None  # rule, or the energy itself in eV; None: the usual rule
    allow_partial: bool = False  # accept spectra that do not cover -1 to 19 eV


@dataclass(frozen=True)
class Prepared:
    """Spectra ready for the model."""

    spectra: np.ndarray  # (m, 200); NaN rows where no onset was found
    onset_eV: np.ndarray  # (m,) on the input's energy axis; NaN likewise
    energy_eV: np.ndarray  # (k,) the 0.1 eV axis, and
    intensity: np.ndarray  # (m, k) what was cut from it
    notes: tuple[str, ...]  # what was done, for the user
    warnings: tuple[str, ...]


def prepare(energy_eV: np.ndarray, intensity: np.ndarray, kind: str, options: Options = Options()) -> Prepared:
    """Prepare spectra (m, n) on one increasing energy axis (n,).

    kind "xas" takes a line as background, anything else a power law. Raises SikpdosError where all fail, the
    range does not cover the grid (unless allowed), or an option does not fit the data.
    """
    notes, warnings = [], []
    window = background_window(energy_eV, options.background)
    intensity = np.asarray(intensity, float)
    if window is not None:
        fit, law = (spectrum.fit_line, "line") if kind == "xas" else (spectrum.fit_power_law, "power law")
        intensity = intensity - fit(energy_eV, intensity, *window)
        notes.append(f"background {law} fitted over {window[0]:g} to {window[1]:g} eV")
    else:
        notes.append("no background subtracted")
    axis_eV, intensity = spectrum.resample(energy_eV, intensity, SPECTRUM.step_eV)
    if options.smooth is not None:
        intensity = spectrum.smooth(intensity, *options.smooth)
        points, order = options.smooth
        notes.append(
            f"smoothed by Savitzky-Golay over {points * SPECTRUM.step_eV:g} eV ({points} points), order {order}"
        )
    if options.blur_eV > 0:
        intensity = spectrum.blur(intensity, options.blur_eV, SPECTRUM.step_eV)
        notes.append(f"broadened further with sigma {options.blur_eV:.2f} eV")
    rule = spectrum.ONSET_RULE if options.onset is None else options.onset
    onset_eV = _onsets(axis_eV, intensity, rule, window)
    found = np.isfinite(onset_eV)
    if not found.any():
        raise SikpdosError("no onset: no rise of an edge in the range (wrong background, or not an edge?)")
    warnings += _coverage_warnings(axis_eV, onset_eV[found], options.allow_partial)
    return Prepared(_cut(axis_eV, intensity, onset_eV), onset_eV, axis_eV, intensity, tuple(notes), tuple(warnings))


def background_window(energy_eV: np.ndarray, background: str | tuple[float, float]) -> tuple[float, float] | None:
    """The window to fit: the user's; for "auto" 1740 to 1830 eV as far as measured, None if hardly any of it is."""
    if not isinstance(background, str):
        return background
    low, high = (max(SI_K_EDGE_EV + offset, energy_eV[0]) for offset in _PRE_EDGE_EV)
    if background == "none" or energy_eV[-1] < high or high - low < _PRE_EDGE_MIN_EV:
        return None
    return round(float(low), 2), round(float(high), 2)


def recut(prepared: Prepared, shift_eV: float) -> np.ndarray:
    """The spectra as they would be with the onset moved by shift_eV (m, 200)."""
    return _cut(prepared.energy_eV, prepared.intensity, prepared.onset_eV + shift_eV)


def _onsets(axis_eV: np.ndarray, intensity: np.ndarray, onset: str | float, window) -> np.ndarray:
    if not isinstance(onset, str):
        if not axis_eV[0] <= onset <= axis_eV[-1]:
            raise SikpdosError(f"onset {onset:g} eV is outside the measured {axis_eV[0]:g} to {axis_eV[-1]:g} eV")
        return np.full(len(intensity), float(onset))
    start = 0 if window is None else int(np.searchsorted(axis_eV, window[1]))
    return spectrum.find_onset(axis_eV[start:], intensity[:, start:], onset)


def _coverage_warnings(axis_eV: np.ndarray, onset_eV: np.ndarray, allow_partial: bool) -> list[str]:
    below = max(spectrum.coverage(axis_eV, onset)[0] for onset in (onset_eV.min(), onset_eV.max()))
    above = max(spectrum.coverage(axis_eV, onset)[1] for onset in (onset_eV.min(), onset_eV.max()))
    missing = []
    if below > SPECTRUM.step_eV:
        missing.append(f"{SPECTRUM.start_eV:g} to {SPECTRUM.start_eV + below:.1f} eV")
    if above > SPECTRUM.step_eV:
        missing.append(f"{SPECTRUM.stop_eV - above:.1f} to {SPECTRUM.stop_eV:g} eV")
    if not missing:
        return []
    text = f"{' and '.join(missing)} around the onset not measured"
    if not allow_partial:
        raise SikpdosError(f"{text}; --allow-partial extends the end values")
    return [f"{text}; the end values stand for it"]


def _cut(axis_eV: np.ndarray, intensity: np.ndarray, onset_eV: np.ndarray) -> np.ndarray:
    found = np.isfinite(onset_eV)
    spectra = np.full((len(intensity), SPECTRUM.size), np.nan)
    cut = spectrum.cut(axis_eV, intensity[found], onset_eV[found])
    top = cut.max(axis=1, keepdims=True)
    spectra[found] = np.where(top > 0, cut / np.where(top > 0, top, 1), np.nan)
    return spectra
