"""The plain files that users edit, and the filling of their placeholders, @{name}."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from sikpdos.common import files, resources, tables
from sikpdos.common.errors import SikpdosError, naming

_PLACEHOLDER = re.compile(r"@\{(\w*)\}")


def read_template(name: str, folder: str | os.PathLike = resources.CASTEP_TEMPLATES) -> str:
    """Text of one template. Raises SikpdosError where the folder lacks it or it is not text."""
    path = Path(folder) / name
    try:
        return files.read_bytes(path).decode("utf-8")
    except UnicodeDecodeError as error:
        raise SikpdosError("not a text file", path) from error


def fill(template: str, values: Mapping[str, object]) -> str:
    """Put values in the place of placeholders. Raises SikpdosError, with the line, for an unknown one."""
    for number, line in enumerate(template.splitlines(), 1):
        for key in _PLACEHOLDER.findall(line):
            if key not in values:
                raise SikpdosError(f"line {number}: no such placeholder @{{{key}}}; there are {', '.join(values)}")
    return _PLACEHOLDER.sub(lambda match: str(values[match[1]]), template)


def filled(name: str, values: Mapping[str, object], folder: str | os.PathLike = resources.CASTEP_TEMPLATES) -> str:
    """One template with its placeholders filled; its name is told where that fails."""
    with naming(Path(folder) / name):
        return fill(read_template(name, folder), values)


def potential(name_or_string: str, folder: str | os.PathLike = resources.CASTEP_TEMPLATES) -> str:
    """Silicon's on-the-fly string: by its name in the templates' potentials.csv, or the string itself (with '|')."""
    if "|" in name_or_string:
        return name_or_string
    path = Path(folder) / "potentials.csv"
    table = tables.read_csv(path, ("name", "element", "potential"))
    rows = zip(table["name"], table["element"], table["potential"], strict=True)
    known = {name: string for name, element, string in rows if element == "Si"}
    if name_or_string not in known:
        raise SikpdosError(f"no Si potential '{name_or_string}'; there are {', '.join(known) or 'none'}", path)
    return known[name_or_string]
