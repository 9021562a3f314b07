"""Extended XYZ: atoms of one or more periodic frames (the format of ASE and libAtoms)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sikpdos.common.errors import SikpdosError

if TYPE_CHECKING:
    from pymatgen.core import Structure

_PAIR = re.compile(r"""([A-Za-z_]\w*)\s*=\s*("[^"]*"|'[^']*'|\{[^}]*\}|\[[^\]]*\]|\S+)""")
_WIDTHS = re.compile(r"(\w+):([SRIL]):(\d+)")
DEFAULT_PROPERTIES = "species:S:1:pos:R:3"


def frames(text: str) -> Iterator[list[str]]:
    """The lines of each frame. Raises SikpdosError for a wrong atom count or a frame cut short."""
    lines = text.splitlines()
    start = 0
    while start < len(lines):
        if not lines[start].strip():
            start += 1
            continue
        try:
            n_atoms = int(lines[start])
        except ValueError:
            raise SikpdosError(f"line {start + 1}: expected a number of atoms") from None
        stop = start + 2 + n_atoms
        if n_atoms < 1 or stop > len(lines):
            raise SikpdosError(
                f"line {start + 1}: {n_atoms} atoms announced, {max(0, len(lines) - start - 2)} lines left"
            )
        yield lines[start:stop]
        start = stop


def parse_frame(lines: list[str]) -> Structure:
    """One frame as a Structure. Raises SikpdosError where it is not periodic or a number is wrong."""
    from pymatgen.core import Lattice, Structure

    header = {key.lower(): value.strip("\"'{}[]") for key, value in _PAIR.findall(lines[1])}
    if "lattice" not in header:
        raise SikpdosError("no Lattice in the comment line: not a crystal")
    if {flag.strip(",") for flag in header.get("pbc", "T T T").split()} - {"T", "True", "1"}:
        raise SikpdosError(f"pbc={header['pbc']}: not periodic in three dimensions")
    columns = _columns(header.get("properties", DEFAULT_PROPERTIES))
    try:
        lattice = Lattice([float(x) for x in header["lattice"].replace(",", " ").split()])
        rows = [line.split() for line in lines[2:]]
        species = [row[columns["species"]] for row in rows]
        positions_A = [[float(x) for x in row[columns["pos"] : columns["pos"] + 3]] for row in rows]
        return Structure(lattice, species, positions_A, coords_are_cartesian=True)
    except (ValueError, IndexError) as error:
        raise SikpdosError(f"wrong number or element ({error})") from error


def _columns(properties: str) -> dict[str, int]:
    """First column of each property. Raises SikpdosError where species or positions are missing."""
    first, columns = 0, {}
    for name, _, width in _WIDTHS.findall(properties):
        columns[name.lower()] = first
        first += int(width)
    missing = [name for name in ("species", "pos") if name not in columns]
    if missing:
        raise SikpdosError(f"Properties={properties}: no {missing[0]}")
    return columns
