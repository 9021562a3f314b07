"""CASTEP's binaries as columns: unbroadened densities per eV on a grid of 0.05 eV."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sikpdos.castep import folder, sticks
from sikpdos.castep.columns import Choice, Table
from sikpdos.castep.formats import binaries
from sikpdos.castep.formats.bands import Bands, read_bands
from sikpdos.castep.formats.cell import Cell
from sikpdos.common.errors import SikpdosError, naming
from sikpdos.dataset.binning import BIN_EV, linear_binning


def binary_table(path: Path, choice: Choice) -> Table:
    """Unbroadened densities from a CASTEP binary and the .bands file beside it."""
    seed = folder.seed_of(path)
    bands = read_bands(folder.beside(seed, ".bands"))
    cell = folder.find_cell(seed)
    if cell is None:
        raise SikpdosError(f"{seed.name}-out.cell, which tells its species, is not there", path)
    read = _pdos if path.suffix == ".pdos_bin" else _edge
    with naming(path):
        sticks_by_name = read(path, bands, cell, choice)
    zero = 0.0 if choice.absolute else bands.reference_eV()[0] if choice.fermi_eV is None else choice.fermi_eV
    return Table(_densities(sticks_by_name, zero))


def _edge(path: Path, bands: Bands, cell: Cell, choice: Choice) -> dict[str, sticks.Sticks]:
    if choice.edge != "K1":
        raise SikpdosError("only K1 edges are read from CASTEP's binaries")
    species, atom = folder.labelled_atom(cell, choice.site)
    strengths = binaries.read_core_strengths(path)
    return {"edge": sticks.edge_sticks(bands, strengths, folder.species_number(cell, species), atom)}


def _pdos(path: Path, bands: Bands, cell: Cell, choice: Choice) -> dict[str, sticks.Sticks]:
    weights = binaries.read_pdos_bin(path)
    wanted = choice.site.lower()
    sticks_by_name = {}
    for species in cell.species:
        number = folder.species_number(cell, species)
        numbers = range(1, len(cell.atom_indices(species)) + 1)
        atoms = {f"{species}{n}": folder.equivalent_atoms(cell, species, n) for n in numbers}
        atoms = {species: list(numbers)} if wanted == species.lower() else atoms
        for site, group in atoms.items():
            if not wanted or wanted == site.lower():
                for channel in "sp":
                    key = channel if wanted or len(cell.labels) == 1 else f"{site}_{channel}"
                    sticks_by_name[key] = sticks.pdos_sticks(bands, weights, number, group, channel)
    if not sticks_by_name:
        raise SikpdosError(f"no site {choice.site}; there are atoms of {', '.join(cell.species)}")
    return sticks_by_name


def _densities(energies: dict[str, sticks.Sticks], zero_eV: float) -> dict[str, np.ndarray]:
    """Sticks as densities per eV on one grid of 0.05 eV bins, energies from a zero."""
    relative = {name: s.energy_eV - zero_eV for name, s in energies.items()}
    start = np.floor(min(e.min() for e in relative.values())) - 1
    stop = np.ceil(max(e.max() for e in relative.values())) + 1
    table: dict[str, np.ndarray] = {}
    for name, s in energies.items():
        table["energy_eV"], bins = linear_binning(relative[name], s.weight, start, stop)
        table[name] = bins / BIN_EV
    return table
