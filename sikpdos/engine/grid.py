"""The FFT grid of a cell: the fewest points on which a sphere of wave vectors does not overlap its images.

Points of real space are never asked for their place, so the grid may follow any vectors of the lattice. Wave vectors
that differ by a vector of the grid's lattice L = {d_i b'_i} fall on one point; b' = T b with integer T, |det T| = 1. A
sphere of radius R needs vectors of L longer than 2 R, and the best L packs such spheres densely: up to 0.74 of the
grid is then filled, where a box along the cell vectors is filled to 0.52 if they are orthogonal, and to 0.3 in a
cell of fcc's shape.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from sikpdos.structures.supercell import reduction

PRIMES = (2, 3, 5, 7)
LARGEST = 2**17
FAST = (16, 24, 32, 36, 48, 56, 60)  # divisions of the last axis, below 64: see "The FFT grid" in the README
SIZES_TRIED = 7  # divisions along each vector, from the smallest possible on
SLACK = 1.05  # more may be paid for images farther apart
BATCH = 500  # grids looked at at a time
REACH = 2  # short vectors of L are looked for among combinations with coefficients up to this


def _half(reach: int) -> np.ndarray:
    """Integer vectors (n, 3) with components up to `reach`, one of each pair v and -v, without zero."""
    return np.array([v for v in itertools.product(range(-reach, reach + 1), repeat=3) if v > (0, 0, 0)])


def _bases() -> np.ndarray:
    """Bases T (n, 3, 3) of the integer lattice with components -1, 0 and 1."""
    triples = np.array(list(itertools.combinations(_half(1), 3)))
    return triples[np.abs(np.round(np.linalg.det(triples))) == 1]


def _smooth_sizes() -> np.ndarray:
    """Products of small primes, in order."""
    sizes = np.ones(1, int)
    for prime in PRIMES:
        powers = prime ** np.arange(int(np.log(LARGEST) / np.log(prime)) + 1)
        sizes = np.outer(sizes, powers).ravel()
        sizes = sizes[sizes <= LARGEST]
    return np.sort(sizes)


COMBINATIONS, BASES, SIZES = _half(REACH), _bases(), _smooth_sizes()
IDENTITY = int(np.flatnonzero((np.abs(BASES).sum(1) == 1).all(1))[0])  # of BASES, up to the order of the axes


@dataclass(frozen=True, eq=False)
class Grid:
    """An FFT grid, and where the wave vectors of a cell lie on it."""

    basis: np.ndarray  # (3, 3) integer T
    shape: tuple[int, int, int]  # d

    @property
    def size(self) -> int:
        return int(np.prod(self.shape))

    def index(self, m: np.ndarray) -> np.ndarray:
        """Positions of integer wave vectors (..., 3) of the cell in the flattened grid."""
        inverse = np.round(np.linalg.inv(self.basis)).astype(int)
        turned = (m @ inverse) % np.array(self.shape)
        return np.ravel_multi_index(tuple(np.moveaxis(turned, -1, 0)), self.shape)

    def unused_index(self, reciprocal: np.ndarray, used: np.ndarray) -> int:
        """The position farthest from all wave vectors at 0, among some that are not `used` (positions)."""
        free = np.setdiff1d(np.arange(self.size), used)[:BATCH]
        m = np.stack(np.unravel_index(free, self.shape), -1) @ self.basis
        steps = np.concatenate([COMBINATIONS, -COMBINATIONS]) @ (np.array(self.shape)[:, None] * self.basis)
        images = (m[:, None] + steps) @ reciprocal
        return int(free[(images**2).sum(-1).min(1).argmax()])


def densest_grid(reciprocal: np.ndarray, radius: float) -> Grid:
    """The grid that keeps the images of |G| <= radius (1/bohr) farthest apart, of those that cost little.

    That is up to SLACK times what the cheapest one costs that holds the sphere without overlap.
    """
    reduced = reduction(reciprocal)
    bases, shapes, costs = _candidates(reduced @ reciprocal, 2 * radius)
    found: list[tuple[float, int]] = []
    limit = np.inf
    for start in range(0, len(shapes), BATCH):
        if costs[start] > limit:
            break
        part = slice(start, start + BATCH)
        vectors = shapes[part, :, None] * (bases[part] @ reduced @ reciprocal)
        lengths = _shortest_of_few(vectors)
        for i in np.flatnonzero(lengths > 2 * radius * (1 + 1e-6)).tolist():
            if found or _is_shortest(vectors[i], lengths[i]):
                found.append((float(lengths[i]), start + i))
                limit = min(limit, SLACK * costs[start + i])
    for length, i in sorted(found, reverse=True):
        basis = bases[i] @ reduced
        if costs[i] <= limit and _is_shortest(shapes[i, :, None] * (basis @ reciprocal), length):
            axes = np.roll(np.arange(3), 2 - int(last_axis_cost(shapes[i]).argmin()))  # the best one last
            a, b, c = shapes[i][axes].tolist()
            return Grid(basis[axes], (a, b, c))
    raise ValueError("no FFT grid for this cell")


def _shortest_of_few(lattices: np.ndarray) -> np.ndarray:
    """Length of the shortest of COMBINATIONS of the vectors of lattices (n, 3, 3): (n,)."""
    return ((COMBINATIONS @ lattices) ** 2).sum(-1).min(1) ** 0.5


def _is_shortest(vectors: np.ndarray, length: float) -> bool:
    """Whether no vector of a lattice (3, 3) is shorter than `length`."""
    return bool(np.linalg.norm(reduction(vectors) @ vectors, axis=1).min() > length * (1 - 1e-9))


def _candidates(reciprocal: np.ndarray, diameter: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Bases (n, 3, 3), shapes (n, 3) and costs (n,) of grids large enough by their volume, the cheapest first."""
    first = np.searchsorted(SIZES, diameter / np.linalg.norm(BASES @ reciprocal, axis=2))  # (n_bases, 3)
    steps = np.stack(np.meshgrid(*[np.arange(SIZES_TRIED)] * 3, indexing="ij"), -1).reshape(-1, 3)
    shapes = SIZES[np.minimum(first[:, None] + steps, len(SIZES) - 1)].reshape(-1, 3)
    bases = np.repeat(np.arange(len(BASES)), len(steps))
    box = smooth_box(BASES[IDENTITY] @ reciprocal, diameter)
    shapes, bases = np.concatenate([shapes, box[None]]), np.append(bases, IDENTITY)
    fits = shapes.prod(1) * abs(np.linalg.det(reciprocal)) > diameter**3 / 2**0.5 * (1 - 1e-6)  # fcc packs densest
    shapes, bases = shapes[fits], bases[fits]
    costs = cost(shapes)
    order = np.argsort(costs, kind="stable")
    return BASES[bases[order]], shapes[order], costs[order]


def smooth_box(basis: np.ndarray, diameter: float) -> np.ndarray:
    """Divisions (3,) along the vectors of a basis (rows), of a grid that holds the sphere whatever their angles."""
    heights = 1 / np.linalg.norm(np.linalg.inv(basis), axis=0)  # between its lattice planes
    return SIZES[np.searchsorted(SIZES, diameter / heights, side="right")]


def cost(shapes: np.ndarray) -> np.ndarray:
    """What H costs on each shape (n, 3), in points of one with long even divisions, FAST along the last axis."""
    return (
        shapes.prod(1)
        * np.select([shapes < 12, shapes % 2 == 1], [1.15, 1.04], 1.0).prod(1)
        * last_axis_cost(shapes).min(1)
    )


def last_axis_cost(n: np.ndarray) -> np.ndarray:
    """What H costs where the last axis has n divisions, against a FAST one; the other axes hardly matter."""
    fast = np.isin(n, FAST) | ((n >= 64) & (n % 4 == 0))
    return np.select([fast, n >= 35], [1.0, 1.2], 1.5)
