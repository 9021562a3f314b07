"""Spectra ready for the model: cut to the window around their onset, with what is to be told of them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from sikpdos.common.grid import SPECTRUM
from sikpdos.spectra import processing
from sikpdos.spectra.background import Background
from sikpdos.spectra.refusal import Refusal
from sikpdos.spectra.settings import Preprocessing


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """Spectra ready for the model."""

    spectra: np.ndarray  # (m, 200); NaN in the rows of `refused`
    onset_eV: np.ndarray  # (m,) on the input's energy axis; NaN where none was found
    energy_eV: np.ndarray  # (k,) the 0.1 eV axis, and
    intensity: np.ndarray  # (m, k) what was cut from it
    background: Background | None
    kind: str  # "eels" or "xas", as far as the file or the background tells; else "unknown"
    oxide_share: np.ndarray  # (m,) of the silicon seen; NaN where no oxide is, or was looked for
    preprocessing: Preprocessing
    refused: dict[int, Refusal]  # row -> why this spectrum cannot be used
    remarks: tuple[str, ...]  # what else was done
    warnings: tuple[str, ...]

    @property
    def usable(self) -> np.ndarray:  # (m,)
        return ~np.isin(np.arange(len(self.spectra)), list(self.refused))

    @property
    def causes(self) -> dict[int, str]:
        """Row -> why this spectrum cannot be used, in words."""
        return {row: str(refusal) for row, refusal in self.refused.items()}


@dataclass(frozen=True)
class Messages:
    """What is told to the user about a batch."""

    remarks: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def add(self, text: str, doubtful: bool) -> None:
        if text:
            (self.warnings if doubtful else self.remarks).append(text)


def realign(prepared: Prepared, rows: np.ndarray, shift_eV: float) -> np.ndarray:
    """Some of the spectra (k,) as they would be with the onset moved by shift_eV (k, 200)."""
    return align_to_onset(prepared.energy_eV, prepared.intensity[rows], prepared.onset_eV[rows] + shift_eV)


def align_to_onset(axis_eV: np.ndarray, intensity: np.ndarray, onset_eV: np.ndarray) -> np.ndarray:
    """Cut to the window, maximum 1 (m, 200); NaN where there is no onset or nothing positive."""
    has_onset = np.isfinite(onset_eV)
    spectra = np.full((len(intensity), SPECTRUM.size), np.nan)
    cut = processing.cut(axis_eV, intensity[has_onset], onset_eV[has_onset])
    top = cut.max(axis=1, keepdims=True, initial=0)
    spectra[has_onset] = np.where(top > 0, cut / np.where(top > 0, top, 1), np.nan)
    return spectra
