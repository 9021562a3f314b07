"""Ground-state density of states projected on Loewdin-orthonormalised pseudo-atomic s and p orbitals."""

from __future__ import annotations

import numpy as np
import torch

from sikpdos.engine.basis import WaveBasis
from sikpdos.engine.crystal import Crystal
from sikpdos.engine.ground_state import GroundState, hamiltonians
from sikpdos.engine.hamiltonian import orbital_functions
from sikpdos.engine.kpoints import KPoints
from sikpdos.engine.recursion import sticks

ELECTRONS_PER_STATE = 2


def projection_vectors(basis: WaveBasis, crystal: Crystal, atom: int) -> tuple[torch.Tensor, np.ndarray]:
    """Orthonormal orbitals of one atom: (n_k, n_orbitals, n_folded, n_waves), and l of each.

    Loewdin: |u_i> = sum_j (S^-1/2)_ij |chi_j> over the orbitals of all atoms.
    """
    functions, owner, momentum = orbital_functions(basis, crystal)
    chi = basis.density.backend.tensor(functions, torch.complex128).flatten(2)
    values, u = torch.linalg.eigh(chi.conj() @ chi.mT)  # S_ij = <chi_i|chi_j>
    root = ((u / values.sqrt()[:, None]) @ u.mH).mT[:, torch.as_tensor(owner == atom)]  # (n_k, n_rows, n_orbitals)
    vectors = (root @ chi).unflatten(2, basis.shape[1:])
    return vectors.to(basis.density.backend.complex), momentum[owner == atom]


def pdos_sticks(
    ground: GroundState, atom: int, points: KPoints, n_steps: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sticks of one atom's PDOS: energies (Ry) and weights (electrons, both spins), both (n_k, n_orbitals, n_sticks),
    and the angular momentum of each orbital (n_orbitals,).
    """
    parts, momentum = [], np.zeros(0, int)
    values = ground.solution.potential.values
    n_vectors = sum(2 * orbital.l + 1 for orbital in ground.crystal.species[atom].orbitals)
    for hamiltonian in hamiltonians(ground.crystal, ground.basis, points.points, n_vectors, values):
        vectors, momentum = projection_vectors(hamiltonian.basis, ground.crystal, atom)
        parts.append(sticks(hamiltonian, vectors, n_steps))
    energies, weights = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return energies, ELECTRONS_PER_STATE * weights * points.weights[:, None, None], momentum
