"""Chebyshev-filtered subspace iteration: Zhou, Saad, Tiago, Chelikowsky, 10.1016/j.jcp.2006.03.017."""

from __future__ import annotations

import torch

from sikpdos.engine.hamiltonian import Hamiltonian

DEGREE = 8
MARGIN_RY = 0.01  # above the highest wanted band, where the damped interval begins


def random_start(hamiltonian: Hamiltonian, n_bands: int, seed: int = 0) -> torch.Tensor:
    """Random wave functions weighted towards long waves: (n_k, n_bands, n_classes, n_waves)."""
    basis = hamiltonian.basis
    generator = torch.Generator().manual_seed(seed)
    shape = (basis.shape[0], n_bands, *basis.shape[1:])
    noise = torch.randn(*shape, generator=generator, dtype=torch.complex128)
    noise = noise.to(device=basis.kinetic.device, dtype=basis.density.arithmetic.complex)
    return noise * basis.mask / (1 + basis.kinetic) ** 1.5


def rayleigh_ritz(hamiltonian: Hamiltonian, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Best eigenpairs in the span of x: energies (n_k, n_bands) in double precision and orthonormal vectors."""
    flat = x.flatten(2)
    flat = flat / flat.norm(dim=2, keepdim=True)
    h = hamiltonian.apply(flat.unflatten(2, x.shape[2:])).flatten(2)
    overlap = (flat.conj() @ flat.mT).to(torch.complex128)
    energy = (flat.conj() @ h.mT).to(torch.complex128)
    inverse = torch.linalg.inv(torch.linalg.cholesky((overlap + overlap.mH) / 2))
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
    for _ in range(DEGREE - 1):
        sigma_next = 1 / (2 / scale - sigma)
        z = (hamiltonian.apply(y) - centre * y) * (2 * sigma_next / half) - (sigma * sigma_next) * previous
        previous, y, sigma = y, z, sigma_next
    return y


def improve(
    hamiltonian: Hamiltonian, x: torch.Tensor, energies: torch.Tensor, chunk: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """One cycle: filter (in chunks of bands, to stay within the cache), then Rayleigh-Ritz."""
    parts = [chebyshev_filter(hamiltonian, part, energies) for part in x.split(chunk, dim=1)]
    return rayleigh_ritz(hamiltonian, torch.cat(parts, 1))


def solve(
    hamiltonian: Hamiltonian, n_bands: int, n_wanted: int, tolerance_Ry: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Lowest bands of a fixed potential, until the wanted ones change by less than the tolerance."""
    energies, x = rayleigh_ritz(hamiltonian, random_start(hamiltonian, n_bands))
    for _ in range(60):
        before = energies
        energies, x = improve(hamiltonian, x, energies, chunk=n_bands)
        if float((energies - before)[:, :n_wanted].abs().max()) < tolerance_Ry:
            break
    return energies, x
