"""From a measured spectrum to what the model takes: background off, 0.1 eV grid, smoothed, onset at 0, maximum 1."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sikpdos.common.constants import SI_K_EDGE_EV
from sikpdos.common.errors import SikpdosError
from sikpdos.common.grid import SPECTRUM
from sikpdos.spectra import background as backgrounds
from sikpdos.spectra import edge_search, faults, processing, self_absorption, spikes
from sikpdos.spectra.low_loss import remove_plural_scattering
from sikpdos.spectra.onset import onsets
from sikpdos.spectra.prepared import Messages, Prepared, align_to_onset
from sikpdos.spectra.settings import Preprocessing

_EXTENDED = "the nearest values stand for it"
_STEP_AFTER_EV = (15.0, 60.0)  # above the onset: where an absorption edge's step is taken


def prepare(
    energy_eV: np.ndarray,
    intensity: np.ndarray,
    kind: str,
    preprocessing: Preprocessing = Preprocessing(),
    typical: np.ndarray | None = None,
) -> Prepared:
    """Prepare spectra (m, n) on one increasing energy axis (n,); those that cannot be used are in `refused`.

    typical (n,): by which the background and the place of the edge are chosen, the median of the spectra if not given.
    kind "xas" takes a line as background, "eels" a power law, anything else what it looks like. Raises SikpdosError
    where an option does not fit the data, or no silicon K-edge can be in this range of energies.
    """
    wanted, messages = preprocessing, Messages()
    record = _look(energy_eV + wanted.corrections.e0_shift_eV, np.asarray(intensity, float), kind, wanted, typical)
    messages.add(record.choice.remark, record.choice.doubtful)
    axis_eV, edges, unfitted = _without_background(record)
    edges = _smoothed(_single_scattering(axis_eV, edges, wanted, messages), wanted)
    onset_eV, oxide_share = onsets(axis_eV, edges, _search_range(axis_eV, record, wanted), wanted, messages)
    edges, saturated = _absorption(axis_eV, edges, onset_eV, wanted)
    spectra = align_to_onset(axis_eV, edges, onset_eV)
    missing = faults.uncovered(axis_eV, onset_eV, processing.gaps(record.energy_eV))
    refused = faults.first_of(
        {
            faults.NO_POWER_LAW: unfitted,
            **faults.spiked(record.energy_eV, record.spikes, record.rise_eV, wanted, messages),
            faults.no_onset(record.choice): np.isnan(onset_eV),
            faults.TOO_FLUORESCENT: saturated,
            **({} if wanted.allow_partial else faults.not_covered(missing)),
            faults.NOWHERE_POSITIVE: np.isnan(spectra).any(axis=1),
            **({} if wanted.corrections.any_edge else faults.not_silicon(axis_eV, onset_eV, spectra)),
        }
    )
    faults.flattened(spectra, kind, wanted, messages)
    spectra[list(refused)] = np.nan
    for text in missing if wanted.allow_partial else ():
        messages.add(f"{text}; {_EXTENDED}", True)
    return Prepared(
        spectra=spectra,
        onset_eV=onset_eV,
        energy_eV=axis_eV,
        intensity=edges,
        background=record.choice.background,
        kind=_kind(kind, record.choice),
        oxide_share=oxide_share,
        preprocessing=preprocessing,
        refused=refused,
        remarks=tuple(messages.remarks),
        warnings=tuple(messages.warnings),
    )


@dataclass(frozen=True, kw_only=True)
class _Record:
    """Spectra as measured, and what a first look at them tells."""

    energy_eV: np.ndarray  # (n,)
    intensity: np.ndarray  # (m, n)
    spikes: np.ndarray  # (m, n) whether a point is one
    rise_eV: float  # where a typical one rises most
    choice: backgrounds.Choice


def _look(
    energy_eV: np.ndarray, intensity: np.ndarray, kind: str, wanted: Preprocessing, typical: np.ndarray | None
) -> _Record:
    hit, mended = _mended(energy_eV, intensity, wanted)
    typical = np.median(mended, axis=0) if typical is None else typical
    rise_eV, choice = chosen_background(energy_eV, typical, kind, wanted)
    return _Record(
        energy_eV=energy_eV,
        intensity=mended if wanted.corrections.despike else intensity,
        spikes=hit,
        rise_eV=rise_eV,
        choice=choice,
    )


def _without_background(record: _Record) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The 0.1 eV axis (k,), the spectra on it (m, k), and which of them no background fits (m,)."""
    energy_eV, intensity, background = record.energy_eV, record.intensity, record.choice.background
    if background is not None:
        intensity = intensity - background.fit(energy_eV, intensity)
    unfitted = ~np.isfinite(intensity).all(axis=1)
    edges = np.where(unfitted[:, None], 0, intensity)
    return *processing.resample(energy_eV, edges, SPECTRUM.step_eV), unfitted


