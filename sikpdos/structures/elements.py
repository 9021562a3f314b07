"""Element symbols out of the labels that structure files give to atoms."""

from __future__ import annotations

import re

from sikpdos.common.errors import SikpdosError
from sikpdos.structures.distances import RADII_A

SYMBOLS = tuple(RADII_A)  # in the order of the atomic number
_LETTERS = re.compile(r"[A-Za-z]+")


def of_number(number: int) -> str:
    """The element of an atomic number. Raises SikpdosError where there is none."""
    if not 1 <= number <= len(SYMBOLS):
        raise SikpdosError(f"there is no element {number}")
    return SYMBOLS[number - 1]


def of_symbol(text: str) -> str:
    """The element of a symbol that may carry a charge or a number: Si, SI, Si4+, Si_pv.

    Raises SikpdosError for isotopes and for what is no element.
    """
    if text[:1].isdigit():
        raise SikpdosError(f"isotopes ({text[:20]})")
    letters = _LETTERS.match(text)
    symbol = letters[0].capitalize() if letters else ""
    if symbol in ("D", "T"):
        raise SikpdosError("isotopes (deuterium or tritium)")
    if symbol not in RADII_A:
        raise SikpdosError(f"{text[:20]!r} is no element")
    return symbol


def of_label(label: str, expected: frozenset[str] = frozenset()) -> str:
    """The element that an atom's label begins with: Si1, SI1A, SiT2, O1W, HO1.

    Where one or two letters could be the symbol (HO1), `expected`, the elements of the formula, decides, else how
    the label is written. Raises SikpdosError where there is none.
    """
    letters = _LETTERS.match(label)
    if label[:1].isdigit() or not letters or letters[0] in ("D", "T"):
        return of_symbol(label)
    run = letters[0]
    readings = [s for s in (run[:2].capitalize(), run[:1].upper()) if s in RADII_A]
    known = [symbol for symbol in readings if symbol in expected]
    if known:
        return known[0]
    if not readings or (run.lower() == "wat" and not expected):
        raise SikpdosError(f"{label[:20]!r} is no element")
    return readings[0]
