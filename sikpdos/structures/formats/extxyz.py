"""Extended XYZ: atoms of one or more periodic frames (github.com/libAtoms/extxyz; the format of ASE and libAtoms)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sikpdos.common.errors import SikpdosError
from sikpdos.structures import elements
from sikpdos.structures.formats.crystal import MOST_ATOMS, Crystal, check_count, from_cartesian
from sikpdos.structures.formats.numbers import number, three, whole

_BARE = re.compile(r"\S*")
_CLOSING = {'"': '"', "'": "'", "{": "}", "[": "]"}
_BRACKETS = str.maketrans(',[]{}"', "      ")
_TRUE = frozenset(("T", "True", "true", "TRUE", "1"))
_WIDTHS = re.compile(r"(\w+):([SRIL]):(\d{1,3})")
_DEFAULT_PROPERTIES = "species:S:1:pos:R:3"


def frames(text: str) -> Iterator[list[str]]:
    """The lines of each frame. Raises SikpdosError for a wrong atom count or a frame cut short."""
    lines = text.split("\n")
    while lines and not lines[-1].strip():
        lines.pop()
    start = 0
    while start < len(lines):
        if not lines[start].strip():
            start += 1
            continue
        try:
            n_atoms = whole(lines[start].strip(), 10**8)
        except SikpdosError:
            raise SikpdosError(f"line {start + 1}: expected a number of atoms") from None
        stop = start + 2 + n_atoms
        if n_atoms < 1 or stop > len(lines):
            left = max(0, len(lines) - start - 2)
            raise SikpdosError(f"line {start + 1}: {n_atoms} atoms announced, {left} lines left")
        yield lines[start:stop]
        start = stop


def crystal_of(lines: list[str]) -> Crystal:
    """The crystal of one frame. Raises SikpdosError where it is not periodic or a number is wrong."""
    check_count(min(len(lines) - 2, MOST_ATOMS + 1))
    header = dict(_pairs(lines[1]))
    if "lattice" not in header:
        raise SikpdosError("no Lattice in the comment line: not a crystal")
    periodic = header.get("pbc", "T").translate(_BRACKETS).split()
    if not set(periodic) <= _TRUE:
        raise SikpdosError(f"pbc={' '.join(periodic)[:40]}: not periodic in three dimensions")
    first, is_number = _columns(header.get("properties", _DEFAULT_PROPERTIES))
    rows = [line.split() for line in lines[2:]]
    for count, row in enumerate(rows, 1):
        if len(row) < max(first["species"] + 1, first["pos"] + 3):
            raise SikpdosError(f"atom {count} has {len(row)} columns only")
    symbols = [_element(row[first["species"]], is_number) for row in rows]
    return from_cartesian(_lattice(header["lattice"]), symbols, [three(row[first["pos"] :]) for row in rows])


def _pairs(line: str) -> Iterator[tuple[str, str]]:
    """Keys in lower case and their values, quotes and outer brackets left out."""
    position = 0
    while (equals := line.find("=", position)) >= 0:
        key = line[position:equals].split()[-1:]
        start = equals + 1
        while line[start : start + 1] in (" ", "\t"):
            start += 1
        opening = line[start : start + 1]
        if opening in _CLOSING:
            position = _end(line, start, opening)
            value = line[start + 1 : position]
        else:
            bare = _BARE.match(line, start)
            assert bare is not None  # it matches nothing, too
            position = bare.end()
            value = line[start:position]
        position += 1
        if key:
            yield key[0].strip('"').lower(), value


def _end(line: str, start: int, opening: str) -> int:
    """Index of the closing quote or bracket; brackets may hold others of their kind."""
    closing, depth = _CLOSING[opening], 0
    for index in range(start, len(line)):
        if line[index] == opening and (opening in "[{" or index == start):
            depth += 1
        elif line[index] == closing and line[index - 1] != "\\":
            depth -= 1
            if not depth:
                return index
    return len(line)


def _lattice(text: str) -> list[list[float]]:
    """Lattice vectors as rows: nine numbers, or the three lengths of a right-angled cell."""
    numbers = [number(word) for word in text.translate(_BRACKETS).split()]
    if len(numbers) == 3:
        return [[numbers[0], 0.0, 0.0], [0.0, numbers[1], 0.0], [0.0, 0.0, numbers[2]]]
    if len(numbers) != 9:
        raise SikpdosError(f"wrong number of values in Lattice ({len(numbers)})")
    return [numbers[:3], numbers[3:6], numbers[6:]]


def _columns(properties: str) -> tuple[dict[str, int], bool]:
    """First column of species and positions, and whether species are atomic numbers (Z).

    Raises SikpdosError where one of them is missing.
    """
    first = 0
    columns: dict[str, int] = {}
    for name, _, width in _WIDTHS.findall(properties):
        columns.setdefault(name.lower(), first)
        first += int(width)
    of_numbers = "species" not in columns and "z" in columns
    if of_numbers:
        columns["species"] = columns["z"]
    missing = [name for name in ("species", "pos") if name not in columns]
    if missing:
        raise SikpdosError(f"Properties={properties[:60]}: no {missing[0]}")
    return columns, of_numbers


def _element(word: str, is_number: bool) -> str:
    if is_number or word.isdecimal():
        return elements.of_number(whole(word, 200))
    return elements.of_symbol(word)
