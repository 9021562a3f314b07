"""What will be computed for a structure and for one of its sites: cells, k-points and cost, decided once.

`--dry-run` prints a plan, the run takes it. Whether a crystal has a gap is known only after its ground state, so
a plan holds the k-points of both cases for the density with the hole.
"""

from __future__ import annotations

from dataclasses import dataclass

from sikpdos.common.constants import BOHR_A
from sikpdos.engine import cells, core_hole, cost, kpoints
from sikpdos.engine.basis import Backend
from sikpdos.engine.core_hole import HoleCell
from sikpdos.engine.crystal import Crystal, Symmetry, symmetry
from sikpdos.engine.kpoints import MEAN_VALUE_POINT, KPoints
from sikpdos.engine.settings import Pseudopotentials, Settings

SMALL_VOLUME_A3 = 200.0  # larger primitive cells have flatter bands, and take coarser meshes
LARGE_CELL_POWER = 1 / 9
REFINED_VOLUME_A3 = 40.0  # up to here the finest meshes of densities of states; from 185 A^3 on k_spacing's
PDOS_WEIGHT = 0.038  # of a crystal of one or two atoms, see `component_weight`
EDGE_WEIGHT = 0.5  # of the edge of a crystal of one or two atoms, in that of its density of states
DENSEST_GAPPED_A3 = 19.5  # silicon denser than this is taken for a metal until its bands are known: 3 in 4 are told


@dataclass(frozen=True, eq=False)
class StructurePlan:
    """A primitive crystal, its symmetry, and the k-points of its ground state."""

    crystal: Crystal
    symmetry: Symmetry
    density_points: KPoints
    band_points: KPoints  # of the Fermi level and the gap


@dataclass(frozen=True, eq=False)
class SitePlan:
    """One site of a structure."""

    atom: int
    hole_cell: HoleCell
    gapless_density_points: KPoints  # of the density with the hole, where there is no gap
    edge_points: KPoints
    pdos_points: KPoints
    estimate: cost.Estimate

    def density_points(self, is_gapped: bool) -> KPoints:
        """The mean-value point where the change that the hole makes is smooth in k; a mesh for a Fermi surface."""
        return MEAN_VALUE_POINT if is_gapped else self.gapless_density_points


def plan_structure(crystal: Crystal, settings: Settings) -> StructurePlan:
    """Meshes of the ground state."""
    group = symmetry(crystal)
    spacing = settings.k_spacing * coarsening(crystal)
    density = kpoints.best_mesh(crystal.lattice, settings.density_coarsening * spacing, group.rotations)
    return StructurePlan(crystal, group, density, kpoints.best_mesh(crystal.lattice, spacing, group.rotations))


def plan_site(
    structure: StructurePlan, atom: int, settings: Settings, pseudos: Pseudopotentials, backend: Backend
) -> SitePlan:
    """Supercell, meshes and cost of one atom."""
    crystal = structure.crystal
    matrix = cells.choose(crystal, atom, settings.min_image_A, settings.k_spacing)
    cell = core_hole.hole_cell(crystal, atom, matrix, pseudos.hole)
    lattice, rotations = cell.crystal.lattice, cell.site.rotations
    density = kpoints.best_mesh(
        lattice, settings.density_coarsening * settings.k_spacing * coarsening(crystal), rotations
    )
    edge_error = settings.edge_sampling_error / edge_weight(crystal)
    edge = kpoints.coarsest_mesh(lattice, rotations, edge_error, settings.k_spacing)
    pdos = pdos_points(structure, atom, settings)
    work = cost.Work(structure.density_points, structure.band_points, edge, pdos)
    likely = MEAN_VALUE_POINT if likely_gapped(crystal) else density
    estimate = cost.estimate(crystal, cell.crystal, work, likely, settings, backend)
    return SitePlan(atom, cell, density, edge, pdos, estimate)


def pdos_points(structure: StructurePlan, atom: int, settings: Settings) -> KPoints:
    """The mesh of one atom's density of states; the atom may be of any element."""
    crystal = structure.crystal
    site = structure.symmetry.fixing(crystal.positions[atom]).rotations
    largest = settings.pdos_sampling_error / component_weight(crystal)
    refinement = min(
        1.0, settings.pdos_refinement * max(1.0, crystal.volume * BOHR_A**3 / REFINED_VOLUME_A3) ** (1 / 3)
    )
    return kpoints.coarsest_mesh(crystal.lattice, site, largest, refinement * settings.k_spacing)


def coarsening(crystal: Crystal) -> float:
    """By how much a large primitive cell may be sampled more coarsely than a small one."""
    return max(1.0, crystal.volume * BOHR_A**3 / SMALL_VOLUME_A3) ** LARGE_CELL_POWER


def component_weight(crystal: Crystal) -> float:
    """Weight of the Fourier component at R = 0, see `kpoints.sampling_errors`: many atoms mix many bands."""
    return PDOS_WEIGHT * min(1.0, 2 / len(crystal.species))


def edge_weight(crystal: Crystal) -> float:
    """The same of the edge: the hole makes its neighbourhood less regular, and counts more the larger the cell."""
    return EDGE_WEIGHT * component_weight(crystal) * max(1.0, len(crystal.species) / 2) ** 0.5


def likely_gapped(crystal: Crystal) -> bool:
    """A guess from the density, for the estimate alone."""
    return crystal.volume * BOHR_A**3 / len(crystal.species) > DENSEST_GAPPED_A3 or any(
        s.element != "Si" for s in crystal.species
    )
