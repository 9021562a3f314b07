"""Which column of a table holds the energies: by name, unit and what energies there can be."""

from __future__ import annotations

import numpy as np

from sikpdos.common.constants import SI_K_EDGE_EV
from sikpdos.common.errors import SikpdosError
from sikpdos.formats.columns import Column, Table
from sikpdos.formats.energies import EV_PER_UNIT, in_eV, in_order
from sikpdos.formats.roles import Role, is_energy, is_readback, may_be_energy, role_of

_LISTED = 12  # columns that a message lists


def energy_column(table: Table) -> int:
    """The column of energies. Raises SikpdosError that lists the columns where none can be."""
    scores = [_energy_score(table, index) for index in range(len(table.columns))]
    best = int(np.argmax(scores))
    if scores[best] > 0:
        return best
    named = [index for index, column in enumerate(table.columns) if is_energy(column)]
    if named or len(table.columns) == 2:
        return (named or [0])[0]  # what is wrong with it is told where it is read
    raise SikpdosError(f"no column of energies can be told ({listing(table)})")


def _energy_score(table: Table, index: int) -> float:
    """How much speaks for a column being the energy; 0 where it cannot be."""
    column = table.columns[index]
    if role_of(column) not in (Role.ENERGY, Role.UNKNOWN, Role.INTENSITY) or not in_order(column.values):
        return 0.0
    covers, first = covers_edge(column), index == 0 and (len(table.columns) == 2 or not table.named)
    if not (may_be_energy(column) or covers or first):
        return 0.0
    unit = (column.unit or "").lower() in EV_PER_UNIT
    score = 4.0 * is_energy(column) + 2.0 * may_be_energy(column) + 2.0 * unit + 3.0 * covers + 1.0 * first
    return score + 0.5 * is_readback(column) - 0.01 * index


def covers_edge(column: Column) -> bool:
    """Whether a column runs over the silicon K-edge, in eV or keV, as energies of a spectrum do."""
    values = column.values[np.isfinite(column.values)]
    if values.size < 2:
        return False
    low, high = float(values.min()), float(values.max())
    in_keV = 1.5 < low < SI_K_EDGE_EV / 1e3 < high < 4.5
    return in_keV or low < SI_K_EDGE_EV < high < 10 * SI_K_EDGE_EV


def energy_pairs(table: Table) -> list[tuple[int, int]]:
    """Energy and intensity columns of a table that repeats them: E, mu, E, mu; empty for any other."""
    count = len(table.columns)
    if count < 4 or count % 2:
        return []
    test = may_be_energy if table.named else covers_edge
    energies = [test(column) and in_order(column.values) for column in table.columns]
    alternate = all(energies[::2]) and not any(energies[1::2])
    return [(index, index + 1) for index in range(0, count, 2)] if alternate else []


def energies_eV(table: Table, energy: int) -> np.ndarray:
    """The energies (n,) of a column, in eV."""
    column = table.columns[energy]
    return in_eV(column.values, column.unit)


def listing(table: Table) -> str:
    """The columns with their ranges, for a message."""
    words = [f"{table.label(i)}{_unit(c)} {_range(c.values)}" for i, c in enumerate(table.columns)]
    more = f", and {len(words) - _LISTED} more" if len(words) > _LISTED else ""
    return "columns: " + ", ".join(words[:_LISTED]) + more


def _unit(column: Column) -> str:
    return f" ({column.unit})" if column.unit and column.unit != column.name else ""


def _range(values: np.ndarray) -> str:
    finite = values[np.isfinite(values)]
    return f"{finite.min():.6g} to {finite.max():.6g}" if finite.size else "nothing"
