"""Deformed copies of a crystal: strained, rattled, with a vacancy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pymatgen.core import Structure

SILICON_MASS_U = 28.0855
SILICON_DEBYE_K = 543.0  # from X-ray Debye-Waller factors: Batterman and Chipman, 10.1103/PhysRev.127.690
HBAR2_PER_KB_U_A2K = 48.5087  # hbar^2 / (Boltzmann constant x atomic mass unit), A^2 K
RATTLED_ATOMS = 8  # least number of atoms that move independently
VACANCY_ATOMS = 16  # least number of atoms of which one is taken


def thermal_amplitude_A(temperature_K: float) -> float:
    """Root mean square displacement of a silicon atom along one axis, Debye model with zero-point motion.

    <u^2> = 3 hbar^2 / (M k theta) (1/4 + (T/theta)^2 int_0^(theta/T) x / (e^x - 1) dx).
    """
    thermal = 0.0
    if temperature_K > 0:
        x = (np.arange(2000) + 0.5) / 2000 * SILICON_DEBYE_K / temperature_K
        thermal = (x / np.expm1(x)).mean() * temperature_K / SILICON_DEBYE_K
    return float(np.sqrt(3 * HBAR2_PER_KB_U_A2K / (SILICON_MASS_U * SILICON_DEBYE_K) * (0.25 + thermal)))


def strained(structure: Structure, volume_change: float, shear: np.ndarray) -> Structure:
    """The crystal with its volume changed by a fraction and its lattice sheared.

    The traceless part of the symmetric `shear` (3, 3) is the logarithmic strain, which keeps the volume.
    Fractional coordinates stay.
    """
    from pymatgen.core import Structure
    from scipy.linalg import expm

    symmetric = (shear + shear.T) / 2
    deformation = expm(symmetric - np.trace(symmetric) / 3 * np.eye(3)) * (1 + volume_change) ** (1 / 3)
    return Structure(structure.lattice.matrix @ deformation, structure.species, structure.frac_coords)


def rattled(structure: Structure, amplitude_A: float, rng: np.random.Generator) -> Structure:
    """Every atom of a cell of 8 or more moved by a normal deviate of this amplitude along each axis."""
    cell = enlarged(structure, RATTLED_ATOMS)
    moved_A = cell.cart_coords + rng.normal(0.0, amplitude_A, (len(cell), 3))
    return type(cell)(cell.lattice, cell.species, moved_A, coords_are_cartesian=True)


def with_vacancy(structure: Structure, element: str, rng: np.random.Generator) -> tuple[Structure, np.ndarray]:
    """A cell of 16 or more atoms without one of the element, unrelaxed, and where that was (fractional)."""
    cell = enlarged(structure, VACANCY_ATOMS)
    taken = int(rng.choice([i for i, site in enumerate(cell) if site.specie.symbol == element]))
    position = cell.frac_coords[taken]
    cell.remove_sites([taken])
    return cell, position


def enlarged(structure: Structure, n_atoms: int) -> Structure:
    """The smallest supercell of at least so many atoms that repeating along the shortest axis gives."""
    repeats = np.ones(3, dtype=int)
    while len(structure) * repeats.prod() < n_atoms:
        repeats[np.argmin(np.array(structure.lattice.abc) * repeats)] += 1
    return structure.copy().make_supercell(repeats.tolist(), in_place=False)
