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


@dataclass(frozen=True, kw_only=True)
class Preprocessing:
    """All that is done to a measured spectrum before a model sees it, decided once."""

    background: str | tuple[float, float] = "auto"  # window in eV, "auto" or "none"
    smooth: tuple[int, int] | None = None  # Savitzky-Golay window (points of 0.1 eV) and order
    onset: str | float = processing.ONSET_RULE  # rule, or the energy itself in eV
    sigma_eV: float | None = None  # resolution of the measurement, if known
    broadening_eV: float = 0.0  # sigma of the Gaussian added, to bring sharper data to a model's resolution
    allow_partial: bool = False  # accept spectra that do not cover -1 to 19 eV

    @property
    def resolution_eV(self) -> float | None:
        """Gaussian sigma of the prepared spectra, if that of the measurement is known."""
        return None if self.sigma_eV is None else float(np.hypot(self.sigma_eV, self.broadening_eV))


@dataclass(frozen=True)
class Background:
    """What was subtracted."""

    law: str  # "line" or "power law"
    window_eV: tuple[float, float]  # it was fitted in


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """Spectra ready for the model."""

    spectra: np.ndarray  # (m, 200); NaN in the rows of `causes`
    onset_eV: np.ndarray  # (m,) on the input's energy axis; NaN where none was found
    energy_eV: np.ndarray  # (k,) the 0.1 eV axis, and
    intensity: np.ndarray  # (m, k) what was cut from it
    background: Background | None
    preprocessing: Preprocessing
    causes: dict[int, str]  # row -> why this spectrum cannot be used
    warnings: tuple[str, ...]

    @property
    def usable(self) -> np.ndarray:  # (m,)
        return ~np.isin(np.arange(len(self.spectra)), list(self.causes))


def prepare(
    energy_eV: np.ndarray, intensity: np.ndarray, kind: str, preprocessing: Preprocessing = Preprocessing()
) -> Prepared:
    """Prepare spectra (m, n) on one increasing energy axis (n,); those that cannot be used are in `causes`.

    kind "xas" takes a line as background, anything else a power law. Raises SikpdosError where an option does
    not fit the data.
    """
    window_eV = background_window(energy_eV, preprocessing.background)
    background = None if window_eV is None else Background("line" if kind == "xas" else "power law", window_eV)
    intensity = _without_background(energy_eV, np.asarray(intensity, float), background)
    unfitted = ~np.isfinite(intensity).all(axis=1)
    axis_eV, intensity = processing.resample(energy_eV, np.where(unfitted[:, None], 0, intensity), SPECTRUM.step_eV)
    if preprocessing.smooth is not None:
        intensity = processing.smooth(intensity, *preprocessing.smooth)
    if preprocessing.broadening_eV > 0:
        intensity = processing.blur(intensity, preprocessing.broadening_eV, SPECTRUM.step_eV)
    onset_eV = _onsets(axis_eV, intensity, preprocessing.onset, window_eV)
    missing = _uncovered(axis_eV, onset_eV)
    spectra = align_to_onset(axis_eV, intensity, onset_eV)
    causes = _causes(unfitted, onset_eV, spectra, {} if preprocessing.allow_partial else missing)
    spectra[list(causes)] = np.nan
    extended = [f"{text}; the end values stand for it" for text in missing if preprocessing.allow_partial]
    return Prepared(
        spectra=spectra,
        onset_eV=onset_eV,
        energy_eV=axis_eV,
        intensity=intensity,
        background=background,
        preprocessing=preprocessing,
        causes=causes,
        warnings=tuple(extended),
    )


def _causes(
    unfitted: np.ndarray, onset_eV: np.ndarray, spectra: np.ndarray, missing: dict[str, np.ndarray]
) -> dict[int, str]:
    """Why each unusable row cannot be used; the first cause that applies."""
    faults = [
        (unfitted, "no power law fits the background: the counts in its window are not positive"),
        (np.isnan(onset_eV), "no onset: no rise of an edge in the range (wrong background, or not an edge?)"),
        *((rows, f"{text}; --allow-partial extends the end values") for text, rows in missing.items()),
        (np.isnan(spectra).any(axis=1), "nowhere positive around the onset"),
    ]
    return {int(row): cause for rows, cause in reversed(faults) for row in np.flatnonzero(rows)}


