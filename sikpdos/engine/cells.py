"""Which supercell holds the core hole: the cheapest, weighing size against site symmetry."""

from __future__ import annotations

import numpy as np

from sikpdos.common.constants import BOHR_A
from sikpdos.engine.crystal import Crystal, symmetry
from sikpdos.structures.supercell import compactness, far_supercells, reduction

SLACK = 1.5  # no supercell larger than this times the smallest is looked at
DENSITY_SHARE = 12.0  # cost of a self-consistent density of 64 atoms, in recursions at one k-point


def choose(crystal: Crystal, atom: int, min_image_A: float, k_spacing: float) -> np.ndarray:
    """Supercell matrix (3, 3) for a hole on one atom, its images farther than `min_image_A`.

    A supercell that keeps more of the site's rotations needs fewer k-points: its cost is that of the
    density (bands times volume) and that of the recursions (volume times irreducible points).
    """
    rotations = symmetry(crystal).fixing(crystal.positions[atom]).rotations
    best, best_cost, smallest = np.empty((0, 3, 3)), np.inf, None
    for matrices in far_supercells(crystal.lattice * BOHR_A, min_image_A):
        size = round(abs(np.linalg.det(matrices[0])))
        smallest = smallest or size
        if size > SLACK * smallest:
            break
        n_atoms = size * len(crystal.species)
        kept = _kept_operations(matrices, rotations)
        cost = _cost(n_atoms, int(kept.max()), size * crystal.volume * BOHR_A**3, k_spacing)
        if cost < best_cost:
            best, best_cost = matrices[kept == kept.max()], cost
    if smallest == 1 and round(abs(np.linalg.det(best[0]))) == 1:
        return np.eye(3, dtype=int)  # the cell as it is: its own bands are those of the supercell
    reduced = (reduction(matrix @ crystal.lattice) @ matrix for matrix in best)
    return max(reduced, key=lambda matrix: compactness(matrix @ crystal.lattice))


def _kept_operations(matrices: np.ndarray, rotations: np.ndarray) -> np.ndarray:
    """How many rotations (n, 3, 3), with time reversal, map each supercell lattice (m, 3, 3) onto itself."""
    group = np.unique(np.concatenate([rotations, -rotations]), axis=0)
    images = np.einsum("mij,rkj->mrik", matrices, group) @ np.linalg.inv(matrices)[:, None]
    return (np.abs(images - np.round(images)) < 1e-6).all(axis=(2, 3)).sum(1)


def _cost(n_atoms: int, n_operations: int, volume_A3: float, k_spacing: float) -> float:
    points = max(1.0, 1 / (volume_A3 * k_spacing**3) / n_operations)
    return DENSITY_SHARE * (n_atoms / 64) ** 2 + points * n_atoms / 64
