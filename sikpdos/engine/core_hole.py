"""The self-consistent core-hole state of a supercell, started from the perfect crystal.

The hole sits at the origin, so every symmetry operation that keeps it has no translation, and the crystal
around it is the primitive crystal repeated: its potential and its wave functions, folded, are the start.
The density of the perfect crystal on the supercell's few k-points differs from the one on the dense mesh;
that difference is known before the hole is made and added to every density, so that only the *change*
the hole makes is sampled with the few points.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from sikpdos.engine import eigensolver, potential, scf
from sikpdos.engine.basis import DensityBasis, WaveBasis
from sikpdos.engine.crystal import Crystal, Symmetry, supercell, symmetry
from sikpdos.engine.ground_state import UNCONVERGED_BANDS, GroundState, hamiltonians
from sikpdos.engine.hamiltonian import FixedPart, Hamiltonian, crystal_projectors, substitution_projectors
from sikpdos.engine.kpoints import KPoints
from sikpdos.engine.pseudopotential import Pseudopotential
from sikpdos.engine.transition_energy import final_energy_Ry, initial_energy_Ry

FOLDED_TOLERANCE_RY = 1e-3  # of the start bands


@dataclass(frozen=True, eq=False)
class HoleCell:
    """A supercell with its excited atom at the origin."""

    primitive: Crystal  # moved so that the site is at the origin
    matrix: np.ndarray  # (3, 3) integer; rows: supercell vectors in primitive ones
    crystal: Crystal  # the supercell; atom 0 is the excited one
    site: Symmetry  # operations of the supercell that keep the hole

    @property
    def is_primitive(self) -> bool:
        return np.array_equal(self.matrix, np.eye(3))


@dataclass(frozen=True, eq=False)
class HoleState:
    """The converged core-hole state."""

    cell: HoleCell
    hole: Pseudopotential
    basis: DensityBasis
    solution: scf.SelfConsistent
    is_gapped: bool  # few k-points leave gaps between the bands of a metal: it has one only if the crystal has
    excitation_Ry: float  # total energy minus that of the perfect crystal's cell, of the valence electrons

    @property
    def zero_Ry(self) -> float:
        return self.solution.bands.zero_Ry(self.is_gapped)

    def hamiltonian(self, points: np.ndarray) -> Hamiltonian:
        """H at other k-points, in the converged potential."""
        return _hamiltonian(self.cell, self.hole, self.basis, points, self.solution.potential.values)


def hole_cell(crystal: Crystal, atom: int, matrix: np.ndarray, hole: Pseudopotential) -> HoleCell:
    """Supercell `matrix` @ lattice of a primitive crystal, with one atom replaced by its core-hole species."""
    primitive = crystal.translated(-crystal.positions[atom])
    order = np.r_[atom, np.delete(np.arange(len(crystal.species)), atom)]
    first = Crystal(crystal.lattice, primitive.positions[order], tuple(crystal.species[i] for i in order))
    cell = supercell(first, matrix)
    at_origin = np.abs(cell.positions - np.round(cell.positions)).max(axis=1).argmin()
    order = np.r_[at_origin, np.delete(np.arange(len(cell.species)), at_origin)]
    species = (hole, *(cell.species[i] for i in order[1:]))
    cell = Crystal(cell.lattice, cell.positions[order], species)
    return HoleCell(primitive, matrix, cell, symmetry(cell).fixing(np.zeros(3)))


def core_hole_state(
    ground: GroundState,
    cell: HoleCell,
    atom: int,
    points: KPoints,
    charge: int,
    smearing_Ry: float,
    tolerance: float,
    report: scf.Report,
) -> HoleState:
    """Self-consistent state of a cell with a core hole; `charge` +1 removes the electron, 0 keeps it.

    Raises eigensolver.NotConverged.
    """
    basis = DensityBasis(cell.crystal.lattice, ground.basis.cutoff_Ry, ground.basis.backend)
    perfect = tiled(ground, ground.solution.density, cell, atom, basis)
    density = perfect + excess_density(ground.crystal.species[atom], cell.crystal.species[0], basis)
    density[basis.origin] = (cell.crystal.n_electrons - charge) / basis.volume
    problem = _problem(cell, basis, density, points, cell.crystal.n_electrons - charge, smearing_Ry)
    energies, waves = folded_bands(ground, cell, atom, problem)
    bands = _perfect_bands(problem, perfect, energies, points)
    correction = _missing_density(problem, perfect, waves, bands)
    problem = replace(problem, density_correction=correction)
    solution = scf.self_consistent_field(problem, density, waves, tolerance, report)
    perfect_potential = tiled(ground, ground.solution.potential.coefficients, cell, atom, basis)
    n_cells = round(abs(np.linalg.det(cell.matrix)))
    initial_Ry = initial_energy_Ry(ground, n_cells, bands, points.weights, correction, perfect_potential)
    final_Ry = final_energy_Ry(solution, correction, basis.volume)
    is_gapped = ground.is_gapped and solution.bands.is_gapped
    hole = cell.crystal.species[0]
    return HoleState(cell, hole, basis, replace(solution, waves=()), is_gapped, final_Ry - initial_Ry)


def _problem(
    cell: HoleCell,
    basis: DensityBasis,
    density: torch.Tensor,
    points: KPoints,
    n_electrons: float,
    smearing_Ry: float,
) -> scf.Problem:
    """The self-consistent problem of a cell with its hole, with the Hamiltonians of a first density."""
    ions = potential.ions(cell.crystal, basis)
    first = potential.effective(density, ions, basis).values
    return scf.Problem(
        basis,
        ions,
        [_hamiltonian(cell, cell.crystal.species[0], basis, k[None], first) for k in points.points],
        [weight[None] for weight in points.weights],
        scf.Symmetriser(basis, cell.site),
        n_electrons,
        smearing_Ry,
        eigensolver.chunk_size(basis),
    )


def _hamiltonian(
    cell: HoleCell, hole: Pseudopotential, basis: DensityBasis, points: np.ndarray, values: torch.Tensor
) -> Hamiltonian:
    waves = WaveBasis(basis, points, cell.matrix)
    old = next(
        s for s, p in zip(cell.primitive.species, cell.primitive.positions, strict=True) if np.abs(p).max() < 1e-9
    )
    fixed = FixedPart(waves, crystal_projectors(waves, cell.primitive), substitution_projectors(waves, old, hole))
    return Hamiltonian(fixed, values.to(device=basis.backend.device, dtype=basis.backend.real))


def _perfect_bands(
    problem: scf.Problem, perfect: torch.Tensor, energies: list[torch.Tensor], points: KPoints
) -> scf.Bands:
    """The perfect crystal's folded bands, filled with its electrons."""
    n_electrons = float(perfect[problem.basis.origin].real) * problem.basis.volume
    return scf.compute_occupations(torch.cat(energies), points.weights, n_electrons, problem.smearing_Ry)


