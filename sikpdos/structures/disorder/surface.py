"""Hydrogen-terminated slabs of diamond silicon, with dimers where two broken bonds of neighbours meet."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from sikpdos.common.errors import SikpdosError
from sikpdos.structures.disorder.defects import A
from sikpdos.structures.potentials.keating import ALPHA, BETA

if TYPE_CHECKING:
    from pymatgen.core import Structure

SLAB_A, VACUUM_A = 8.0, 10.0
APART_A = 1.8  # hydrogens that stay nearer: no such surface is known
REPULSION_A, REPULSION = 2.1, 3.0  # hydrogens of two atoms that are nearer push each other away; (eV/A^2)^0.5
BOND_A, HYDROGEN_A = A * np.sqrt(3) / 4, 1.50  # Si-Si as in the crystal; Si-H as in silane's and hydrides on silicon
NEAR_A, DIMER_A = 2.7, 4.0  # longest bond of the cut crystal; farthest atoms that can be joined to a dimer
CELLS = ((1, 1), (2, 1), (1, 2), (2, 2))  # of the surface, in which dimers are looked for


@dataclass(frozen=True)
class Bond:
    """From atom i to the image of atom j that is `offset_A` (3,) from j itself."""

    i: int
    j: int
    offset_A: np.ndarray
    length_A: float


def hydrogenated(hkl: tuple[int, int, int]) -> Structure:
    """A relaxed slab with hydrogen on every broken bond that no dimer closes.

    Raises SikpdosError for surfaces whose atoms keep fewer than two bonds.
    """
    cut = _slab(hkl)
    for one, other in CELLS:
        cell = cut.make_supercell([one, other, 1], in_place=False)
        bonds, missing = _broken(cell)
        dimers = _dimers(cell, missing)
        if dimers is not None:
            return _relaxed(*_terminated(cell, bonds, missing, dimers))
    return _relaxed(*_terminated(*_plain(cut)))


def _slab(hkl: tuple[int, int, int]) -> Structure:
    """The termination with the fewest broken bonds, an atom a layer and primitive cell."""
    from pymatgen.core import Lattice, Structure
    from pymatgen.core.surface import SlabGenerator

    cubic = Structure.from_spacegroup("Fd-3m", Lattice.cubic(A), ["Si"], [[0, 0, 0]])
    slabs = SlabGenerator(cubic, hkl, SLAB_A, VACUUM_A, primitive=True, center_slab=True).get_slabs()
    cells = [slab.get_orthogonal_c_slab() for slab in slabs]
    best = min(cells, key=lambda cell: sum(4 - len(of) for of in _neighbours(cell)))
    lattice_A = _reduced(np.array(best.lattice.matrix))
    return Structure(lattice_A, ["Si"] * len(best), best.cart_coords, coords_are_cartesian=True)


def _reduced(lattice_A: np.ndarray) -> np.ndarray:
    """The same lattice with the shortest vectors along the surface."""
    one, other, normal = lattice_A
    while True:
        if other @ other < one @ one:
            one, other = other, one
        shift = round(float(one @ other) / float(one @ one))
        if not shift:
            return np.array([one, other, normal])
        other = other - shift * one


def _neighbours(cell: Structure) -> list:
    return [cell.get_neighbors(site, NEAR_A) for site in cell]


def _broken(cell: Structure) -> tuple[list[Bond], list[list[np.ndarray]]]:
    """The bonds that are there, and the directions of those that are not, of each atom."""
    bonds, missing = [], []
    for i, near in enumerate(_neighbours(cell)):
        units = [(n.coords - cell[i].coords) / n.nn_distance for n in near]
        bonds += [Bond(i, n.index, np.array(n.image) @ cell.lattice.matrix, BOND_A) for n in near if n.index >= i]
        missing.append(_missing(units))
    return [bond for bond in bonds if bond.i < bond.j or tuple(bond.offset_A) > (0, 0, 0)], missing


def _missing(units: list[np.ndarray]) -> list[np.ndarray]:
    """Directions that complete a tetrahedron."""
    if len(units) == 4:
        return []
    if len(units) == 3:
        outward = -(units[0] + units[1] + units[2])
        return [outward / np.linalg.norm(outward)]
    if len(units) != 2:
        raise SikpdosError(f"an atom of this surface keeps {len(units)} of its bonds")
    between = -(units[0] + units[1]) / np.linalg.norm(units[0] + units[1])
    across = np.cross(units[0], units[1]) / np.linalg.norm(np.cross(units[0], units[1]))
    return [np.sqrt(1 / 3) * between + sign * np.sqrt(2 / 3) * across for sign in (1, -1)]


def _dimers(cell: Structure, missing: list[list[np.ndarray]]) -> list[Bond] | None:
    """Pairs of atoms with two broken bonds each that point at each other; None if one stays alone."""
    left = [i for i, of in enumerate(missing) if len(of) == 2]
    dimers = []
    while left:
        i = left.pop(0)
        partner = None
        for near in cell.get_neighbors(cell[i], DIMER_A):
            toward = (near.coords - cell[i].coords) / near.nn_distance
            if near.index in left and any(of @ toward > 0.7 for of in missing[i]):
                partner = near
                break
        if partner is None:
            return None
        left.remove(partner.index)
        dimers.append(Bond(i, partner.index, np.array(partner.image) @ cell.lattice.matrix, BOND_A))
    return dimers


def _plain(cell: Structure):
    """A cell whose broken bonds all get hydrogen."""
    return cell, *_broken(cell), []


def _terminated(
    cell: Structure, bonds: list[Bond], missing: list[list[np.ndarray]], dimers: list[Bond]
) -> tuple[Structure, list[Bond]]:
    """The cell with dimers moved together and hydrogen on the other broken bonds, and all its bonds."""
    positions_A, left = cell.cart_coords.copy(), [list(of) for of in missing]
    for dimer in dimers:
        apart = cell.cart_coords[dimer.j] + dimer.offset_A - cell.cart_coords[dimer.i]
        length = np.linalg.norm(apart)
        for atom, sign in ((dimer.i, 1), (dimer.j, -1)):
            along = [sign * float(of @ apart) for of in left[atom]]
            left[atom] = [left[atom][int(np.argmin(along))]]
            positions_A[atom] += sign * apart / length * (length - dimer.length_A) / 2
    heavy, all_bonds = len(cell), [*bonds, *dimers]
    hydrogens = [(i, positions_A[i] + HYDROGEN_A * of) for i, directions in enumerate(left) for of in directions]
    all_bonds += [Bond(i, heavy + n, np.zeros(3), HYDROGEN_A) for n, (i, _) in enumerate(hydrogens)]
    everything_A = np.vstack([positions_A, *(position[None] for _, position in hydrogens)])
    species = ["Si"] * heavy + ["H"] * len(hydrogens)
    return type(cell)(cell.lattice, species, everything_A, coords_are_cartesian=True), all_bonds


def _relaxed(cell: Structure, bonds: list[Bond]) -> Structure:
    """The minimum of Keating's potential for these bonds and of a repulsion of hydrogens, by least squares."""
    from scipy.optimize import least_squares

    first, second = (np.array([getattr(bond, end) for bond in bonds]) for end in "ij")
    offset_A, length_A = np.array([bond.offset_A for bond in bonds]), np.array([bond.length_A for bond in bonds])
    legs: list[list[tuple[int, int]]] = [[] for _ in cell]  # of each atom: its bonds, and whether they begin at it
    for number, bond in enumerate(bonds):
        legs[bond.i].append((number, 1))
        legs[bond.j].append((number, -1))
    angles = np.array([(a, s, b, t) for of in legs for (a, s), (b, t) in combinations(of, 2)])
    product = length_A[angles[:, 0]] * length_A[angles[:, 2]]
    hydrogens = _hydrogen_pairs(cell)

    def residuals(flat):
        positions_A = flat.reshape(-1, 3)
        vectors = positions_A[second] + offset_A - positions_A[first]
        stretch = np.sqrt(3 / 16 * ALPHA) / length_A * ((vectors**2).sum(axis=1) - length_A**2)
        one, other = (vectors[angles[:, k]] * angles[:, k + 1, None] for k in (0, 2))
        bend = np.sqrt(3 / 8 * BETA / product) * ((one * other).sum(axis=1) + product / 3)
        apart_A = np.array([positions_A[j] + image_A - positions_A[i] for i, j, image_A in hydrogens]).reshape(-1, 3)
        push = REPULSION * (REPULSION_A - np.linalg.norm(apart_A, axis=1)).clip(0)
        return np.concatenate([stretch, bend, push, 1e-3 * (flat - start)])

    start = cell.cart_coords.ravel()
    found = least_squares(residuals, start, xtol=1e-6).x.reshape(-1, 3)
    slab = type(cell)(cell.lattice, cell.species, found, coords_are_cartesian=True)
    nearest_A = min((slab[i].distance(slab[j]) for i, j, _ in hydrogens), default=np.inf)
    if nearest_A < APART_A:
        raise SikpdosError(f"hydrogens of this surface are {nearest_A:.2f} A apart")
    return slab


def _hydrogen_pairs(cell: Structure) -> list[tuple[int, int, np.ndarray]]:
    """Hydrogens i and images of hydrogens j, offsets (3,) in A from j, that can come near each other."""
    first, second, image, _ = cell.get_neighbor_list(REPULSION_A + 1)
    pairs = zip(first, second, image @ cell.lattice.matrix, strict=True)
    return [
        (i, j, offset_A) for i, j, offset_A in pairs if i < j and cell[i].specie.symbol == cell[j].specie.symbol == "H"
    ]
