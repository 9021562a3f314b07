"""Lowest bands by block Davidson steps: each adds the preconditioned residuals to the span and solves within it.

Davidson, 10.1016/0021-9991(75)90065-0; preconditioner of Teter, Payne, Allan, 10.1103/PhysRevB.40.12255.
"""

from __future__ import annotations

import torch

from sikpdos.engine.basis import DensityBasis
from sikpdos.engine.crystal import Crystal
from sikpdos.engine.hamiltonian import Hamiltonian, orbital_functions

MAX_CYCLES = 60
JITTER = 1e-12  # added to an overlap matrix of parallel vectors, in double precision
Span = tuple[torch.Tensor, torch.Tensor]  # vectors (n_k, n, n_folded, n_waves), and H on them


class NotConverged(Exception):
    """Bands or a density did not settle; the message tells how far they came."""


def initial_guess(hamiltonian: Hamiltonian, crystal: Crystal, n_bands: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Energies and wave functions of the lowest bands in the span of the atomic orbitals and a few random waves."""
    basis = hamiltonian.basis
    backend = basis.density.backend
    parts = []
    if all(kind.orbitals for kind in crystal.species):
        parts.append(backend.tensor(orbital_functions(basis, crystal)[0], backend.complex))
    missing = n_bands + 2 - sum(part.shape[1] for part in parts)
    if missing > 0:
        noise = torch.randn(
            basis.shape[0], missing, *basis.shape[1:], generator=torch.Generator().manual_seed(0), dtype=torch.complex64
        )
        noise = noise.to(device=backend.device, dtype=backend.complex)
        parts.append(noise * basis.mask / (1 + basis.kinetic) ** 1.5)
    x = _normalised(torch.cat(parts, 1))
    energies, rotation = rayleigh_ritz(*applied(hamiltonian, x, chunk_size(basis.density)), n_bands)
    return energies, rotate(rotation, x)


def chunk_size(basis: DensityBasis) -> int:
    """Bands to apply H to at a time, to stay within the cache."""
    return max(2, (2**23 if basis.backend.device == "cpu" else 2**32) // (basis.size * 16))


def applied(hamiltonian: Hamiltonian, x: torch.Tensor, chunk: int) -> Span:
    """Vectors and H on them."""
    return x, torch.cat([hamiltonian.apply(part) for part in x.split(chunk, dim=1)], 1)


def rayleigh_ritz(x: torch.Tensor, hx: torch.Tensor, n_kept: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Best eigenpairs in the span of x: energies (n_k, n_kept) in double precision, and the rotation to their vectors.

    The vectors are about of norm 1.
    """
    flat, h = x.flatten(2), hx.flatten(2)
    overlap = (flat.conj() @ flat.mT).to(torch.complex128)
    energy = (flat.conj() @ h.mT).to(torch.complex128)
    factor, failed = torch.linalg.cholesky_ex((overlap + overlap.mH) / 2)
    if failed.any():  # nearly parallel vectors: single precision cannot tell them apart
        exact = flat.to(torch.complex128)
        overlap, energy = exact.conj() @ exact.mT, exact.conj() @ h.to(torch.complex128).mT
        overlap += JITTER * torch.eye(overlap.shape[1], dtype=overlap.dtype, device=overlap.device)
        factor = torch.linalg.cholesky((overlap + overlap.mH) / 2)
    inverse = torch.linalg.inv(factor)
    reduced = inverse @ ((energy + energy.mH) / 2) @ inverse.mH
    values, u = torch.linalg.eigh((reduced + reduced.mH) / 2)
    return values[:, :n_kept], (u.mH @ inverse).conj()[:, :n_kept].to(x.dtype)


def rotate(rotation: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """Vectors (n_k, n_kept, n_folded, n_waves) from the rows of a rotation (n_k, n_kept, n)."""
    return (rotation @ x.flatten(2)).unflatten(2, x.shape[2:])


def davidson_step(hamiltonian: Hamiltonian, span: Span, chunk: int) -> tuple[torch.Tensor, torch.Tensor, Span]:
    """From vectors of norm 1: their better energies (n_k, n), the rotation to them, and the span they lie in."""
    x, hx = span
    quotient = (x.conj() * hx).real.flatten(2).sum(2)[..., None, None]
    corrections = _normalised(_preconditioned(hamiltonian, x, hx - quotient * x))
    added, h_added = applied(hamiltonian, corrections, chunk)
    wide = torch.cat([x, added], 1), torch.cat([hx, h_added], 1)
    return *rayleigh_ritz(*wide, x.shape[1]), wide


def _preconditioned(hamiltonian: Hamiltonian, x: torch.Tensor, residual: torch.Tensor) -> torch.Tensor:
    """Residuals, damped where a plane wave's kinetic energy is far above that of the band."""
    kinetic = hamiltonian.basis.kinetic
    of_band = (kinetic * (x.real**2 + x.imag**2)).flatten(2).sum(2)[..., None, None]
    t = kinetic / (1.5 * of_band)
    polynomial = 27 + 18 * t + 12 * t**2 + 8 * t**3
    return residual * (polynomial / (polynomial + 16 * t**4))


def _normalised(x: torch.Tensor) -> torch.Tensor:
    norms = torch.linalg.vector_norm(torch.view_as_real(x).flatten(2), dim=2)[..., None, None]
    return x / norms.clamp_min(torch.finfo(norms.dtype).tiny)


def improved(hamiltonian: Hamiltonian, x: torch.Tensor, chunk: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Bands of a new potential, one step better: energies (n_k, n_bands) and vectors."""
    energies, rotation, wide = davidson_step(hamiltonian, applied(hamiltonian, x, chunk), chunk)
    return energies, rotate(rotation, wide[0])


def solve(
    hamiltonian: Hamiltonian,
    crystal: Crystal,
    n_bands: int,
    n_wanted: int,
    tolerance_Ry: float,
    start: torch.Tensor | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Lowest bands of a crystal in a fixed potential, until the wanted ones change by less than the tolerance.

    `start` are wave functions to begin with, in place of atomic orbitals. Raises NotConverged after MAX_CYCLES.
    """
    chunk = chunk_size(hamiltonian.basis.density)
    x = initial_guess(hamiltonian, crystal, n_bands)[1] if start is None else start
    span = applied(hamiltonian, _normalised(x), chunk)
    energies, rotation = rayleigh_ritz(*span, n_bands)
    span = rotate(rotation, span[0]), rotate(rotation, span[1])
    for _ in range(MAX_CYCLES):
        before = energies
        energies, rotation, wide = davidson_step(hamiltonian, span, chunk)
        span = rotate(rotation, wide[0]), rotate(rotation, wide[1])
        if float((energies - before)[:, :n_wanted].abs().max()) < tolerance_Ry:
            return energies, span[0]
    raise NotConverged(f"bands not converged in {MAX_CYCLES} cycles")
