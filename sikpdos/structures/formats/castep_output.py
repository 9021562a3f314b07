"""CASTEP's `.castep` files: the last structure that a run printed."""

from __future__ import annotations

import re

from sikpdos.common.errors import SikpdosError
from sikpdos.structures.formats.castep_cell import element_of
from sikpdos.structures.formats.crystal import Crystal, from_fractional
from sikpdos.structures.formats.numbers import three

_ATOM = re.compile(r"x\s+(\S+)\s+\d+((?:\s+[-+.\dEeDd]+){3})\s+x")


def crystal_of(text: str) -> Crystal:
    """The last lattice and the last table of atoms. Raises SikpdosError where one is missing."""
    lattice_A, atoms = [], []
    lines = iter(text.split("\n"))
    for line in lines:
        if "Real Lattice(A)" in line:
            lattice_A = [three(next(lines, "").split()) for _ in range(3)]
        elif "Fractional coordinates of atoms" in line:
            atoms = _table(lines)
    if not lattice_A or not atoms:
        raise SikpdosError("CASTEP output without a lattice and atoms: the run may have failed")
    symbols, positions = zip(*atoms, strict=True)
    return from_fractional(lattice_A, [element_of(symbol) for symbol in symbols], positions)


def _table(lines) -> list[tuple[str, list[float]]]:
    """Label and position of each row of the table that the lines are in; its frame is made of x."""
    atoms = []
    for line in lines:
        stripped = line.strip()
        if matched := _ATOM.fullmatch(stripped):
            atoms.append((matched[1], three(matched[2].split())))
        elif not stripped.startswith("x" if not atoms else "x "):
            break
    return atoms
