"""The engine against Quantum ESPRESSO on the same pseudopotentials, cutoffs and k-meshes."""

from __future__ import annotations

import functools
from dataclasses import replace

import numpy as np
import pytest
import torch
from support.engine import (
    HOLE,
    NO_ROTATIONS,
    SILICON,
    crystal,
    gaussian_sum,
    ground,
    reference,
    relative_l2,
)

from sikpdos.common.constants import BOHR_A, RYDBERG_EV
from sikpdos.engine import core_hole, edge, eigensolver, ground_state, kpoints, pdos
from sikpdos.engine.crystal import symmetry


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@functools.cache
def _ground(name: str, precision: str = "single", tolerance: float = 1e-5):
    """Ground state as a reference has it; several tests ask for some."""
    ref = reference(name)
    of = crystal(ref["lattice_A"], ref["positions"], ref.get("elements"))
    return ground(of, ref["cutoff_Ry"], ref["mesh"], ref["smearing_Ry"], precision, tolerance=tolerance)


@pytest.mark.parametrize("name", ["diamond_16Ry", "beta_tin_16Ry"])
@pytest.mark.parametrize(("precision", "tolerance_eV"), [("double", 0.002), ("single", 0.005)])
def test_total_energy_and_bands(name, precision, tolerance_eV):
    ref = reference(name)
    state = _ground(name, precision, 1e-6 if precision == "double" else 1e-5)
    if precision == "double":  # the fast default's smaller box shifts the total energy, not the bands
        n_atoms = len(ref["positions"])
        assert state.solution.energy_Ry / n_atoms == pytest.approx(ref["total_energy_Ry"] / n_atoms, abs=1e-4)
    found, expected = _bands(state, ref)
    assert np.abs(found - expected).max() < tolerance_eV


def _bands(state, ref: dict) -> tuple[np.ndarray, np.ndarray]:
    """Occupied and low empty bands (eV) at four of the reference's k-points, ours and theirs."""
    n_bands = 7
    cartesian = np.array(ref["k_cartesian_2pi_over_alat"])[:4] / ref["alat_A"]
    points = np.round(cartesian @ np.array(ref["lattice_A"]).T * ref["mesh"]) / ref["mesh"]  # undo four decimals
    values = state.solution.potential.values
    parts = ground_state.hamiltonians(state.crystal, state.basis, points, n_bands + 5, values)
    bands = [eigensolver.solve(h, state.crystal, n_bands + 5, n_bands, 1e-6)[0] for h in parts]
    return torch.cat(bands)[:, :n_bands].numpy() * RYDBERG_EV, np.array(ref["eigenvalues_eV"])[:4, :n_bands]


@pytest.mark.parametrize(("name", "atoms"), [("diamond_20Ry", [0]), ("beta_tin_16Ry", [0]), ("4H_12Ry", [0, 4])])
def test_pdos(name, atoms):
    ref = reference(name)
    state = _with_short_orbitals(_ground(name))
    curves = ref["pdos"].get("sites", [ref["pdos"]])
    for atom, expected in zip(atoms, curves, strict=True):
        rotations = symmetry(state.crystal).fixing(state.crystal.positions[atom]).rotations
        points = kpoints.irreducible(tuple(ref["pdos"]["mesh"]), kpoints.CENTRED, rotations)
        energies, weights, momentum = pdos.pdos_sticks(state, atom, points, 120)
        for l, orbital in enumerate("sp"):
            chosen = momentum == l
            found = gaussian_sum(ref["pdos"]["energy_eV"], energies[:, chosen], weights[:, chosen], 0.5)
            assert relative_l2(found, expected[orbital]) < 0.01, (atom, orbital)


