"""What a prediction of one spectrum says, as a Python object."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from sikpdos.common.grid import PDOS
from sikpdos.model.uncertainty import BAND_90
from sikpdos.prediction.predict import Predicted

if TYPE_CHECKING:
    from pymatgen.electronic_structure.dos import Dos


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """Ground-state s and p density of states of the excited silicon atom, in states/eV/atom (both spins).

    A band of +-1.645 standard deviations holds about 90 % of the true values (`lower` and `upper` give it).
    """

    energy_eV: np.ndarray  # (300,) -15 to 15 eV; 0 is the Fermi level, or the valence-band maximum of a gapped crystal
    s: np.ndarray  # (300,)
    p: np.ndarray  # (300,)
    s_std: np.ndarray  # (300,) standard deviation of s
    p_std: np.ndarray  # (300,)
    spectrum: np.ndarray  # (200,) the edge as the model saw it: -1 to 19 eV around the onset, maximum 1
    onset_eV: float  # on the measurement's energy axis
    novelty: float  # over 1: unlike the spectra that the model was trained on; do not trust the result
    onset_sensitivity: (
        float  # rms change of s and p if the onset were 0.25 eV off; NaN if not worked out (many spectra)
    )
    sigma_eV: float  # Gaussian broadening of s and p
    class_probabilities: dict[str, float]  # of the material classes (elemental, oxide...); empty if the model knows one
    warnings: tuple[str, ...] = ()

    @property
    def total(self) -> np.ndarray:
        """Sum of s and p (300,)."""
        return self.s + self.p

    def lower(self, orbital: Literal["s", "p"]) -> np.ndarray:
        """Lower end of the 90 % band of one orbital (300,), not below 0."""
        return np.maximum(getattr(self, orbital) - BAND_90 * getattr(self, f"{orbital}_std"), 0.0)

    def upper(self, orbital: Literal["s", "p"]) -> np.ndarray:
        """Upper end of the 90 % band of one orbital (300,)."""
        return getattr(self, orbital) + BAND_90 * getattr(self, f"{orbital}_std")

    def to_dos(self, orbital: Literal["s", "p", "total"] = "total") -> Dos:
        """The density of states as pymatgen's Dos: energies in eV, Fermi level 0, both spins together as spin up."""
        from pymatgen.electronic_structure.core import Spin
        from pymatgen.electronic_structure.dos import Dos

        return Dos(efermi=0.0, energies=self.energy_eV, densities={Spin.up: getattr(self, orbital)})


def of_row(predicted: Predicted, row: int) -> Prediction:
    """One spectrum of a batch."""
    s, p = predicted.pdos[row].astype(float)
    s_std, p_std = predicted.pdos_std[row].astype(float)
    return Prediction(
        energy_eV=PDOS.energy_eV,
        s=s,
        p=p,
        s_std=s_std,
        p_std=p_std,
        spectrum=predicted.spectra[row].astype(float),
        onset_eV=float(predicted.onset_eV[row]),
        novelty=float(predicted.novelty[row]),
        onset_sensitivity=float(predicted.sensitivity[row]),
        sigma_eV=predicted.sigma_eV,
        class_probabilities=predicted.kinds(row) or {},
        warnings=(*predicted.warnings, *([odd] if (odd := predicted.contradiction(row)) else [])),
    )
