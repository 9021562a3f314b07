"""Why a spectrum cannot be used, or should be doubted, in words that name the way out."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from sikpdos.common.constants import SI_K_EDGE_EV
from sikpdos.common.grid import SPECTRUM
from sikpdos.spectra import edge_search, self_absorption, spikes
from sikpdos.spectra.background import Choice
from sikpdos.spectra.prepared import Messages
from sikpdos.spectra.refusal import Fault, Refusal
from sikpdos.spectra.settings import Preprocessing

_NAMED = 3  # spikes that a message names
_TOLERANCE_EV = SPECTRUM.step_eV  # of the window that may be missing without a word
NO_POWER_LAW = Refusal(
    Fault.NO_BACKGROUND, "no power law fits the background: the counts in its window are not positive"
)
TOO_FLUORESCENT = Refusal(
    Fault.TOO_FLUORESCENT, "more fluorescence than a thick sample of this composition gives at these angles"
)
NOWHERE_POSITIVE = Refusal(Fault.NO_EDGE, "nowhere positive around the onset")


Rows = dict[Refusal, np.ndarray]  # why spectra are refused, and which of them (m,) are


def first_of(faults: Rows) -> dict[int, Refusal]:
    """Row -> the first of some refusals."""
    return {int(row): refusal for refusal, rows in reversed(list(faults.items())) for row in np.flatnonzero(rows)}


def spiked(energy_eV: np.ndarray, hit: np.ndarray, rise_eV: float, wanted: Preprocessing, messages: Messages) -> Rows:
    """Spikes inside the window; those removed or outside are told."""
    faults: Rows = {}
    for row in np.flatnonzero(hit.any(axis=1)):
        places = spikes.energies(energy_eV, hit[row])
        named = ", ".join(f"{place:.2f}" for place in places[:_NAMED]) + (", ..." if len(places) > _NAMED else "")
        text = f"spike at {named} eV"
        inside = (places > rise_eV + 3 * SPECTRUM.start_eV) & (places < rise_eV + SPECTRUM.stop_eV)
        if wanted.corrections.despike:
            messages.add(f"{text} replaced by a straight line", False)
        elif inside.any():
            refusal = Refusal(Fault.SPIKES, f"{text}: --despike replaces it by a straight line")
            faults[refusal] = np.arange(len(hit)) == row
        else:
            messages.add(f"{text}, outside the window; --despike replaces it", True)
    return faults


def no_onset(choice: Choice) -> Refusal:
    reason = choice.remark if choice.doubtful else "wrong background, or not an edge?"
    return Refusal(Fault.NO_EDGE, f"no onset: no rise of an edge in the range ({reason})")


def uncovered(axis_eV: np.ndarray, onset_eV: np.ndarray, gaps: np.ndarray) -> dict[str, np.ndarray]:
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


def not_covered(missing: Mapping[str, np.ndarray]) -> Rows:
    """What `uncovered` found, as refusals."""
    way_out = "--allow-partial extends the nearest values"
    return {Refusal(Fault.NOT_COVERED, f"{text}; {way_out}"): rows for text, rows in missing.items()}


def _and(parts: list[str]) -> str:
    if len(parts) > 4:
        return f"{len(parts)} parts from {parts[0].split()[0]} to {' '.join(parts[-1].split()[2:])}"
    return " and ".join(parts)


def not_silicon(axis_eV: np.ndarray, onset_eV: np.ndarray, spectra: np.ndarray) -> Rows:
    """What is no silicon K-edge."""
    far = np.zeros(len(spectra), bool)
    if edge_search.is_absolute(axis_eV):
        far = np.abs(onset_eV - SI_K_EDGE_EV) > edge_search.NEAR_EV
    with np.errstate(invalid="ignore"):
        peak = edge_search.is_peak(spectra)
    where = f"an onset over {edge_search.NEAR_EV:g} eV from {SI_K_EDGE_EV:g} eV"
    what = "no edge but a peak, such as a zero-loss peak or an emission line"
    return {
        Refusal(Fault.NOT_SILICON, f"no silicon K-edge: {where} (see --any-edge)"): far,
        Refusal(Fault.NOT_SILICON, f"{what}; --any-edge goes on all the same"): peak,
    }


def flattened(spectra: np.ndarray, kind: str, wanted: Preprocessing, messages: Messages) -> None:
    usable = spectra[np.isfinite(spectra).all(axis=1)]
    if kind == "eels" or wanted.corrections.geometry is not None or not len(usable):
        return
    if self_absorption.looks_flattened(usable).any():
        text = "hardly any structure above the edge: fluorescence flattened by self-absorption? See --self-absorption"
        messages.add(text, True)
