"""The PBE functional: Perdew, Burke, Ernzerhof, 10.1103/PhysRevLett.77.3865, with Perdew-Wang correlation
(10.1103/PhysRevB.45.13244), for the unpolarised gas. Hartree units inside, Ry at `potential`.
"""

from __future__ import annotations

import math

import torch

from sikpdos.engine.basis import DensityBasis

KAPPA, MU, BETA = 0.804, 0.2195149727645171, 0.06672455060314922
GAMMA = (1 - math.log(2)) / math.pi**2
PW92 = (0.0310907, 0.21370, 7.5957, 3.5876, 1.6382, 0.49294)  # A, alpha1, beta1..4
VACUUM = 1e-12  # electrons/bohr^3; the functional is evaluated at no lower density


def energy_density(rho: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
    """PBE exchange-correlation energy per volume (Ha/bohr^3) from the density and its squared gradient."""
    kf = (3 * math.pi**2 * rho) ** (1 / 3)
    exchange = -3 / (4 * math.pi) * kf
    s2 = sigma / (4 * kf**2 * rho**2)
    enhancement = 1 + KAPPA - KAPPA / (1 + MU * s2 / KAPPA)
    correlation = _pw92((3 / (4 * math.pi * rho)) ** (1 / 3))
    t2 = sigma / (4 * (4 * kf / math.pi) * rho**2)
    a = BETA / GAMMA / torch.expm1(-correlation / GAMMA)
    gradient = GAMMA * torch.log1p(BETA / GAMMA * t2 * (1 + a * t2) / (1 + a * t2 + (a * t2) ** 2))
    return rho * (exchange * enhancement + correlation + gradient)


def _pw92(rs: torch.Tensor) -> torch.Tensor:
    a, alpha1, b1, b2, b3, b4 = PW92
    root = rs.sqrt()
    return -2 * a * (1 + alpha1 * rs) * torch.log1p(1 / (2 * a * (b1 * root + b2 * rs + b3 * rs * root + b4 * rs**2)))


def potential(density: torch.Tensor, basis: DensityBasis) -> tuple[torch.Tensor, float]:
    """Exchange-correlation potential on the FFT box (Ry) and energy (Ry) of a density (n_G,).

    The potential is the derivative of the energy: v = de/drho - div(2 de/dsigma grad rho).
    """
    rho = basis.to_real(density)
    gradient = basis.to_real(1j * basis.g.T * density)  # (3, *shape)
    clamped = rho.clamp_min(VACUUM).requires_grad_(True)
    sigma = (gradient**2).sum(0).requires_grad_(True)
    energy = energy_density(clamped, sigma).sum()
    de_drho, de_dsigma = torch.autograd.grad(energy, [clamped, sigma])
    flux = basis.to_fourier(2 * de_dsigma * gradient)  # (3, n_G)
    divergence = basis.to_real((1j * basis.g.T * flux).sum(0))
    return 2 * (de_drho - divergence), 2 * float(energy.detach()) * basis.volume / basis.size
