"""How a measured spectrum is to be prepared: what the user asked for, and the model needs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sikpdos.spectra import processing
from sikpdos.spectra.low_loss import LowLoss
from sikpdos.spectra.self_absorption import Geometry


@dataclass(frozen=True, kw_only=True)
class Corrections:
    """What is known to be wrong with a measurement, and what is accepted all the same."""

    e0_shift_eV: float = 0.0  # added to all energies: a known error of their calibration
    despike: bool = False  # replace spikes by straight lines
    any_edge: bool = False  # accept what is no silicon K-edge
    low_loss: LowLoss | None = None  # of the same place, to remove plural scattering
    geometry: Geometry | None = None  # of a fluorescence measurement, to undo self-absorption


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
