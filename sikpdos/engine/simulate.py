"""One structure's ground state, one site's spectra: the engine's steps in order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sikpdos.common.constants import BOHR_A, RYDBERG_EV
from sikpdos.dataset.raw_site import RawSite, histogram
from sikpdos.engine import cells, core_hole, edge, ground_state, kpoints, pdos, scf
from sikpdos.engine.basis import Backend
from sikpdos.engine.core_hole import HoleState
from sikpdos.engine.crystal import symmetry
from sikpdos.engine.ground_state import GroundState
from sikpdos.engine.scf import Bands, Report
from sikpdos.engine.settings import FINEST_K_SPACING, SCF_COARSENING, Pseudopotentials, Settings
from sikpdos.engine.structure import Input
from sikpdos.engine.transition_energy import photon_energy_Ry

EDGE_RANGE_EV = (-5.0, 60.0)
PDOS_RANGE_EV = (-20.0, 30.0)
DEEP_STEP_EV = 10.0  # the range of the PDOS starts lower by this, as often as the lowest band needs it
DEEP_MARGIN_EV = 2.0
TRANSITION = "photon energy (eV) at edge_energy_eV = 0, from total energies and the free atom's core"


@dataclass(frozen=True, eq=False)
class Structure:
    """A structure with its ground state, ready for its sites."""

    input: Input
    ground: GroundState
    settings: Settings
    pseudos: Pseudopotentials


def prepare(given: Input, settings: Settings, pseudos: Pseudopotentials, backend: Backend, report: Report) -> Structure:
    """Ground state of a structure. Raises eigensolver.NotConverged."""
    crystal = given.crystal
    rotations = symmetry(crystal).rotations
    ground = ground_state.ground_state(
        crystal,
        settings.cutoff_Ry,
        backend,
        kpoints.best_mesh(crystal.lattice, SCF_COARSENING * settings.k_spacing, rotations),
        kpoints.best_mesh(crystal.lattice, settings.k_spacing, rotations),
        settings.smearing_Ry,
        settings.density_tolerance,
        lambda line: report(f"{given.name}: ground state, {line}"),
    )
    return Structure(given, ground, settings, pseudos)


def simulate_site(structure: Structure, atom_index: int, meta: dict, report: Report) -> RawSite:
    """K-edge and PDOS of one silicon atom, numbered as in the structure's file; `meta` is added to the result's.

    Raises SikpdosError for an atom that is not silicon, eigensolver.NotConverged.
    """
    atom = structure.input.silicon(atom_index)
    pdos_eV, s, p = _pdos(structure, atom)
    report("density of states done")
    state, edge_points = _core_hole(structure, atom, report)
    edge_eV, weight = _edge(structure, atom, state, edge_points)
    described = _describe(structure, atom_index, atom, state, len(edge_points))
    return RawSite(edge_eV, weight, pdos_eV, s, p, {**described, **meta})


def _pdos(structure: Structure, atom: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Bin centres (eV) and s and p histograms (electrons a bin)."""
    ground, settings = structure.ground, structure.settings
    rotations = symmetry(ground.crystal).fixing(ground.crystal.positions[atom]).rotations
    lattice, at_least = ground.crystal.lattice, settings.min_pdos_points
    points = kpoints.rich_mesh(lattice, settings.k_spacing, rotations, at_least, FINEST_K_SPACING)
    energies, weights, momentum = pdos.pdos_sticks(ground, atom, points, settings.pdos_steps)
    energies = (energies - ground.zero_Ry) * RYDBERG_EV
    limits_eV = _pdos_range_eV(ground)

    def of(l: int) -> tuple[np.ndarray, np.ndarray]:
        chosen = momentum == l
        return histogram(energies[:, chosen].ravel(), weights[:, chosen].ravel(), *limits_eV, settings.bin_eV)

    (centres, s), (_, p) = of(0), of(1)
    return centres, s, p


def _pdos_range_eV(ground: GroundState) -> tuple[float, float]:
    """The usual range, with room below for deep valence bands (O 2s, F 2s)."""
    start, stop = PDOS_RANGE_EV
    lowest_eV = (float(ground.bands.energies.min()) - ground.zero_Ry) * RYDBERG_EV
    while lowest_eV < start + DEEP_MARGIN_EV:
        start -= DEEP_STEP_EV
    return start, stop


