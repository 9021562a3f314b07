"""Rows of numbers as Fortran programs print them."""

from __future__ import annotations

import re
import warnings

import numpy as np

from sikpdos.errors import SikpdosError

_NO_EXPONENT_LETTER = re.compile(rb"(\d)([+-]\d{3})(?=\s)")  # 0.43-314 for 0.43E-314: three digits leave no room for E
_D_EXPONENT = re.compile(rb"(\d)[dD]([+-]?\d)")


def parse_rows(text: bytes, n_columns: int, name: str, first_line: int = 1) -> np.ndarray:
    """Rows of `n_columns` finite numbers, (n_rows, n_columns); blank lines are skipped.

    `first_line` is the line number of the start of `text` in the file `name`, for messages. Numbers whose
    exponent lost its E (0.43-314) and D exponents are read. Raises SikpdosError, with the line, for stars,
    NaN, anything else that is no number, rows of another length, and a last line that was cut.
    """
    if text.strip() and not text.endswith(b"\n"):
        last = first_line + text.count(b"\n")
        raise SikpdosError(f"{name}: line {last}: no end of line: the file was cut here")
    if _has_odd_exponents(text):
        text = _D_EXPONENT.sub(rb"\1E\2", _NO_EXPONENT_LETTER.sub(rb"\1E\2", text))
    values = _fast(text)
    n_rows = text.count(b"\n")
    if values is not None and values.size != n_rows * n_columns:
        n_rows = sum(1 for line in text.splitlines() if line.strip())
    if values is None or values.size != n_rows * n_columns or not np.isfinite(values).all():
        raise SikpdosError(_complaint(text, n_columns, name, first_line))
    return values.reshape(n_rows, n_columns)


def _has_odd_exponents(text: bytes) -> bool:
    """Whether an exponent has D for E, or a sign follows a digit: a quick look that spares most texts the rewriting."""
    codes = np.frombuffer(text, np.uint8)
    signs = (codes[1:] == ord("-")) | (codes[1:] == ord("+"))
    digits = (codes[:-1] >= ord("0")) & (codes[:-1] <= ord("9"))
    return b"D" in text or b"d" in text or bool((signs & digits).any())


def _fast(text: bytes) -> np.ndarray | None:
    """All numbers of a text, or None where something in it is no number."""
    if not text.strip():
        return np.empty(0)
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)
        try:
            return np.fromstring(text.decode("latin-1"), sep=" ")
        except (DeprecationWarning, ValueError):
            return None


def _complaint(text: bytes, n_columns: int, name: str, first_line: int) -> str:
    """What is wrong with the first bad row."""
    for number, line in enumerate(text.splitlines(), first_line):
        words = line.decode("latin-1").split()
        if not words:
            continue
        for word in words:
            if not _is_number(word):
                return f"{name}: line {number}: '{word[:30]}' is not a number"
        if len(words) != n_columns:
            return f"{name}: line {number}: {len(words)} numbers, expected {n_columns}"
    return f"{name}: line {first_line}: unreadable numbers"


def _is_number(word: str) -> bool:
    try:
        return bool(np.isfinite(float(word)))
    except ValueError:
        return False
