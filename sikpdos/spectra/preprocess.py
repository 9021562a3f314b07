"""From a measured spectrum to what the model takes: background off, 0.1 eV grid, smoothed, onset at 0, maximum 1."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sikpdos.common.constants import SI_K_EDGE_EV
from sikpdos.common.errors import SikpdosError
from sikpdos.common.grid import SPECTRUM
from sikpdos.spectra import background as backgrounds
from sikpdos.spectra import edge_search, oxide, processing, self_absorption, spikes
from sikpdos.spectra.background import Background
from sikpdos.spectra.low_loss import LowLoss, remove_plural_scattering

_NAMED = 3  # spikes that a message names
_FEW = 16  # spectra of a batch that are looked at for an oxide's edge
_TOLERANCE_EV = SPECTRUM.step_eV  # of the window that may be missing without a word
_EXTENDS, _EXTENDED = "--allow-partial extends the nearest values", "the nearest values stand for it"
_STEP_AFTER_EV = (15.0, 60.0)  # above the onset: where an absorption edge's step is taken


@dataclass(frozen=True, kw_only=True)
class Corrections:
    """What is known to be wrong with a measurement, and what is accepted all the same."""

    e0_shift_eV: float = 0.0  # added to all energies: a known error of their calibration
    despike: bool = False  # replace spikes by straight lines
    any_edge: bool = False  # accept what is no silicon K-edge
    low_loss: LowLoss | None = None  # of the same place, to remove plural scattering
    geometry: self_absorption.Geometry | None = None  # of a fluorescence measurement, to undo self-absorption


@dataclass(frozen=True, kw_only=True)
class Preprocessing:
    """All that is done to a measured spectrum before a model sees it, decided once."""

    background: str | tuple[float, float] = "auto"  # window in eV, "auto" or "none"
    smooth: tuple[int, int] | None = None  # Savitzky-Golay window (points of 0.1 eV) and order
    onset: str | float = processing.ONSET_RULE  # rule, or the energy itself in eV
    sigma_eV: float | None = None  # resolution of the measurement, if known
    broadening_eV: float = 0.0  # sigma of the Gaussian added, to bring sharper data to a model's resolution
    allow_partial: bool = False  # accept spectra that do not cover -1 to 19 eV
    corrections: Corrections = Corrections()

    @property
    def resolution_eV(self) -> float | None:
        """Gaussian sigma of the prepared spectra, if that of the measurement is known."""
        return None if self.sigma_eV is None else float(np.hypot(self.sigma_eV, self.broadening_eV))


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """Spectra ready for the model."""

    spectra: np.ndarray  # (m, 200); NaN in the rows of `causes`
    onset_eV: np.ndarray  # (m,) on the input's energy axis; NaN where none was found
    energy_eV: np.ndarray  # (k,) the 0.1 eV axis, and
    intensity: np.ndarray  # (m, k) what was cut from it
    background: Background | None
    kind: str  # "eels" or "xas", as far as the file or the background tells; else "unknown"
    oxide_share: np.ndarray  # (m,) of the silicon seen; NaN where no oxide is, or was looked for
    preprocessing: Preprocessing
    causes: dict[int, str]  # row -> why this spectrum cannot be used
    remarks: tuple[str, ...]  # what else was done
    warnings: tuple[str, ...]

    @property
    def usable(self) -> np.ndarray:  # (m,)
        return ~np.isin(np.arange(len(self.spectra)), list(self.causes))


def prepare(
    energy_eV: np.ndarray, intensity: np.ndarray, kind: str, preprocessing: Preprocessing = Preprocessing()
) -> Prepared:
    """Prepare spectra (m, n) on one increasing energy axis (n,); those that cannot be used are in `causes`.

    kind "xas" takes a line as background, "eels" a power law, anything else what it looks like. Raises SikpdosError
    where an option does not fit the data, or no silicon K-edge can be in this range of energies.
    """
    wanted, messages = preprocessing, _Messages([], [])
    energy_eV = energy_eV + wanted.corrections.e0_shift_eV
    cause = edge_search.fault(energy_eV, wanted.corrections.any_edge)
    if cause:
        raise SikpdosError(cause)
    intensity = np.asarray(intensity, float)
    hit = _spikes(energy_eV, intensity, wanted)
    mended = spikes.without(energy_eV, intensity, hit)
    intensity = mended if wanted.corrections.despike else intensity
    typical = np.median(mended, axis=0)
    rise_eV = edge_search.rise(energy_eV, typical, wanted.corrections.any_edge)
    choice = _background(energy_eV, typical, kind, rise_eV, wanted)
    messages.add(choice.remark, choice.doubtful)
    if choice.background is not None:
        intensity = intensity - choice.background.fit(energy_eV, intensity)
    unfitted = ~np.isfinite(intensity).all(axis=1)
    axis_eV, intensity = processing.resample(energy_eV, np.where(unfitted[:, None], 0, intensity), SPECTRUM.step_eV)
    intensity = _smoothed(_single_scattering(axis_eV, intensity, wanted, messages), wanted)
    start_eV = None if choice.background is None else choice.background.window_eV[1]
    onset_eV = _onsets(
        axis_eV, intensity, wanted, edge_search.search_range(axis_eV, rise_eV, start_eV, wanted.corrections.any_edge)
    )
    onset_eV, oxide_share = _silicon_before_oxide(axis_eV, intensity, onset_eV, wanted, messages)
    intensity, saturated = _absorption(axis_eV, intensity, onset_eV, wanted)
    missing = _uncovered(axis_eV, onset_eV, processing.gaps(energy_eV))
    spectra = align_to_onset(axis_eV, intensity, onset_eV)
    faults = {
        "no power law fits the background: the counts in its window are not positive": unfitted,
        **_spiked(energy_eV, hit, rise_eV, wanted, messages),
        _no_onset(choice): np.isnan(onset_eV),
        "more fluorescence than a thick sample of this composition gives at these angles": saturated,
        **({} if wanted.allow_partial else {f"{text}; {_EXTENDS}": rows for text, rows in missing.items()}),
        "nowhere positive around the onset": np.isnan(spectra).any(axis=1),
        **({} if wanted.corrections.any_edge else _not_silicon(axis_eV, onset_eV, spectra)),
    }
    causes = {int(row): cause for cause, rows in reversed(faults.items()) for row in np.flatnonzero(rows)}  # the first
    _flattened(spectra, kind, wanted, messages)
    spectra[list(causes)] = np.nan
    if wanted.allow_partial:
        for text in missing:
            messages.add(f"{text}; {_EXTENDED}", True)
    return Prepared(
        spectra=spectra,
        onset_eV=onset_eV,
        energy_eV=axis_eV,
        intensity=intensity,
        background=choice.background,
        kind=_kind(kind, choice),
        oxide_share=oxide_share,
        preprocessing=preprocessing,
        causes=causes,
        remarks=tuple(messages.remarks),
        warnings=tuple(messages.warnings),
    )


@dataclass(frozen=True)
class _Messages:
    """What is told to the user about a batch."""

    remarks: list[str]
    warnings: list[str]

    def add(self, text: str, doubtful: bool) -> None:
        if text:
            (self.warnings if doubtful else self.remarks).append(text)


def _spikes(energy_eV: np.ndarray, intensity: np.ndarray, wanted: Preprocessing) -> np.ndarray:
    """Which points (m, n) of spectra (m, n) are spikes; of a long axis, around silicon's edge only."""
    near = slice(None)
    if edge_search.is_absolute(energy_eV) and not wanted.corrections.any_edge:
        near = slice(*np.searchsorted(energy_eV, [SI_K_EDGE_EV - 100, SI_K_EDGE_EV + 60]))
    where = np.zeros(intensity.shape, bool)
    where[:, near] = spikes.spikes(energy_eV[near], intensity[:, near])
    return where


