"""Meshes of k-points, chosen by the error that they are predicted to leave.

A mesh of spacing b / N samples a function of k exactly but for its Fourier components at the vectors R of the
lattice N a (Monkhorst and Pack, 10.1103/PhysRevB.13.5188; Froyen, 10.1103/PhysRevB.39.3168). For a spectrum
broadened by 0.5 eV these fall off as a Gaussian of |R|: that is how far an electron comes before the broadening
damps it. Shifting a mesh gives each R a phase, and phases cancel within the stars of R that the site symmetry
makes equal.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sikpdos.common.constants import BOHR_A
from sikpdos.structures.supercell import kpoint_mesh

RANGE_A = 23.4  # of the Fourier components: fitted to the density of states of diamond on 13 meshes (README.md)
STAR_LIMIT = 2.3  # vectors longer than this times the range add nothing
CENTRED, SHIFTED = (0.0, 0.0, 0.0), (0.5, 0.5, 0.5)
SHIFTS = tuple((x, y, z) for x in (0.5, 0.0) for y in (0.5, 0.0) for z in (0.5, 0.0))
COARSEST, RATIO = 2.0, 0.97  # spacing of the first mesh that is looked at, in finest ones, and the step to the next
EQUAL_LIMIT = 2.2  # a mesh of equal divisions may have so many times the points

Shift = tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class KPoints:
    """Fractional k-points and their weights, which add up to 1."""

    points: np.ndarray  # (n_k, 3)
    weights: np.ndarray  # (n_k,)

    def __len__(self) -> int:
        return len(self.points)


MEAN_VALUE_POINT = KPoints(np.full((1, 3), 0.25), np.ones(1))
"""The one point that stands for a large cell: Baldereschi, 10.1103/PhysRevB.7.5212."""


def mesh(divisions: tuple[int, int, int], shift: Shift) -> np.ndarray:
    """All points of a mesh (n, 3), moved by `shift` steps (0 or 0.5) along each axis."""
    axes = [(np.arange(n) + s) / n for n, s in zip(divisions, shift, strict=True)]
    return np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)


def irreducible(divisions: tuple[int, int, int], shift: Shift, rotations: np.ndarray) -> KPoints:
    """The points that differ under `rotations` (of fractional positions, (n, 3, 3)) and time reversal.

    Only operations that map the mesh onto itself are used.
    """
    twice = 2 * np.asarray(divisions)
    grid = np.round(mesh(divisions, shift) * twice).astype(int)  # (n, 3), even or odd numbers only
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


def sampling_errors(lattice: np.ndarray, divisions: tuple[int, int, int], rotations: np.ndarray) -> np.ndarray:
    """Predicted error of a mesh with each of SHIFTS (8,), in units of the Fourier component at R = 0.

    Sum over the stars of R of the mesh's lattice, |sum of the phases| exp(-(R / range)^2); `rotations` (of
    fractional positions) are those that leave the sampled function as it is.
    """
    repeats, length = _mesh_lattice_vectors(lattice * BOHR_A * np.array(divisions)[:, None])
    star = _stars(repeats * np.array(divisions), rotations)
    damping = np.exp(-((length / RANGE_A) ** 2))
    phases = np.cos(2 * np.pi * (np.array(SHIFTS) @ repeats.T))  # (8, n)
    return np.array([np.abs(np.bincount(star, row * damping)).sum() for row in phases])


def _mesh_lattice_vectors(lattice_A: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Integer coordinates (n, 3) and lengths (n,) of the vectors that count, zero left out."""
    longest = STAR_LIMIT * RANGE_A
    reach = np.ceil(longest * np.linalg.norm(np.linalg.inv(lattice_A), axis=0)).astype(int)
    vectors = np.stack(np.meshgrid(*(np.arange(-r, r + 1) for r in reach), indexing="ij"), -1).reshape(-1, 3)
    length = np.linalg.norm(vectors @ lattice_A, axis=1)
    kept = (length > 1e-6) & (length < longest)
    return vectors[kept], length[kept]


def _stars(vectors: np.ndarray, rotations: np.ndarray) -> np.ndarray:
    """Number of the star (n,) of each integer vector (n, 3): those that rotations and inversion make equal."""
    images = np.einsum("rij,nj->rni", np.concatenate([rotations, -rotations]), vectors)
    smallest = _keys(images.reshape(-1, 3), np.full(3, 4096)).reshape(images.shape[:2]).min(0)
    return np.unique(smallest, return_inverse=True)[1]


def coarsest_mesh(lattice: np.ndarray, rotations: np.ndarray, largest_error: float, finest: float) -> KPoints:
    """Irreducible points of the coarsest mesh whose predicted error is small enough, none finer than `finest`.

    Of the shifts that do, the one that leaves the fewest points; of the finest mesh, where none does, the one
    with the smallest product of points and error.
    """
    steps = int(np.log(COARSEST) / -np.log(RATIO))
    spacings = [finest * RATIO**-i for i in range(steps, -1, -1)]
    meshes = list(dict.fromkeys(kpoint_mesh(lattice * BOHR_A, spacing) for spacing in spacings))
    for coarse in meshes:
        candidates = [
            (irreducible(divisions, shift, rotations), error)
            for divisions in symmetric_too(coarse)
            for shift, error in zip(SHIFTS, sampling_errors(lattice, divisions, rotations), strict=True)
            if error <= largest_error or coarse == meshes[-1]
        ]
        good = [points for points, error in candidates if error <= largest_error]
        if good:
            return min(good, key=len)
    return min(candidates, key=lambda candidate: len(candidate[0]) * candidate[1])[0]


def symmetric_too(divisions: tuple[int, int, int]) -> list[tuple[int, int, int]]:
    """A mesh, and one of equal divisions not much larger: every operation of the lattice maps that onto itself."""
    equal = (max(divisions),) * 3
    return list(dict.fromkeys([divisions, equal])) if np.prod(equal) < EQUAL_LIMIT * np.prod(divisions) else [divisions]


def best_mesh(lattice: np.ndarray, spacing: float, rotations: np.ndarray) -> KPoints:
    """Irreducible points of the Gamma-centred or the shifted mesh of a spacing (2 pi/A), whichever has fewer.

    One point stands for a cell that needs no more: the mean-value point.
    """
    divisions = kpoint_mesh(lattice * BOHR_A, spacing)
    if max(divisions) == 1:
        return MEAN_VALUE_POINT
    shapes = symmetric_too(divisions)
    return min((irreducible(shape, shift, rotations) for shape in shapes for shift in (SHIFTED, CENTRED)), key=len)


def _keys(numbers: np.ndarray, twice: np.ndarray) -> np.ndarray:
    """One integer for each point, the same for points that differ by a reciprocal lattice vector."""
    x, y, z = (numbers % twice).T
    return (x * twice[1] + y) * twice[2] + z
