"""Onsets of measured edges, by a rule or as given; of oxidised silicon that of the silicon below its oxide."""

from __future__ import annotations

import numpy as np

from sikpdos.common.errors import SikpdosError
from sikpdos.spectra import oxide, processing
from sikpdos.spectra.prepared import Messages
from sikpdos.spectra.settings import Preprocessing

_FEW = 16  # spectra of a batch that are looked at for an oxide's edge


def onsets(
    axis_eV: np.ndarray, intensity: np.ndarray, where: slice, wanted: Preprocessing, messages: Messages
) -> tuple[np.ndarray, np.ndarray]:
    """Onsets (m,) of spectra (m, n) in a part of their axis, NaN where none is, and the oxide's shares (m,).

    Raises SikpdosError for a given onset outside the axis.
    """
    onset_eV = _onsets(axis_eV, intensity, wanted, where)
    return _silicon_before_oxide(axis_eV, intensity, onset_eV, wanted, messages)


def _onsets(axis_eV: np.ndarray, intensity: np.ndarray, wanted: Preprocessing, where: slice) -> np.ndarray:
    if not isinstance(wanted.onset, str):
        if not axis_eV[0] <= wanted.onset <= axis_eV[-1]:
            limits = f"{axis_eV[0]:g} to {axis_eV[-1]:g} eV"
            raise SikpdosError(f"onset {wanted.onset:g} eV is outside the measured {limits}")
        return np.full(len(intensity), float(wanted.onset))
    return processing.find_onset(axis_eV[where], intensity[:, where], wanted.onset)


def _silicon_before_oxide(
    axis_eV: np.ndarray, intensity: np.ndarray, onset_eV: np.ndarray, wanted: Preprocessing, messages: Messages
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
