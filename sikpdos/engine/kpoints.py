"""Monkhorst-Pack meshes and their irreducible points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sikpdos.common.constants import BOHR_A
from sikpdos.structures.supercell import kpoint_mesh


@dataclass(frozen=True, eq=False)
class KPoints:
    """Fractional k-points and their weights, which add up to 1."""

    points: np.ndarray  # (n_k, 3)
    weights: np.ndarray  # (n_k,)

    def __len__(self) -> int:
        return len(self.points)


def mesh(divisions: tuple[int, int, int], shifted: bool) -> np.ndarray:
    """All points of a mesh (n, 3), Gamma-centred or shifted by half a step along each axis."""
    axes = [(np.arange(n) + shifted / 2) / n for n in divisions]
    return np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)


def irreducible(divisions: tuple[int, int, int], shifted: bool, rotations: np.ndarray) -> KPoints:
    """The points that differ under `rotations` (of fractional positions, (n, 3, 3)) and time reversal.

    Only operations that map the mesh onto itself are used.
    """
    twice = 2 * np.asarray(divisions)
    grid = np.round(mesh(divisions, shifted) * twice).astype(int)  # (n, 3), even or odd numbers only
    key = _keys(grid, twice)
    order = np.argsort(key)
    smallest = key.copy()
    for rotation in np.concatenate([rotations, -rotations]):
        turned = (grid / twice) @ rotation * twice
        numbers = np.round(turned).astype(int)
        if np.abs(turned - numbers).max() > 1e-6:
            continue
        image = _keys(numbers, twice)
        if np.array_equal(np.sort(image), key[order]):
            smallest = np.minimum(smallest, image)
    _, first, counts = np.unique(smallest, return_index=True, return_counts=True)
    points = grid[first] / twice
    return KPoints(points - np.round(points - 1e-9), counts / len(grid))


def best_mesh(lattice: np.ndarray, spacing: float, rotations: np.ndarray) -> KPoints:
    """Irreducible points of the Gamma-centred or the shifted mesh of a spacing (2 pi/A), whichever has fewer."""
    divisions = kpoint_mesh(lattice * BOHR_A, spacing)
    return min((irreducible(divisions, shifted, rotations) for shifted in (True, False)), key=len)


MEAN_VALUE_POINT = KPoints(np.full((1, 3), 0.25), np.ones(1))
"""The one point that stands for a large cell: Baldereschi, 10.1103/PhysRevB.7.5212."""


def rich_mesh(lattice: np.ndarray, spacing: float, rotations: np.ndarray, at_least: int, finest: float) -> KPoints:
    """As `best_mesh`, but denser, down to the finest spacing, while symmetry leaves fewer than `at_least` points."""
    points = best_mesh(lattice, spacing, rotations)
    while len(points) < at_least and spacing > finest:
        spacing *= 0.9
        points = best_mesh(lattice, spacing, rotations)
    return points


def _keys(numbers: np.ndarray, twice: np.ndarray) -> np.ndarray:
    """One integer for each point, the same for points that differ by a reciprocal lattice vector."""
    x, y, z = (numbers % twice).T
    return (x * twice[1] + y) * twice[2] + z
