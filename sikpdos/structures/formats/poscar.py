"""VASP's POSCAR and CONTCAR."""

from __future__ import annotations

import numpy as np

from sikpdos.common.errors import SikpdosError
from sikpdos.structures import elements
from sikpdos.structures.formats.crystal import Crystal, check_count, from_cartesian, from_fractional, lattice
from sikpdos.structures.formats.numbers import number, three, whole


class NotPoscar(SikpdosError):
    """The text does not begin like a POSCAR."""


def crystal_of(text: str) -> Crystal:
    """The crystal of a POSCAR with its elements named. Raises SikpdosError, NotPoscar for other texts."""
    lines = text.split("\n")
    try:
        lattice_A, scale = _lattice(lines)
        symbols, counts, first = _species(lines)
    except (SikpdosError, IndexError) as error:
        if isinstance(error, _Known):
            raise SikpdosError(str(error)) from None
        raise NotPoscar(str(error)) from None
    n_atoms = sum(counts)
    check_count(n_atoms)
    modes = [line.strip() for line in lines[first : first + 2]] + ["", ""]  # the file may end here
    selective = modes[0][:1] in ("S", "s")
    first, mode = first + selective, modes[selective]
    if mode.lower().startswith("direct configuration"):
        raise SikpdosError("XDATCAR: a trajectory; give its CONTCAR")
    rows = [line.split() for line in lines[first + 1 : first + 1 + n_atoms]]
    if len(rows) < n_atoms:
        raise SikpdosError(f"POSCAR: {n_atoms} atoms announced, {len(rows)} lines left")
    positions = np.array([three(row) for row in rows])
    names = [symbol for symbol, count in zip(symbols, counts, strict=True) for _ in range(count)]
    if mode[:1] in ("C", "c", "K", "k"):
        return from_cartesian(lattice_A, names, positions * scale)
    return from_fractional(lattice_A, names, positions)


class _Known(SikpdosError):
    """A POSCAR, but one that cannot be used."""


def _lattice(lines: list[str]) -> tuple[np.ndarray, np.ndarray | float]:
    """Lattice (A), and the factor of Cartesian positions: a number, or one an axis; negative: the volume."""
    factors = [number(word) for word in lines[1].split()[:3]]
    vectors = np.array([three(lines[index].split()) for index in (2, 3, 4)])
    if len(factors) == 3 and min(factors) > 0:
        return lattice(vectors * factors), np.array(factors)
    volume_A3 = abs(np.linalg.det(vectors))
    if not factors or factors[0] == 0 or not volume_A3 > 0:
        raise SikpdosError("no scale")
    scale = factors[0] if factors[0] > 0 else float((-factors[0] / volume_A3) ** (1 / 3))
    return lattice(vectors * scale), scale


def _species(lines: list[str]) -> tuple[list[str], list[int], int]:
    """Elements, their numbers of atoms, and the index of the line after these."""
    words = lines[5].split()
    if words and all(word.isdecimal() for word in words):
        raise _Known("POSCAR without element names (VASP 4)")
    counts = [whole(word, 10**6) for word in lines[6].split()]
    if not words or len(words) != len(counts):
        raise SikpdosError("no numbers of atoms")
    try:
        return [elements.of_symbol(word) for word in words], counts, 7
    except SikpdosError as error:
        raise _Known(f"POSCAR: {error}") from None