def _search_range(axis_eV: np.ndarray, record: _Record, wanted: Preprocessing) -> slice:
    background = record.choice.background
    start_eV = None if background is None else background.window_eV[1]
    return edge_search.search_range(axis_eV, record.rise_eV, start_eV, wanted.corrections.any_edge)


def _mended(energy_eV: np.ndarray, intensity: np.ndarray, wanted: Preprocessing) -> tuple[np.ndarray, np.ndarray]:
    """Which points (m, n) of spectra (m, n) are spikes, and the spectra without them."""
    cause = edge_search.fault(energy_eV, wanted.corrections.any_edge)
    if cause:
        raise SikpdosError(cause)
    hit = _spikes(energy_eV, intensity, wanted)
    return hit, spikes.without(energy_eV, intensity, hit)


def _spikes(energy_eV: np.ndarray, intensity: np.ndarray, wanted: Preprocessing) -> np.ndarray:
    """Which points (m, n) of spectra (m, n) are spikes; of a long axis, around silicon's edge only."""
    near = slice(None)
    if edge_search.is_absolute(energy_eV) and not wanted.corrections.any_edge:
        near = slice(*np.searchsorted(energy_eV, [SI_K_EDGE_EV - 100, SI_K_EDGE_EV + 60]))
    where = np.zeros(intensity.shape, bool)
    where[:, near] = spikes.spikes(energy_eV[near], intensity[:, near])
    return where


def typical_of(energy_eV: np.ndarray, intensity: np.ndarray, wanted: Preprocessing) -> np.ndarray:
    """The median (n,) of spectra (m, n) less their spikes: for `prepare`, where these are the first part of many.

    Raises SikpdosError where no silicon K-edge can be in this range of energies.
    """
    shifted_eV = energy_eV + wanted.corrections.e0_shift_eV
    return np.median(_mended(shifted_eV, np.asarray(intensity, float), wanted)[1], axis=0)


def chosen_background(
    energy_eV: np.ndarray, typical: np.ndarray, kind: str, wanted: Preprocessing
) -> tuple[float, backgrounds.Choice]:
    """Where spectra like `typical` (n,) rise, and their background: none where energies count from the edge."""
    rise_eV = edge_search.rise(energy_eV, typical, wanted.corrections.any_edge)
    if wanted.background == "auto" and not edge_search.is_absolute(energy_eV):
        return rise_eV, backgrounds.Choice(None)
    return rise_eV, backgrounds.choose(energy_eV, typical, kind, rise_eV, wanted.background)


def _kind(kind: str, choice: backgrounds.Choice) -> str:
    """How a spectrum was measured: by its file, else by the background that it seemed to have."""
    if kind != "unknown" or choice.background is None:
        return kind
    return "eels" if choice.background.law == "power law" else "xas"


def _single_scattering(
    axis_eV: np.ndarray, intensity: np.ndarray, wanted: Preprocessing, messages: Messages
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
