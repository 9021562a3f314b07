"""Lifetime broadening that grows with the photoelectron's energy, as final states above an edge have it.

The excited electron loses its energy the sooner the more of it there is, above all by plasmons: features fade within
10 to 20 eV above the onset. Fuggle and Inglesfield (eds.), Unoccupied Electronic States, Topics in Applied Physics 69
(Springer 1992). The arctangent has the form of the code FDMNES's: Bunau and Joly, J. Phys.: Condens. Matter 21, 345501
(2009), doi:10.1088/0953-8984/21/34/345501.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sikpdos.common.errors import SikpdosError

_MOST_BINS = 4000  # 200 eV in steps of 0.05 eV
SI_1S_FWHM_EV = 0.48  # width of silicon's 1s core hole: Krause and Oliver (1979), doi:10.1063/1.555595


@dataclass(frozen=True)
class Lifetime:
    """Arctangent growth of the Lorentzian's full width."""

    maximum_eV: float = 15.0  # reached far above the onset, beyond the core hole's
    centre_eV: float = 30.0  # energy above the Fermi level at which half of it is reached
    spread_eV: float = 30.0  # range over which it grows
    core_hole_eV: float = SI_1S_FWHM_EV

    def fwhm_eV(self, energy_eV: np.ndarray) -> np.ndarray:
        """Full width of the Lorentzian of states at energies (n,) from the Fermi level (n,)."""
        reduced = np.maximum(energy_eV, 1e-3) / self.centre_eV
        argument = np.pi / 3 * self.maximum_eV / self.spread_eV * (reduced - reduced**-2)
        return self.core_hole_eV + self.maximum_eV * (0.5 + np.arctan(argument) / np.pi)


def broaden_bins(energy_eV: np.ndarray, edges: np.ndarray, lifetime: Lifetime) -> np.ndarray:
    """Edges (m, n) in equal bins energy_eV (n,), each bin spread by the Lorentzian of its energy; the area is kept.

    Above the bins the edges go on as the mean of their last 5 eV, or their upper end would droop. Raises SikpdosError
    for more bins than memory should hold the square of.
    """
    if len(energy_eV) > _MOST_BINS:
        raise SikpdosError(f"{len(energy_eV)} energies in the edge are too many for a lifetime: at most {_MOST_BINS}")
    bin_eV = (energy_eV[-1] - energy_eV[0]) / (len(energy_eV) - 1)
    half_eV = lifetime.fwhm_eV(energy_eV)[:, None] / 2
    distance_eV = energy_eV - energy_eV[:, None]
    lines = half_eV / np.pi / (distance_eV**2 + half_eV**2) * bin_eV
    continuation = 0.5 - np.arctan((energy_eV[-1] + bin_eV / 2 - energy_eV) / half_eV[-1]) / np.pi
    return edges @ lines + edges[:, -round(5.0 / bin_eV) :].mean(axis=1, keepdims=True) * continuation
