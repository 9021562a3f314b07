"""What the engine's tests share: small crystals, reference results, quick settings."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from sikpdos.common.constants import BOHR_A, RYDBERG_EV
from sikpdos.engine import ground_state, kpoints
from sikpdos.engine.basis import Backend
from sikpdos.engine.crystal import Crystal, symmetry
from sikpdos.engine.settings import pseudopotentials

FIXTURES = Path(__file__).parent.parent / "fixtures" / "engine"
PSEUDOS = pseudopotentials([], None)
SILICON, HOLE = PSEUDOS.ground["Si"], PSEUDOS.hole
QUICK = ["--cutoff", "90", "--k-spacing", "0.12", "--image", "5", "--threads", "1"]  # of sikpdos simulate: seconds
NO_ROTATIONS = np.eye(3, dtype=int)[None]
DIAMOND_POSCAR = "Si\n5.43\n0 .5 .5\n.5 0 .5\n.5 .5 0\nSi\n2\ndirect\n0 0 0\n.25 .25 .25\n"
DIAMOND_A = 2.7345 * np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]])

__all__ = ["HOLE", "NO_ROTATIONS", "PSEUDOS", "SILICON", "Crystal"]


def reference(name: str) -> dict:
    """One reference result of Quantum ESPRESSO."""
    return json.loads((FIXTURES / f"{name}.json").read_text())


def crystal(lattice_A, positions, elements=None) -> Crystal:
    """A crystal of silicon, or of the elements of its atoms."""
    positions = np.array(positions, float)
    species = tuple(PSEUDOS.ground[element] for element in elements or ["Si"] * len(positions))
    return Crystal(np.array(lattice_A, float) / BOHR_A, positions, species)


def diamond() -> Crystal:
    return crystal(DIAMOND_A, [[0, 0, 0], [0.25, 0.25, 0.25]])


def ground(
    of: Crystal,
    cutoff_Ry: float,
    mesh,
    smearing_Ry=0.01,
    precision="single",
    tolerance=1e-5,
    dense=None,
    box_factor=None,
):
    """Ground state on a Gamma-centred mesh, with the FFT box of its precision unless told another."""
    rotations = symmetry(of).rotations
    points = kpoints.irreducible(tuple(mesh), kpoints.CENTRED, rotations)
    backend = Backend("cpu", precision, box_factor or (3.0 if precision == "single" else 4.0))
    denser = points if dense is None else kpoints.irreducible(tuple(dense), kpoints.CENTRED, rotations)
    return ground_state.ground_state(of, cutoff_Ry, backend, points, denser, smearing_Ry, tolerance, lambda line: None)


def gaussian_sum(grid_eV, energies_Ry, weights, sigma_eV):
    """Sticks as a curve of unit-area Gaussians."""
    x = (np.asarray(grid_eV)[:, None] - np.ravel(energies_Ry) * RYDBERG_EV) / sigma_eV
    return np.exp(-0.5 * x**2) @ np.ravel(weights) / (sigma_eV * np.sqrt(2 * np.pi))


def relative_l2(found, expected) -> float:
    expected = np.asarray(expected)
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))
