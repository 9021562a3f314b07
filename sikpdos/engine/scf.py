"""Self-consistent densities: occupations, symmetry, mixing, and the loop."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.special import erfc

from sikpdos.common.constants import RYDBERG_EV
from sikpdos.engine import eigensolver
from sikpdos.engine.basis import DensityBasis
from sikpdos.engine.crystal import Symmetry
from sikpdos.engine.hamiltonian import Hamiltonian
from sikpdos.engine.potential import Ions, Potential, effective

HISTORY = 8  # densities the mixing remembers
LONGEST_STEP = 0.7  # of the mixing, at short wavelengths
SHORTEST_STEP = 0.15  # as a share of that, in insulators: they screen long waves by their dielectric constant only
LEAST_SCREENING = 0.25  # bohr^-2, of the mixing
MAX_ITERATIONS = 60
SMALLEST_OCCUPATION = 1e-8
SMALLEST_GAP_RY = 0.1 / RYDBERG_EV

Report = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class Bands:
    """Band energies and their filling."""

    energies: torch.Tensor  # (n_k, n_bands) Ry
    occupations: torch.Tensor  # (n_k, n_bands) 0..2
    fermi_Ry: float
    vbm_Ry: float
    cbm_Ry: float
    smearing_Ry: float  # -T S, to be added to the total energy
    width_Ry: float  # of the Gaussian smearing

    @property
    def gap_Ry(self) -> float:
        return self.cbm_Ry - self.vbm_Ry

    @property
    def is_gapped(self) -> bool:
        return self.gap_Ry > SMALLEST_GAP_RY

    @property
    def fermi_states(self) -> float:
        """States at the Fermi level, 1/Ry a cell, both spins: what the smearing's entropy counts."""
        return -2 * self.smearing_Ry / self.width_Ry**2

    def zero_Ry(self, is_gapped: bool) -> float:
        """Zero of energy of both spectra: valence-band maximum if gapped, else the Fermi level."""
        return self.vbm_Ry if is_gapped else self.fermi_Ry


@dataclass(frozen=True, eq=False)
class SelfConsistent:
    """A converged density and what goes with it."""

    density: torch.Tensor  # (n_G,)
    potential: Potential
    bands: Bands
    history: tuple[float, ...]  # residual of each iteration
    energy_Ry: float
    waves: tuple[torch.Tensor, ...]  # of each Hamiltonian (n_k, n_bands, n_folded, n_waves)


def compute_occupations(energies: torch.Tensor, weights: np.ndarray, n_electrons: float, width_Ry: float) -> Bands:
    """Gaussian-smeared occupations (two electrons a band), Fermi level and band edges."""
    w = torch.as_tensor(weights, device=energies.device)[:, None]
    low, high = float(energies.min()) - 1, float(energies.max()) + 1
    for _ in range(100):
        level = (low + high) / 2
        count = float((w * torch.special.erfc((energies - level) / width_Ry)).sum())
        low, high = (level, high) if count < n_electrons else (low, level)
    occupations = torch.special.erfc((energies - level) / width_Ry)
    entropy = -width_Ry / math.sqrt(math.pi) * float((w * torch.exp(-(((energies - level) / width_Ry) ** 2))).sum())
    n_full = round(n_electrons / 2)
    vbm, cbm = float(energies[:, :n_full].max()), float(energies[:, n_full:].min())
    return Bands(energies, occupations, level, vbm, cbm, entropy, width_Ry)


def unoccupied_fraction(energies_Ry: np.ndarray, level_Ry: float, width_Ry: float) -> np.ndarray:
    """Chance (0..1) that a state is empty, with the smearing of `compute_occupations`.

    A sharp step instead would let rounding errors decide over the states of a metal that lie at its Fermi level.
    """
    return erfc((level_Ry - energies_Ry) / width_Ry) / 2


def n_bands(n_electrons: float) -> int:
    """Bands to compute: the occupied ones and a few more, for metals and for the damped interval."""
    return int(n_electrons / 2 * 1.06) + 6


def partial_density(hamiltonian: Hamiltonian, x: torch.Tensor, filling: torch.Tensor, chunk: int) -> torch.Tensor:
    """Sum over k and bands of filling (n_k, n_bands) times |psi(r)|^2 on the FFT box (*shape), electrons/bohr^3."""
    basis = hamiltonian.basis
    total = torch.zeros(basis.density.shape, dtype=torch.float64, device=x.device)
    occupied = int((filling > SMALLEST_OCCUPATION * filling.max()).any(0).sum())
    for start in range(0, occupied, chunk):
        part = slice(start, min(start + chunk, occupied))
        psi = basis.to_fft_grid(x[:, part])
        f = filling[:, part, None, None, None].to(psi.real.dtype)
        total += ((psi.real**2 + psi.imag**2) * f).sum((0, 1)).double()
    return total / basis.density.volume


class Symmetriser:
    """Averages densities over the operations of a crystal: rho_G = mean of rho_GW exp(-2 pi i G w)."""

    def __init__(self, basis: DensityBasis, operations: Symmetry):
        images = np.stack([basis.sphere_index(basis.m @ rotation) for rotation in operations.rotations])
        phases = np.exp(-2j * np.pi * (operations.translations @ basis.m.T)) / len(images)
        self.images, self.phases = basis.backend.tensor(images), basis.backend.tensor(phases)

    def __call__(self, density: torch.Tensor) -> torch.Tensor:
        padded = torch.cat([density, density.new_zeros(1)])
        return (padded[self.images] * self.phases).sum(0)


