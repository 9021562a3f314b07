"""What the engine computes of one site, as a Python object."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from sikpdos.common.grid import PDOS, SPECTRUM
from sikpdos.dataset.curves import broaden_edge
from sikpdos.dataset.raw_site import RawSite
from sikpdos.spectra import processing

if TYPE_CHECKING:
    from pymatgen.electronic_structure.dos import Dos


@dataclass(frozen=True)
class Simulation:
    """Edge and density of states of one site, not broadened yet."""

    raw: RawSite  # histograms, and all that is known of their making in `raw.meta`

    def edge(self, sigma_eV: float = 0.5, lorentz_fwhm_eV: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
        """Energies from the onset (200,) in eV, -1 to 19, and the broadened edge (200,), maximum 1."""
        rule, raw = processing.ONSET_RULE, self.raw
        _, edge = broaden_edge(raw.edge_energy_eV, raw.edge_weight, sigma_eV, lorentz_fwhm_eV, rule)
        return SPECTRUM.energy_eV, processing.normalise(edge[None])[0]

    def pdos(self, sigma_eV: float = 0.5) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Energies (300,) in eV, 0 at the Fermi level or valence-band maximum, and s and p (300,) in states/eV/atom."""
        both = np.stack([self.raw.pdos_s, self.raw.pdos_p])
        s, p = processing.broaden(self.raw.pdos_energy_eV, both, PDOS.energy_eV, sigma_eV)
        return PDOS.energy_eV, s, p

    def to_dos(self, orbital: Literal["s", "p", "total"] = "total", sigma_eV: float = 0.5) -> Dos:
        """The density of states as pymatgen's Dos: energies in eV, Fermi level 0, both spins together as spin up."""
        from pymatgen.electronic_structure.core import Spin
        from pymatgen.electronic_structure.dos import Dos

        energy_eV, s, p = self.pdos(sigma_eV)
        return Dos(efermi=0.0, energies=energy_eV, densities={Spin.up: {"s": s, "p": p, "total": s + p}[orbital]})
