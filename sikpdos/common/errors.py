"""The suite's one exception, and how it comes by the name of what failed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

STDIO = "-"


def display_name(path: str | os.PathLike) -> str:
    """The name that messages use for a path ("-" is the standard input)."""
    return "standard input" if str(path) == STDIO else str(path)


class SikpdosError(Exception):
    """An expected failure, told in one line: what failed (a file, a site), where that is known, and why.

    Commands exit 1 on it. `naming` adds the source to errors of functions that know only arrays.
    """

    def __init__(self, cause: str, source: str | os.PathLike | None = None):
        super().__init__(cause)
        self.source = None if source is None else display_name(source)

    def __str__(self) -> str:
        cause = super().__str__()
        return cause if self.source is None else f"{self.source}: {cause}"


@contextmanager
def naming(source: str | os.PathLike) -> Iterator[None]:
    """Within it, a SikpdosError without a source is one of `source`; the innermost name stays."""
    try:
        yield
    except SikpdosError as error:
        if error.source is None:
            error.source = display_name(source)
        raise
