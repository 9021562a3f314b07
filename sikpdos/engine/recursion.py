"""Haydock (Lanczos) recursion: the spectral function of start vectors as sticks.

Haydock, Heine, Kelly, 10.1088/0022-3719/5/20/004. The recursion is not re-orthogonalised: converged
eigenvalues come back with their weight split among the copies, and the sum is right. It ends in a terminator, which
goes on with constant coefficients: the chain then has no end that a spectrum of sharp sticks would echo.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.linalg import eigh_tridiagonal

from sikpdos.engine.hamiltonian import Hamiltonian
from sikpdos.engine.lanczos import lanczos

TAIL = 20  # last coefficients, whose mean the terminator takes
LENGTHENING = 2  # of the chain, by the terminator


def sticks(hamiltonian: Hamiltonian, start: torch.Tensor, n_steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Energies (Ry) and weights of the spectral functions of `start` (n_k, n_vectors, n_folded, n_waves).

    Returns two arrays (n_k, n_vectors, LENGTHENING * n_steps); the weights of a vector add up to its squared norm.
    """
    *coefficients, norms = lanczos(hamiltonian.apply, start, n_steps)
    diagonal, off_diagonal = (_terminated(values) for values in coefficients)
    energies, weights = np.empty(diagonal.shape), np.empty(diagonal.shape)
    for i in np.ndindex(norms.shape):
        values, vectors = eigh_tridiagonal(diagonal[i], off_diagonal[i][:-1])
        energies[i], weights[i] = values, vectors[0] ** 2 * norms[i] ** 2
    return energies, weights


def _terminated(coefficients: np.ndarray) -> np.ndarray:
    """Coefficients (n_k, n_vectors, n_steps) and as many more constant ones as LENGTHENING says."""
    mean = coefficients[..., -TAIL:].mean(-1, keepdims=True)
    return np.concatenate([coefficients, np.repeat(mean, (LENGTHENING - 1) * coefficients.shape[-1], -1)], -1)
