"""Which columns of a table are the energy and the intensity: by name, unit and what energies there can be."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from sikpdos.common.constants import SI_K_EDGE_EV
from sikpdos.common.errors import SikpdosError
from sikpdos.formats.columns import Column, ColumnChoice, Table, unique
from sikpdos.formats.edge_step import has_step
from sikpdos.formats.energies import EV_PER_UNIT, in_eV, in_order
from sikpdos.formats.roles import SPECTRA, YIELDS, Role, is_energy, is_loss, is_readback, may_be_energy, role_of

_ORDINARY_LEVEL = 1e-4  # of I0: a transmission chamber that shows less is dark
_LISTED = 12  # columns that a message lists


@dataclass(frozen=True)
class Chosen:
    """Spectra on one energy axis picked from a table."""

    energy: int  # column
    names: tuple[str, ...]  # (m,) "" for the only spectrum of a table
    intensity: np.ndarray  # (m, n)
    kind: str
    warnings: tuple[str, ...] = ()
    used: tuple[tuple[int, str], ...] = ()  # column -> what it is taken as


def choose(table: Table, choice: ColumnChoice = ColumnChoice()) -> list[Chosen]:
    """The spectra of a table, one entry an energy axis.

    Raises SikpdosError that lists the columns where they cannot be told apart, or the user's are not there.
    """
    if len(table.columns) < 2:
        raise SikpdosError("only one column of numbers; energy and intensity are needed")
    if table.every_column_is_a_spectrum and choice.column is None:
        return [_matrix(table, 0, range(1, len(table.columns)))]
    pairs = _pairs(table)
    if choice.column is not None:
        return [_asked(table, pairs, choice.column)]
    if pairs:
        return [_pair(table, *pair) for pair in pairs]
    energy = energy_column(table)
    return [_spectra(table, energy)]


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


def _pairs(table: Table) -> list[tuple[int, int]]:
    """Energy and intensity columns of a table that repeats them: E, mu, E, mu; empty for any other."""
    count = len(table.columns)
    if count < 4 or count % 2:
        return []
    test = may_be_energy if table.named else covers_edge
    energies = [test(column) and in_order(column.values) for column in table.columns]
    alternate = all(energies[::2]) and not any(energies[1::2])
    return [(index, index + 1) for index in range(0, count, 2)] if alternate else []


def _pair(table: Table, energy: int, intensity: int) -> Chosen:
    headings = [table.columns[i].name for i in range(1, len(table.columns), 2)]
    names = unique(headings) if all(headings) else [f"columns {i} and {i + 1}" for i in range(1, len(table.columns), 2)]
    column = table.columns[intensity]
    return Chosen(
        energy=energy,
        names=(names[intensity // 2],),
        intensity=column.values[None],
        kind=_kind(table, energy, role_of(column)),
        used=((energy, "energy"), (intensity, "spectrum")),
    )


def _spectra(table: Table, energy: int) -> Chosen:
    """The intensity, or all samples' spectra, that belong to an energy column."""
    roles = _roles(table, energy)
    others = [index for index in range(len(table.columns)) if index != energy and _not_energy(table, index)]
    if len(others) == 1 and roles[others[0]] in (*SPECTRA, *YIELDS):
        return _one(table, energy, others[0], roles)
    if not table.named:
        raise SikpdosError(f"{len(table.columns)} columns without names ({listing(table)}): name one by --column")
    found = (
        _signal(table, energy, roles)
        or _absorption(table, energy, roles)
        or _yield(table, energy, roles)
        or _transmission(table, energy, roles)
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


def _roles(table: Table, energy: int) -> list[Role]:
    """Roles by name; of numbered chambers without an I0 the first is it (ESRF's Ioni1, SSRL's IC1)."""
    roles = [Role.ENERGY if i == energy else role_of(column) for i, column in enumerate(table.columns)]
    if Role.INCIDENT in roles:
        return roles
    chambers = {
        i: int(m[1]) for i, c in enumerate(table.columns) if (m := re.match(r"(?:ioni?|ic)[\s_]?(\d)\b", c.name, re.I))
    }
    for index, role in zip(
        sorted(chambers, key=chambers.get), (Role.INCIDENT, Role.TRANSMITTED, Role.REFERENCE), strict=False
    ):
        roles[index] = role
    return roles


def _one(table: Table, energy: int, index: int, roles: list[Role]) -> Chosen:
    role = roles[index]
    warnings = (_undivided(table, index),) if role in YIELDS else ()
    used = ((energy, "energy"), (index, "intensity"))
    return Chosen(energy, ("",), table.columns[index].values[None], _kind(table, energy, role), warnings, used)


def _undivided(table: Table, index: int) -> str:
    return f"{table.label(index)} taken as it is: no incident intensity (I0) to divide it by"


def _kind(table: Table, energy: int, role: Role) -> str:
    if table.kind != "unknown":
        return table.kind
    if is_loss(table.columns[energy]):
        return "eels"
    return "xas" if role is Role.ABSORPTION or role in YIELDS or role is Role.TRANSMITTED else "unknown"


def _signal(table: Table, energy: int, roles: list[Role]) -> Chosen | None:
    """The column that the file itself calls its signal, unless it is a detector that needs more."""
    index = next((i for i, column in enumerate(table.columns) if table.signal and column.name == table.signal), None)
    if index is None or roles[index] not in SPECTRA:
        return None
    return _one(table, energy, index, roles)


def _absorption(table: Table, energy: int, roles: list[Role]) -> Chosen | None:
    """The column of absorption; several of them are samples unless they are one sample's versions (mu, norm, flat)."""
    given = [i for i in _with(roles, Role.ABSORPTION) if np.ptp(table.columns[i].values)]
    if not given:
        return None
    order = ("mu", "xmu", "mutrans", "mufluor", "norm", "flat")
    best = min(
        given, key=lambda i: next((k for k, n in enumerate(order) if table.columns[i].name.lower().startswith(n)), 9)
    )
    chosen = _one(table, energy, best, roles)
    rest = ", ".join(table.label(i) for i in given if i != best)
    return replace(
        chosen, kind=_xas(table, energy), warnings=(f"{table.label(best)} taken, {rest} not",) if rest else ()
    )


def _xas(table: Table, energy: int) -> str:
    return "eels" if table.kind == "eels" or is_loss(table.columns[energy]) else "xas"


def _yield(table: Table, energy: int, roles: list[Role]) -> Chosen | None:
    """The first yield that sees the edge, over I0: electrons (they are not self-absorbed), fluorescence, its total."""
    alive = [
        (role, group) for role in YIELDS for group in _groups(table, _with(roles, role)) if _alive(table, energy, group)
    ]
    if not alive:
        return None
    group = alive[0][1]
    incident = _incident(table, roles)
    summed = np.sum([table.columns[i].values for i in group], axis=0)
    label = " + ".join(table.label(i) for i in group)
    label = f"({label})" if incident is not None and len(group) > 1 else label
    others = ", ".join(table.label(i) for _, g in alive[1:] for i in g)
    used = [(energy, "energy"), *((i, "intensity") for i in group)]
    if incident is None:
        words = _undivided(table, group[0]) if len(group) == 1 else f"{label} taken as it is: no I0 to divide it by"
    else:
        used.append((incident, "I0"))
        words = f"{label} / {table.label(incident)} taken" + (f" (not {others})" if others else "")
        summed = _ratio(summed, table.columns[incident].values)
    return Chosen(energy, ("",), summed[None], _xas(table, energy), (words,), tuple(used))


def _groups(table: Table, indices: list[int]) -> list[list[int]]:
    """Columns gathered where their names differ by a number only: the elements of one detector."""
    stems: dict[str, list[int]] = {}
    for index in indices:
        stems.setdefault(re.sub(r"[\d_\s]+$", "", table.columns[index].name.lower()), []).append(index)
    return list(stems.values())


def _transmission(table: Table, energy: int, roles: list[Role]) -> Chosen | None:
    """ln(I0 / It), where the chamber behind the sample sees light."""
    incident, behind = _incident(table, roles), _with(roles, Role.TRANSMITTED)
    if incident is None or not behind:
        return None
    before, after = table.columns[incident].values, table.columns[behind[0]].values
    if not (np.isfinite(after) & (after > 0) & (before > 0)).all() or np.ptp(after) == 0:
        return None
    absorption = np.log(before / after)
    if np.median(after / before) < _ORDINARY_LEVEL or has_step(_energies(table, energy), absorption) is False:
        return None
    words = f"absorption computed as ln({table.label(incident)} / {table.label(behind[0])})"
    used = ((energy, "energy"), (incident, "I0"), (behind[0], "It"))
    return Chosen(energy, ("",), absorption[None], _xas(table, energy), (words,), used)


def _samples(table: Table, energy: int, others: Sequence[int], roles: list[Role]) -> Chosen | None:
    """All columns as spectra by their names, where none is a detector and every one shows the edge."""
    left = [i for i in others if roles[i] is not Role.DERIVED]
    unknown = [i for i in left if roles[i] is Role.UNKNOWN]
    if not unknown or len(left) != len(unknown):
        return None
    energy_eV = _energies(table, energy)
    if any(has_step(energy_eV, table.columns[i].values) is False for i in left):
        return None
    return _matrix(table, energy, left)


def _matrix(table: Table, energy: int, columns: Sequence[int]) -> Chosen:
    names = [table.label(i) for i in columns]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise SikpdosError(f"column '{repeated[0]}' appears twice")
    intensity = np.stack([table.columns[i].values for i in columns])
    used = ((energy, "energy"), *((i, "spectrum") for i in columns))
    kind = _kind(table, energy, Role.UNKNOWN)
    return Chosen(energy, tuple(names) if len(names) > 1 else ("",), intensity, kind, (), used)


def _intensity(table: Table, energy: int, roles: list[Role]) -> Chosen | None:
    """The only column that is called intensity, counts or the like, where no I0 says that more is to be done."""
    given = _with(roles, Role.INTENSITY)
    if len(given) != 1 or Role.INCIDENT in roles:
        return None
    return _one(table, energy, given[0], roles)


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
    values, role, used = (
        table.columns[index].values,
        role_of(table.columns[index]),
        [(energy, "energy"), (index, "intensity")],
    )
    if incident is None:
        return Chosen(energy, ("",), values[None], _kind(table, energy, role), (), tuple(used))
    ratio = _ratio(values, table.columns[incident].values)
    return Chosen(energy, ("",), ratio[None], _xas(table, energy), (), (*used, (incident, "I0")))


def _find(table: Table, asked: str) -> int | None:
    """A column by its name, whatever the case, or by its number from 1."""
    names = [column.name.casefold() for column in table.columns]
    wanted = " ".join(asked.split()).casefold()
    if wanted and wanted in names:
        return names.index(wanted)
    return int(wanted) - 1 if wanted.isdecimal() and 1 <= int(wanted) <= len(names) else None


def _with(roles: list[Role], role: Role) -> list[int]:
    return [index for index, other in enumerate(roles) if other is role]


def _incident(table: Table, roles: list[Role]) -> int | None:
    """The first I0 that sees light."""
    return next((i for i in _with(roles, Role.INCIDENT) if (table.columns[i].values != 0).all()), None)


def _alive(table: Table, energy: int, group: list[int]) -> bool:
    """Whether a detector measured anything: not constant and, where the range tells, with a step at the edge."""
    values = np.sum([table.columns[i].values for i in group], axis=0)
    if not np.isfinite(values).any() or np.nanmax(values) == np.nanmin(values):
        return False
    return has_step(_energies(table, energy), values) is not False


def _energies(table: Table, energy: int) -> np.ndarray:
    column = table.columns[energy]
    return in_eV(column.values, column.unit)


def _ratio(values: np.ndarray, incident: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):  # a dead point gives NaN or infinity, which the reader reports with its channel
        return values / incident


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
