"""Option values that several commands share."""

from __future__ import annotations

import sys
from collections.abc import Callable

import typer


def pair(text: str | None, convert: Callable[[str], float], option: str) -> tuple | None:
    """ "40,3" as a pair of numbers; None stays None. Raises BadParameter (exit 2) otherwise."""
    if text is None:
        return None
    try:
        first, second = (convert(part) for part in text.split(","))
    except ValueError:
        raise typer.BadParameter(f"'{text}' is not two numbers with a comma", param_hint=option) from None
    return first, second


def say(command: str, message: str) -> None:
    """One line on stderr."""
    print(f"sikpdos {command}: {' '.join(str(message).split())}", file=sys.stderr, flush=True)
