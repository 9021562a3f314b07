"""Defects of diamond silicon in small cells, relaxed with the Stillinger-Weber potential, the lattice that of PBE."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from sikpdos.structures.potentials import stillinger_weber

if TYPE_CHECKING:
    from pymatgen.core import Structure

A = 5.4616  # lattice constant of the catalogue's diamond (PBE), A
REPEAT = 2  # of the cubic cell: 64 atoms for point defects
CENTRE = np.full(3, 0.5)  # of such a cell, fractional; an atom of the perfect one is there

Defect = tuple["Structure", np.ndarray]  # relaxed cell, and the middle of the defect (fractional)


def _perfect() -> Structure:
    from pymatgen.core import Lattice, Structure

    cubic = Structure.from_spacegroup("Fd-3m", Lattice.cubic(A), ["Si"], [[0, 0, 0]])
    return cubic.make_supercell(REPEAT, in_place=False)


def _point(remove: tuple = (), add: tuple = ()) -> Defect:
    """Atoms taken from and put into the 64-atom cell, at positions relative to its middle in units of A."""
    cell = _perfect()
    for position in remove:
        away = cell.lattice.get_all_distances([CENTRE + np.array(position) / REPEAT], cell.frac_coords)[0]
        cell.remove_sites([int(away.argmin())])
    for position in add:
        cell.append("Si", CENTRE + np.array(position) / REPEAT)
    middle = np.mean([*remove, *add], axis=0) / REPEAT
    return relaxed(cell), CENTRE + middle


def _stacked(turns: str) -> Defect:
    """Double layers along [111], each to the left (+) or the right (-) of the last; the middle is at the first turn."""
    from pymatgen.core import Lattice, Structure

    layer_A = A / np.sqrt(3)
    lattice = Lattice.hexagonal(A / np.sqrt(2), layer_A * len(turns))
    place, atoms = 0, []
    for number, turn in enumerate(turns):
        following = place + (1 if turn == "+" else -1)
        atoms += [
            [place / 3, 2 * place / 3, number / len(turns)],
            [following / 3, 2 * following / 3, (number + 0.25) / len(turns)],
        ]
        place = following
    cell = Structure(lattice, ["Si"] * len(atoms), np.array(atoms) % 1.0)
    return relaxed(cell), np.array([0.0, 0.0, turns.index("-") / len(turns)])


VACANCY = ((0.0, 0.0, 0.0),)
SPLIT = 0.15  # of a pair along [110] that shares a site
MAKERS: dict[str, Callable[[], Defect]] = {
    "intrinsic-fault": lambda: _stacked("+++++++-"),
    "twin-111": lambda: _stacked("++++----"),  # Sigma 3
    "vacancy": lambda: _point(remove=VACANCY),
    "extrinsic-fault": lambda: _stacked("++++++++--"),
    "split-110-interstitial": lambda: _point(remove=VACANCY, add=((SPLIT, SPLIT, 0.0), (-SPLIT, -SPLIT, 0.0))),
    "divacancy": lambda: _point(remove=(*VACANCY, (0.25, 0.25, 0.25))),
    "hexagonal-interstitial": lambda: _point(add=((0.375, 0.625, 0.375),)),
    "twin-111-thick": lambda: _stacked("++++++------"),
    "tetrahedral-interstitial": lambda: _point(add=((0.5, 0.5, 0.5),)),
}
PLANES = ("intrinsic-fault", "twin-111", "extrinsic-fault", "twin-111-thick")
STRAIN = 0.03  # greatest change of volume of the copies, once each defect was made


def defect(number: int, rng: np.random.Generator) -> tuple[str, Structure, np.ndarray]:
    """Name, cell and middle of the n-th defect: the kinds in turn, from the second round on strained."""
    name = list(MAKERS)[number % len(MAKERS)]
    cell, middle = MAKERS[name]()
    if number >= len(MAKERS):
        cell = relaxed(cell.copy().scale_lattice(cell.volume * (1 + rng.uniform(-STRAIN, STRAIN))))
    return name, cell, middle


def relaxed(cell: Structure) -> Structure:
    """The cell at its minimum of energy, its lattice kept."""
    lattice_A = np.array(cell.lattice.matrix)
    positions_A = stillinger_weber.relax(lattice_A, np.array(cell.cart_coords))
    return type(cell)(cell.lattice, cell.species, positions_A @ np.linalg.inv(lattice_A) % 1.0)
