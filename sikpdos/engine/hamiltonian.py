"""The Kohn-Sham Hamiltonian H_k = |k+G|^2 + V(r) + sum |p> D <p| on batches of wave functions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from scipy.linalg import eigh_tridiagonal

from sikpdos.engine.basis import Backend, WaveBasis, spherical_harmonics
from sikpdos.engine.crystal import Crystal
from sikpdos.engine.lanczos import lanczos
from sikpdos.engine.pseudopotential import Pseudopotential, RadialFunction, table

BOUND_STEPS = 10  # of the recursion that bounds the spectrum
CROWD = 24  # atoms of one kind, from which on `Crowd` is faster


def atomic_functions(
    basis: WaveBasis, kind: Pseudopotential, function: RadialFunction, positions: np.ndarray, volume: float
) -> np.ndarray:
    """Bloch sums of r f(r) Y_lm(r) at each position: (n_k, n_folded, n_positions * (2l + 1), n_waves)."""
    angular = at_origin(basis, kind, function, volume)
    phases = np.stack([basis.phases(position) for position in positions])
    return np.moveaxis(phases[:, None] * angular[None], (0, 1), (2, 3)).reshape(*basis.shape[:2], -1, basis.shape[2])


def at_origin(basis: WaveBasis, kind: Pseudopotential, function: RadialFunction, volume: float) -> np.ndarray:
    """r f(r) Y_lm(r) at the origin: (2l + 1, n_k, n_folded, n_waves)."""
    q = np.linalg.norm(basis.q, axis=-1)
    radial = table(kind, function, basis.density.cutoff_Ry**0.5)(q) * (-1j) ** function.l / np.sqrt(volume)
    return spherical_harmonics(function.l, basis.q) * radial


def orbital_functions(basis: WaveBasis, crystal: Crystal) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pseudo-atomic orbitals of all atoms of a primitive cell: (n_k, n_orbitals, 1, n_waves), atom and l of each."""
    functions, owner, momentum = [], [], []
    for kind, atoms in crystal.kinds().items():
        for orbital in kind.orbitals:
            functions.append(atomic_functions(basis, kind, orbital, crystal.positions[atoms], crystal.volume))
            owner.append(np.repeat(atoms, 2 * orbital.l + 1))
            momentum.append(np.full(len(owner[-1]), orbital.l))
    stacked = np.moveaxis(np.concatenate(functions, 2), 2, 1)
    return stacked, np.concatenate(owner), np.concatenate(momentum)


@dataclass(frozen=True, eq=False)
class Projectors:
    """Kleinman-Bylander projectors; they couple the waves of one folded k-point, or all (n_folded 1).

    Both sides are kept: conjugating one of them at each use would take as long as the products.
    """

    bras: torch.Tensor  # (n_k, n_folded, n_waves, n_projectors) <p|
    kets: torch.Tensor  # (n_k, n_folded, n_projectors, n_waves) |p> D, Ry
    crowds: tuple[Crowd, ...] = ()  # kinds of many atoms, kept apart

    @classmethod
    def of(cls, functions: list[np.ndarray], strengths: list[float], backend: Backend) -> Projectors:
        """From blocks of functions (n_k, n_folded, n, n_waves) and the strength D (Ry) of each function."""
        p = np.concatenate(functions, 2)
        scaled = p * np.array(strengths)[:, None]
        return cls(
            backend.tensor(p.conj().swapaxes(2, 3), backend.complex),
            backend.tensor(scaled, backend.complex),
        )

    def apply(self, x: torch.Tensor) -> torch.Tensor:
        """Sum |p> D <p|x> for x (n_k, n_folded, n_vectors, n_waves)."""
        y = (x @ self.bras) @ self.kets
        for crowd in self.crowds:
            y += crowd.apply(x)
        return y


@dataclass(frozen=True, eq=False)
class Crowd:
    """Projectors of many atoms of one kind, as the atoms' phases times what all share: a fraction of the memory."""

    shared: torch.Tensor  # (n_k, n_folded, 1, n_lm, n_waves) of an atom at the origin
    strengths: torch.Tensor  # (n_lm, 1) D, Ry
    phases: torch.Tensor  # (n_k, n_folded, n_atoms, n_waves)
    conjugate_phases: torch.Tensor  # (n_k, n_folded, n_waves, n_atoms)

    @classmethod
    def of(cls, basis: WaveBasis, kind: Pseudopotential, positions: np.ndarray, volume: float) -> Crowd:
        """Of the atoms of a kind at fractional positions of the basis, in a primitive cell of that volume (bohr^3)."""
        backend = basis.density.backend
        functions = [at_origin(basis, kind, projector, volume) for projector in kind.projectors]
        strengths = np.repeat([p.strength for p in kind.projectors], [len(f) for f in functions])
        phases = np.stack([basis.phases(position) for position in positions], 2)
        return cls(
            backend.tensor(np.moveaxis(np.concatenate(functions), 0, 2)[:, :, None], backend.complex),
            backend.tensor(strengths[:, None], backend.real),
            backend.tensor(phases, backend.complex),
            backend.tensor(phases.conj().swapaxes(2, 3), backend.complex),
        )

    def apply(self, x: torch.Tensor) -> torch.Tensor:
        """Sum |p> D <p|x> for x (n_k, n_folded, n_vectors, n_waves)."""
        shape = (*x.shape[:3], *self.shared.shape[3:])
        each = (x[:, :, :, None] * self.shared.conj()).flatten(2, 3)  # (n_k, n_folded, n_vectors * n_lm, n_waves)
        amplitudes = (each @ self.conjugate_phases).unflatten(2, shape[2:4]) * self.strengths
        return ((amplitudes.flatten(2, 3) @ self.phases).view(shape) * self.shared).sum(3)


