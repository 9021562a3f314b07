"""Spectra picked from a table's columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sikpdos.common.errors import SikpdosError
from sikpdos.formats.columns import Table
from sikpdos.formats.roles import YIELDS, Role, is_loss


@dataclass(frozen=True)
class Chosen:
    """Spectra on one energy axis picked from a table."""

    energy: int  # column
    names: tuple[str, ...]  # (m,) "" for the only spectrum of a table
    intensity: np.ndarray  # (m, n)
    kind: str
    warnings: tuple[str, ...] = ()
    used: tuple[tuple[int, str], ...] = ()  # column -> what it is taken as


def one_spectrum(table: Table, energy: int, index: int, roles: list[Role]) -> Chosen:
    """A single column, as it is."""
    role = roles[index]
    warnings = (undivided(table, index),) if role in YIELDS else ()
    used = ((energy, "energy"), (index, "intensity"))
    return Chosen(energy, ("",), table.columns[index].values[None], kind_of(table, energy, role), warnings, used)


def matrix(table: Table, energy: int, columns: Sequence[int]) -> Chosen:
    """Several columns, each a spectrum of its name. Raises SikpdosError for a name that stands twice."""
    names = [table.label(i) for i in columns]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise SikpdosError(f"column '{repeated[0]}' appears twice")
    intensity = np.stack([table.columns[i].values for i in columns])
    used = ((energy, "energy"), *((i, "spectrum") for i in columns))
    kind = kind_of(table, energy, Role.UNKNOWN)
    return Chosen(energy, tuple(names) if len(names) > 1 else ("",), intensity, kind, (), used)


def kind_of(table: Table, energy: int, role: Role) -> str:
    """eels or xas as the file, the energy or a column's role tells; else unknown."""
    if table.kind != "unknown":
        return table.kind
    if is_loss(table.columns[energy]):
        return "eels"
    return "xas" if role is Role.ABSORPTION or role in YIELDS or role is Role.TRANSMITTED else "unknown"


def xas_or_loss(table: Table, energy: int) -> str:
    """The kind of what is xas unless the file says eels."""
    return "eels" if table.kind == "eels" or is_loss(table.columns[energy]) else "xas"


def undivided(table: Table, index: int) -> str:
    """The warning of a detector's signal without an I0."""
    return f"{table.label(index)} taken as it is: no incident intensity (I0) to divide it by"
