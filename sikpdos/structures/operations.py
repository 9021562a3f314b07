"""Symmetry operations of space groups: read, completed to a group, applied to atoms."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from sikpdos.common.errors import SikpdosError
from sikpdos.structures.supercell import reduction

MOST_OPERATIONS = 384  # twice those of the largest space group in a conventional cell
SAME_ATOM_A = (
    0.3  # images of an atom that are nearer are the atom itself, on a special position written with few digits
)
_STEPS = 840  # translations are multiples of 1/840: of 1/24 (all space groups), 1/5 and 1/7 (supercells)
_LARGEST = 4  # element of a rotation matrix, in any setting that is used
_TERM = re.compile(r"([+-]?)(?:(\d*\.?\d+|\d+\.)(?:/(\d+))?\*?)?([xyz]?)")


@dataclass(frozen=True, eq=False)
class Operations:
    """x -> W x + w on fractional coordinates, w between 0 and 1."""

    rotations: np.ndarray  # (n, 3, 3) integer W
    translations: np.ndarray  # (n, 3) w

    def __len__(self) -> int:
        return len(self.rotations)

    def strain(self, lattice_A: np.ndarray) -> float:
        """How far the operations are from keeping lengths and angles of a lattice (rows): greatest element of the
        strain, 0 for a lattice that has the symmetry."""
        metric = lattice_A @ lattice_A.T
        change = np.einsum("nji,jk,nkl->nil", self.rotations, metric, self.rotations) - metric
        lengths = np.sqrt(np.diag(metric))
        return float(np.abs(change / np.outer(lengths, lengths)).max())


def from_hall_number(number: int) -> Operations:
    """The operations that spglib tabulates for a Hall number (1 to 530)."""
    import spglib

    tabulated = spglib.get_symmetry_from_database(number)
    return Operations(np.asarray(tabulated["rotations"], int), np.asarray(tabulated["translations"], float))


def from_texts(texts: list[str]) -> Operations:
    """Operations written like `-y, x-y, z+1/3`. Raises SikpdosError for what cannot be read."""
    if len(texts) > MOST_OPERATIONS:
        raise SikpdosError(f"{len(texts)} symmetry operations")
    rows = [[_parse(part, text) for part in _parts(text)] for text in texts]
    matrices = np.array(rows, float)  # (n, 3, 4)
    rotations = np.round(matrices[:, :, :3]).astype(int)
    if not np.allclose(np.abs(np.linalg.det(rotations)), 1.0):
        raise SikpdosError("a symmetry operation that is no rotation or reflection")
    return Operations(rotations, _stepped(matrices[:, :, 3]) / _STEPS)


def _parts(text: str) -> list[str]:
    parts = text.lower().replace(" ", "").replace("\t", "").strip("'\"").split(",")
    if len(parts) != 3 or len(text) > 100:
        raise SikpdosError(f"symmetry operation '{text[:60]}' cannot be read")
    return parts


def _parse(part: str, text: str) -> list[float]:
    """Coefficients of x, y, z, and the constant."""
    row, position = [0.0, 0.0, 0.0, 0.0], 0
    while position < len(part):
        term = _TERM.match(part, position)
        assert term is not None  # it matches nothing, too
        sign, number, divisor, axis = term.groups()
        if term.end() == position or not (number or axis) or (position and not sign):
            raise SikpdosError(f"symmetry operation '{text[:60]}' cannot be read")
        value = float(number or 1) / (float(divisor or 1) or np.nan) * (-1 if sign == "-" else 1)
        if not abs(value) < 100 or (axis and abs(value) != 1):
            raise SikpdosError(f"symmetry operation '{text[:60]}' cannot be read")
        row["xyz".index(axis) if axis else 3] += value
        position = term.end()
    return row


def _stepped(translations: np.ndarray) -> np.ndarray:
    """Translations as multiples of 1/840, rounded values (0.333) put right. Raises SikpdosError for others."""
    common = np.round(translations * 24)
    steps = np.where(np.abs(translations - common / 24) < 0.0034, common * (_STEPS // 24), translations * _STEPS)
    if not (np.abs(steps - np.round(steps)) < 0.45).all():
        raise SikpdosError("a symmetry operation with a translation that is no fraction of the cell")
    return np.round(steps).astype(int) % _STEPS


def completed(operations: Operations) -> Operations:
    """The operations and all their products, the given ones first. Raises SikpdosError if these do not end."""
    rows = np.concatenate([operations.rotations.reshape(-1, 9), _stepped(operations.translations)], axis=1)
    rows = _each_once(rows)  # (n, 12)
    while True:
        larger = _each_once(np.concatenate([rows, _products(rows)]))
        if len(larger) > MOST_OPERATIONS:
            raise SikpdosError("symmetry operations that form no group")
        if len(larger) == len(rows):
            return Operations(rows[:, :9].reshape(-1, 3, 3), rows[:, 9:] / _STEPS)
        rows = larger


def _products(rows: np.ndarray) -> np.ndarray:  # (n * n, 12)
    rotations, steps = rows[:, :9].reshape(-1, 3, 3), rows[:, 9:]
    products = np.einsum("aij,bjk->abik", rotations, rotations).reshape(-1, 9)
    moved = (np.einsum("aij,bj->abi", rotations, steps) + steps[:, None]).reshape(-1, 3) % _STEPS
    return np.concatenate([products, moved], axis=1)


def _each_once(rows: np.ndarray) -> np.ndarray:
    """Rows without their repetitions, in the order of their first appearance."""
    if np.abs(rows[:, :9]).max(initial=0) > _LARGEST:
        raise SikpdosError("symmetry operations that form no group")
    packed = np.zeros(len(rows), np.int64)
    for column in range(9):
        packed = packed * (2 * _LARGEST + 1) + rows[:, column] + _LARGEST
    for column in range(9, 12):
        packed = packed * _STEPS + rows[:, column]
    return rows[np.sort(np.unique(packed, return_index=True)[1])]


def orbit(position: np.ndarray, operations: Operations, lattice_A: np.ndarray) -> tuple[np.ndarray, float]:
    """Images (n, 3) of an atom, each once, and how far (A) it was drawn onto the special position it lies near."""
    reduced = reduction(lattice_A) @ lattice_A
    to_reduced = lattice_A @ np.linalg.inv(reduced)
    point = position
    for _ in range(3):  # images of a point that are near it have the special position as their mean
        shift = _wrapped(operations.rotations @ point + operations.translations - point, to_reduced)
        near = np.linalg.norm(shift @ reduced, axis=1) < SAME_ATOM_A
        point = point + shift[near].mean(axis=0) @ np.linalg.inv(to_reduced)
    images = operations.rotations @ point + operations.translations
    difference = _wrapped(images[:, None] - images[None], to_reduced)
    same = np.linalg.norm(difference @ reduced, axis=2) < SAME_ATOM_A
    images = images[same.argmax(axis=1) == np.arange(len(images))] % 1.0
    images[images > 1 - 1e-10] = 0.0
    return images, float(np.linalg.norm((point - position) @ lattice_A))


def _wrapped(difference: np.ndarray, to_reduced: np.ndarray) -> np.ndarray:
    """Fractional differences as those of nearest images in a reduced cell (right where they are short)."""
    difference = difference @ to_reduced
    return difference - np.round(difference)
