"""Tables on stdout: aligned on a terminal, CSV in a pipe."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

from sikpdos.common import files, tables


def print_table(columns: Mapping[str, Sequence]) -> None:
    """Print columns of equal length."""
    if not sys.stdout.isatty():
        tables.write_csv(files.STDIO, columns)
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(*columns)
    for row in zip(*columns.values(), strict=True):
        table.add_row(*map(str, row))
    Console().print(table)
