"""The suite's two energy grids, half-open and 0.1 eV apart."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np


@dataclass(frozen=True)
class Grid:
    """Equally spaced energies [start, stop)."""

    start_eV: float
    stop_eV: float
    step_eV: float

    @property
    def size(self) -> int:
        return round((self.stop_eV - self.start_eV) / self.step_eV)

    @cached_property
    def energy_eV(self) -> np.ndarray:  # (size,)
        return np.round(self.start_eV + self.step_eV * np.arange(self.size), 9)


SPECTRUM = Grid(-1.0, 19.0, 0.1)  # 200 points, zero at the onset of the edge
PDOS = Grid(-15.0, 15.0, 0.1)  # 300 points, zero at the Fermi level (valence-band maximum if gapped)