def crystal_projectors(basis: WaveBasis, crystal: Crystal) -> Projectors:
    """Projectors of a perfect crystal, given by its primitive cell, whose origin is that of the basis.

    In a supercell of n primitive cells the sum over lattice translations leaves only the elements within
    a folded k-point, n times as strong: one block for each instead of one projector for each atom of the supercell.
    """
    to_primitive = basis.density.lattice @ np.linalg.inv(crystal.lattice)
    positions = crystal.positions @ np.linalg.inv(to_primitive)
    functions, strengths, crowds = [np.zeros((*basis.shape[:2], 0, basis.shape[2]))], [], []
    for kind, atoms in crystal.kinds().items():
        if len(atoms) >= CROWD:
            crowds.append(Crowd.of(basis, kind, positions[atoms], crystal.volume))
            continue
        for projector in kind.projectors:
            functions.append(atomic_functions(basis, kind, projector, positions[atoms], crystal.volume))
            strengths += [projector.strength] * functions[-1].shape[2]
    return replace(Projectors.of(functions, strengths, basis.density.backend), crowds=tuple(crowds))


def substitution_projectors(basis: WaveBasis, old: Pseudopotential, new: Pseudopotential) -> Projectors:
    """Projectors that turn the atom at the origin from species `old` into `new`; they couple all folded k-points."""
    functions, strengths = [], []
    for kind, sign in ((old, -1), (new, 1)):
        for projector in kind.projectors:
            block = atomic_functions(basis, kind, projector, np.zeros((1, 3)), basis.density.volume)
            functions.append(np.moveaxis(block, 2, 1).reshape(len(block), 1, block.shape[2], -1))
            strengths += [sign * projector.strength] * block.shape[2]
    return Projectors.of(functions, strengths, basis.density.backend)


@dataclass(frozen=True, eq=False)
class FixedPart:
    """What of H does not change with the density: kinetic energy and projectors."""

    basis: WaveBasis
    crystal: Projectors
    substitution: Projectors | None = None  # of a core hole

    def apply(self, x: torch.Tensor) -> torch.Tensor:
        """(T + V_nonlocal)|x> for x (n_k, n_vectors, n_folded, n_waves)."""
        y = self.basis.kinetic * x
        y += self.crystal.apply(x.transpose(1, 2)).transpose(1, 2)
        if self.substitution is not None:
            y += self.substitution.apply(x.flatten(2)[:, None])[:, 0].unflatten(2, x.shape[2:])
        return y

    @cached_property
    def upper_bound_Ry(self) -> float:
        """A bound of its largest eigenvalue, by a few Lanczos steps (as in eigensolver's source), not below the cutoff.

        Repulsive projectors of diffuse atoms (Na) lie higher than any plane wave.
        """
        backend = self.basis.density.backend
        generator = torch.Generator().manual_seed(0)
        noise = torch.randn(self.basis.shape[0], 1, *self.basis.shape[1:], generator=generator, dtype=torch.complex64)
        start = noise.to(device=backend.device, dtype=backend.complex) * self.basis.mask
        diagonal, off_diagonal, _ = lanczos(self.apply, start, BOUND_STEPS)
        tops = [
            eigh_tridiagonal(a, b[:-1], eigvals_only=True)[-1] + b[-1]
            for a, b in zip(diagonal[:, 0], off_diagonal[:, 0], strict=True)
        ]
        return max(self.basis.density.cutoff_Ry, *tops)


@dataclass(frozen=True, eq=False)
class Hamiltonian:
    """H at the k-points of a basis."""

    fixed: FixedPart
    potential: torch.Tensor  # (*shape) Ry, in the precision of the wave functions

    @property
    def basis(self) -> WaveBasis:
        return self.fixed.basis

    def apply(self, x: torch.Tensor) -> torch.Tensor:
        """H|x> for x (n_k, n_vectors, n_folded, n_waves)."""
        y = self.basis.from_fft_grid(self.basis.to_fft_grid(x).mul_(self.potential))
        y += self.fixed.apply(x)
        return y

    def upper_bound(self) -> float:
        """A bound of the largest eigenvalue (Ry)."""
        return self.fixed.upper_bound_Ry + float(self.potential.max())
