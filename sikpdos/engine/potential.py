"""The effective potential of a density, and the total energy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.special import erfc

from sikpdos.engine import xc
from sikpdos.engine.basis import DensityBasis
from sikpdos.engine.crystal import Crystal
from sikpdos.engine.pseudopotential import Pseudopotential, RadialFunction, table


@dataclass(frozen=True, eq=False)
class Ions:
    """What the ions of a crystal give, as coefficients (n_G,) on its density sphere."""

    local: torch.Tensor  # Ry
    density: torch.Tensor  # superposed atomic valence densities
    core: torch.Tensor  # partial core densities
    ewald_Ry: float


@dataclass(frozen=True, eq=False)
class Potential:
    """The effective potential and the energies of the density it comes from."""

    values: torch.Tensor  # (*shape) Ry
    coefficients: torch.Tensor  # (n_G,) Ry
    double_counting_Ry: float  # to be added to the sum of band energies


def ions(crystal: Crystal, basis: DensityBasis) -> Ions:
    """Local potential, starting density and Ewald energy of a crystal."""
    q = basis.g2.sqrt().cpu().numpy()
    zero = np.zeros(len(q), complex)
    local, density, core = zero.copy(), zero.copy(), zero.copy()
    for kind, atoms in crystal.kinds().items():
        factor = structure_factor(basis, crystal.positions[atoms]) / crystal.volume
        v, n, c = form_factors(kind, q)
        local, density, core = local + factor * v, density + factor * n, core + factor * c
    tensor = basis.backend.tensor
    charges = np.array([s.z_valence for s in crystal.species])
    return Ions(tensor(local), tensor(density), tensor(core), ewald(crystal, charges))


def form_factors(kind: Pseudopotential, q: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Fourier transforms of one atom's local potential, valence density and partial core density at q (n_q,)."""
    r_rho = kind.density / (4 * np.pi * np.where(kind.r > 0, kind.r, 1.0))
    density = table(kind, RadialFunction(0, r_rho), q.max())(q)
    if kind.core_density is None:
        return kind.local_potential(q), density, np.zeros_like(q)
    return kind.local_potential(q), density, table(kind, RadialFunction(0, kind.core_density * kind.r), q.max())(q)


def structure_factor(basis: DensityBasis, positions: np.ndarray) -> np.ndarray:
    """Sum over positions (n, 3) of exp(-i G r): (n_G,)."""
    return sum(np.exp(-2j * np.pi * (basis.m @ position)) for position in positions)


def effective(density: torch.Tensor, atoms: Ions, basis: DensityBasis) -> Potential:
    """Local, Hartree and exchange-correlation potential of a density (n_G,)."""
    v_hartree = hartree(density, basis)
    v_xc, e_xc = xc.potential(density + atoms.core, basis)
    coefficients = v_hartree + atoms.local + basis.to_fourier(v_xc)

    def overlap(a: torch.Tensor, b: torch.Tensor) -> float:
        return float((a.conj() * b).sum().real) * basis.volume

    e_hartree = overlap(density, v_hartree) / 2
    correction = -overlap(density, v_hartree) - overlap(density, basis.to_fourier(v_xc)) + e_hartree + e_xc
    return Potential(basis.to_real(coefficients), coefficients, correction + atoms.ewald_Ry)


def hartree(density: torch.Tensor, basis: DensityBasis) -> torch.Tensor:
    """Hartree potential 8 pi rho / G^2 (Ry), without its G = 0 term."""
    inverse = 1 / basis.g2.clamp_min(1e-12)
    inverse[basis.origin] = 0
    return 8 * torch.pi * density * inverse


def ewald(crystal: Crystal, charges: np.ndarray) -> float:
    """Ewald energy (Ry) of point charges (n,) in a neutralising background."""
    eta = 2.8 * crystal.volume ** (-1 / 3)  # width of the Gaussians, 1/bohr
    total, squares = charges.sum(), (charges**2).sum()
    m = _lattice_points(crystal.reciprocal, 2 * eta * 5.5)
    m = m[(m != 0).any(axis=1)]
    g2 = ((m @ crystal.reciprocal) ** 2).sum(1)
    factor = np.abs(np.exp(2j * np.pi * (m @ crystal.positions.T)) @ charges) ** 2
    long_range = 2 * np.pi / crystal.volume * (factor * np.exp(-g2 / (4 * eta**2)) / g2).sum()
    short_range = 0.0
    translations = _lattice_points(crystal.lattice, 6.5 / eta + np.linalg.norm(crystal.lattice.sum(0)))
    for position, charge in zip(crystal.positions, charges, strict=True):
        difference = crystal.positions - position
        difference -= np.round(difference)
        distance = np.linalg.norm((difference[:, None] + translations) @ crystal.lattice, axis=-1)  # (n, m)
        near = distance > 1e-8
        terms = np.where(near, erfc(eta * distance) / np.where(near, distance, 1.0), 0.0)
        short_range += charge / 2 * (charges @ terms).sum()
    self_energy = -eta / np.sqrt(np.pi) * squares - np.pi * total**2 / (2 * crystal.volume * eta**2)
    return float(2 * (long_range + short_range + self_energy))


def _lattice_points(lattice: np.ndarray, radius: float) -> np.ndarray:
    """Integer coordinates (n, 3) of the lattice points within a radius."""
    reach = np.ceil(radius * np.linalg.norm(np.linalg.inv(lattice), axis=0)).astype(int)
    axes = [np.arange(-n, n + 1) for n in reach]
    m = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)
    return m[np.linalg.norm(m @ lattice, axis=1) <= radius]
