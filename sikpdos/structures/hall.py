"""Space groups by their Hall symbol (Hall, 10.1107/S0567739481001228): any setting, any origin."""

from __future__ import annotations

import re

import numpy as np

from sikpdos.common.errors import SikpdosError
from sikpdos.structures.operations import Operations, completed, from_texts

_CENTRING: dict[str, list[tuple[float, float, float]]] = {
    "P": [],
    "A": [(0, 1 / 2, 1 / 2)],
    "B": [(1 / 2, 0, 1 / 2)],
    "C": [(1 / 2, 1 / 2, 0)],
    "I": [(1 / 2, 1 / 2, 1 / 2)],
    "F": [(0, 1 / 2, 1 / 2), (1 / 2, 0, 1 / 2)],
    "R": [(2 / 3, 1 / 3, 1 / 3)],
    "S": [(1 / 3, 1 / 3, 2 / 3)],
    "T": [(1 / 3, 2 / 3, 1 / 3)],
    "H": [(2 / 3, 1 / 3, 0)],
}
_TRANSLATION = {
    "a": (1 / 2, 0, 0),
    "b": (0, 1 / 2, 0),
    "c": (0, 0, 1 / 2),
    "n": (1 / 2, 1 / 2, 1 / 2),
    "u": (1 / 4, 0, 0),
    "v": (0, 1 / 4, 0),
    "w": (0, 0, 1 / 4),
    "d": (1 / 4, 1 / 4, 1 / 4),
}
_ALONG_Z = {
    "1": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "2": ((-1, 0, 0), (0, -1, 0), (0, 0, 1)),
    "3": ((0, -1, 0), (1, -1, 0), (0, 0, 1)),
    "4": ((0, -1, 0), (1, 0, 0), (0, 0, 1)),
    "6": ((1, -1, 0), (1, 0, 0), (0, 0, 1)),
    "'": ((0, -1, 0), (-1, 0, 0), (0, 0, -1)),  # twofold along a - b
    '"': ((0, 1, 0), (1, 0, 0), (0, 0, -1)),  # twofold along a + b
}
_THREEFOLD_DIAGONAL = ((0, 0, 1), (1, 0, 0), (0, 1, 0))
_ROTATION = re.compile(r"(-?)([12346])([xyz'\"*]?)([1-5]?)([abcnuvwd]*)")


def operations_of(symbol: str) -> Operations:
    """All operations of a Hall symbol. Raises SikpdosError where it cannot be read."""
    text, _, change = symbol.strip().replace("_", " ").partition("(")
    words = text.split()
    if words and words[0] == "-":
        words[:2] = ["-" + "".join(words[1:2])]
    lattice = words[0].upper() if words else ""
    if lattice.lstrip("-") not in _CENTRING or len(words) > 5:
        raise SikpdosError(f"Hall symbol '{symbol[:40]}' is not understood")
    identity = np.eye(3, dtype=int)
    generators = [(identity, np.zeros(3)), *((identity, np.array(t)) for t in _CENTRING[lattice.lstrip("-")])]
    if lattice.startswith("-"):
        generators.append((-identity, np.zeros(3)))
    generators += _rotations([word.lower() for word in words[1:]], symbol)
    rotations, translations = (np.array(part) for part in zip(*generators, strict=True))
    group = completed(Operations(rotations, translations))
    return _changed(group, change.rstrip(") "), symbol) if change else group


def _rotations(words: list[str], symbol: str) -> list[tuple[np.ndarray, np.ndarray]]:
    generators, before, axis_before = [], "", "z"
    for number, word in enumerate(words):
        matched = _ROTATION.fullmatch(word)
        if not matched:
            raise SikpdosError(f"Hall symbol '{symbol[:40]}' is not understood")
        sign, order, axis, screw, letters = matched.groups()
        axis = axis or _default_axis(number, order, before)
        rotation = _matrix(order, axis, axis_before)
        shift = np.sum([_TRANSLATION[letter] for letter in letters], axis=0) if letters else np.zeros(3)
        if screw:
            shift = shift + np.eye(3)["xyz".index(axis if axis in "xyz" else axis_before)] * int(screw) / int(order)
        generators.append((-rotation if sign else rotation, shift))
        before, axis_before = order, axis if axis in "xyz" else axis_before
    return generators


def _default_axis(number: int, order: str, before: str) -> str:
    if number == 0:
        return "z"
    if number == 1 and order == "2":
        return "x" if before in ("2", "4") else "'"
    return "*" if order == "3" else "z"


def _matrix(order: str, axis: str, axis_before: str) -> np.ndarray:
    if axis == "*":
        return np.array(_THREEFOLD_DIAGONAL)
    along_z = np.array(_ALONG_Z[axis if axis in "'\"" else order])
    turns = "zxy".index(axis_before if axis in "'\"" else axis)
    return np.roll(along_z, (turns, turns), axis=(0, 1))


def _changed(group: Operations, change: str, symbol: str) -> Operations:
    """The group in another basis or with another origin: `x,y,x+z` or a shift in twelfths, `0 0 1`."""
    if "," in change:
        new = from_texts([change])
        basis, shift = new.rotations[0], new.translations[0]
    else:
        try:
            twelfths = [int(word) for word in change.split()]
        except ValueError:
            twelfths = []
        if len(twelfths) != 3:
            raise SikpdosError(f"Hall symbol '{symbol[:40]}' is not understood")
        basis, shift = np.eye(3, dtype=int), np.array(twelfths) / 12
    inverse = np.round(np.linalg.inv(basis)).astype(int)
    rotations = np.einsum("ij,njk,kl->nil", basis, group.rotations, inverse)
    translations = group.translations @ basis.T + shift - rotations @ shift
    return Operations(rotations, translations % 1.0)
