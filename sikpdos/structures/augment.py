"""New structures where they help: strained, rattled and vacancy copies, random crystals, and amorphous cells."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from sikpdos.common.errors import SikpdosError
from sikpdos.structures import catalogue, deform
from sikpdos.structures.collection import Crystal
from sikpdos.structures.disorder import amorphous, defects, surface
from sikpdos.structures.entry import Entry
from sikpdos.structures.families import group_families
from sikpdos.structures.inequivalent import ELEMENT, Cell, analyse
from sikpdos.structures.material_class import ELEMENTAL
from sikpdos.structures.random_crystal import random_crystal
from sikpdos.structures.reading import read_structure
from sikpdos.structures.sites import Site, structure_file

if TYPE_CHECKING:
    from pymatgen.core import Structure

COPIES = ("strain", "rattle", "vacancy")
KINDS = (*COPIES, "random", *amorphous.MAKERS, "defects")
COPY_SITES, DEFECT_SITES = 2, 4  # of a new structure
ATTEMPTS = 500  # before the bounds are said to be too tight


@dataclass(frozen=True)
class Settings:
    """How the copies differ from their parents, and what they must keep."""

    volume: float = 0.08  # greatest change of volume, as a fraction
    shear: float = 0.03  # standard deviation of the shear strain's elements
    amplitude_A: float = deform.thermal_amplitude_A(300.0)  # of rattling, along each axis
    closest_A: float = 1.9  # no two atoms may be nearer
    volume_range_A3: tuple[float, float] = (10.0, 45.0)  # per atom
    max_atoms: int = 24  # of a parent, or of a random crystal
    sites: int | None = (
        None  # of each new structure, vacancy: the nearest to it; None: 2; 4 of a defect, 4 of a slab, all if amorphous
    )
    atoms: int = 64  # of an amorphous cell
    density: tuple[float, float] = (2.29, 2.29)  # of amorphous cells, g/cm^3, drawn between
    surfaces: tuple[tuple[int, int, int], ...] = ()  # Miller indices of slabs
    seed: int = 0


@dataclass(frozen=True)
class Parent:
    """A structure to start from."""

    structure_id: str
    structure: Structure
    group: str
    status: str
    split: str = ""


def read_parents(
    sites: Sequence[Site], sites_csv: str | os.PathLike, report: Callable[[str], None] = lambda note: None
) -> list[Parent]:
    """The structures of a table of sites, each once; `report` is told what was put right in their files.

    Raises SikpdosError for files that cannot be used.
    """
    parents = []
    for site in {site.structure_id: site for site in sites}.values():
        reading = read_structure(structure_file(site, sites_csv))
        for note in reading.notes:
            report(note)
        parents.append(Parent(site.structure_id, reading.structure, site.group, site.status, site.split))
    return parents


def weights_of_families(parents: Sequence[Parent], group_mse: Mapping[str, float]) -> dict[str, float]:
    """Share of new structures that each family gets, proportional to the model's error on it.

    Raises SikpdosError where the model knows none of the families.
    """
    known = {parent.group: float(group_mse[parent.group]) for parent in parents if parent.group in group_mse}
    total = sum(known.values())
    if not total > 0:
        raise SikpdosError("the model has no error for any family of these structures")
    return {group: error / total for group, error in known.items()}


def augment(
    parents: Sequence[Parent],
    counts: Mapping[str, int],
    settings: Settings,
    weights: Mapping[str, float] | None = None,
    report: Callable[[int], None] = lambda done: None,
) -> list[Crystal]:
    """New crystals, `counts[kind]` of each of KINDS, the same for the same seed.

    Families are drawn by `weights` (all alike if None), then a parent in the family; copies keep its family.
    No vacancy is made twice. A random crystal has the family of what it is like, else its own. Raises SikpdosError
    where the bounds cannot be met.
    """
    small = [parent for parent in parents if len(parent.structure) <= settings.max_atoms]
    usable = [parent for parent in small if weights is None or weights.get(parent.group)]
    if not usable and any(counts[kind] for kind in COPIES):
        raise SikpdosError(f"no structure of at most {settings.max_atoms} atoms to start from")
    crystals: list[Crystal] = []
    vacancies: set[tuple] = set()
    for kind_number, kind in enumerate(KINDS):
        for number in range(counts[kind]):
            rng = np.random.default_rng([settings.seed, kind_number, number])
            if kind in amorphous.MAKERS:
                crystals.append(_amorphous(kind, number, settings, rng))
            elif kind == "defects":
                crystals.append(_defect(number, settings, rng))
            else:
                crystals.append(_new_crystal(kind, number, usable, weights, settings, vacancies, rng))
            report(len(crystals))
    crystals += [_slab(hkl, settings) for hkl in settings.surfaces]
    return _with_families(crystals, parents)


def _new_crystal(
    kind, number, parents, weights, settings: Settings, vacancies: set[tuple], rng: np.random.Generator
) -> Crystal:
    """The first attempt that keeps the bounds; a vacancy that is among `vacancies` is none, another is added."""
    for _ in range(ATTEMPTS):
        if kind == "random":
            parent, structure, centre = None, random_crystal(rng, settings.max_atoms), None
        else:
            parent = _draw_parent(parents, weights, rng)
            structure, centre = _copy(kind, parent.structure, settings, rng)
        if structure is None or not within_bounds(structure, settings):
            continue
        if parent is not None and centre is not None:
            vacancy = _surroundings(parent, structure, centre)
            if vacancy in vacancies:
                continue
            vacancies.add(vacancy)
        cell = _chosen_sites(analyse(structure, primitive=kind == "random"), centre, settings.sites or COPY_SITES, rng)
        name = "Si" if parent is None else parent.structure_id
        note = "" if parent is None else f"from {parent.structure_id}"
        group = "" if parent is None else parent.group
        structure_id = f"{name}-{kind}-{settings.seed}-{number}"
        split = "" if parent is None else parent.split
        entry = Entry(structure_id, structure, f"augment {kind}", "augmented", note=note, split=split)
        return Crystal(entry, cell, group)
    raise SikpdosError(f"no new {kind} structure within the bounds in {ATTEMPTS} attempts")


def _amorphous(kind: str, number: int, settings: Settings, rng: np.random.Generator) -> Crystal:
    """An amorphous cell, a family of its own."""
    density = rng.uniform(*settings.density)
    structure, how = amorphous.MAKERS[kind](settings.atoms, density, rng)
    if not within_bounds(structure, settings):
        raise SikpdosError(f"an {kind} cell of {density:.2f} g/cm3 is not within the bounds")
    cell = analyse(structure, primitive=False)
    cell = _chosen_sites(cell, None, settings.sites or len(structure), rng)
    structure_id = f"Si-{kind}-{settings.seed}-{number}"
    return Crystal(Entry(structure_id, structure, f"augment {kind}", "augmented", numbers=how), cell, structure_id)


def _defect(number: int, settings: Settings, rng: np.random.Generator) -> Crystal:
    """A defect of diamond, of the family of all of its kind, with the sites that are nearest to it."""
    name, structure, middle = defects.defect(number, rng)
    entry = Entry(
        f"Si-{name}-{settings.seed}-{number}",
        structure,
        "augment defects",
        "augmented",
        name=name,
        numbers="relaxed with the Stillinger-Weber potential, PBE lattice constant",
    )
    return _nearest_sites(entry, f"Si-{name}", middle, name in defects.PLANES, settings)


def _slab(hkl: tuple[int, int, int], settings: Settings) -> Crystal:
    """A hydrogen-terminated slab, a family of its own, with the sites that are nearest to its upper surface."""
    indices = "".join(map(str, hkl))
    structure = surface.hydrogenated(hkl)
    top = max(site.frac_coords[2] for site in structure if site.specie.symbol == ELEMENT)
    entry = Entry(
        f"Si-surface-{indices}",
        structure,
        "augment surface",
        "augmented",
        name=f"Si({indices}):H",
        numbers="relaxed with Keating's potential, PBE lattice constant; Si-H 1.50 A",
        material_class=ELEMENTAL,
    )
    return _nearest_sites(entry, entry.structure_id, np.array([0.0, 0.0, top]), True, settings)


def _nearest_sites(entry: Entry, group: str, middle: np.ndarray, plane: bool, settings: Settings) -> Crystal:
    """A crystal of a family with its inequivalent sites nearest to a point, or the plane through it along a and b."""
    cell = analyse(entry.structure, primitive=False)
    away = cell.structure.frac_coords[:, 2] - middle[2]
    distances_A = np.abs(away - np.round(away)) * cell.structure.lattice.c
    if not plane:
        distances_A = cell.structure.lattice.get_all_distances([middle], cell.structure.frac_coords)[0]
    order = np.argsort([round(float(distances_A[orbit.atom_index]), 3) for orbit in cell.orbits], kind="stable")
    nearest = sorted(order[: settings.sites or DEFECT_SITES])
    return Crystal(entry, replace(cell, orbits=tuple(cell.orbits[i] for i in nearest)), group)


def _surroundings(parent: Parent, structure: Structure, centre) -> tuple:
    """What equivalent vacancies of a parent share: the sorted distances from it to all atoms of the cell."""
    distances_A = structure.lattice.get_all_distances([centre], structure.frac_coords)[0]
    return (parent.structure_id, *np.sort(distances_A).round(2))


def _draw_parent(parents: Sequence[Parent], weights, rng: np.random.Generator) -> Parent:
    groups = sorted({parent.group for parent in parents})
    shares = None
    if weights is not None:
        shares = np.array([weights[group] for group in groups])
        shares /= shares.sum()
    group = groups[rng.choice(len(groups), p=shares)]
    family = [parent for parent in parents if parent.group == group]
    return family[rng.integers(len(family))]


def _copy(kind: str, structure: Structure, settings: Settings, rng: np.random.Generator):
    """A deformed copy, and the fractional position of its vacancy."""
    if kind == "strain":
        change = rng.uniform(-settings.volume, settings.volume)
        return deform.strained(structure, change, rng.normal(0.0, settings.shear, (3, 3))), None
    if kind == "rattle":
        return deform.rattled(structure, settings.amplitude_A, rng), None
    return deform.with_vacancy(structure, ELEMENT, rng)


def within_bounds(structure: Structure, settings: Settings) -> bool:
    """Whether no two atoms are too near and the volume per atom is in the range."""
    low, high = settings.volume_range_A3
    near = structure.get_neighbor_list(settings.closest_A)[3]
    return len(near) == 0 and low <= structure.volume / len(structure) <= high


def _chosen_sites(cell: Cell, centre, n_sites: int, rng: np.random.Generator) -> Cell:
    """The cell with some of its inequivalent sites: random ones, or those nearest to `centre`."""
    order = rng.permutation(len(cell.orbits))
    if centre is not None:
        distances_A = cell.structure.lattice.get_all_distances([centre], cell.structure.frac_coords)[0]
        order = np.argsort([distances_A[orbit.atom_index] for orbit in cell.orbits], kind="stable")
    return replace(cell, orbits=tuple(cell.orbits[i] for i in sorted(order[:n_sites])))


def _with_families(crystals: list[Crystal], parents: Sequence[Parent]) -> list[Crystal]:
    """Families for the random crystals, by comparison with the parents and the catalogue."""
    orphans = [crystal for crystal in crystals if not crystal.group]
    if not orphans:
        return crystals
    known = [(parent.group, parent.structure) for parent in parents]
    groups = {parent.group for parent in parents}
    known += [(family, structure) for family, structure in catalogue.known() if family not in groups]
    structures = [crystal.cell.structure for crystal in orphans]
    names = iter(group_families(structures, [crystal.entry.structure_id for crystal in orphans], known))
    return [crystal if crystal.group else replace(crystal, group=next(names)) for crystal in crystals]
