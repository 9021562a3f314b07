"""CASTEP's `.cell` files: blocks of lines, the lattice, the atoms with their labels."""

from __future__ import annotations

import re

import numpy as np

from sikpdos.common.constants import BOHR_A
from sikpdos.common.errors import SikpdosError
from sikpdos.structures import elements
from sikpdos.structures.formats.crystal import Crystal, from_fractional, lattice, lattice_of_parameters
from sikpdos.structures.formats.numbers import three

UNITS_A = {"ang": 1.0, "angstrom": 1.0, "bohr": BOHR_A, "a0": BOHR_A, "nm": 10.0, "pm": 0.01, "cm": 1e8, "m": 1e10}
_COMMENT = re.compile(r"[#!;].*")


def blocks_of(text: str) -> tuple[dict[str, list[str]], list[str]]:
    """The lines of each complete block (names in lower case), and the lines outside, comments left out."""
    blocks: dict[str, list[str]] = {}
    outside: list[str] = []
    name = ""
    lines: list[str] = []
    for line in text.replace("\r", "\n").split("\n"):
        line = _COMMENT.sub("", line).strip()
        words = line.lower().split(None, 2)
        if words[:1] == ["%block"] and len(words) > 1:
            name, lines = words[1], []
        elif words[:1] == ["%endblock"]:
            if name and words[1:2] in ([], [name]):
                blocks.setdefault(name, lines)
            name = ""
        elif line:
            (lines if name else outside).append(line)
    return blocks, outside


def lattice_of(blocks: dict[str, list[str]]) -> np.ndarray:
    """Lattice vectors (3, 3), rows, A. Raises SikpdosError where there is no complete block of them."""
    for name in ("lattice_cart", "lattice_abc"):
        if name in blocks:
            unit_A, lines = _unit(blocks[name])
            rows = [three(line.split()) for line in lines]
            if len(rows) != (3 if name == "lattice_cart" else 2):
                raise SikpdosError(f"block {name} has {len(rows)} lines of numbers")
            if name == "lattice_cart":
                return lattice(np.array(rows) * unit_A)
            return lattice_of_parameters([unit_A * length for length in rows[0]], rows[1])
    raise SikpdosError("no complete block lattice_cart or lattice_abc")


def atoms_of(blocks: dict[str, list[str]], lattice_A: np.ndarray) -> tuple[tuple[str, ...], np.ndarray]:
    """Labels (Si, Si:ex) and fractional positions (n_atoms, 3). Raises SikpdosError where there are none."""
    for name in ("positions_frac", "positions_abs"):
        if name in blocks:
            unit_A, lines = _unit(blocks[name])
            rows = [line.split() for line in lines]
            if any("mixture" in line.lower() for line in lines):
                raise SikpdosError("disorder (atoms are mixtures)")
            positions = np.array([three(row[1:]) for row in rows]).reshape(-1, 3)
            if name == "positions_abs":
                positions = positions * unit_A @ np.linalg.inv(lattice_A)
            if not rows:
                raise SikpdosError(f"block {name} is empty")
            return tuple(row[0] for row in rows), positions
    raise SikpdosError("no complete block positions_frac or positions_abs")


def crystal_of(text: str) -> Crystal:
    """The crystal of a `.cell` file. Raises SikpdosError where it cannot be read."""
    blocks, _ = blocks_of(text)
    lattice_A = lattice_of(blocks)
    labels, positions = atoms_of(blocks, lattice_A)
    return from_fractional(lattice_A, [element_of(label) for label in labels], positions)


def element_of(label: str) -> str:
    """The element of a species: Si, Si:ex, or an atomic number."""
    species = label.partition(":")[0]
    if species.isdecimal() and len(species) < 4:
        return elements.of_number(int(species))
    return elements.of_symbol(species)


def _unit(lines: list[str]) -> tuple[float, list[str]]:
    """The unit of length (A) that the first line may tell, and the other lines."""
    first = lines[0].lower() if lines else ""
    if first in UNITS_A:
        return UNITS_A[first], lines[1:]
    if first and len(first.split()) == 1:
        raise SikpdosError(f"unit '{first[:20]}' is not understood")
    return 1.0, lines
