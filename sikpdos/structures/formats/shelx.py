"""SHELX `.res` files as AIRSS writes them: all atoms of a cell without symmetry."""

from __future__ import annotations

from sikpdos.common.errors import SikpdosError
from sikpdos.structures import elements
from sikpdos.structures.formats.crystal import Crystal, from_fractional, lattice_of_parameters
from sikpdos.structures.formats.numbers import number, three, whole

_NO_ATOMS = frozenset(("TITL", "CELL", "ZERR", "LATT", "SYMM", "SFAC", "UNIT", "REM", "END", "HKLF"))


def crystal_of(text: str) -> Crystal:
    """The crystal of a `.res` file. Raises SikpdosError for one with symmetry, or that cannot be read."""
    lattice_A, species, atoms = None, [], []
    for line in text.split("\n"):
        words = line.split()
        command = words[0].upper() if words else ""
        if command == "END":
            break
        if command == "SYMM" or (command == "LATT" and words[1:2] != ["-1"]):
            raise SikpdosError("a .res file with symmetry (of a refinement): give its CIF")
        if command == "CELL":
            lattice_A = lattice_of_parameters(three(words[2:]), three(words[5:]))
        elif command == "SFAC":
            species += [elements.of_symbol(word) for word in words[1:]]
        elif words and command not in _NO_ATOMS and species:
            atoms.append(_atom(words, species))
    if lattice_A is None or not atoms:
        raise SikpdosError(".res file without a cell and atoms")
    symbols, positions = zip(*atoms, strict=True)
    return from_fractional(lattice_A, symbols, positions)


def _atom(words: list[str], species: list[str]) -> tuple[str, list[float]]:
    """Element and position of a line: label, number of its element, x, y, z, occupancy."""
    kind = whole(words[1] if len(words) > 1 else "", len(species))
    occupancy = number(words[5]) if len(words) > 5 else 1.0
    if kind < 1 or occupancy not in (1.0, 11.0):
        raise SikpdosError(f"atom {words[0][:20]}: partial occupancy or no element")
    return species[kind - 1], three(words[2:])
