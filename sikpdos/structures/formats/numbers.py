"""Numbers in the lines of text formats."""

from __future__ import annotations

import math
from collections.abc import Sequence

from sikpdos.common.errors import SikpdosError


def number(word: str) -> float:
    """A number as Fortran or Python writes it (1.0D0). Raises SikpdosError for anything else, and for NaN."""
    try:
        value = float(word.replace("D", "e").replace("d", "e")) if len(word) < 60 else math.nan
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or "_" in word:
        raise SikpdosError(f"{word[:30]!r} is no number")
    return value


def three(words: Sequence[str]) -> list[float]:
    """The first three words as numbers. Raises SikpdosError where they are none."""
    if len(words) < 3:
        raise SikpdosError(f"three numbers expected, not {' '.join(words)[:40]!r}")
    return [number(word) for word in words[:3]]


def whole(word: str, most: int) -> int:
    """A whole number from 0 to `most`. Raises SikpdosError for anything else."""
    if not (word.isascii() and word.isdecimal() and len(word) < 10 and int(word) <= most):
        raise SikpdosError(f"{word[:30]!r} is no whole number up to {most}")
    return int(word)
