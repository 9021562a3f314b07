"""Lanczos tridiagonalisation of an operator on batches of wave functions."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch


def lanczos(
    apply: Callable[[torch.Tensor], torch.Tensor], start: torch.Tensor, n_steps: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Tridiagonal matrices of a Hermitian operator, from start vectors (n_k, n_vectors, n_folded, n_waves).

    Returns diagonals and off-diagonals, both (n_k, n_vectors, n_steps), and the start's norms (n_k, n_vectors). The
    last off-diagonal is the norm of what is left; the vectors are not re-orthogonalised.
    """
    norms = _norm(start)
    tiny = torch.finfo(norms.dtype).tiny
    v, previous = start / norms.clamp_min(tiny), torch.zeros_like(start)
    b = torch.zeros_like(norms)
    diagonal, off_diagonal = [], []
    for _ in range(n_steps):
        w = apply(v)
        a = (_real(v) * _real(w)).sum(2)[..., None, None]
        w = w.sub_(a * v).sub_(b * previous)
        b = _norm(w)
        previous, v = v, w / b.clamp_min(tiny)
        diagonal.append(a)
        off_diagonal.append(b)
    stacked = [torch.cat(parts, -1)[..., 0, :].double().cpu().numpy() for parts in (diagonal, off_diagonal)]
    return stacked[0], stacked[1], norms[..., 0, 0].double().cpu().numpy()


def _norm(x: torch.Tensor) -> torch.Tensor:
    return torch.linalg.vector_norm(_real(x), dim=2)[..., None, None]


def _real(x: torch.Tensor) -> torch.Tensor:
    """Real and imaginary parts in one row (n_k, n_vectors, n): norms and products of real rows are far faster."""
    return torch.view_as_real(x).flatten(2)
