"""A made-up calculation on disk: a structure's ground state and core hole, in CASTEP's and OptaDOS's files."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sikpdos.castep.runs import GROUND, HOLE, Run, runs_csv
from support.castep_fake import (
    core_text,
    gaussian,
    odo_text,
    pdos_text,
    write_bands,
    write_cell,
    write_elnes_bin,
    write_pdos_bin,
)

LATTICE_A = np.diag([5.0, 6.0, 7.0])
POSITIONS = np.array([[0.0, 0, 0], [0.3, 0.4, 0.5]])
SIGMA_EV = 0.5
N_BANDS, N_OCCUPIED = 12, 4
ORBITALS = [(1, atom, l) for atom in (1, 2) for l in (0, 1, 1, 1)]


def bands_and_points(rng):
    """Two k-points, four filled bands below 0 and eight above 1 eV, shifted to some absolute level."""
    filled = np.sort(rng.uniform(-11, 0, (2, N_OCCUPIED)))
    empty = np.sort(rng.uniform(1, 20, (2, N_BANDS - N_OCCUPIED)))
    return np.array([[0.25, 0, 0], [0.25, 0.5, 0.5]]), np.array([0.5, 0.5]), np.hstack([filled, empty]) + 5.0


def write_ground(folder: Path, rng, spin: bool = False) -> dict[str, np.ndarray]:
    """Files of a ground state; returns band energies, k-point weights and orbital weights."""
    folder.mkdir(parents=True, exist_ok=True)
    kpoints, k_weights, energy_eV = bands_and_points(rng)
    weights = rng.uniform(0, 0.2, (2, N_BANDS, len(ORBITALS)))
    n_spins = 2 if spin else 1
    electrons = [2.0 * N_OCCUPIED / n_spins] * n_spins
    write_bands(
        folder / "ground.bands", kpoints, k_weights, [energy_eV] * n_spins, electrons, 5.4, LATTICE_A, order=[1, 0]
    )
    write_pdos_bin(folder / "ground.pdos_bin", kpoints, ORBITALS, [weights] * n_spins)
    write_cell(folder / "ground-out.cell", LATTICE_A, ["Si", "Si"], POSITIONS)
    (folder / "ground.odo").write_text(odo_text("pdos", fermi_eV=5.4, spin=spin))
    axis_eV = np.arange(-10, 30, 0.05)
    columns = []
    for channel, l in (("s", 0), ("p", 1)):
        for atom in (1, 2):
            chosen = [i for i, o in enumerate(ORBITALS) if o[1:] == (atom, l)]
            stick = 2 * k_weights[:, None] * weights[:, :, chosen].sum(axis=2)
            columns.append(([("Si", atom, channel)], gaussian(axis_eV, energy_eV, stick, SIGMA_EV)))
    (folder / "ground.pdos.proj-0001-0004.dat").write_text(pdos_text(axis_eV, columns, spin))
    return {"energy_eV": energy_eV, "k_weights": k_weights, "weights": weights}


def write_hole(folder: Path, rng) -> dict[str, np.ndarray]:
    """Files of a core hole on the second of two atoms; returns band energies and K strengths."""
    folder.mkdir(parents=True, exist_ok=True)
    kpoints, k_weights, energy_eV = bands_and_points(rng)
    orbitals = [(species, 1, shell, lm) for species in (1, 2) for shell, lm in ((1, 1), (2, 1), (2, 2))]
    elements = rng.normal(size=(2, 3, N_BANDS, 6)) + 1j * rng.normal(size=(2, 3, N_BANDS, 6))
    write_bands(folder / "hole.bands", kpoints, k_weights, [energy_eV], [2.0 * N_OCCUPIED], 5.4, LATTICE_A)
    write_elnes_bin(folder / "hole.elnes_bin", orbitals, [elements])
    write_cell(folder / "hole-out.cell", LATTICE_A, ["Si", "Si:ex"], POSITIONS)
    (folder / "hole.odo").write_text(odo_text("core", fermi_eV=5.4))
    strength = (np.abs(elements[..., 3]) ** 2).sum(axis=1) / 3  # (n_k, n_bands): 1s of the second species
    strength[:, :N_OCCUPIED] = 0
    axis_eV = np.arange(-10, 30, 0.05)
    curve = gaussian(axis_eV, energy_eV, 2 * k_weights[:, None] * strength, SIGMA_EV)
    blocks = [("Si 1    K1", axis_eV, 3 * curve), ("Si 1  L2,3     Si:ex", axis_eV, 7 * curve)]
    blocks.append(("Si 1    K1     Si:ex", axis_eV, curve))
    (folder / "hole_core_edge.dat").write_text(core_text(blocks))
    return {"energy_eV": energy_eV, "k_weights": k_weights, "strength": strength}


def write_runs_folder(root: Path, n_structures: int = 1, seed: int = 0) -> list[Run]:
    """A runs folder with a finished ground state and core hole for each structure; its table."""
    rng = np.random.default_rng(seed)
    runs = []
    for number in range(n_structures):
        structure = f"S{number}"
        for kind, site in ((GROUND, ""), (HOLE, f"{structure}-0")):
            folder = f"{structure}/{site or kind}"
            atom = (1, 2, 4) if kind == HOLE else (-1, 0, 0)
            runs.append(
                Run(len(runs) + 1, kind, folder, kind, structure, site, *atom, "group", 2, 12.0, "2x2x2", "oxide")
            )
            (write_hole if kind == HOLE else write_ground)(root / folder, rng)
    (root / "runs.csv").write_text(runs_csv(runs))
    return runs
