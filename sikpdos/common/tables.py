"""CSV tables: a header row, units in the names of the columns."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Mapping, Sequence

import numpy as np

from sikpdos.common.errors import SikpdosError
from sikpdos.common.files import output, read_bytes


def write_csv(path: str | os.PathLike, columns: Mapping[str, Sequence] | Mapping[str, np.ndarray]) -> None:
    """Write columns of equal length as CSV: header row, Unix newlines, floats with 7 significant digits.

    Raises SikpdosError for NaN or infinity.
    """
    cells = []
    for name, values in columns.items():
        array = np.asarray(values)
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise SikpdosError(f"not written: column '{name}' holds NaN or infinity", path)
        cells.append([f"{x:.7g}" for x in array.tolist()] if array.dtype.kind == "f" else array.tolist())
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*cells, strict=True))
    with output(path) as stream:
        stream.write(text.getvalue().encode(errors="surrogateescape"))  # names of files are bytes


def read_csv(path: str | os.PathLike, required: Sequence[str] = (), data: bytes | None = None) -> dict[str, list[str]]:
    """Columns of a CSV file with a header row, as text. Raises SikpdosError if a required one is missing."""
    try:
        text = (read_bytes(path) if data is None else data).decode("utf-8-sig")
        rows = [row for row in csv.reader(io.StringIO(text)) if row]
    except UnicodeDecodeError as error:
        raise SikpdosError("not a CSV file (not UTF-8 text)", path) from error
    except csv.Error as error:
        raise SikpdosError(f"not a CSV file ({error})", path) from error
    if not rows:
        raise SikpdosError("empty file", path)
    header, body = [cell.strip() for cell in rows[0]], rows[1:]
    missing = [key for key in required if key not in header]
    if missing:
        raise SikpdosError(f"no column '{missing[0]}' in the header", path)
    for number, row in enumerate(body, 2):
        if len(row) != len(header):
            raise SikpdosError(f"row {number} has {len(row)} cells, the header {len(header)}", path)
    return {key: [row[i] for row in body] for i, key in enumerate(header)}


def numbers(columns: Mapping[str, list[str]], key: str, path: str | os.PathLike) -> np.ndarray:
    """A CSV column as finite floats. Raises SikpdosError where it is missing or holds anything else."""
    if key not in columns:
        raise SikpdosError(f"no column '{key}' in the header", path)
    try:
        values = np.array(columns[key], float)
    except ValueError as error:
        raise SikpdosError(f"column '{key}': {error}", path) from error
    if not np.isfinite(values).all():
        raise SikpdosError(f"column '{key}' holds NaN or infinity", path)
    return values


def concatenate(tables: Sequence[Mapping[str, Sequence]]) -> dict[str, np.ndarray]:
    """Tables of the same columns, one below the other."""
    return {key: np.concatenate([np.asarray(table[key]) for table in tables]) for key in tables[0]}
