"""One structure's ground state, one site's spectra: the engine's steps in order."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from sikpdos.common.constants import BOHR_A, RYDBERG_EV
from sikpdos.dataset.binning import linear_binning
from sikpdos.dataset.raw_site import RawSite
from sikpdos.engine import core_hole, edge, ground_state, pdos, scf
from sikpdos.engine.basis import Backend
from sikpdos.engine.core_hole import HoleState
from sikpdos.engine.crystal import Crystal
from sikpdos.engine.ground_state import GroundState
from sikpdos.engine.kpoints import KPoints
from sikpdos.engine.plan import SitePlan, StructurePlan
from sikpdos.engine.scf import Bands, Report
from sikpdos.engine.settings import Pseudopotentials, Settings
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


def prepare(
    given: Input,
    plan: StructurePlan,
    settings: Settings,
    pseudos: Pseudopotentials,
    backend: Backend,
    report: Report,
) -> Structure:
    """Ground state of a structure. Raises eigensolver.NotConverged."""
    ground = ground_state.ground_state(
        plan.crystal,
        settings.cutoff_Ry,
        backend,
        plan.density_points,
        plan.band_points,
        settings.smearing_Ry,
        settings.density_tolerance,
        lambda line: report(f"{given.name}: ground state, {line}"),
    )
    return Structure(given, ground, settings, pseudos)


def simulate_site(structure: Structure, plan: SitePlan, atom_index: int, meta: dict, report: Report) -> RawSite:
    """K-edge and PDOS of one silicon atom, numbered as in the structure's file; `meta` is added to the result's.

    Raises eigensolver.NotConverged.
    """
    pdos_eV, s, p = site_pdos(structure, plan.atom, plan.pdos_points)
    report("density of states done")
    state = _core_hole(structure, plan, report)
    edge_eV, weight = _edge(structure, plan, state)
    return RawSite(
        edge_energy_eV=edge_eV,
        edge_weight=weight,
        pdos_energy_eV=pdos_eV,
        pdos_s=s,
        pdos_p=p,
        meta={**_describe(structure, plan, atom_index, state), **meta},
    )


def site_pdos(structure: Structure, atom: int, points: KPoints) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Bin centres (eV) and s and p histograms (electrons a bin) of one atom of the primitive crystal."""
    ground, settings = structure.ground, structure.settings
    steps = settings.pdos_recursion(len(ground.crystal.species))
    energies, weights, momentum = pdos.pdos_sticks(ground, atom, points, steps)
    energies = (energies - ground.zero_Ry) * RYDBERG_EV
    limits_eV = _pdos_range_eV(ground)

    def of(l: int) -> tuple[np.ndarray, np.ndarray]:
        chosen = momentum == l
        return linear_binning(energies[:, chosen].ravel(), weights[:, chosen].ravel(), *limits_eV, settings.bin_eV)

    (centres, s), (_, p) = of(0), of(1)
    return centres, s, p


def _pdos_range_eV(ground: GroundState) -> tuple[float, float]:
    """The usual range, with room below for deep valence bands (O 2s, F 2s)."""
    start, stop = PDOS_RANGE_EV
    lowest_eV = (float(ground.bands.energies.min()) - ground.zero_Ry) * RYDBERG_EV
    while lowest_eV < start + DEEP_MARGIN_EV:
        start -= DEEP_STEP_EV
    return start, stop


def _core_hole(structure: Structure, plan: SitePlan, report: Report) -> HoleState:
    """The core-hole state. A gap that the hole closes calls for the mesh of a metal after all."""
    settings, n_atoms = structure.settings, len(plan.hole_cell.crystal.species)

    def state(is_gapped: bool) -> HoleState:
        return core_hole.core_hole_state(
            structure.ground,
            plan.hole_cell,
            plan.atom,
            plan.density_points(is_gapped),
            settings.charge,
            settings.smearing_Ry,
            settings.density_tolerance,
            lambda line: report(f"core hole in {n_atoms} atoms, {line}"),
        )

    is_gapped = structure.ground.is_gapped and settings.charge == 1
    first = state(is_gapped)
    return first if not is_gapped or first.is_gapped else state(False)


def _edge(structure: Structure, plan: SitePlan, state: HoleState) -> tuple[np.ndarray, np.ndarray]:
    """Bin centres (eV) and the isotropic edge's histogram, each state with its chance to be empty."""
    species, bands = structure.ground.crystal.species[plan.atom], state.solution.bands
    steps = structure.settings.edge_recursion(state.is_gapped)
    energies, weights = edge.edge_sticks(state, species, plan.edge_points, steps)
    weights = weights / 3 * scf.unoccupied_fraction(energies, bands.fermi_Ry, structure.settings.smearing_Ry)
    energies = (energies - state.zero_Ry) * RYDBERG_EV
    return linear_binning(energies.ravel(), weights.ravel(), *EDGE_RANGE_EV, structure.settings.bin_eV)


def composition(crystal: Crystal) -> str:
    """The reduced formula."""
    from pymatgen.core import Composition

    return Composition(Counter(species.element for species in crystal.species)).reduced_formula


def _describe(structure: Structure, plan: SitePlan, atom_index: int, state: HoleState) -> dict:
    """Meta data of a site: all that is needed to do it again, and what came out besides the spectra."""
    ground, cell, atom = structure.ground, state.cell, plan.atom
    return {
        "settings": structure.settings.as_dict(),
        "pseudopotentials": structure.pseudos.describe(structure.input.elements),
        "atom_index": atom_index,
        "cell_A": np.round(ground.crystal.lattice * BOHR_A, 6).tolist(),
        "positions": np.round(ground.crystal.positions, 6).tolist(),
        "elements": [species.element for species in ground.crystal.species],
        "composition": composition(ground.crystal),
        "site_position": np.round(ground.crystal.positions[atom], 6).tolist(),
        "supercell": cell.matrix.tolist(),
        "supercell_atoms": len(cell.crystal.species),
        "site_operations": len(cell.site.rotations),
        "ground_state": _bands_meta(ground.bands, ground.zero_Ry, ground.solution.history, ground.n_band_points)
        | {
            "energy_eV": round(ground.solution.energy_Ry * RYDBERG_EV, 6),
            "density_k_points": len(ground.points),
            "pdos_k_points": len(plan.pdos_points),
        },
        "core_hole": _bands_meta(state.solution.bands, state.zero_Ry, state.solution.history, len(plan.edge_points))
        | {"density_k_points": len(state.solution.bands.energies)},
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
    valence_Ry = photon_energy_Ry(state.excitation_Ry, state.zero_Ry, bands.fermi_Ry, structure.settings.charge)
    return round(core_eV + valence_Ry * RYDBERG_EV, 3)


def _bands_meta(bands: Bands, zero_Ry: float, history: tuple[float, ...], n_kpoints: int) -> dict:
    return {
        "fermi_eV": round(bands.fermi_Ry * RYDBERG_EV, 4),
        "vbm_eV": round(bands.vbm_Ry * RYDBERG_EV, 4),
        "cbm_eV": round(bands.cbm_Ry * RYDBERG_EV, 4),
        "zero_eV": round(zero_Ry * RYDBERG_EV, 4),
        "residuals": [float(f"{r:.2e}") for r in history],
        "k_points": n_kpoints,
    }
