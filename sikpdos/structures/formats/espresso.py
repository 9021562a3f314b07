"""Quantum ESPRESSO: inputs of pw.x, its output and its XML; the last structure where there are several."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree import ElementTree

import numpy as np

from sikpdos.common.constants import BOHR_A
from sikpdos.common.errors import SikpdosError
from sikpdos.structures import elements
from sikpdos.structures.formats.crystal import Crystal, from_cartesian, from_fractional
from sikpdos.structures.formats.numbers import number, three

_CARD = re.compile(r"(CELL_PARAMETERS|ATOMIC_POSITIONS)\b\W*(\w*)\W*([\d.]*)", re.I)
_SETTING = re.compile(r"\b(ibrav|celldm\(\s*1\s*\)|a)\s*=\s*([-+.\dEeDd]+)", re.I)
_OUTPUT_ALAT = re.compile(r"lattice parameter \(alat\)\s*=\s*([\d.]+)")
_OUTPUT_AXIS = re.compile(r"a\([123]\) = \((.*)\)")
_OUTPUT_ATOM = re.compile(r"\d+\s+(\S+)\s+tau\(\s*\d+\) = \((.*)\)")


def crystal_of(text: str) -> Crystal:
    """The last structure of an input or output of pw.x. Raises SikpdosError where it cannot be read."""
    found = _Found()
    lines = iter(text.split("\n"))
    for line in lines:
        stripped = line.strip()
        if card := _CARD.match(stripped):
            found.take_card(card, lines)
        else:
            found.take_line(stripped)
    return found.crystal()


class _Found:
    """What the lines told so far."""

    def __init__(self) -> None:
        self.alat_A: float | None = None
        self.lattice_A: np.ndarray = np.empty((0, 3))
        self.axes: list[list[float]] = []
        self.atoms: list[tuple[str, list[float]]] = []
        self.unit = "alat"
        self.ibrav = 0.0

    def take_line(self, line: str) -> None:
        if matched := _OUTPUT_ALAT.search(line):
            self.alat_A, self.axes, self.atoms = number(matched[1]) * BOHR_A, [], []
        elif matched := _OUTPUT_AXIS.match(line):
            self.axes.append(three(matched[1].split()))
        elif (matched := _OUTPUT_ATOM.match(line)) and self.unit == "alat":
            self.atoms.append((matched[1], three(matched[2].split())))
        elif "=" in line and len(line) < 500:
            for name, value in _SETTING.findall(line.partition("!")[0]):
                if name.lower() == "ibrav":
                    self.ibrav = number(value)
                else:
                    self.alat_A = number(value) * (1.0 if name.lower() == "a" else BOHR_A)

    def take_card(self, card: re.Match, lines: Iterator[str]) -> None:
        unit = card[2].lower()
        if card[1].upper() == "CELL_PARAMETERS":
            if unit == "alat" and card[3]:
                self.alat_A = number(card[3]) * BOHR_A
            self.lattice_A = np.array([three(next(lines, "").split()) for _ in range(3)]) * self._scale(unit)
            return
        self.atoms, self.unit = [], unit or "alat"
        for line in lines:
            words = line.split()
            if len(words) < 4 or not words[0][:1].isalpha():
                break
            self.atoms.append((words[0], three(words[1:])))

    def _scale(self, unit: str) -> float:
        known = {"angstrom": 1.0, "bohr": BOHR_A}
        if unit in known:
            return known[unit]
        if unit not in ("", "alat") or self.alat_A is None:
            raise SikpdosError(f"unit '{unit[:20]}' of the cell or positions is not known")
        return self.alat_A

    def crystal(self) -> Crystal:
        if len(self.lattice_A) == 0 and len(self.axes) >= 3:
            self.lattice_A = np.array(self.axes[:3]) * self._scale("alat")
        if len(self.lattice_A) == 0 and self.ibrav:
            raise SikpdosError("the cell is given by ibrav, not written out: give an output, or CELL_PARAMETERS")
        if len(self.lattice_A) == 0 or not self.atoms:
            raise SikpdosError("no cell or no atoms of pw.x")
        symbols = [elements.of_label(label) for label, _ in self.atoms]
        positions = np.array([position for _, position in self.atoms])
        if self.unit == "crystal":
            return from_fractional(self.lattice_A, symbols, positions)
        return from_cartesian(self.lattice_A, symbols, positions * self._scale(self.unit))


def crystal_of_xml(text: str) -> Crystal:
    """The last structure of pw.x's XML (data-file-schema.xml). Raises SikpdosError where there is none."""
    try:
        root = ElementTree.fromstring(text.encode())
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise SikpdosError(f"damaged XML ({error})") from None
    structures = root.findall(".//atomic_structure")
    if not structures or structures[-1].find("atomic_positions") is None:
        raise SikpdosError("XML without an atomic structure")
    atoms = structures[-1].findall("atomic_positions/atom")
    vectors = [structures[-1].findtext(f"cell/a{i}") or "" for i in (1, 2, 3)]
    symbols = [elements.of_label(atom.get("name", "")) for atom in atoms]
    positions = [three((atom.text or "").split()) for atom in atoms]
    lattice_A = np.array([three(vector.split()) for vector in vectors]) * BOHR_A
    return from_cartesian(lattice_A, symbols, np.array(positions).reshape(-1, 3) * BOHR_A)
