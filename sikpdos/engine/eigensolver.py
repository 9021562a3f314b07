"""Chebyshev-filtered subspace iteration: Zhou, Saad, Tiago, Chelikowsky, 10.1016/j.jcp.2006.03.017."""

from __future__ import annotations

import torch

from sikpdos.engine.basis import DensityBasis
from sikpdos.engine.crystal import Crystal
from sikpdos.engine.hamiltonian import Hamiltonian, orbital_functions

DEGREE_PER_ROOT_RY = 1.3  # of the filter, for the root of the cutoff: 5 for silicon, 8 at 500 eV
MAX_CYCLES = 60
MARGIN_RY = 0.01  # above the highest wanted band, where the damped interval begins


class NotConverged(Exception):
    """Bands or a density did not settle; the message tells how far they came."""


def filter_degree(cutoff_Ry: float) -> int:
    """Degree of the polynomial: what it damps in a given ratio grows with the root of the spectrum's width."""
    return max(4, round(DEGREE_PER_ROOT_RY * cutoff_Ry**0.5))


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
    x = torch.cat(parts, 1)
    energies, x = rayleigh_ritz(hamiltonian, x, chunk_size(basis.density))
    return energies[:, :n_bands], x[:, :n_bands]


def chunk_size(basis: DensityBasis) -> int:
    """Bands to filter at a time."""
    return max(2, (2**23 if basis.backend.device == "cpu" else 2**32) // (basis.size * 16))


def rayleigh_ritz(hamiltonian: Hamiltonian, x: torch.Tensor, chunk: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Best eigenpairs in the span of x: energies (n_k, n_bands) in double precision and orthonormal vectors."""
    flat = x.flatten(2)
    flat = flat / torch.linalg.vector_norm(torch.view_as_real(flat).flatten(2), dim=2, keepdim=True)
    h = torch.cat([hamiltonian.apply(part).flatten(2) for part in flat.unflatten(2, x.shape[2:]).split(chunk, 1)], 1)
    overlap = (flat.conj() @ flat.mT).to(torch.complex128)
    energy = (flat.conj() @ h.mT).to(torch.complex128)
    factor, failed = torch.linalg.cholesky_ex((overlap + overlap.mH) / 2)
    if failed.any():  # nearly parallel vectors, deep bands in all of them: single precision cannot tell them apart
        exact = flat.to(torch.complex128)
        overlap, energy = exact.conj() @ exact.mT, exact.conj() @ h.to(torch.complex128).mT
        factor = torch.linalg.cholesky((overlap + overlap.mH) / 2)
    inverse = torch.linalg.inv(factor)
    reduced = inverse @ ((energy + energy.mH) / 2) @ inverse.mH
    values, u = torch.linalg.eigh((reduced + reduced.mH) / 2)
    rotation = (u.mH @ inverse).conj().to(x.dtype)  # rows are the new vectors
    return values, (rotation @ flat).unflatten(2, x.shape[2:])


def chebyshev_filter(hamiltonian: Hamiltonian, x: torch.Tensor, energies: torch.Tensor) -> torch.Tensor:
    """Damp in x what lies above the bands `energies` (n_k, n_bands), by a scaled Chebyshev polynomial."""
    top = hamiltonian.upper_bound()
    low = (energies[:, -1] + MARGIN_RY)[:, None, None, None].to(hamiltonian.potential.dtype)
    bottom = energies[:, 0][:, None, None, None].to(low)
    half, centre = (top - low) / 2, (top + low) / 2
    scale = half / (bottom - centre)
    previous, sigma = x, scale
    y = (hamiltonian.apply(x) - centre * x) * (scale / half)
    for _ in range(filter_degree(hamiltonian.basis.density.cutoff_Ry) - 1):
        sigma_next = 1 / (2 / scale - sigma)
        z = (hamiltonian.apply(y) - centre * y) * (2 * sigma_next / half) - (sigma * sigma_next) * previous
        previous, y, sigma = y, z, sigma_next
    return y


def chebyshev_step(
    hamiltonian: Hamiltonian, x: torch.Tensor, energies: torch.Tensor, chunk: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """One cycle: filter (in chunks of bands, to stay within the cache), then Rayleigh-Ritz."""
    parts = [chebyshev_filter(hamiltonian, part, energies) for part in x.split(chunk, dim=1)]
    return rayleigh_ritz(hamiltonian, torch.cat(parts, 1), chunk)


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
    if start is None:
        energies, x = initial_guess(hamiltonian, crystal, n_bands)
    else:
        energies, x = rayleigh_ritz(hamiltonian, start, chunk)
    for _ in range(MAX_CYCLES):
        before = energies
        energies, x = chebyshev_step(hamiltonian, x, energies, chunk)
        if float((energies - before)[:, :n_wanted].abs().max()) < tolerance_Ry:
            return energies, x
    raise NotConverged(f"bands not converged in {MAX_CYCLES} cycles")