def _spiked(
    energy_eV: np.ndarray, hit: np.ndarray, rise_eV: float, wanted: Preprocessing, messages: _Messages
) -> dict[str, np.ndarray]:
    """Spikes inside the window, in words, and the spectra (m,) that have them; those removed or outside are told."""
    faults: dict[str, np.ndarray] = {}
    for row in np.flatnonzero(hit.any(axis=1)):
        places = spikes.energies(energy_eV, hit[row])
        named = ", ".join(f"{place:.2f}" for place in places[:_NAMED]) + (", ..." if len(places) > _NAMED else "")
        text = f"spike at {named} eV"
        inside = (places > rise_eV + 3 * SPECTRUM.start_eV) & (places < rise_eV + SPECTRUM.stop_eV)
        if wanted.corrections.despike:
            messages.add(f"{text} replaced by a straight line", False)
        elif inside.any():
            faults[f"{text}: --despike replaces it by a straight line"] = np.arange(len(hit)) == row
        else:
            messages.add(f"{text}, outside the window; --despike replaces it", True)
    return faults


def _background(
    energy_eV: np.ndarray, typical: np.ndarray, kind: str, rise_eV: float, wanted: Preprocessing
) -> backgrounds.Choice:
    """The background; none by itself where energies count from the edge."""
    if wanted.background == "auto" and not edge_search.is_absolute(energy_eV):
        return backgrounds.Choice(None)
    return backgrounds.choose(energy_eV, typical, kind, rise_eV, wanted.background)


