"""CASTEP and OptaDOS inputs: one ground state a structure, one core hole a site."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from pymatgen.core import Structure

from sikpdos.castep import templates
from sikpdos.castep.runs import GROUND, HOLE, Run
from sikpdos.common import resources
from sikpdos.common.errors import SikpdosError
from sikpdos.common.ids import check_id
from sikpdos.structures.reading import read_structure
from sikpdos.structures.sites import Site, structure_file
from sikpdos.structures.supercell import kpoint_mesh, shortest_vector_A, smallest_supercell

LABEL = "Si:ex"  # the excited atom's species; CASTEP allows five characters
Folder = str | os.PathLike
_BAND_WINDOW_EV = 40.0  # from the bottom of the valence band: 12 eV of it, 20 above the gap, the rest margin
_HBAR2_OVER_2M = 3.80998211  # eV A^2


@dataclass(frozen=True)
class Settings:
    """What a calculation is run with; the defaults are the paper's."""

    min_image_A: float = 10.0
    k_spacing: float = 0.03  # 2 pi / A
    cutoff_eV: float = 500.0
    sigma_eV: float = 0.5  # of OptaDOS's fixed broadening
    charge: int = 1  # 1: excited electron removed; 0: kept in the conduction band
    syntax: str = "spectral"  # or elnes, for CASTEP without the SPECTRAL tasks
    potential: str = "C19"  # a name in potentials.csv, or an on-the-fly string


@dataclass(frozen=True)
class Input:
    """One run's input files."""

    run: Run
    files: dict[str, str]  # name in the run's folder -> text


def build(
    sites: Sequence[Site],
    sites_csv: str | os.PathLike,
    settings: Settings,
    folder: Folder = resources.CASTEP_TEMPLATES,
    report: Callable[[str], None] = lambda note: None,
) -> Iterator[Input]:
    """Inputs of all runs of a table of sites: each structure's ground state, then its core holes.

    `report` is told what was put right in a structure's file.

    Raises SikpdosError for a structure that can't be read, an atom that is not silicon, and bad templates.
    """
    potential = templates.potential(settings.potential, folder)
    number = 0
    for of_structure in _by_structure(sites).values():
        path = structure_file(of_structure[0], sites_csv)
        reading = read_structure(path)
        for note in reading.notes:
            report(note)
        structure = reading.structure
        number += 1
        yield _ground(number, structure, of_structure[0], settings, potential, folder)
        for site in of_structure:
            if not 0 <= site.atom_index < len(structure) or structure[site.atom_index].specie.symbol != "Si":
                raise SikpdosError(f"atom {site.atom_index} of site {site.site_id} is not a silicon atom", path)
            number += 1
            yield _hole(number, structure, site, settings, potential, folder)


def n_bands(volume_A3: float, n_electrons: float) -> int:
    """Bands up to 40 eV from the bottom of the valence band, as free electrons have them: 12 an atom in diamond."""
    wave_number = np.sqrt(_BAND_WINDOW_EV / _HBAR2_OVER_2M)  # 1/A
    return max(int(np.ceil(volume_A3 * wave_number**3 / (6 * np.pi**2))), int(np.ceil(0.55 * n_electrons)) + 4)


def projectors(n_silicon: int) -> str:
    """OptaDOS string for s and p of every silicon atom; one is repeated where their number is a multiple of ten,
    at which OptaDOS aborts after its first files."""
    atoms = "Si1" if n_silicon == 1 else f"Si1-{n_silicon}"
    return f"{atoms}(s,p)" + (":Si1(s)" if n_silicon % 5 == 0 else "")


def _by_structure(sites: Sequence[Site]) -> dict[str, list[Site]]:
    grouped: dict[str, list[Site]] = {}
    for site in sites:
        check_id(site.site_id)
        check_id(site.structure_id)
        grouped.setdefault(site.structure_id, []).append(site)
    return grouped


def _ground(number: int, structure: Structure, site: Site, settings: Settings, potential: str, folder: Folder) -> Input:
    lattice = structure.lattice.matrix
    labels = [s.specie.symbol for s in structure]
    run = Run(
        run=number,
        kind=GROUND,
        folder=f"{site.structure_id}/{GROUND}",
        seed=GROUND,
        structure_id=site.structure_id,
        site_id="",
        atom_index=-1,
        atom_number=0,
        multiplicity=0,
        group=site.group,
        n_atoms=len(structure),
        image_distance_A=shortest_vector_A(lattice),
        mesh=_mesh(lattice, settings),
        material_class=site.material_class,
    )
    values = {
        "structure_id": site.structure_id,
        "projectors": projectors(labels.count("Si")),
        **_cell_values(lattice, labels, structure.frac_coords, settings, potential),
        **_band_values(structure, settings, 0),
    }
    return Input(run, _files(GROUND, values, settings, folder))


