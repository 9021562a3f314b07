"""Haydock (Lanczos) recursion: the spectral function of start vectors as sticks.

Haydock, Heine, Kelly, 10.1088/0022-3719/5/20/004. The recursion is not re-orthogonalised: converged
eigenvalues come back with their weight split among the copies, and the sum is right.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.linalg import eigh_tridiagonal

from sikpdos.engine.hamiltonian import Hamiltonian


def sticks(hamiltonian: Hamiltonian, start: torch.Tensor, n_steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Energies (Ry) and weights of the spectral functions of `start` (n_k, n_vectors, n_folded, n_waves).

    Returns two arrays (n_k, n_vectors, n_steps); the weights of a vector add up to its squared norm.
    """
    diagonal, off_diagonal, norms = coefficients(hamiltonian, start, n_steps)
    energies, weights = np.empty(diagonal.shape), np.empty(diagonal.shape)
    for i in np.ndindex(norms.shape):
        values, vectors = eigh_tridiagonal(diagonal[i], off_diagonal[i])
        energies[i], weights[i] = values, vectors[0] ** 2 * norms[i] ** 2
    return energies, weights


def coefficients(
    hamiltonian: Hamiltonian, start: torch.Tensor, n_steps: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Tridiagonal matrices: diagonals (..., n_steps), off-diagonals (..., n_steps - 1), and start norms (...)."""
    norms = _norm(start)
    tiny = torch.finfo(norms.dtype).tiny
    v, previous = start / norms.clamp_min(tiny), torch.zeros_like(start)
    b = torch.zeros_like(norms)
    diagonal, off_diagonal = [], []
    for _ in range(n_steps):
        w = hamiltonian.apply(v)
        a = (_real(v) * _real(w)).sum(2)[..., None, None]
        w = w.sub_(a * v).sub_(b * previous)
        b = _norm(w)
        previous, v = v, w / b.clamp_min(tiny)
        diagonal.append(a)
        off_diagonal.append(b)
    stacked = (torch.cat(parts, -1)[..., 0, :].double().cpu().numpy() for parts in (diagonal, off_diagonal))
    diagonal, off_diagonal = stacked
    return diagonal, off_diagonal[..., :-1], norms[..., 0, 0].double().cpu().numpy()


def _norm(x: torch.Tensor) -> torch.Tensor:
    return torch.linalg.vector_norm(_real(x), dim=2)[..., None, None]


def _real(x: torch.Tensor) -> torch.Tensor:
    """Real and imaginary parts in one row (n_k, n_vectors, n): norms and products of real rows are far faster."""
    return torch.view_as_real(x).flatten(2)