def _kind(kind: str, choice: backgrounds.Choice) -> str:
    """How a spectrum was measured: by its file, else by the background that it seemed to have."""
    if kind != "unknown" or choice.background is None:
        return kind
    return "eels" if choice.background.law == "power law" else "xas"


def _single_scattering(
    axis_eV: np.ndarray, intensity: np.ndarray, wanted: Preprocessing, messages: _Messages
) -> np.ndarray:
    if wanted.corrections.low_loss is None:
        return intensity
    intensity, peak = remove_plural_scattering(axis_eV, intensity, wanted.corrections.low_loss)
    messages.add(
        f"plural scattering removed: t/lambda {peak.thickness:.2f}, zero-loss peak {peak.fwhm_eV:.2f} eV wide", False
    )
    return intensity


def _smoothed(intensity: np.ndarray, wanted: Preprocessing) -> np.ndarray:
    if wanted.smooth is not None:
        intensity = processing.smooth(intensity, *wanted.smooth)
    if wanted.broadening_eV > 0:
        intensity = processing.blur(intensity, wanted.broadening_eV, SPECTRUM.step_eV)
    return intensity


def _silicon_before_oxide(
    axis_eV: np.ndarray, intensity: np.ndarray, onset_eV: np.ndarray, wanted: Preprocessing, messages: _Messages
) -> tuple[np.ndarray, np.ndarray]:
    """Onsets (m,), moved to silicon's where the oxide's was found, and the oxide's shares (m,), NaN where none is seen.

    Of a few spectra only.
    """
    moved, share = onset_eV.copy(), np.full(len(onset_eV), np.nan)
    for row in np.flatnonzero(np.isfinite(onset_eV)) if len(intensity) <= _FEW else ():
        pair = oxide.edges(axis_eV, intensity[row], float(onset_eV[row]))
        if pair is None:
            continue
        share[row] = pair.share
        if isinstance(wanted.onset, str) and pair.silicon_eV < onset_eV[row] - 2:
            moved[row] = _first_onset(axis_eV, intensity[row], pair, wanted.onset)
        taken = "the first was taken" if isinstance(wanted.onset, str) else "the onset was given"
        messages.add(f"{pair}; {taken}", pair.share > oxide.TRAINED_SHARE)
    return moved, share


def _first_onset(axis_eV: np.ndarray, intensity: np.ndarray, pair: oxide.Edges, rule: str) -> float:
    """The onset below the oxide's rise."""
    first, last = np.searchsorted(axis_eV, [pair.silicon_eV - 8, pair.oxide_eV - 1.5])
    onset_eV = processing.find_onset(axis_eV[first:last], intensity[None, first:last], rule)[0]
    return float(onset_eV) if np.isfinite(onset_eV) else pair.silicon_eV


def _absorption(
    axis_eV: np.ndarray, intensity: np.ndarray, onset_eV: np.ndarray, wanted: Preprocessing
) -> tuple[np.ndarray, np.ndarray]:
    """Spectra (m, n) with self-absorption undone from 5 eV below the onset on, and whether that is impossible (m,)."""
    saturated = np.zeros(len(intensity), bool)
    if wanted.corrections.geometry is None:
        return intensity, saturated
    above = axis_eV - onset_eV[:, None]
    after = (above > _STEP_AFTER_EV[0]) & (above < _STEP_AFTER_EV[1])
    step = (intensity * after).sum(axis=1) / np.maximum(after.sum(axis=1), 1)
    usable = np.isfinite(onset_eV) & (step > 0)
    edges = np.where(above > -5, intensity / np.where(usable, step, 1)[:, None], 0.0)
    near = np.where(above < SPECTRUM.stop_eV, edges, np.minimum(edges, 1.0))
    absorption = self_absorption.corrected(near, wanted.corrections.geometry)
    saturated = usable & np.isnan(absorption).any(axis=1)
    return np.where(np.isnan(absorption), intensity, absorption), saturated