def _hole(number: int, structure: Structure, site: Site, settings: Settings, potential: str, folder: Folder) -> Input:
    matrix = smallest_supercell(structure.lattice.matrix, settings.min_image_A)
    cell, labels, positions = excited_supercell(structure, site.atom_index, matrix)
    lattice = cell.lattice.matrix
    silicon = [i for i, s in enumerate(structure) if s.specie.symbol == "Si"]
    run = Run(
        run=number,
        kind=HOLE,
        folder=f"{site.structure_id}/{site.site_id}",
        seed=HOLE,
        structure_id=site.structure_id,
        site_id=site.site_id,
        atom_index=site.atom_index,
        atom_number=silicon.index(site.atom_index) + 1,
        multiplicity=site.multiplicity,
        group=site.group,
        n_atoms=len(cell),
        image_distance_A=shortest_vector_A(lattice),
        mesh=_mesh(lattice, settings),
        material_class=site.material_class,
    )
    values = {
        "structure_id": site.structure_id,
        "site_id": site.site_id,
        "supercell": " ".join(str(row.tolist()) for row in matrix),
        "image_distance": f"{run.image_distance_A:.3f}",
        **_cell_values(lattice, labels, positions, settings, potential),
        **_band_values(cell, settings, settings.charge),
    }
    return Input(run, _files(HOLE, values, settings, folder))


def excited_supercell(
    structure: Structure, atom_index: int, matrix: np.ndarray
) -> tuple[Structure, list[str], np.ndarray]:
    """Supercell, labels and fractional positions, with one image of an atom labelled and put last."""
    cell = structure.copy()
    cell.add_site_property("origin", list(range(len(cell))))
    cell.make_supercell(matrix, to_unit_cell=True)
    excited = next(i for i, s in enumerate(cell) if s.properties["origin"] == atom_index)
    order = [*(i for i in range(len(cell)) if i != excited), excited]
    labels = [LABEL if i == excited else cell[i].specie.symbol for i in order]
    return cell, labels, cell.frac_coords[order] % 1.0 % 1.0  # twice: -1e-17 % 1 is 1


def _cell_values(
    lattice: np.ndarray, labels: list[str], positions: np.ndarray, settings: Settings, potential: str
) -> dict[str, str]:
    width = max(map(len, labels))
    lines = ["  ".join(f"{x:19.14f}" for x in row) for row in lattice]
    atoms = [f"{a:<{width}} " + "  ".join(f"{x:19.15f}" for x in p) for a, p in zip(labels, positions, strict=True)]
    strings = [f"Si {potential}", *([f"{LABEL} {potential}{{1s1}}"] if LABEL in labels else [])]
    return {
        "lattice": "\n".join(lines),
        "positions": "\n".join(atoms),
        "species_pot": "\n".join(strings),
        "k_spacing": f"{settings.k_spacing:g}",
        "mesh": _mesh(lattice, settings).replace("x", " "),
    }


def _band_values(structure: Structure, settings: Settings, charge: int) -> dict[str, object]:
    n_electrons = sum(4 if s.specie.symbol == "Si" else s.specie.Z for s in structure)
    bands = n_bands(structure.volume, n_electrons)
    return {
        "cutoff_eV": f"{settings.cutoff_eV:g}",
        "sigma_eV": f"{settings.sigma_eV:g}",
        "charge": f"{charge:+d}" if charge else "0",
        "n_bands": bands,
        "n_extra_bands": bands - n_electrons // 2,
    }


def _mesh(lattice: np.ndarray, settings: Settings) -> str:
    return "x".join(map(str, kpoint_mesh(lattice, settings.k_spacing)))


def _files(kind: str, values: dict, settings: Settings, folder: Folder) -> dict[str, str]:
    """The run's files, filled; the old syntax has its own .cell and .param templates."""
    suffix = "-elnes" if settings.syntax == "elnes" else ""
    sources = {
        f"{kind}.cell": f"{kind}{suffix}.cell",
        f"{kind}.param": f"{kind}{suffix}.param",
        f"{kind}.odi": f"{kind}.odi",
    }
    return {name: templates.filled(source, values, folder) for name, source in sources.items()}
