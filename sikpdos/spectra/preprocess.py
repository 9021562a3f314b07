"""From a measured spectrum to what the model takes: background off, 0.1 eV grid, smoothed, onset at 0, maximum 1."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sikpdos.common.constants import SI_K_EDGE_EV
from sikpdos.common.errors import SikpdosError
from sikpdos.common.grid import SPECTRUM
from sikpdos.spectra import processing

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

    spectra: np.ndarray  # (m, 200); NaN in the rows of `causes`
    onset_eV: np.ndarray  # (m,) on the input's energy axis; NaN where none was found
    energy_eV: np.ndarray  # (k,) the 0.1 eV axis, and
    intensity: np.ndarray  # (m, k) what was cut from it
    blur_eV: float  # Gaussian broadening added
    causes: dict[int, str]  # row -> why this spectrum cannot be used
    notes: tuple[str, ...]  # what was done, for the user
    warnings: tuple[str, ...]

    @property
    def usable(self) -> np.ndarray:  # (m,)
        return ~np.isin(np.arange(len(self.spectra)), list(self.causes))


def prepare(energy_eV: np.ndarray, intensity: np.ndarray, kind: str, options: Options = Options()) -> Prepared:
    """Prepare spectra (m, n) on one increasing energy axis (n,); those that cannot be used are in `causes`.

    kind "xas" takes a line as background, anything else a power law. Raises SikpdosError where an option does
    not fit the data.
    """
    window = background_window(energy_eV, options.background)
    intensity, notes = _without_background(energy_eV, np.asarray(intensity, float), kind, window)
    unfitted = ~np.isfinite(intensity).all(axis=1)
    axis_eV, intensity = processing.resample(energy_eV, np.where(unfitted[:, None], 0, intensity), SPECTRUM.step_eV)
    if options.smooth is not None:
        intensity = processing.smooth(intensity, *options.smooth)
        points, order = options.smooth
        span_eV = points * SPECTRUM.step_eV
        notes.append(f"smoothed by Savitzky-Golay over {span_eV:g} eV ({points} points), order {order}")
    if options.blur_eV > 0:
        intensity = processing.blur(intensity, options.blur_eV, SPECTRUM.step_eV)
        notes.append(f"broadened further with sigma {options.blur_eV:.2f} eV")
    rule = processing.ONSET_RULE if options.onset is None else options.onset
    onset_eV = _onsets(axis_eV, intensity, rule, window)
    missing = _uncovered(axis_eV, onset_eV)
    spectra = _cut(axis_eV, intensity, onset_eV)
    faults = [(unfitted, "no power law fits the background: the counts in its window are not positive")]
    faults.append((np.isnan(onset_eV), "no onset: no rise of an edge in the range (wrong background, or not an edge?)"))
    if not options.allow_partial:
        faults += [(rows, f"{text}; --allow-partial extends the end values") for text, rows in missing.items()]
    faults.append((np.isnan(spectra).any(axis=1), "nowhere positive around the onset"))
    causes = {
        int(row): cause for rows, cause in reversed(faults) for row in np.flatnonzero(rows)
    }  # the first one stays
    spectra[list(causes)] = np.nan
    warnings = [f"{text}; the end values stand for it" for text in missing if options.allow_partial]
    return Prepared(spectra, onset_eV, axis_eV, intensity, options.blur_eV, causes, tuple(notes), tuple(warnings))


def _without_background(
    energy_eV: np.ndarray, intensity: np.ndarray, kind: str, window: tuple[float, float] | None
) -> tuple[np.ndarray, list[str]]:
    """Spectra without the background fitted in the window (NaN where it cannot be), and what was done."""
    if window is None:
        return intensity, ["no background subtracted"]
    fit, law = (processing.fit_line, "line") if kind == "xas" else (processing.fit_power_law, "power law")
    note = f"background {law} fitted over {window[0]:g} to {window[1]:g} eV"
    return intensity - fit(energy_eV, intensity, *window), [note]


def background_window(energy_eV: np.ndarray, background: str | tuple[float, float]) -> tuple[float, float] | None:
    """The window to fit: the user's; for "auto" 1740 to 1830 eV as far as measured, None if hardly any of it is."""
    if not isinstance(background, str):
        return background
    low, high = (max(SI_K_EDGE_EV + offset, energy_eV[0]) for offset in _PRE_EDGE_EV)
    if background == "none" or energy_eV[-1] < high or high - low < _PRE_EDGE_MIN_EV:
        return None
    return round(float(low), 2), round(float(high), 2)


def recut(prepared: Prepared, rows: np.ndarray, shift_eV: float) -> np.ndarray:
    """Some of the spectra (k,) as they would be with the onset moved by shift_eV (k, 200)."""
    return _cut(prepared.energy_eV, prepared.intensity[rows], prepared.onset_eV[rows] + shift_eV)


def _onsets(axis_eV: np.ndarray, intensity: np.ndarray, onset: str | float, window) -> np.ndarray:
    if not isinstance(onset, str):
        if not axis_eV[0] <= onset <= axis_eV[-1]:
            raise SikpdosError(f"onset {onset:g} eV is outside the measured {axis_eV[0]:g} to {axis_eV[-1]:g} eV")
        return np.full(len(intensity), float(onset))
    start = 0 if window is None else int(np.searchsorted(axis_eV, window[1]))
    return processing.find_onset(axis_eV[start:], intensity[:, start:], onset)


def _uncovered(axis_eV: np.ndarray, onset_eV: np.ndarray) -> dict[str, np.ndarray]:
    """What of the window was not measured, in words, and the spectra (m,) that lack it."""
    tolerance_eV = SPECTRUM.step_eV
    below, above = (np.round(part, 1) for part in processing.coverage(axis_eV, onset_eV))
    found: dict[str, np.ndarray] = {}
    for row in np.flatnonzero((below > tolerance_eV) | (above > tolerance_eV)):
        parts = []
        if below[row] > tolerance_eV:
            parts.append(f"{SPECTRUM.start_eV:g} to {min(SPECTRUM.start_eV + below[row], SPECTRUM.stop_eV):.1f} eV")
        if above[row] > tolerance_eV:
            parts.append(f"{max(SPECTRUM.stop_eV - above[row], SPECTRUM.start_eV):.1f} to {SPECTRUM.stop_eV:g} eV")
        found.setdefault(f"{' and '.join(parts)} around the onset not measured", np.zeros(len(below), bool))[row] = True
    return found


def _cut(axis_eV: np.ndarray, intensity: np.ndarray, onset_eV: np.ndarray) -> np.ndarray:
    """Cut to the window, maximum 1 (m, 200); NaN where there is no onset or nothing positive."""
    found = np.isfinite(onset_eV)
    spectra = np.full((len(intensity), SPECTRUM.size), np.nan)
    cut = processing.cut(axis_eV, intensity[found], onset_eV[found])
    top = cut.max(axis=1, keepdims=True, initial=0)
    spectra[found] = np.where(top > 0, cut / np.where(top > 0, top, 1), np.nan)
    return spectra