class AndersonMixer:
    """Anderson mixing with the metric 1/G^2 and a Kerker step (10.1103/PhysRevB.54.11169, section III.F).

    A step of Kerker's kind undoes how the electrons screen. In a metal with many states at its Fermi level (3d
    silicides) they overscreen a step of fixed length by far, and the density swings; so the screening sets it.
    """

    def __init__(self, basis: DensityBasis):
        self.g2 = basis.g2.clone()
        self.g2[basis.origin] = 1e-6
        self.densities: list[torch.Tensor] = []
        self.residuals: list[torch.Tensor] = []

    def __call__(self, density: torch.Tensor, residual: torch.Tensor, screening: float) -> torch.Tensor:
        """The next density from this one and what the Hamiltonian made of it minus it.

        `screening` is the square of the Thomas-Fermi wave vector, bohr^-2: 0 in an insulator, 1 to 5 in silicides.
        """
        q2 = max(screening, LEAST_SCREENING)
        step = LONGEST_STEP * (self.g2 / (self.g2 + q2)).clamp_min(SHORTEST_STEP * (LEAST_SCREENING / q2) ** 2)
        metric = 1 / self.g2
        self.densities = [*self.densities[1 - HISTORY :], density]
        self.residuals = [*self.residuals[1 - HISTORY :], residual]
        if len(self.residuals) > 1:
            dr = torch.stack([residual - old for old in self.residuals[:-1]])
            dn = torch.stack([density - old for old in self.densities[:-1]])
            a = ((dr.conj() * metric) @ dr.T).real
            b = ((dr.conj() * metric) @ residual).real
            a += 1e-10 * a.diagonal().max() * torch.eye(len(a), dtype=a.dtype, device=a.device)
            c = torch.linalg.solve(a, b).to(density.dtype)
            density, residual = density - c @ dn, residual - c @ dr
        return density + step * residual


@dataclass(frozen=True, eq=False)
class Problem:
    """What a self-consistent calculation needs to know."""

    basis: DensityBasis
    atoms: Ions
    hamiltonians: Sequence[Hamiltonian]  # batches of k-points; their potential is replaced
    weights: Sequence[np.ndarray]  # of the k-points of each batch
    symmetriser: Symmetriser
    n_electrons: float
    smearing_Ry: float
    chunk: int  # bands at a time
    density_correction: torch.Tensor | float = 0.0  # added to every density, see core_hole


def density_of(problem: Problem, waves: Sequence[torch.Tensor], bands: Bands) -> torch.Tensor:
    """Symmetrised density (n_G,) of occupied bands."""
    total, start = 0, 0
    for hamiltonian, weights, x in zip(problem.hamiltonians, problem.weights, waves, strict=True):
        filling = bands.occupations[start : start + len(weights)] * torch.as_tensor(weights, device=x.device)[:, None]
        total = total + partial_density(hamiltonian, x, filling, problem.chunk)
        start += len(weights)
    density = problem.symmetriser(problem.basis.to_fourier(total)) + problem.density_correction
    return density * (problem.n_electrons / (density[problem.basis.origin].real * problem.basis.volume))


def self_consistent_field(
    problem: Problem, density: torch.Tensor, waves: list[torch.Tensor], tolerance: float, report: Report
) -> SelfConsistent:
    """Repeat potential, bands, density until the density changes by less than `tolerance` electrons per electron.

    Raises eigensolver.NotConverged after MAX_ITERATIONS.
    """
    mixer, history, all_weights = AndersonMixer(problem.basis), [], np.concatenate(problem.weights)
    energies: list[torch.Tensor] = []
    for number in range(1, MAX_ITERATIONS + 1):
        potential = effective(density, problem.atoms, problem.basis)
        now = with_potential(problem.hamiltonians, potential)
        if not energies:
            energies = [eigensolver.rayleigh_ritz(h, x, problem.chunk)[0] for h, x in zip(now, waves, strict=True)]
        pairs = [
            eigensolver.chebyshev_step(h, x, e, problem.chunk) for h, x, e in zip(now, waves, energies, strict=True)
        ]
        energies, waves = [e for e, _ in pairs], [x for _, x in pairs]
        bands = compute_occupations(torch.cat(energies), all_weights, problem.n_electrons, problem.smearing_Ry)
        residual = density_of(problem, waves, bands) - density
        history.append(float(residual.abs().pow(2).sum().sqrt()) * problem.basis.volume / problem.n_electrons)
        report(f"iteration {number}, residual {history[-1]:.1e}")
        if history[-1] < tolerance:
            energy = total_energy(bands, all_weights, potential)
            return SelfConsistent(density, potential, bands, tuple(history), energy, tuple(waves))
        density = mixer(density, residual, 8 * math.pi * bands.fermi_states / problem.basis.volume)
    raise eigensolver.NotConverged(f"density not converged in {MAX_ITERATIONS} iterations (residual {history[-1]:.1e})")


def with_potential(hamiltonians: Sequence[Hamiltonian], potential: Potential) -> list[Hamiltonian]:
    """The same Hamiltonians in another potential."""
    return [replace(h, potential=potential.values.to(h.basis.density.backend.real)) for h in hamiltonians]


def total_energy(bands: Bands, weights: np.ndarray, potential: Potential) -> float:
    """Total energy (Ry a cell) in Harris' form, whose error is of second order in the residual."""
    w = torch.as_tensor(weights, device=bands.energies.device)[:, None]
    return float((w * bands.occupations * bands.energies).sum()) + potential.double_counting_Ry + bands.smearing_Ry
