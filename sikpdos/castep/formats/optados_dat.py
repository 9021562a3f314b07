"""OptaDOS densities of states: `.pdos*.dat` and `.{adaptive,fixed,linear}.dat`.

What a column holds is read from the file's header, never from its position.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from sikpdos.castep.formats.fortran_text import parse_rows
from sikpdos.common.errors import SikpdosError

_COLUMN = re.compile(r"#\|\s+(?:Column|Projector):\s*(\d+|\*+)\s+contains:")
_PROJECTOR = re.compile(r"#\|\s+(\S+?)\s*(\d+|\*+)\s+([spdf])\s+(?:(Up|Down)\s+)?\|\s*$")


@dataclass(frozen=True)
class Projector:
    """One atom's angular momentum channel."""

    species: str  # Si, or with a label Si:ex
    atom: int  # from 1, among the atoms of its species
    channel: str  # s, p, d or f


@dataclass(frozen=True)
class PdosColumn:
    """What one column sums up, both spins added."""

    projectors: tuple[Projector, ...]
    density: np.ndarray  # (n_energies,) electrons/eV per cell (per A^3 with dos_per_volume)


@dataclass(frozen=True)
class Pdos:
    """Projected densities of states of one run."""

    energy_eV: np.ndarray  # (n_energies,) as in the file: absolute or from the Fermi level
    columns: tuple[PdosColumn, ...]
    spin_polarised: bool


@dataclass(frozen=True)
class Dos:
    """Total density of states, both spins added."""

    energy_eV: np.ndarray  # (n_energies,)
    density: np.ndarray  # (n_energies,) electrons/eV
    integrated: np.ndarray  # (n_energies,) electrons


def parse_dos(text: bytes) -> Dos:
    """Read a total density of states: E, DOS, integral; with spin E, up, -down, up integral, -down integral."""
    start, line = _data_start(text)
    body = text[start:]
    n_columns = len(body.split(b"\n", 1)[0].split())
    if n_columns not in (3, 5):
        raise SikpdosError(f"line {line}: {n_columns} columns; a density of states has 3, or 5 with spin")
    rows = parse_rows(body, n_columns, line)
    if n_columns == 3:
        return Dos(rows[:, 0], rows[:, 1], rows[:, 2])
    return Dos(rows[:, 0], rows[:, 1] + _positive(rows[:, 2]), rows[:, 3] + _positive(rows[:, 4]))


def parse_pdos(text: bytes) -> Pdos:
    """Read one `.pdos*.dat` file.

    Down columns are written negated, in some releases with a sign that alternates from file to file:
    they are added with the sign that makes their integral positive. Raises SikpdosError for a header
    without columns (a stub left by an aborted run), no data, and numbers that don't fit the header.
    """
    headers = _headers(text)
    start, line = _data_start(text)
    rows = parse_rows(text[start:], 1 + len(headers), line)
    if not len(rows):
        raise SikpdosError(f"line {line}: no data after the header")
    spins = {spin for _, spin in headers}
    if spins == {""}:
        columns = (PdosColumn(projectors, rows[:, i]) for i, (projectors, _) in enumerate(headers, 1))
        return Pdos(rows[:, 0], tuple(columns), False)
    if spins != {"Up", "Down"}:
        raise SikpdosError(f"the header has {' and '.join(sorted(s or 'no' for s in spins))} spin columns only")
    return Pdos(rows[:, 0], _add_spins(headers, rows), True)


def merge(parts: list[Pdos], names: list[str]) -> Pdos:
    """The files of one run as one. Raises SikpdosError where their energies or spin differ."""
    first = parts[0]
    for part, name in zip(parts, names, strict=True):
        if part.spin_polarised != first.spin_polarised:
            raise SikpdosError(f"mixed spin settings: {names[0]} differs", name)
        if len(part.energy_eV) != len(first.energy_eV) or np.abs(part.energy_eV - first.energy_eV).max() > 1e-6:
            raise SikpdosError(f"its energies differ from those of {names[0]}", name)
    return Pdos(first.energy_eV, tuple(c for part in parts for c in part.columns), first.spin_polarised)


def _headers(text: bytes) -> list[tuple[tuple[Projector, ...], str]]:
    """Projectors and spin of every numeric column after the energy."""
    columns: list[list[tuple[Projector, str]]] = []
    for number, line in enumerate(text[: _data_start(text)[0]].decode("latin-1").splitlines(), 1):
        if _COLUMN.match(line):
            columns.append([])
        elif found := _PROJECTOR.match(line):
            if not columns or "*" in found[2]:
                raise SikpdosError(f"line {number}: unreadable header row '{line.strip('#| ')}'")
            columns[-1].append((Projector(found[1], int(found[2]), found[3]), found[4] or ""))
    if not columns:
        raise SikpdosError("no projector in the header: a stub that an aborted run leaves, or no PDOS file")
    headers = []
    for number, rows in enumerate(columns, 1):
        spins = {spin for _, spin in rows}
        if len(spins) != 1:
            raise SikpdosError(f"column {number} of the header has {'no atom' if not rows else 'mixed spins'}")
        headers.append((tuple(projector for projector, _ in rows), spins.pop()))
    return headers


def _add_spins(headers: list, rows: np.ndarray) -> tuple[PdosColumn, ...]:
    up = [(projectors, rows[:, i]) for i, (projectors, spin) in enumerate(headers, 1) if spin == "Up"]
    down = {projectors: rows[:, i] for i, (projectors, spin) in enumerate(headers, 1) if spin == "Down"}
    if [p for p, _ in up] != list(down):
        raise SikpdosError("its Up and Down columns are not of the same projectors")
    return tuple(PdosColumn(projectors, density + _positive(down[projectors])) for projectors, density in up)


def _positive(density: np.ndarray) -> np.ndarray:
    return -density if density.sum() < 0 else density


def _data_start(text: bytes) -> tuple[int, int]:
    """Offset and number of the first line that is no comment."""
    offset = 0
    for number, line in enumerate(text.splitlines(keepends=True), 1):
        if line.strip() and not line.lstrip().startswith(b"#"):
            return offset, number
        offset += len(line)
    return len(text), text.count(b"\n") + 1