@pytest.mark.parametrize("name", ["SiC_24Ry", "Mg2Si_24Ry"])
def test_pdos_and_energy_of_compounds(name):
    """Carbon with p as local channel; magnesium with a partial core and an empty p orbital that is projected on."""
    ref = reference(name)
    state = _with_short_orbitals(_ground(name, tolerance=1e-4))
    n_atoms = len(ref["positions"])
    assert state.solution.energy_Ry / n_atoms == pytest.approx(ref["total_energy_Ry"] / n_atoms, abs=2e-3)
    rotations = symmetry(state.crystal).fixing(state.crystal.positions[ref["atom"]]).rotations
    points = kpoints.irreducible(tuple(ref["mesh"]), kpoints.CENTRED, rotations)
    energies, weights, momentum = pdos.pdos_sticks(state, ref["atom"], points, 120)
    energy_eV = np.array(ref["pdos"]["energy_eV"])
    for l, orbital in enumerate("sp"):
        chosen = momentum == l
        found = gaussian_sum(energy_eV, energies[:, chosen], weights[:, chosen], ref["pdos"]["sigma_eV"])
        assert relative_l2(found, ref["pdos"][orbital]) < 0.01, orbital


def _with_short_orbitals(state, radius: float = 10.0):
    """The same state with orbitals that end at 10 bohr, as those of projwfc.x do."""
    short = {}
    for kind in state.crystal.kinds():
        cut = tuple(replace(o, values=np.where(kind.r <= radius, o.values, 0.0)) for o in kind.orbitals)
        short[kind] = replace(kind, orbitals=cut)
    species = tuple(short[kind] for kind in state.crystal.species)
    return replace(state, crystal=replace(state.crystal, species=species))


def _edge_curves(state, matrix, ref: dict, rotations=None) -> np.ndarray:
    """Our edge for each polarisation (3, n_energies) with the reference's Lorentzian, zero and cut."""
    cell = core_hole.hole_cell(state.crystal, 0, matrix, HOLE)
    rotations = cell.site.rotations if rotations is None else rotations
    points = kpoints.irreducible(tuple(ref["mesh"]), kpoints.SHIFTED if ref["shifted"] else kpoints.CENTRED, rotations)
    hole = core_hole.core_hole_state(state, cell, 0, points, 1, ref["smearing_Ry"], 1e-4, lambda line: None)
    energies, weights = edge.edge_sticks(hole, SILICON, points, round(15 * ref["cutoff_Ry"]))
    energies = energies * RYDBERG_EV - ref["zero_eV"]
    weights = np.where(energies > 0, weights, 0)
    width = ref["lorentzian_hwhm_eV"]
    grid = np.array(ref["energy_eV"])[:, None]
    return np.array(
        [(width / np.pi / ((grid - energies[:, p].ravel()) ** 2 + width**2)) @ weights[:, p].ravel() for p in range(3)]
    )


def _cosine(a, b) -> float:
    return float(np.dot(a, b) / np.linalg.norm(a) / np.linalg.norm(b))


def test_edge_of_each_polarisation():
    """A tetragonal crystal, beta-tin, 16 atoms: XSpectra along x and along z."""
    ref = reference("beta_tin_edge_12Ry")
    of = crystal(ref["lattice_A"], ref["positions"])
    state = ground(of, ref["cutoff_Ry"], (10, 10, 10), 0.02, tolerance=1e-4)
    matrix = np.round(np.array(ref["supercell_A"]) / BOHR_A @ np.linalg.inv(of.lattice)).astype(int)
    x, y, z = _edge_curves(state, matrix, ref, NO_ROTATIONS)
    assert _cosine(x, ref["x"]) > 0.9995
    assert _cosine(z, ref["z"]) > 0.9995
    assert relative_l2(y, x) < 0.01  # the site's symmetry, which the mesh was not told of
    assert _cosine(x, ref["z"]) < 0.99  # the two polarisations do differ


@pytest.mark.long
def test_edge_of_diamond_64_atoms():
    ref = reference("diamond_edge_20Ry")
    of = crystal(ref["lattice_A"], ref["positions"])
    state = ground(of, ref["cutoff_Ry"], (6, 6, 6), tolerance=1e-4, smearing_Ry=ref["smearing_Ry"])
    curves = _edge_curves(state, np.array(ref["supercell"]), ref)
    assert _cosine(curves.sum(0), ref["x"]) > 0.999
