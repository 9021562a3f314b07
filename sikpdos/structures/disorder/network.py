"""Atoms at random, and the fourfold network that is made of atoms to start from."""

from __future__ import annotations

import numpy as np

from sikpdos.structures.potentials.keating import Networks

START_A = 2.0  # least distance of two atoms of the start


def bonded(lattice_A: np.ndarray, positions_A: np.ndarray) -> Networks:
    """A network of these atoms (n, 3), each with four bonds to atoms that are near.

    The nearest pairs are bonded first; where an atom has a bond too few, a bond nearby is cut for it.
    """
    order, distance_A = _pairs_by_distance(lattice_A, positions_A)
    bonds: list[set[int]] = [set() for _ in positions_A]
    for one, other in order:
        if len(bonds[one]) < 4 and len(bonds[other]) < 4:
            _join(bonds, one, other)
    _fill(bonds, distance_A)
    neighbours = np.array([sorted(of) for of in bonds])
    fractional = positions_A @ np.linalg.inv(lattice_A)
    shifts = -np.round(fractional[neighbours] - fractional[:, None])
    return Networks(lattice_A, positions_A[None], neighbours[None], shifts[None])


def scattered(lattice_A: np.ndarray, n_atoms: int, rng: np.random.Generator) -> np.ndarray:
    """Positions (n, 3) at random, no two nearer than 2 A."""
    positions: list[np.ndarray] = []
    while len(positions) < n_atoms:
        new = rng.random(3)
        apart = np.array(positions).reshape(-1, 3) - new
        if (np.linalg.norm((apart - np.round(apart)) @ lattice_A, axis=1) > START_A).all():
            positions.append(new)
    return np.array(positions) @ lattice_A


def _pairs_by_distance(lattice_A: np.ndarray, positions_A: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    fractional = positions_A @ np.linalg.inv(lattice_A)
    apart = fractional[:, None] - fractional
    distance_A = np.linalg.norm((apart - np.round(apart)) @ lattice_A, axis=2)
    one, other = np.triu_indices(len(positions_A), 1)
    order = np.argsort(distance_A[one, other], kind="stable")
    return np.stack([one, other], 1)[order], distance_A


def _join(bonds: list[set[int]], one: int, other: int) -> None:
    bonds[one].add(int(other))
    bonds[other].add(int(one))


def _fill(bonds: list[set[int]], distance_A: np.ndarray) -> None:
    """Give the atoms that lack bonds the ends of bonds that are cut."""
    lacking = [atom for atom, of in enumerate(bonds) for _ in range(4 - len(of))]
    while lacking:
        one, other = lacking.pop(), lacking.pop()
        if one != other and other not in bonds[one]:
            _join(bonds, one, other)
            continue
        cuts = [
            (distance_A[one, a] + distance_A[other, b], a, b)
            for a, of in enumerate(bonds)
            for b in of
            if not {a, b} & {one, other} and a not in bonds[one] and b not in bonds[other]
        ]
        _, a, b = min(cuts)
        bonds[a].remove(b)
        bonds[b].remove(a)
        _join(bonds, one, a)
        _join(bonds, other, b)
