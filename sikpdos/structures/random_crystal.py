"""Random crystals of silicon with the symmetry of a random space group, and sane distances and density."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pymatgen.core import Structure

CLOSEST_A = 2.1
BONDED_A = 2.9
LEAST_NEIGHBOURS = 3  # within BONDED_A
VOLUME_A3 = (13.0, 25.0)  # per atom: from close packed to open frameworks
N_HALL = 530
SNAP_A = 1.6  # images of a point nearer than this are drawn together onto a special position


@cache
def hall_numbers() -> tuple[int, ...]:
    """spglib's first Hall number of each of the 230 space groups."""
    import spglib

    first: dict[int, int] = {}
    for hall in range(1, N_HALL + 1):
        first.setdefault(spglib.get_spacegroup_type(hall).number, hall)
    return tuple(first[number] for number in range(1, 231))


def random_crystal(rng: np.random.Generator, max_atoms: int) -> Structure | None:
    """One attempt: a crystal whose primitive cell has at most `max_atoms`, or None if it is not sane.

    Sane: no two atoms nearer than 2.1 A, every atom with three or more neighbours within 2.9 A.
    """
    import spglib
    from pymatgen.core import Lattice, Structure

    number = int(rng.integers(1, 231))
    operations = spglib.get_symmetry_from_database(hall_numbers()[number - 1])
    rotations, translations = operations["rotations"], operations["translations"]
    n_centred = int(((rotations == np.eye(3, dtype=int)).all(axis=(1, 2))).sum())
    limit = max_atoms * n_centred
    per_atom_A3 = rng.uniform(*VOLUME_A3)
    wanted = int(rng.integers(2, limit + 1))
    shape = _random_shape(number, rng)
    lattice = shape * (wanted * per_atom_A3 / abs(np.linalg.det(shape))) ** (1 / 3)
    atoms = _random_orbits(rng, rotations, translations, lattice, wanted)
    if not 1 < len(atoms) <= limit:
        return None
    lattice = lattice * (len(atoms) / wanted) ** (1 / 3)
    crystal = Structure(Lattice(lattice), ["Si"] * len(atoms), atoms)
    return crystal if _sane(crystal) else None


def _random_shape(number: int, rng: np.random.Generator) -> np.ndarray:  # (3, 3)
    """Random lattice vectors that suit a space group, in arbitrary units."""
    from pymatgen.core import Lattice

    a, b, c = np.exp(rng.normal(0.0, 0.35, 3))
    alpha, beta, gamma = rng.uniform(65.0, 115.0, 3)
    if number >= 195:
        return Lattice.cubic(a).matrix
    if number >= 143:
        return Lattice.hexagonal(a, c).matrix
    if number >= 75:
        return Lattice.tetragonal(a, c).matrix
    if number >= 16:
        return Lattice.orthorhombic(a, b, c).matrix
    if number >= 3:
        return Lattice.monoclinic(a, b, c, beta).matrix
    return Lattice.from_parameters(a, b, c, alpha, beta, gamma).matrix


def _random_orbits(rng, rotations, translations, lattice, wanted) -> np.ndarray:  # (n_atoms, 3)
    """Orbits of random points until about the wanted number of atoms is reached."""
    atoms = np.empty((0, 3))
    for _ in range(6):
        orbit = _orbit(rng.random(3), rotations, translations, lattice)
        if len(atoms) + len(orbit) <= wanted:
            atoms = np.concatenate([atoms, orbit])
        if len(atoms) == wanted:
            break
    return atoms


def _orbit(point, rotations, translations, lattice) -> np.ndarray:  # (n, 3)
    """Images of a point, drawn onto a special position where some of them come close to it."""
    for _ in range(3):
        images = rotations @ point + translations  # (n_operations, 3)
        shift = images - point
        shift -= np.round(shift)
        near = np.linalg.norm(shift @ lattice, axis=1) < SNAP_A
        point = point + shift[near].mean(axis=0)
    images = np.round((rotations @ point + translations) % 1.0, 8) % 1.0
    shift = images[:, None] - images[None]
    same = np.linalg.norm((shift - np.round(shift)) @ lattice, axis=2) < 1e-3
    return images[same.argmax(axis=1) == np.arange(len(images))]


def _sane(crystal: Structure) -> bool:
    centres, _, _, distances_A = crystal.get_neighbor_list(BONDED_A)
    neighbours = np.bincount(centres, minlength=len(crystal))
    return bool(neighbours.min() >= LEAST_NEIGHBOURS and distances_A.min() >= CLOSEST_A)
