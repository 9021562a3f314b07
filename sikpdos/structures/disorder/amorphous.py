"""Amorphous cells of silicon of a given density, and how good they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sikpdos.common.errors import SikpdosError
from sikpdos.structures.disorder.bond_switching import anneal, network_of, quench
from sikpdos.structures.disorder.melt_quench import Cooling, melt_quenched
from sikpdos.structures.potentials import stillinger_weber
from sikpdos.structures.potentials.keating import Networks

if TYPE_CHECKING:
    from pymatgen.core import Structure

GRAM_PER_CM3 = 28.0855 / 0.602214076  # A^3 of an atom at 1 g/cm^3
BONDED_A = 2.85  # first minimum of the radial distribution
LIMIT_DEG, FOURFOLD, CLOSEST_A = 11.0, 0.98, 2.1  # what a network must reach
LADDER_EV = tuple(np.geomspace(0.6, 0.2, 8).tolist())  # kT of an annealing
TRIALS = 300  # switches an atom at each of them
HOPEFUL_DEG = 14.0  # what is worse after its quench starts anew: annealing gains one to three degrees
CYCLES, STARTS = 4, 10
START = Cooling(melt_ps=1.0, hot_K=2000.0, cold_K=700.0, cooling_ps=20.0, potential=stillinger_weber.AMORPHOUS)
GLASS = Cooling()


@dataclass(frozen=True)
class Quality:
    """Measures of an amorphous cell."""

    fourfold: float  # share of the atoms
    coordination: float  # mean number of neighbours nearer than 2.85 A
    angle_deg: float  # root mean square deviation of the bond angles from the tetrahedral one
    closest_A: float

    def is_good(self) -> bool:
        """Whether a network may be taken."""
        return self.angle_deg <= LIMIT_DEG and self.fourfold >= FOURFOLD and self.closest_A >= CLOSEST_A

    def __str__(self) -> str:
        return (
            f"{100 * self.fourfold:.0f} % fourfold, mean coordination {self.coordination:.2f}, angles within "
            f"{self.angle_deg:.1f} degrees rms, no two atoms nearer than {self.closest_A:.2f} A"
        )


def quality(lattice_A: np.ndarray, positions_A: np.ndarray) -> Quality:
    """Measures of a cell of silicon, of lattice vectors (3, 3) and positions (n, 3)."""
    pairs = stillinger_weber.list_pairs(lattice_A, positions_A)
    vectors_A = positions_A[pairs.second] + pairs.offset_A - positions_A[pairs.first]
    length_A = np.linalg.norm(vectors_A, axis=1)
    bonded = length_A < BONDED_A
    first, unit = pairs.first[bonded], vectors_A[bonded] / length_A[bonded, None]
    one, other = np.nonzero(np.triu(first[:, None] == first, 1))
    angles_deg = np.degrees(np.arccos(np.clip((unit[one] * unit[other]).sum(axis=1), -1, 1)))
    coordination = np.bincount(first, minlength=len(positions_A))
    deviation_deg = float(np.sqrt(((angles_deg - np.degrees(np.arccos(-1 / 3))) ** 2).mean()))
    return Quality(float((coordination == 4).mean()), float(coordination.mean()), deviation_deg, float(length_A.min()))


def network(n_atoms: int, density: float, rng: np.random.Generator) -> tuple[Structure, str]:
    """A continuous random network in a cubic cell of this density (g/cm^3), and how it was made.

    Raises SikpdosError where none is found that is 98 % fourfold with angles within 11 degrees rms.
    """
    lattice_A = cubic_A(n_atoms, density)
    for _ in range(STARTS):
        found = network_of(lattice_A, melt_quenched(lattice_A, n_atoms, rng, START))
        quench(found, rng)
        for _ in range(CYCLES):
            for potential, positions_A in _geometries(found):
                reached = quality(lattice_A, positions_A)
                if reached.is_good():
                    how = f"continuous random network by bond switching, relaxed with {potential}"
                    return _structure(lattice_A, positions_A), f"{how}; {density:.3f} g/cm3; {reached}"
            if reached.angle_deg > HOPEFUL_DEG:
                break
            _annealed(found, rng)
    raise SikpdosError(f"no network of {n_atoms} atoms at {density:g} g/cm3 in {STARTS} attempts")


def _geometries(found: Networks) -> list[tuple[str, np.ndarray]]:
    """A network at Vink's minimum, where stretched bonds may break, and half the way there from Keating's."""
    keating_A = found.positions_A[0]
    vink_A = stillinger_weber.relax(found.lattice_A, keating_A, stillinger_weber.AMORPHOUS)
    return [("Vink's potential", vink_A), ("Keating's and half the way to Vink's potential", (keating_A + vink_A) / 2)]


def _annealed(found: Networks, rng: np.random.Generator) -> None:
    for kT_eV in LADDER_EV:
        anneal(found, kT_eV, TRIALS * found.positions_A.shape[1], rng)
    quench(found, rng)


def glass(n_atoms: int, density: float, rng: np.random.Generator) -> tuple[Structure, str]:
    """A melt-quenched cell of this density (g/cm^3), with its defects, and how it was made."""
    lattice_A = cubic_A(n_atoms, density)
    positions_A = melt_quenched(lattice_A, n_atoms, rng, GLASS)
    how = f"cooled from {GLASS.hot_K:g} to {GLASS.cold_K:g} K in {GLASS.cooling_ps:g} ps (Stillinger-Weber potential)"
    return _structure(lattice_A, positions_A), f"{how}; {density:.3f} g/cm3; {quality(lattice_A, positions_A)}"


MAKERS: dict[str, Callable[[int, float, np.random.Generator], tuple[Structure, str]]] = {
    "amorphous": network,
    "quenched": glass,
}


def cubic_A(n_atoms: int, density: float) -> np.ndarray:
    """Lattice (3, 3) of the cubic cell that so many atoms fill at this density (g/cm^3)."""
    return np.eye(3) * (n_atoms * GRAM_PER_CM3 / density) ** (1 / 3)


def _structure(lattice_A: np.ndarray, positions_A: np.ndarray) -> Structure:
    from pymatgen.core import Structure

    fractional = positions_A @ np.linalg.inv(lattice_A)
    return Structure(lattice_A, ["Si"] * len(positions_A), fractional % 1.0)