def _core_hole(structure: Structure, atom: int, report: Report) -> tuple[HoleState, kpoints.KPoints]:
    """The core-hole state and the k-points of its spectrum."""
    ground, settings = structure.ground, structure.settings
    matrix = cells.choose(ground.crystal, atom, settings.min_image_A, settings.k_spacing)
    cell = core_hole.hole_cell(ground.crystal, atom, matrix, structure.pseudos.hole)
    lattice, rotations = cell.crystal.lattice, cell.site.rotations
    state = core_hole.core_hole_state(
        ground,
        cell,
        atom,
        kpoints.MEAN_VALUE_POINT,
        settings.charge,
        settings.smearing_Ry,
        settings.density_tolerance,
        lambda line: report(f"core hole in {len(cell.crystal.species)} atoms, {line}"),
    )
    points = kpoints.rich_mesh(lattice, settings.k_spacing, rotations, settings.min_edge_points, FINEST_K_SPACING)
    return state, points


def _edge(structure: Structure, atom: int, state: HoleState, points: kpoints.KPoints) -> tuple[np.ndarray, np.ndarray]:
    """Bin centres (eV) and the isotropic edge's histogram, each state with its chance to be empty."""
    species, bands = structure.ground.crystal.species[atom], state.solution.bands
    energies, weights = edge.edge_sticks(state, species, points, structure.settings.edge_steps)
    weights = weights / 3 * scf.unoccupied_fraction(energies, bands.fermi_Ry, structure.settings.smearing_Ry)
    energies = (energies - _zero_Ry(bands)) * RYDBERG_EV
    return histogram(energies.ravel(), weights.ravel(), *EDGE_RANGE_EV, structure.settings.bin_eV)


def _zero_Ry(bands: Bands) -> float:
    return bands.vbm_Ry if bands.gap_Ry > ground_state.GAP_RY else bands.fermi_Ry


def _describe(structure: Structure, atom_index: int, atom: int, state: HoleState, n_edge: int) -> dict:
    """Meta data of a site: all that is needed to do it again, and what came out besides the spectra."""
    ground, cell = structure.ground, state.cell
    return {
        "settings": structure.settings.as_dict(),
        "pseudopotentials": structure.pseudos.describe(structure.input.elements),
        "atom_index": atom_index,
        "cell_A": np.round(ground.crystal.lattice * BOHR_A, 6).tolist(),
        "positions": np.round(ground.crystal.positions, 6).tolist(),
        "site_position": np.round(ground.crystal.positions[atom], 6).tolist(),
        "supercell": cell.matrix.tolist(),
        "supercell_atoms": len(cell.crystal.species),
        "site_operations": len(cell.site.rotations),
        "ground_state": _bands_meta(ground.bands, ground.solution.history, ground.n_kpoints)
        | {"energy_eV": round(ground.solution.energy_Ry * RYDBERG_EV, 6)},
        "core_hole": _bands_meta(state.solution.bands, state.solution.history, n_edge),
        "fermi_eV": round(ground.bands.fermi_Ry * RYDBERG_EV, 4),
        "gap_eV": round(max(ground.bands.gap_Ry, 0.0) * RYDBERG_EV, 4),
        "transition_eV": _transition_eV(structure, state),
        "transition": TRANSITION,
        "spin": structure.pseudos.ground.spin(structure.input.elements),
    }


def _transition_eV(structure: Structure, state: HoleState) -> float | None:
    """Photon energy at the zero of the edge's energies; None for a silicon pair whose core energy is not known."""
    core_eV, bands = structure.pseudos.core_energy_eV, state.solution.bands
    if core_eV is None:
        return None
    valence_Ry = photon_energy_Ry(state.excitation_Ry, _zero_Ry(bands), bands.fermi_Ry, structure.settings.charge)
    return round(core_eV + valence_Ry * RYDBERG_EV, 3)


def _bands_meta(bands: Bands, history: tuple[float, ...], n_kpoints: int) -> dict:
    return {
        "fermi_eV": round(bands.fermi_Ry * RYDBERG_EV, 4),
        "vbm_eV": round(bands.vbm_Ry * RYDBERG_EV, 4),
        "cbm_eV": round(bands.cbm_Ry * RYDBERG_EV, 4),
        "zero_eV": round(_zero_Ry(bands) * RYDBERG_EV, 4),
        "residuals": [float(f"{r:.2e}") for r in history],
        "k_points": n_kpoints,
    }