def _missing_density(
    problem: scf.Problem, perfect: torch.Tensor, waves: list[torch.Tensor], bands: scf.Bands
) -> torch.Tensor:
    """What the few k-points miss of the perfect crystal's density (n_G,)."""
    n_electrons = float(perfect[problem.basis.origin].real) * problem.basis.volume
    sampled = scf.density_of(replace(problem, n_electrons=n_electrons), waves, bands)
    return problem.symmetriser(perfect) - sampled


def tiled(
    ground: GroundState, coefficients: torch.Tensor, cell: HoleCell, atom: int, basis: DensityBasis
) -> torch.Tensor:
    """A function of the primitive cell, moved with the site to the origin, as coefficients of the supercell (n_G,)."""
    small = ground.basis
    shift = np.exp(2j * np.pi * (small.m @ ground.crystal.positions[atom]))
    positions = basis.sphere_index(small.m @ cell.matrix.T)
    out = torch.zeros(len(basis.m) + 1, dtype=torch.complex128, device=basis.index.device)
    out[torch.as_tensor(positions, device=out.device)] = coefficients * basis.backend.tensor(shift)
    return out[:-1]


def excess_density(old: Pseudopotential, new: Pseudopotential, basis: DensityBasis) -> torch.Tensor:
    """Difference of two atoms' valence densities at the origin: coefficients (n_G,)."""
    q = basis.g2.sqrt().cpu().numpy()
    difference = potential.form_factors(new, q)[1] - potential.form_factors(old, q)[1]
    return basis.backend.tensor(difference / basis.volume, torch.complex128)


