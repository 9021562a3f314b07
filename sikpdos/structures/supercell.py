"""Supercells that keep a core hole away from its images, and the k-point mesh of a cell.

One rule for both routes, CASTEP inputs and the open engine. Lattices are rows, in Angstrom.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, product

import numpy as np

from sikpdos.common.errors import SikpdosError

_NEIGHBOURS = np.array([c for c in product((-1, 0, 1), repeat=2) if any(c)])  # (8, 2)


def shortest_vector_A(lattice_A: np.ndarray) -> float:
    """Length of the shortest lattice vector: the distance of an atom to its nearest image."""
    lattice = np.asarray(lattice_A, float)
    return float(np.linalg.norm(reduction(lattice)[0] @ lattice))


def reduction(lattice_A: np.ndarray) -> np.ndarray:
    """Integer matrix U (3, 3) of determinant +1 that makes U @ lattice Minkowski reduced, shortest row first.

    In three dimensions a basis sorted by length is reduced when no sum with -1, 0 or 1 times its two
    other vectors is shorter (Nguyen and Stehle, 10.1145/1597036.1597050).
    """
    lattice = np.asarray(lattice_A, float)
    u = np.eye(3, dtype=int)
    improved = True
    while improved:
        u = u[np.argsort(np.linalg.norm(u @ lattice, axis=1), kind="stable")]
        improved = False
        for i in (2, 1, 0):
            candidates = u[i] + _NEIGHBOURS @ np.delete(u, i, axis=0)  # (8, 3)
            lengths = np.linalg.norm(candidates @ lattice, axis=1)
            if lengths.min() < np.linalg.norm(u[i] @ lattice) * (1 - 1e-10):
                u[i] = candidates[lengths.argmin()]
                improved = True
    return u * round(np.linalg.det(u))


def smallest_supercell(lattice_A: np.ndarray, min_image_A: float) -> np.ndarray:
    """Integer matrix M (3, 3) of the smallest supercell M @ lattice whose images are farther than `min_image_A`.

    All sublattices are tried by size (Hermite normal forms); of those of the smallest size the one with
    the farthest images is taken, with compact vectors. A cell that is large enough already gives the
    identity. Raises SikpdosError for a lattice without volume.
    """
    lattice = np.asarray(lattice_A, float)
    smallest = next(far_supercells(lattice, min_image_A))
    if len(smallest) == 1 and round(abs(np.linalg.det(smallest[0]))) == 1:
        return np.eye(3, dtype=int)
    return max((reduction(m @ lattice) @ m for m in smallest), key=lambda m: compactness(m @ lattice))


def far_supercells(lattice_A: np.ndarray, min_image_A: float) -> Iterator[np.ndarray]:
    """All supercells whose images are farther than `min_image_A`, as matrices (n, 3, 3) of one size, sizes growing.

    Raises SikpdosError for a lattice without volume.
    """
    lattice = np.asarray(lattice_A, float)
    volume = abs(np.linalg.det(lattice))
    if not volume > 1e-6 * np.abs(lattice).max() ** 3:
        raise SikpdosError("the lattice has no volume")
    u = reduction(lattice)
    short = _short_vectors(u @ lattice, min_image_A)
    first = int(min_image_A**3 / np.sqrt(2) / volume)  # no lattice packs denser than fcc
    for size in count(max(1, first)):
        forms = _hermite_normal_forms(size)  # (n, 3, 3)
        forms = forms[~_contains_any(forms, short)]
        if len(forms):
            yield forms @ u


def kpoint_mesh(lattice_A: np.ndarray, spacing: float) -> tuple[int, int, int]:
    """Monkhorst-Pack numbers CASTEP derives from a spacing in 2 pi/A: N_i = ceil(|b_i| / (2 pi spacing))."""
    reciprocal = np.linalg.inv(np.asarray(lattice_A, float)).T  # rows, without 2 pi
    n = np.ceil(np.linalg.norm(reciprocal, axis=1) / spacing - 1e-9)
    first, second, third = (int(x) for x in np.maximum(n, 1))
    return first, second, third


def compactness(lattice: np.ndarray) -> tuple[float, ...]:
    """Order of preference among supercells of one size: long shortest vector, then short others."""
    lengths = np.sort(np.linalg.norm(lattice, axis=1))
    return (round(lengths[0], 6), -round(lengths[2], 6), -round(lengths[1], 6))


def _short_vectors(lattice: np.ndarray, length_A: float) -> np.ndarray:
    """Integer coordinates (m, 3) of the lattice vectors up to a length, zero left out, one of each +/- pair."""
    reach = np.floor(length_A * np.linalg.norm(np.linalg.inv(lattice), axis=0) + 1e-9).astype(int)
    grid = np.stack(np.meshgrid(*(np.arange(-r, r + 1) for r in reach), indexing="ij"), -1).reshape(-1, 3)
    grid = grid[len(grid) // 2 + 1 :]  # the grid is symmetric about its middle, the origin
    return grid[np.linalg.norm(grid @ lattice, axis=1) <= length_A]


def _hermite_normal_forms(size: int) -> np.ndarray:
    """All sublattices of an index, as lower triangular matrices (n, 3, 3)."""
    forms = [
        ((a, 0, 0), (b, c, 0), (d, e, f))
        for a in range(1, size + 1)
        if size % a == 0
        for c in range(1, size // a + 1)
        if (size // a) % c == 0
        for f in (size // a // c,)
        for b, d, e in product(range(a), range(a), range(c))
    ]
    return np.array(forms)


def _contains_any(forms: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Which sublattices (n,) hold one of the vectors: v = c H with integer c, solved from the last column."""
    x, y, z = vectors.T  # (m,)
    a, b, c, d, e, f = (forms[:, i, j, None] for i, j in ((0, 0), (1, 0), (1, 1), (2, 0), (2, 1), (2, 2)))
    k = z // f  # (n, m)
    j = (y - k * e) // c
    inside = (z % f == 0) & ((y - k * e) % c == 0) & ((x - k * d - j * b) % a == 0)
    return inside.any(axis=1)
