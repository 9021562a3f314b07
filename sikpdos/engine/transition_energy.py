"""The photon energy of the edge, from the total energies of the supercell without and with the core hole.

Mizoguchi, Tanaka, Gao, Pickard, 10.1088/0953-8984/21/10/104204: the energy that pseudopotentials leave out, that of
the core, is added from the free atom: (E_all-electron - E_pseudo) with the hole minus the same without it.

Both energies belong to one supercell and the same few k-points, whose error thereby cancels. The density that these
points miss is added to every density (see core_hole); so is its energy in the potential, which keeps the total
energy stationary. A charged cell's energy (+1) depends on the zero of its potential, as the energies of its states
do; their sum, which a photon supplies, does not.
"""

from __future__ import annotations

import numpy as np
import torch

from sikpdos.engine.ground_state import GroundState
from sikpdos.engine.scf import Bands, SelfConsistent


def initial_energy_Ry(
    ground: GroundState, n_cells: int, bands: Bands, weights: np.ndarray, correction: torch.Tensor, tiled: torch.Tensor
) -> float:
    """Energy of `n_cells` primitive cells with the perfect crystal's folded bands at a supercell's k-points.

    `correction` is the density (n_G,) that those points miss, `tiled` the perfect crystal's potential (n_G,) there.
    """
    w = torch.as_tensor(weights, device=bands.energies.device)[:, None]
    band_energy = float((w * bands.occupations * bands.energies).sum()) + bands.smearing_Ry
    volume = n_cells * ground.basis.volume
    return band_energy + n_cells * ground.solution.potential.double_counting_Ry + _energy_in(correction, tiled, volume)


def final_energy_Ry(solution: SelfConsistent, correction: torch.Tensor, volume: float) -> float:
    """Energy of the supercell with the core hole, with the part of the density that its k-points miss."""
    return solution.energy_Ry + _energy_in(correction, solution.potential.coefficients, volume)


def _energy_in(density: torch.Tensor, potential: torch.Tensor, volume: float) -> float:
    """Energy (Ry) of a density in a potential, both coefficients (n_G,)."""
    return float((density.conj() * potential).sum().real) * volume


def photon_energy_Ry(excitation_Ry: float, state_Ry: float, fermi_Ry: float, charge: int) -> float:
    """Energy that takes the core electron to a state of the core-hole cell, without the cores' part.

    With charge +1 the cell lacks the electron, which joins at the state's energy; with charge 0 it is there
    already, at the Fermi level, and moves on.
    """
    return excitation_Ry + state_Ry - (0.0 if charge else fermi_Ry)