def folded_bands(
    ground: GroundState, cell: HoleCell, atom: int, problem: scf.Problem
) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """Lowest bands of the perfect crystal as wave functions of the supercell, for each of its k-points."""
    wanted = scf.n_bands(problem.n_electrons)
    bases = [hamiltonian.basis for hamiltonian in problem.hamiltonians]
    if cell.is_primitive:
        pairs = [_moved_bands(ground, atom, basis, wanted) for basis in bases]
        return [energies for energies, _ in pairs], [waves for _, waves in pairs]
    small = ground.basis
    shift = np.exp(2j * np.pi * (small.m @ ground.crystal.positions[atom]))
    values = small.to_real(ground.solution.potential.coefficients * small.backend.tensor(shift))
    pairs = [_fold(basis, cell, small, values, wanted) for basis in bases]
    return [energies for energies, _ in pairs], [waves for _, waves in pairs]


def _moved_bands(ground: GroundState, atom: int, basis: WaveBasis, wanted: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The ground state's own bands at a k-point, moved with the site to the origin: its cell is the supercell."""
    energies, x = ground.bands_at(basis.k[0], wanted)
    phases = basis.density.backend.tensor(basis.phases(ground.crystal.positions[atom]).conj(), x.dtype)
    return energies, x * phases[:, None]


def _fold(
    basis: WaveBasis, cell: HoleCell, small: DensityBasis, values: torch.Tensor, wanted: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """The `wanted` lowest bands among those of the primitive cell at the folded points of one k-point."""
    inverse = np.linalg.inv(cell.matrix).T  # supercell reciprocal coordinates to primitive ones
    points = (basis.m[0, :, 0] + basis.k[0]) @ inverse  # one of each folded k-point
    n_bands = _bands_a_point(wanted, len(points), scf.n_bands(cell.primitive.n_electrons))
    slot = np.full(basis.density.size, -1)
    slot[basis.index[0].cpu().numpy()[basis.filled[0].ravel()]] = np.flatnonzero(basis.filled[0].ravel())
    energies, waves = [], []
    for part in hamiltonians(cell.primitive, small, points, n_bands, values):
        e, x = eigensolver.solve(part, cell.primitive, n_bands, n_bands - UNCONVERGED_BANDS, FOLDED_TOLERANCE_RY)
        m = np.round((part.basis.m[:, 0] + part.basis.k[:, None]) @ cell.matrix.T - basis.k[0]).astype(int)
        positions = slot[basis.density.fft_index(m)]  # (n_part, n_waves) in the flattened (folded k-point, wave) axis
        energies.append(e)
        waves += [
            (x[i, :, 0], torch.as_tensor(positions[i]), torch.as_tensor(part.basis.filled[i, 0])) for i in range(len(x))
        ]
    flat = torch.cat(energies).flatten()
    chosen = flat.argsort()[:wanted]
    out = torch.zeros(wanted, basis.shape[1] * basis.shape[2], dtype=basis.density.backend.complex, device=flat.device)
    for row, number in enumerate(chosen.tolist()):
        x, positions, filled = waves[number // n_bands]
        out[row, positions[filled]] = x[number % n_bands, filled]
    return flat[chosen][None], out.unflatten(1, basis.shape[1:])[None]


def _bands_a_point(wanted: int, n_points: int, most: int) -> int:
    """Bands to solve at each folded k-point: their share of the supercell's, and some, for bands that cross."""
    return min(most, int(np.ceil(1.15 * wanted / n_points)) + 1 + UNCONVERGED_BANDS)
