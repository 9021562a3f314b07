"""What a site will cost: k-points, memory and time, from its cell alone."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np

from sikpdos.common.errors import SikpdosError
from sikpdos.engine import scf
from sikpdos.engine.basis import Backend, density_radius
from sikpdos.engine.crystal import Crystal
from sikpdos.engine.eigensolver import filter_degree
from sikpdos.engine.grid import densest_grid
from sikpdos.engine.kpoints import KPoints
from sikpdos.engine.settings import Settings

POINT_S = 2.2e-8  # H on one point of the FFT grid, one thread of an AMD EPYC 9004 of its own
ITERATIONS = 8  # of a density
DENSE_CYCLES = 4  # of the bands on the dense mesh
WAVE_COPIES = 6  # of all bands, during a Rayleigh-Ritz step
BASE_GIB = 0.5  # Python and its libraries
ATOM_BYTES = 440  # a plane wave of the primitive cell, for the orbitals and projectors of an atom


@dataclass(frozen=True, eq=False)
class Work:
    """The meshes of a site, and those of its structure's ground state."""

    density: KPoints
    bands: KPoints
    edge: KPoints
    pdos: KPoints


@dataclass(frozen=True)
class Estimate:
    """The cost of one site on one CPU thread."""

    atoms: int
    supercell_atoms: int
    edge_points: int
    pdos_points: int
    ground_state_s: float  # shared by the sites of a structure
    site_s: float
    memory_GiB: float


def estimate(
    crystal: Crystal, cell: Crystal, work: Work, hole_density: KPoints, settings: Settings, backend: Backend
) -> Estimate:
    """Cost of a site of a primitive crystal, its hole in a supercell."""
    small, large = (_apply_s(of, settings, backend) for of in (crystal, cell))
    applications = filter_degree(settings.cutoff_Ry) + 1
    bands, hole_bands = scf.n_bands(crystal.n_electrons), scf.n_bands(cell.n_electrons)
    ground = (len(work.density) * ITERATIONS + len(work.bands) * DENSE_CYCLES) * applications * bands
    filtered = ITERATIONS * applications * hole_bands * len(hole_density)
    recursions = 3 * settings.edge_recursion(len(hole_density) == 1) * len(work.edge)
    projections = 4 * settings.pdos_recursion(len(crystal.species)) * len(work.pdos)
    return Estimate(
        len(crystal.species),
        len(cell.species),
        len(work.edge),
        len(work.pdos),
        ground * small,
        large * (filtered + recursions) + small * projections,
        _memory_GiB(crystal, cell, settings, backend, len(hole_density)),
    )


def _box_points(crystal: Crystal, settings: Settings, backend: Backend) -> int:
    return densest_grid(crystal.reciprocal, density_radius(settings.cutoff_Ry, backend)).size


def _apply_s(crystal: Crystal, settings: Settings, backend: Backend) -> float:
    """Seconds for H on one wave function, with its share of all other work."""
    return _box_points(crystal, settings, backend) * POINT_S * (1 if backend.precision == "single" else 2)


def _memory_GiB(crystal: Crystal, cell: Crystal, settings: Settings, backend: Backend, n_k: int) -> float:
    """Peak memory: the bands of the core-hole cell, densities, and what the primitive cell's atoms bring."""
    waves_a_volume = settings.cutoff_Ry**1.5 / (6 * np.pi**2)
    bands = scf.n_bands(cell.n_electrons) * cell.volume * waves_a_volume * backend.complex.itemsize
    boxes = 40 * _box_points(cell, settings, backend) * 16  # densities, mixing, gradients
    atoms = ATOM_BYTES * len(crystal.species) * crystal.volume * waves_a_volume
    return BASE_GIB + ((WAVE_COPIES + n_k - 1) * bands + boxes + atoms) / 2**30


def require_memory(needed: Estimate, backend: Backend) -> None:
    """Refuse what cannot fit the device. Raises SikpdosError with the estimate."""
    available = available_GiB(backend)
    if needed.memory_GiB > available:
        raise SikpdosError(
            f"{needed.supercell_atoms} atoms in the supercell need about {needed.memory_GiB:.1f} GiB of memory, "
            f"{available:.1f} GiB are there"
        )


def available_GiB(backend: Backend) -> float:
    """Free memory of the device."""
    if backend.device == "cpu":
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    import torch

    return torch.cuda.mem_get_info()[0] / 2**30