def _without_background(energy_eV: np.ndarray, intensity: np.ndarray, background: Background | None) -> np.ndarray:
    """Spectra (m, n) without the background fitted in its window; NaN where it cannot be."""
    if background is None:
        return intensity
    fit = processing.fit_line if background.law == "line" else processing.fit_power_law
    return intensity - fit(energy_eV, intensity, *background.window_eV)


def background_window(energy_eV: np.ndarray, background: str | tuple[float, float]) -> tuple[float, float] | None:
    """The window to fit: the user's; for "auto" 1740 to 1830 eV as far as measured, None if hardly any of it is."""
    if not isinstance(background, str):
        return background
    low, high = (max(SI_K_EDGE_EV + offset, energy_eV[0]) for offset in _PRE_EDGE_EV)
    if background == "none" or energy_eV[-1] < high or high - low < _PRE_EDGE_MIN_EV:
        return None
    return round(float(low), 2), round(float(high), 2)


def realign(prepared: Prepared, rows: np.ndarray, shift_eV: float) -> np.ndarray:
    """Some of the spectra (k,) as they would be with the onset moved by shift_eV (k, 200)."""
    return align_to_onset(prepared.energy_eV, prepared.intensity[rows], prepared.onset_eV[rows] + shift_eV)


def _onsets(axis_eV: np.ndarray, intensity: np.ndarray, onset: str | float, window_eV) -> np.ndarray:
    if not isinstance(onset, str):
        if not axis_eV[0] <= onset <= axis_eV[-1]:
            raise SikpdosError(f"onset {onset:g} eV is outside the measured {axis_eV[0]:g} to {axis_eV[-1]:g} eV")
        return np.full(len(intensity), float(onset))
    start = 0 if window_eV is None else int(np.searchsorted(axis_eV, window_eV[1]))
    return processing.find_onset(axis_eV[start:], intensity[:, start:], onset)


def _uncovered(axis_eV: np.ndarray, onset_eV: np.ndarray) -> dict[str, np.ndarray]:
    """What of the window was not measured, in words, and the spectra (m,) that lack it."""
    tolerance_eV = SPECTRUM.step_eV
    below, above = (np.round(part, 1) for part in processing.coverage(axis_eV, onset_eV))
    missing: dict[str, np.ndarray] = {}
    for row in np.flatnonzero((below > tolerance_eV) | (above > tolerance_eV)):
        parts = []
        if below[row] > tolerance_eV:
            parts.append(f"{SPECTRUM.start_eV:g} to {min(SPECTRUM.start_eV + below[row], SPECTRUM.stop_eV):.1f} eV")
        if above[row] > tolerance_eV:
            parts.append(f"{max(SPECTRUM.stop_eV - above[row], SPECTRUM.start_eV):.1f} to {SPECTRUM.stop_eV:g} eV")
        text = f"{' and '.join(parts)} around the onset not measured"
        missing.setdefault(text, np.zeros(len(below), bool))[row] = True
    return missing


def align_to_onset(axis_eV: np.ndarray, intensity: np.ndarray, onset_eV: np.ndarray) -> np.ndarray:
    """Cut to the window, maximum 1 (m, 200); NaN where there is no onset or nothing positive."""
    has_onset = np.isfinite(onset_eV)
    spectra = np.full((len(intensity), SPECTRUM.size), np.nan)
    cut = processing.cut(axis_eV, intensity[has_onset], onset_eV[has_onset])
    top = cut.max(axis=1, keepdims=True, initial=0)
    spectra[has_onset] = np.where(top > 0, cut / np.where(top > 0, top, 1), np.nan)
    return spectra
