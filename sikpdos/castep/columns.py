"""One file of OptaDOS or CASTEP as named columns: what `parse-odo FILE` prints.

Names. One site's quantities, chosen or the only ones: `s`, `p`, `d`, `f` per atom, and `edge`. Several
sites: `Si1_s` is the s density of the first silicon atom, `Si_s` a sum over silicon atoms, `Si1` all channels
of one atom, `all_s` a sum over all atoms. Total densities of states: `dos`, `integrated`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from sikpdos.castep.folder import equivalent_atoms
from sikpdos.castep.formats.cell import Cell
from sikpdos.castep.formats.optados_dat import Pdos, PdosColumn
from sikpdos.common.errors import SikpdosError

_SITE = re.compile(r"([A-Z][a-z]?(?::\w+)?)(\d*)$")


@dataclass(frozen=True)
class Choice:
    """What is wanted of a file."""

    site: str = ""  # Si1, Si:ex1; a species (Si) is the mean over its atoms
    edge: str = "K1"
    fermi_eV: float | None = None  # subtracted from the energies, whatever the log says
    absolute: bool = False  # energies as in the file


@dataclass
class Table:
    """Columns to print, and what a user should know of them."""

    columns: dict[str, np.ndarray]
    notes: list[str] = field(default_factory=list)


def name_columns(pdos: Pdos) -> dict[str, np.ndarray]:
    """All columns of a file under their names; a name that stands twice gets #2.

    Where the file holds one atom only, its columns are s, p, d, f.
    """
    everyone = {(p.species, p.atom) for column in pdos.columns for p in column.projectors}
    named: dict[str, np.ndarray] = {}
    for column in pdos.columns:
        name = _name(column, everyone)
        same = sum(key.split("#")[0] == name for key in named)
        if same and np.array_equal(named[name], column.density):
            continue  # the same projector asked for twice
        named[name if not same else f"{name}#{same + 1}"] = column.density
    return named


def site_columns(pdos: Pdos, site: str, cell: Cell | None = None) -> dict[str, np.ndarray]:
    """s, p, ... of one atom (Si1), or the mean over the atoms of a species (Si).

    Where the cell tells that symmetry reduced the k-points, an atom is averaged with its equivalents.
    Raises SikpdosError where the file has no such atom, or not by itself.
    """
    match = _SITE.match(site)
    if not match:
        raise SikpdosError(f"'{site}' names no site: Si1 is the first silicon atom, Si the mean of all")
    species, number = match[1], match[2]
    atoms = sorted({p.atom for c in pdos.columns for p in c.projectors if p.species == species})
    if number:
        atoms = [n for n in atoms if n == int(number)] and equivalent_atoms(cell, species, int(number))
    if not atoms:
        present = sorted({p.species for c in pdos.columns for p in c.projectors})
        raise SikpdosError(f"no site {site}; it has atoms of {', '.join(present)}")
    densities = {channel: mean_density(pdos, species, atoms, channel) for channel in "spdf"}
    columns = {channel: density for channel, density in densities.items() if density is not None}
    if not columns:
        alone = "alone" if len(atoms) == 1 else f"with its {len(atoms) - 1} equivalent atoms"
        raise SikpdosError(f"no columns that give one channel of site {site} {alone}")
    return columns


def mean_density(pdos: Pdos, species: str, atoms: Sequence[int], channel: str) -> np.ndarray | None:
    """Density of one channel, mean over atoms of a species (numbers from 1); None where no columns make it up.

    Columns that sum several atoms are used where all those atoms are wanted. Raises SikpdosError where
    two species of one symbol (Si and Si:ex) can't be told apart.
    """
    missing, total = set(atoms), np.zeros_like(pdos.energy_eV)
    for column in pdos.columns:
        covered = {p.atom for p in column.projectors}
        if {(p.species, p.channel) for p in column.projectors} != {(species, channel)} or not covered <= set(atoms):
            continue
        if covered <= missing:
            total, missing = total + column.density, missing - covered
        elif not any(np.array_equal(column.density, c.density) for c in pdos.columns if c is not column):
            raise SikpdosError(f"two columns of {species}{min(covered)}_{channel}: atoms with and without a label?")
    return total / len(set(atoms)) if not missing else None


def _name(column: PdosColumn, everyone: set[tuple[str, int]]) -> str:
    atoms = {(p.species, p.atom) for p in column.projectors}
    channels = "".join(c for c in "spdf" if c in {p.channel for p in column.projectors})
    species = sorted({symbol for symbol, _ in atoms})
    if len(everyone) == 1:
        return channels
    if len(atoms) == 1:
        who = "".join(map(str, next(iter(atoms))))
    elif len(species) > 1:
        who = "all" if atoms == everyone else "+".join(species)
    else:
        numbers = sorted(n for _, n in atoms)
        whole = numbers == sorted(n for symbol, n in everyone if symbol == species[0])
        who = species[0] if whole else species[0] + "+".join(map(str, numbers))
    return who if channels == "spdf" else f"{who}_{channels}"
