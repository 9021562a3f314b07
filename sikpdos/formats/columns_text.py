"""Columns of numbers in plain text: CSV, XSpectra and FEFF output, beamline .dat, and CSV matrices of spectra."""

from __future__ import annotations

import csv
import re

import numpy as np

from sikpdos.common.errors import SikpdosError
from sikpdos.formats.columns import choose, unit_of
from sikpdos.formats.spectrum_set import SpectrumSet, energy_axis, single
from sikpdos.formats.text_numbers import decode, is_data, parse_numbers

FORMAT = "text"
HEADER_LINES = 1000  # a text whose first thousand lines hold no numbers is not one of columns
MATRIX_HEADER = re.compile(rb"\"?energy_k?ev\b", re.I)


def read_text(text: bytes, name: str) -> SpectrumSet:
    """The spectrum, or the matrix of spectra, in a (normalised) text of columns.

    A header row that begins with energy_eV says that every other column is a spectrum with that name. Raises
    SikpdosError naming the file if there are no columns of numbers, for unequal or unreadable lines, and for what
    `spectrum_set.single` refuses.
    """
    header, start = split_header(text, name)
    table = parse_numbers(text[start:], name, 1 + len(header)).columns(name)
    names = column_names(header, table.shape[1])
    if table.shape[1] > 2 and header and MATRIX_HEADER.match(header[-1]):
        return _matrix(names, table, name)
    chosen = choose(names, table, name)
    return single(
        name,
        chosen.energy,
        chosen.intensity,
        unit=chosen.unit,
        kind=chosen.kind,
        source_format=FORMAT,
        warnings=chosen.warnings,
    )


def split_header(text: bytes, name: str) -> tuple[list[bytes], int]:
    """Header lines, and where the first line of numbers starts."""
    header: list[bytes] = []
    start = 0
    while start < len(text) and len(header) < HEADER_LINES:
        end = text.find(b"\n", start)
        end = len(text) if end < 0 else end
        if is_data(text[start:end]):
            return header, start
        header.append(text[start:end].strip())
        start = end + 1
    raise SikpdosError(f"{name}: no columns of numbers found")


def column_names(header: list[bytes], width: int) -> list[str] | None:
    """Names from the last header line that has as many as there are columns; None where no line has."""
    for line in reversed([line for line in header if line]):
        names = _split_names(decode(line).lstrip("#").strip().removesuffix("@#").strip(), width)
        if names:
            return names
        if not line.startswith(b"#"):
            return None
    return None


def _split_names(line: str, width: int) -> list[str] | None:
    splits = [next(csv.reader([line], delimiter=separator, skipinitialspace=True), []) for separator in ",;\t"]
    splits += [re.split(r"\s{2,}", line), re.split(r"\s+(?![(\[])", line)]  # the last keeps "Energy (eV)" together
    for names in splits:
        if len(names) == width + 1 and not names[-1]:  # a separator closes the line
            names.pop()
        if len(names) == width and not any(re.fullmatch(r"[-=_\s]*", name) for name in names):
            return [name.strip(" \"'") for name in names]
    return None


def _matrix(names: list[str] | None, table: np.ndarray, name: str) -> SpectrumSet:
    if names is None:
        raise SikpdosError(f"{name}: the header does not name each of the {table.shape[1]} columns")
    repeated = sorted({n for n in names if names.count(n) > 1})
    if repeated:
        raise SikpdosError(f"{name}: column '{repeated[0]}' appears twice")
    energy_eV, decreasing, warnings = energy_axis(table[:, 0], unit_of(names[0]), name)
    return SpectrumSet(
        names=tuple(names[1:]),
        energy_eV=energy_eV,
        intensity=table[:, 1:].T,
        kind="unknown",
        source_format="CSV matrix",
        warnings=warnings,
        decreasing=decreasing,
    )
