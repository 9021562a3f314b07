"""The ground state of a primitive cell, shared by all its sites."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch

from sikpdos.engine import eigensolver, potential, scf
from sikpdos.engine.basis import Backend, DensityBasis, WaveBasis
from sikpdos.engine.crystal import Crystal, symmetry
from sikpdos.engine.hamiltonian import FixedPart, Hamiltonian, crystal_projectors
from sikpdos.engine.kpoints import KPoints

BAND_TOLERANCE_RY = 3e-4  # of the bands on the dense mesh, from one cycle to the next
LARGE_CELL_TOLERANCE_RY = 1e-3  # where the bands of another point are the start: moves the Fermi level by 1.5 meV
UNCONVERGED_BANDS = 2  # the highest ones, which the filter hardly reaches
UNFOLDED = np.eye(3, dtype=int)  # the cell is its own primitive cell


@dataclass(frozen=True, eq=False)
class GroundState:
    """A primitive crystal, its self-consistent potential, and its dense-mesh band edges."""

    crystal: Crystal
    basis: DensityBasis
    solution: scf.SelfConsistent
    bands: scf.Bands  # on the dense mesh
    points: KPoints  # of the density
    n_band_points: int
    _at: dict[tuple[bytes, int], tuple[torch.Tensor, torch.Tensor]] = field(default_factory=dict)  # bands_at

    @property
    def zero_Ry(self) -> float:
        return self.bands.zero_Ry(self.is_gapped)

    @property
    def is_gapped(self) -> bool:
        return self.bands.is_gapped

    def bands_at(self, k: np.ndarray, n_bands: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Energies (1, n) and waves (1, n, 1, n_waves) of the lowest bands at one k-point; the highest ones roughly.

        Sites of a large cell, which needs no supercell, ask for the same point again.
        """
        key = k.tobytes(), n_bands
        if key not in self._at:
            values = self.solution.potential.values
            (hamiltonian,) = hamiltonians(self.crystal, self.basis, k[None], n_bands, values)
            start = _nearest_waves(hamiltonian.basis, self.points, self.solution)
            wanted = n_bands - UNCONVERGED_BANDS
            found = eigensolver.solve(hamiltonian, self.crystal, n_bands, wanted, LARGE_CELL_TOLERANCE_RY, start)
            self._at[key] = found
        energies, waves = self._at[key]
        return energies[:, :n_bands], waves[:, :n_bands]


def hamiltonians(
    crystal: Crystal, basis: DensityBasis, points: np.ndarray, n_vectors: int, values: torch.Tensor
) -> list[Hamiltonian]:
    """Hamiltonians of a primitive cell at k-points, in batches that keep `n_vectors` FFT boxes a point in memory."""
    v = values.to(device=basis.backend.device, dtype=basis.backend.real)
    waves = [WaveBasis(basis, batch, UNFOLDED) for batch in batches(points, basis, n_vectors)]
    return [Hamiltonian(FixedPart(w, crystal_projectors(w, crystal)), v) for w in waves]


def _solve_bands(
    hamiltonian: Hamiltonian, crystal: Crystal, n_bands: int, points: KPoints, solution: scf.SelfConsistent
) -> torch.Tensor:
    """Energies (n_k, n_bands) near the Fermi level; those of a large cell from the nearest point of its density."""
    n_wanted = int(crystal.n_electrons / 2) + 1
    start, tolerance_Ry = None, BAND_TOLERANCE_RY
    if len(hamiltonian.basis.k) == _batch_size(hamiltonian.basis.density, n_bands) == 1:
        start, tolerance_Ry = _nearest_waves(hamiltonian.basis, points, solution), LARGE_CELL_TOLERANCE_RY
    return eigensolver.solve(hamiltonian, crystal, n_bands, n_wanted, tolerance_Ry, start)[0]


def _nearest_waves(basis: WaveBasis, points: KPoints, solution: scf.SelfConsistent) -> torch.Tensor:
    """Bands of the density's point nearest to the one point of a basis, as waves of that: (1, n, 1, n_waves)."""
    distances = ((points.points - basis.k[0]) @ basis.density.reciprocal) ** 2
    nearest = int(distances.sum(1).argmin())
    other = WaveBasis(basis.density, points.points[nearest][None], UNFOLDED)
    rows = [x[i : i + 1] for x in solution.waves for i in range(len(x))]
    return basis.from_other_point(other, rows[nearest][..., : other.shape[2]])


def batches(points: np.ndarray, basis: DensityBasis, n_vectors: int) -> list[np.ndarray]:
    """k-points in groups whose FFT boxes fit the cache (CPU) or the memory (GPU) of the device."""
    size = _batch_size(basis, n_vectors)
    return [points[i : i + size] for i in range(0, len(points), size)]


def _batch_size(basis: DensityBasis, n_vectors: int) -> int:
    budget = 2**22 if basis.backend.device == "cpu" else 2**33
    return max(1, budget // (n_vectors * basis.size * 16))


def ground_state(
    crystal: Crystal,
    cutoff_Ry: float,
    backend: Backend,
    scf_points: KPoints,
    dense_points: KPoints,
    smearing_Ry: float,
    tolerance: float,
    report: scf.Report,
) -> GroundState:
    """Self-consistent on one mesh, Fermi level and gap on a denser one. Raises eigensolver.NotConverged."""
    basis = DensityBasis(crystal.lattice, cutoff_Ry, backend)
    atoms = potential.ions(crystal, basis)
    bands = scf.n_bands(crystal.n_electrons)
    density = atoms.density * (crystal.n_electrons / (atoms.density[basis.origin].real * basis.volume))
    first = potential.effective(density, atoms, basis).values
    parts = hamiltonians(crystal, basis, scf_points.points, bands, first)
    problem = scf.Problem(
        basis,
        atoms,
        parts,
        np.split(scf_points.weights, np.cumsum([len(h.basis.k) for h in parts])[:-1]),
        scf.Symmetriser(basis, symmetry(crystal)),
        crystal.n_electrons,
        smearing_Ry,
        eigensolver.chunk_size(basis),
    )
    waves = [eigensolver.initial_guess(h, crystal, bands)[1] for h in parts]
    solution = scf.self_consistent_field(problem, density, waves, tolerance, report)
    dense = hamiltonians(crystal, basis, dense_points.points, bands, solution.potential.values)
    energies = torch.cat([_solve_bands(h, crystal, bands, scf_points, solution) for h in dense])
    filled = scf.compute_occupations(energies, dense_points.weights, crystal.n_electrons, smearing_Ry)
    return GroundState(crystal, basis, solution, filled, scf_points, len(dense_points))
