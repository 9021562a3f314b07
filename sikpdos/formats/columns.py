"""A table of measured columns with names and units: what every text file and HDF5 group is first turned into."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

LONGEST_NAME = 200  # characters of a column's name that are looked at
_UNIT = re.compile(r"[(\[]([^()\[\]]{1,20})[)\]]$|[\s_/](k?ev|mev|deg|degrees?|counts?|cps|sec|s|ms|na|pa|ma|v)$", re.I)
_UNITS = re.compile(
    r"(k|m)?ev|°|deg(rees?)?\.?|(m|µ)?rad|m?s|sec(onds)?\.?|[kmnpµu]?a(mps?)?|[mµ]?v|counts?(/s(ec)?)?|cts|cps|"
    r"k?hz|pixels?|channels?|arb\.?( units?)?|a\.?\s?u\.?|%|-|1",
    re.I,
)


@dataclass(frozen=True)
class ColumnChoice:
    """What the user asked for instead of the automatic choice."""

    column: str | None = None  # NAME, or NAME/I0: names or numbers (from 1) of columns
    scan: str | None = None  # number or title of a scan


@dataclass(frozen=True)
class Column:
    """One column of a table."""

    name: str  # "" where the file gives none
    unit: str | None  # as written, None: not said
    values: np.ndarray  # (n,)


@dataclass(frozen=True)
class Table:
    """One scan of a file: columns of equal length."""

    columns: tuple[Column, ...]
    source_format: str
    scan: str = ""  # its number in the file; "" where the file holds but one
    title: str = ""
    kind: str = "unknown"  # eels or xas where the format says so
    warnings: tuple[str, ...] = ()
    signal: str | None = None  # the column that the file itself calls the signal
    titled: bool = False  # its title names its spectrum
    every_column_is_a_spectrum: bool = False  # a matrix: its first column is the energy

    @property
    def named(self) -> bool:
        return any(column.name for column in self.columns)

    def label(self, index: int) -> str:
        """How messages call a column: its name, else its number."""
        return self.columns[index].name or f"column {index + 1}"


def make_columns(names: Sequence[str] | None, values: np.ndarray) -> tuple[Column, ...]:
    """Columns of a table (n, columns) from their headings, which may carry units."""
    if names is None:
        return tuple(Column("", None, column) for column in values.T)
    return tuple(Column(*split_unit(name), column) for name, column in zip(names, values.T, strict=True))


def split_unit(heading: str) -> tuple[str, str | None]:
    """Name and unit of a heading: "Energy (eV)", "energy_eV" and "Energy eV || PV:name" are energy in eV.

    What stands in parentheses stays with the name unless it is a unit: "d1(TEY)".
    """
    heading = clean(heading.partition("||")[0])
    match = _UNIT.search(heading)
    if match:
        name, unit = heading[: match.start()].strip(" _/"), (match[1] or match[2] or "").strip()
        if name and _UNITS.fullmatch(unit):
            return name, unit
    return heading, heading if re.fullmatch("k?ev", heading, re.I) else None


def clean(name: str) -> str:
    """A name without quotes, controls and surplus blanks; full-width letters as ordinary ones."""
    plain = unicodedata.normalize("NFKC", name[:LONGEST_NAME]).replace("μ", "µ")
    return " ".join("".join(c if c.isprintable() else " " for c in plain).split()).strip(" \"'")


def unique(names: Iterable[str]) -> list[str]:
    """The names, with a number behind those that another has already."""
    taken: dict[str, int] = {}
    result = []
    for name in names:
        taken[name] = taken.get(name, 0) + 1
        candidate = name if taken[name] == 1 else f"{name} ({taken[name]})"
        while candidate in taken and taken[name] > 1:
            taken[name] += 1
            candidate = f"{name} ({taken[name]})"
        taken.setdefault(candidate, 1)
        result.append(candidate)
    return result
