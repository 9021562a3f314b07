"""What a file holds and what would be taken of it: the table that `--list` prints."""

from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np

from sikpdos.common import files
from sikpdos.common.errors import SikpdosError
from sikpdos.formats.choose import choose
from sikpdos.formats.columns import ColumnChoice, Table
from sikpdos.formats.read import read_content
from sikpdos.formats.spectrum_set import SpectrumSet
from sikpdos.formats.table_spectra import scans

COLUMNS = ("file", "format", "scan", "title", "column", "name", "unit", "lowest", "highest", "taken_as")
Row = dict[str, str | float | int | None]


def list_content(
    path: str | os.PathLike, choice: ColumnChoice = ColumnChoice(), data: bytes | None = None
) -> tuple[list[Row], list[str]]:
    """A row for each column of each scan (of each set of spectra where there are no columns), and words on doubts.

    Raises SikpdosError naming the file where it cannot be read.
    """
    name = files.display_name(path)
    content = read_content(path, data)
    rows: list[Row] = []
    doubts = [f"{label}: {cause}" for label, cause in content.left_out.items()]
    tables = scans(content.tables, choice, name) if content.tables else ()
    for table in tables:
        used, words = _used(table, choice)
        doubts += [f"{_label(table)}{word}" for word in words]
        rows += _table_rows(name, table, used)
    for index, spectra in enumerate(content.spectra, 1):
        rows += _set_rows(name, str(index if len(content.spectra) > 1 else ""), spectra)
    return rows, doubts


def _label(table: Table) -> str:
    return f"{table.title if table.titled else f'scan {table.scan}'}: " if table.scan else ""


def _used(table: Table, choice: ColumnChoice) -> tuple[dict[int, str], list[str]]:
    """What each column would be taken as, and what was said about it."""
    try:
        chosen = choose(table, choice)
    except SikpdosError as error:
        return {}, [error.args[0]]
    return {index: role for part in chosen for index, role in part.used}, [w for part in chosen for w in part.warnings]


def _table_rows(name: str, table: Table, used: dict[int, str]) -> Iterator[Row]:
    for index, column in enumerate(table.columns):
        finite = column.values[np.isfinite(column.values)]
        yield {
            "file": name,
            "format": table.source_format,
            "scan": table.scan,
            "title": table.title,
            "column": index + 1,
            "name": column.name,
            "unit": column.unit or "",
            "lowest": float(finite.min()) if finite.size else None,
            "highest": float(finite.max()) if finite.size else None,
            "taken_as": used.get(index, ""),
        }


def _set_rows(name: str, scan: str, spectra: SpectrumSet) -> Iterator[Row]:
    """The energy axis, and how many spectra are on it."""
    what = {"file": name, "format": spectra.source_format, "scan": scan, "title": spectra.title}
    energies = {"lowest": float(spectra.energy_eV[0]), "highest": float(spectra.energy_eV[-1])}
    yield {**what, "column": 1, "name": "energy", "unit": "eV", **energies, "taken_as": "energy"}
    count = f"{len(spectra)} spectra" if len(spectra) > 1 else "intensity"
    yield {**what, "column": 2, "name": count, "unit": "", "lowest": None, "highest": None, "taken_as": "spectrum"}