def _flattened(spectra: np.ndarray, kind: str, wanted: Preprocessing, messages: _Messages) -> None:
    usable = spectra[np.isfinite(spectra).all(axis=1)]
    if kind == "eels" or wanted.corrections.geometry is not None or not len(usable):
        return
    if self_absorption.looks_flattened(usable).any():
        text = "hardly any structure above the edge: fluorescence flattened by self-absorption? See --self-absorption"
        messages.add(text, True)


def _no_onset(choice: backgrounds.Choice) -> str:
    reason = choice.remark if choice.doubtful else "wrong background, or not an edge?"
    return f"no onset: no rise of an edge in the range ({reason})"


def _not_silicon(axis_eV: np.ndarray, onset_eV: np.ndarray, spectra: np.ndarray) -> dict[str, np.ndarray]:
    """What is no silicon K-edge, in words, and the spectra (m,) of which it is true."""
    far = np.zeros(len(spectra), bool)
    if edge_search.is_absolute(axis_eV):
        far = np.abs(onset_eV - SI_K_EDGE_EV) > edge_search.NEAR_EV
    with np.errstate(invalid="ignore"):
        peak = edge_search.is_peak(spectra)
    return {
        f"no silicon K-edge: an onset over {edge_search.NEAR_EV:g} eV from {SI_K_EDGE_EV:g} eV (see --any-edge)": far,
        "no edge but a peak, such as a zero-loss peak or an emission line; --any-edge goes on all the same": peak,
    }


def realign(prepared: Prepared, rows: np.ndarray, shift_eV: float) -> np.ndarray:
    """Some of the spectra (k,) as they would be with the onset moved by shift_eV (k, 200)."""
    return align_to_onset(prepared.energy_eV, prepared.intensity[rows], prepared.onset_eV[rows] + shift_eV)


def _onsets(axis_eV: np.ndarray, intensity: np.ndarray, wanted: Preprocessing, where: slice) -> np.ndarray:
    if not isinstance(wanted.onset, str):
        if not axis_eV[0] <= wanted.onset <= axis_eV[-1]:
            limits = f"{axis_eV[0]:g} to {axis_eV[-1]:g} eV"
            raise SikpdosError(f"onset {wanted.onset:g} eV is outside the measured {limits}")
        return np.full(len(intensity), float(wanted.onset))
    return processing.find_onset(axis_eV[where], intensity[:, where], wanted.onset)


def _uncovered(axis_eV: np.ndarray, onset_eV: np.ndarray, gaps: np.ndarray) -> dict[str, np.ndarray]:
    """What of the window was not measured, in words, and the spectra (m,) that lack it."""
    missing: dict[str, np.ndarray] = {}
    for row in np.flatnonzero(np.isfinite(onset_eV)):
        ends = np.array([[-np.inf, axis_eV[0]], *gaps, [axis_eV[-1], np.inf]]) - onset_eV[row]
        parts = np.round(ends.clip(SPECTRUM.start_eV, SPECTRUM.stop_eV), 1)
        parts[parts >= SPECTRUM.energy_eV[-1]] = SPECTRUM.stop_eV  # the last point lies below the end
        named = [f"{low:g} to {high:g} eV" for low, high in parts if high - low > _TOLERANCE_EV]
        if named:
            text = f"{_and(named)} around the onset not measured"
            missing.setdefault(text, np.zeros(len(onset_eV), bool))[row] = True
    return missing


def _and(parts: list[str]) -> str:
    if len(parts) > 4:
        return f"{len(parts)} parts from {parts[0].split()[0]} to {' '.join(parts[-1].split()[2:])}"
    return " and ".join(parts)


def align_to_onset(axis_eV: np.ndarray, intensity: np.ndarray, onset_eV: np.ndarray) -> np.ndarray:
    """Cut to the window, maximum 1 (m, 200); NaN where there is no onset or nothing positive."""
    has_onset = np.isfinite(onset_eV)
    spectra = np.full((len(intensity), SPECTRUM.size), np.nan)
    cut = processing.cut(axis_eV, intensity[has_onset], onset_eV[has_onset])
    top = cut.max(axis=1, keepdims=True, initial=0)
    spectra[has_onset] = np.where(top > 0, cut / np.where(top > 0, top, 1), np.nan)
    return spectra
