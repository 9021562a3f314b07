"""Which columns of a table are spectra: those that the user names, else by name, unit and values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from sikpdos.common.errors import SikpdosError
from sikpdos.formats.chosen import Chosen, kind_of, matrix, one_spectrum, xas_or_loss
from sikpdos.formats.columns import ColumnChoice, Table, unique
from sikpdos.formats.detectors import best_yield, columns_with, ratio, roles_of, transmission
from sikpdos.formats.edge_step import has_step
from sikpdos.formats.energy_column import energies_eV, energy_column, energy_pairs, listing
from sikpdos.formats.roles import SPECTRA, YIELDS, Role, is_energy, role_of


def choose(table: Table, choice: ColumnChoice = ColumnChoice()) -> list[Chosen]:
    """The spectra of a table, one entry an energy axis.

    Raises SikpdosError that lists the columns where they cannot be told apart, or the user's are not there.
    """
    if len(table.columns) < 2:
        raise SikpdosError("only one column of numbers; energy and intensity are needed")
    if table.every_column_is_a_spectrum and choice.column is None:
        return [matrix(table, 0, range(1, len(table.columns)))]
    pairs = energy_pairs(table)
    if choice.column is not None:
        return [_asked(table, pairs, choice.column)]
    if pairs:
        return [_pair(table, *pair) for pair in pairs]
    energy = energy_column(table)
    return [_spectra(table, energy)]


def _pair(table: Table, energy: int, intensity: int) -> Chosen:
    headings = [table.columns[i].name for i in range(1, len(table.columns), 2)]
    names = unique(headings) if all(headings) else [f"columns {i} and {i + 1}" for i in range(1, len(table.columns), 2)]
    column = table.columns[intensity]
    return Chosen(
        energy=energy,
        names=(names[intensity // 2],),
        intensity=column.values[None],
        kind=kind_of(table, energy, role_of(column)),
        used=((energy, "energy"), (intensity, "spectrum")),
    )


def _spectra(table: Table, energy: int) -> Chosen:
    """The intensity, or all samples' spectra, that belong to an energy column."""
    roles = roles_of(table, energy)
    others = [index for index in range(len(table.columns)) if index != energy and _not_energy(table, index)]
    if len(others) == 1 and roles[others[0]] in (*SPECTRA, *YIELDS):
        return one_spectrum(table, energy, others[0], roles)
    if not table.named:
        raise SikpdosError(f"{len(table.columns)} columns without names ({listing(table)}): name one by --column")
    found = (
        _signal(table, energy, roles)
        or _absorption(table, energy, roles)
        or best_yield(table, energy, roles)
        or transmission(table, energy, roles)
        or _samples(table, energy, others, roles)
        or _intensity(table, energy, roles)
    )
    if found is None:
        raise SikpdosError(
            f"no intensity can be told from the columns ({listing(table)}): name one by --column NAME[/I0]"
        )
    return found


def _not_energy(table: Table, index: int) -> bool:
    return not is_energy(table.columns[index])


def _signal(table: Table, energy: int, roles: list[Role]) -> Chosen | None:
    """The column that the file itself calls its signal, unless it is a detector that needs more."""
    index = next((i for i, column in enumerate(table.columns) if table.signal and column.name == table.signal), None)
    if index is None or roles[index] not in SPECTRA:
        return None
    return one_spectrum(table, energy, index, roles)


def _absorption(table: Table, energy: int, roles: list[Role]) -> Chosen | None:
    """The column of absorption; several of them are samples unless they are one sample's versions (mu, norm, flat)."""
    given = [i for i in columns_with(roles, Role.ABSORPTION) if np.ptp(table.columns[i].values)]
    if not given:
        return None
    order = ("mu", "xmu", "mutrans", "mufluor", "norm", "flat")
    best = min(
        given, key=lambda i: next((k for k, n in enumerate(order) if table.columns[i].name.lower().startswith(n)), 9)
    )
    chosen = one_spectrum(table, energy, best, roles)
    rest = ", ".join(table.label(i) for i in given if i != best)
    return replace(
        chosen, kind=xas_or_loss(table, energy), warnings=(f"{table.label(best)} taken, {rest} not",) if rest else ()
    )


def _samples(table: Table, energy: int, others: Sequence[int], roles: list[Role]) -> Chosen | None:
    """All columns as spectra by their names, where none is a detector and every one shows the edge."""
    left = [i for i in others if roles[i] is not Role.DERIVED]
    unknown = [i for i in left if roles[i] is Role.UNKNOWN]
    if not unknown or len(left) != len(unknown):
        return None
    energy_eV = energies_eV(table, energy)
    if any(has_step(energy_eV, table.columns[i].values) is False for i in left):
        return None
    return matrix(table, energy, left)


def _intensity(table: Table, energy: int, roles: list[Role]) -> Chosen | None:
    """The only column that is called intensity, counts or the like, where no I0 says that more is to be done."""
    given = columns_with(roles, Role.INTENSITY)
    if len(given) != 1 or Role.INCIDENT in roles:
        return None
    return one_spectrum(table, energy, given[0], roles)


def _asked(table: Table, pairs: list[tuple[int, int]], asked: str) -> Chosen:
    """The user's NAME or NAME/I0."""
    index, incident = _find(table, asked), None
    if index is None and "/" in asked:
        name, _, divisor = asked.rpartition("/")
        index, incident = _find(table, name), _find(table, divisor)
        index = None if incident is None else index
    if index is None:
        raise SikpdosError(f"no column '{asked}' ({listing(table)})")
    energy = {i: e for e, i in pairs}.get(index)
    energy = energy_column(table) if energy is None else energy
    values, role = table.columns[index].values, role_of(table.columns[index])
    used = ((energy, "energy"), (index, "intensity"))
    if incident is None:
        return Chosen(energy, ("",), values[None], kind_of(table, energy, role), (), used)
    divided = ratio(values, table.columns[incident].values)
    return Chosen(energy, ("",), divided[None], xas_or_loss(table, energy), (), (*used, (incident, "I0")))


def _find(table: Table, asked: str) -> int | None:
    """A column by its name, whatever the case, or by its number from 1."""
    names = [column.name.casefold() for column in table.columns]
    wanted = " ".join(asked.split()).casefold()
    if wanted and wanted in names:
        return names.index(wanted)
    return int(wanted) - 1 if wanted.isdecimal() and 1 <= int(wanted) <= len(names) else None
