"""What a CIF says of its cell's content, to hold the atoms against: formula, formula units, density."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from math import gcd

import numpy as np

from sikpdos.common.errors import SikpdosError
from sikpdos.structures.distances import RADII_A
from sikpdos.structures.formats.cif_syntax import Block
from sikpdos.structures.formats.crystal import Crystal, farthest_A

_GRAM_PER_CM3 = 1.66053906660  # of one atomic mass unit per cubic Angstrom
_DENSITY = 0.1  # greatest relative difference of the density
_FORMULA = 0.02  # of the ratios of elements
_PART = re.compile(r"([A-Z][a-z]?)(\d*\.?\d*)")
SAME_PLACE_A = 0.05


@dataclass(frozen=True)
class Content:
    """Formula, number of formula units and density, as far as the file gives them."""

    formula: dict[str, float]  # empty: not given
    units: int | None
    density: float | None  # g/cm^3

    @classmethod
    def of(cls, block: Block) -> Content:
        """The statements of a block; those that cannot be read are left out."""
        units = _number(_statement(block, "_cell_formula_units_z"))
        density = _number(_statement(block, "_exptl_crystal_density_diffrn"))
        return cls(
            _formula(_statement(block, "_chemical_formula_sum") or ""),
            int(units) if units is not None and units == int(units) and units > 0 else None,
            density if density is not None and 0.01 < density < 30 else None,
        )

    @property
    def elements(self) -> frozenset[str]:
        return frozenset(self.formula)

    def fits_formula(self, crystal: Crystal) -> bool:
        """Whether the atoms are those of the formula, in the stated number."""
        return not self._formula_problem(crystal)

    def fits_density(self, crystal: Crystal) -> bool:
        return not self._density_problem(crystal)

    def check(self, crystal: Crystal) -> None:
        """Raise SikpdosError where the atoms are not those that the file says."""
        problem = self._formula_problem(crystal) or self._density_problem(crystal)
        if problem:
            raise SikpdosError(problem)

    def _formula_problem(self, crystal: Crystal) -> str:
        counts = Counter(crystal.elements)
        if not self.formula:
            largest = reduce(gcd, counts.values())
            if self.units is None or largest % self.units == 0:
                return ""
            return f"{composition_of(crystal)} in the cell are not {self.units} formula units"
        ratios = [counts.get(element, 0) / share for element, share in self.formula.items()]
        held = f"the cell holds {composition_of(crystal)}"
        if set(counts) != set(self.formula) or max(ratios) - min(ratios) > _FORMULA * max(ratios):
            return f"{held}, the formula is {_text(self.formula)}: atoms without positions, or the wrong symmetry"
        if not self._units_fit(ratios[0]):
            return f"{held}, not {self.units} units of {_text(self.formula)}: the wrong symmetry?"
        return ""

    def _units_fit(self, ratio: float) -> bool:
        """Whether so many times the formula are the stated units (or all of the cell, which some write as formula)."""
        if self.units is None or abs(ratio - self.units) <= _FORMULA * self.units:
            return True
        if any(share != int(share) for share in self.formula.values()):
            return False
        return abs(ratio - 1) <= _FORMULA and reduce(gcd, map(int, self.formula.values())) % self.units == 0

    def _density_problem(self, crystal: Crystal) -> str:
        if self.density is None:
            return ""
        density = density_of(crystal)
        if abs(density - self.density) <= _DENSITY * self.density:
            return ""
        return (
            f"the atoms have a density of {density:.2f} g/cm^3, the file says {self.density:g}: wrong symmetry or cell?"
        )


def density_of(crystal: Crystal) -> float:
    """Density in g/cm^3."""
    from pymatgen.core import Element

    mass_u = sum(float(Element(element).atomic_mass) * n for element, n in Counter(crystal.elements).items())
    return mass_u / abs(np.linalg.det(crystal.lattice_A)) * _GRAM_PER_CM3


def composition_of(crystal: Crystal) -> str:
    """The cell's content in words: Si4 O8."""
    return _text(Counter(crystal.elements))


def matches(one: Crystal, other: Crystal) -> bool:
    """Whether two crystals of one lattice have the same atoms at the same places."""
    same = Counter(one.elements) == Counter(other.elements)
    return same and farthest_A(one, other.elements, other.positions) < SAME_PLACE_A


def _text(counts: Mapping[str, float]) -> str:
    return " ".join(f"{element}{count:g}" for element, count in counts.items())


def _statement(block: Block, name: str) -> str | None:
    """A value that is there once; two different ones tell nothing."""
    return None if name in block.repeated else block.item(name)


def _number(text: str | None) -> float | None:
    matched = re.match(r"\d{1,9}(?:\.\d{0,9})?", (text or "").strip())
    return float(matched[0]) if matched else None


def _formula(text: str) -> dict[str, float]:
    """A formula as numbers of atoms; empty where it is not written as element symbols with numbers."""
    plain = re.sub(r"[\s'\"]|(?<=[A-Za-z])1(?![\d.])", lambda m: "" if not m[0].isdigit() else "1", text)
    if not plain or len(plain) > 500 or "".join(a + b for a, b in _PART.findall(plain)) != plain:
        return {}
    counts: dict[str, float] = {}
    for symbol, number in _PART.findall(plain):
        element = "H" if symbol in ("D", "T") else symbol
        counts[element] = counts.get(element, 0) + (float(number or 1) if number != "." else 1)
    if not all(symbol in RADII_A and 0 < n < 1e5 for symbol, n in counts.items()):
        return {}
    return counts
