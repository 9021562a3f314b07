"""The Si K-edge: dipole start vectors by PAW reconstruction and their spectrum in the core-hole state.

Taillefumier, Cabaret, Flank, Mauri, 10.1103/PhysRevB.66.195107, equations 13 to 16; Bunau and Calandra,
10.1103/PhysRevB.87.205105 for norm-conserving pseudopotentials.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch

from sikpdos.common.errors import SikpdosError
from sikpdos.engine.basis import WaveBasis
from sikpdos.engine.core_hole import HoleState
from sikpdos.engine.ground_state import batches
from sikpdos.engine.hamiltonian import atomic_functions
from sikpdos.engine.kpoints import KPoints
from sikpdos.engine.pseudopotential import Pseudopotential, RadialFunction
from sikpdos.engine.recursion import sticks

PAW_RADIUS = 2.4  # bohr; partial waves are compared within it
SMOOTH_FROM = 0.66  # of that radius: where the cutoff function begins to fall


@lru_cache(maxsize=8)
def dipole_function(hole: Pseudopotential, ground: Pseudopotential) -> RadialFunction:
    """Radial part of sum_n |p_n> <phi_n|r|1s>: projectors dual to the pseudo partial waves within the PAW radius.

    The 1s state is that of the ground-state atom. Raises SikpdosError without GIPAW reconstruction data.
    """
    if not hole.p_waves:
        raise SikpdosError(f"{hole.name}: no GIPAW reconstruction of p waves, needed for the K-edge")
    window = cutoff_function(hole.r)
    pseudo = np.array([ps for _, ps in hole.p_waves])
    dipole = np.array([hole.integrate(ae * hole.r * ground.core_1s) for ae, _ in hole.p_waves])
    inside = int(np.searchsorted(hole.r, PAW_RADIUS)) + 1
    overlap = np.array([hole.integrate(a * pseudo * window, inside) for a in pseudo])
    return RadialFunction(1, np.linalg.solve(overlap, dipole) @ (pseudo * window))


def cutoff_function(r: np.ndarray) -> np.ndarray:
    """1 inside, falling as a cosine to 0 at the PAW radius."""
    start = SMOOTH_FROM * PAW_RADIUS
    fall = np.clip((r - start) / (PAW_RADIUS - start), 0, 1)
    return 0.5 * (1 + np.cos(np.pi * fall))


def start_vectors(basis: WaveBasis, hole: Pseudopotential, ground: Pseudopotential) -> torch.Tensor:
    """Dipole vectors for x, y, z polarisation: (n_k, 3, n_folded, n_waves); the mean of the three is isotropic."""
    functions = atomic_functions(basis, hole, dipole_function(hole, ground), np.zeros((1, 3)), basis.density.volume)
    return basis.density.backend.tensor(np.moveaxis(functions, 2, 1), basis.density.backend.complex)


def edge_sticks(
    state: HoleState, ground: Pseudopotential, points: KPoints, n_steps: int
) -> tuple[np.ndarray, np.ndarray]:
    """Sticks of the edge at each k-point and polarisation: energies (Ry) and weights, (n_k, 3, n_sticks).

    Weights hold the k-point weights; occupied states are not dropped here.
    """
    parts = []
    for group in batches(points.points, state.basis, 3):
        hamiltonian = state.hamiltonian(group)
        parts.append(sticks(hamiltonian, start_vectors(hamiltonian.basis, state.hole, ground), n_steps))
    energies, weights = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return energies, weights * points.weights[:, None, None]
