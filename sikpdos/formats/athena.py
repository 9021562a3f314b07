"""Athena project files (.prj): gzip text, Perl assignments (Demeter) or JSON (Larch), many spectra in each."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from sikpdos.common.errors import SikpdosError
from sikpdos.formats.columns import Column, Table, clean, unique
from sikpdos.formats.text_numbers import decode

FORMAT = "Athena"
PERL_TOKEN = re.compile(r"\\.|'|,|[^',\\]+|\\", re.S)
_BEGINS = b"$old_group"
_ARRAYS = ("args", "x", "y")


@dataclass
class Group:
    """One spectrum of a project as it is stored."""

    name: str
    settings: dict[str, str] = field(default_factory=dict)
    x: list[str] = field(default_factory=list)
    y: list[str] = field(default_factory=list)

    @property
    def label(self) -> str:
        return clean(self.settings.get("label", "")) or clean(self.name)


def is_athena(text: bytes) -> bool:
    """Whether a (normalised) text is an Athena project."""
    head = text[:65536]
    return b"Athena project file" in head[:1000] or head.startswith(_BEGINS) or b"\n" + _BEGINS in head


def read_athena(text: bytes, name: str) -> tuple[list[Table], dict[str, str]]:
    """The absorption spectra of a project, a table each titled by its label, energies shifted as Athena does.

    Returns them, and label -> cause for groups that are damaged or no spectra in energy. Raises SikpdosError naming
    the file for a damaged project, and for one without a group that can be used.
    """
    groups = list(_json_groups(text, name) if text.lstrip().startswith(b"{") else _perl_groups(text))
    tables, left_out = [], {}
    for number, (label, group) in enumerate(zip(unique(g.label for g in groups), groups, strict=True), 1):
        try:
            tables.append(_table(group, label, number))
        except SikpdosError as error:
            left_out[label] = error.args[0]
    if not tables:
        causes = "; ".join(f"{label}: {cause}" for label, cause in left_out.items())
        raise SikpdosError(f"no absorption spectrum in this Athena project{causes and f' ({causes})'}", name)
    return tables, left_out


def _table(group: Group, label: str, number: int) -> Table:
    if group.settings.get("is_chi") == "1":
        raise SikpdosError("not a spectrum in energy, but chi(k)")
    try:
        energy, absorption = np.array(group.x, float), np.array(group.y, float)
        shift_eV = float(group.settings.get("bkg_eshift") or 0)
    except (ValueError, TypeError) as error:
        raise SikpdosError(str(error)) from error
    if energy.ndim != 1 or energy.shape != absorption.shape:
        raise SikpdosError(f"{energy.size} energies, but {absorption.size} intensities")
    columns = (Column("energy", "eV", energy + shift_eV), Column("mu", None, absorption))
    return Table(columns=columns, source_format=FORMAT, scan=str(number), title=label, kind="xas", titled=True)


def _perl_groups(text: bytes) -> Iterator[Group]:
    group = None
    for line in text.split(b"\n"):
        if line.startswith(_BEGINS):
            if group:
                yield group
            group = Group(decode(line.partition(b"'")[2].partition(b"'")[0]))
        elif group and line.startswith(b"@"):
            _add_array(group, line)
    if group:
        yield group


def _add_array(group: Group, line: bytes) -> None:
    """Add what a line such as `@x = ('1838','1839');` assigns."""
    array, equals, values = decode(line[1:]).partition("=")
    values = values.strip()
    if not equals or array.strip() not in _ARRAYS or not (values.startswith("(") and values.endswith(");")):
        return
    words = _perl_list(values[1:-2])
    if array.strip() == "args":
        group.settings = dict(zip(words[::2], words[1::2], strict=False))
    else:
        setattr(group, array.strip(), words)


def _perl_list(text: str) -> list[str]:
    """Words of a Perl list, quoted or bare, token by token (one expression for all would be quadratic)."""
    words: list[str] = []
    current: list[str] = []
    inside = False
    for token in PERL_TOKEN.findall(text):
        if token == "'":
            inside = not inside
        elif token == "," and not inside:
            words.append("".join(current).strip())
            current = []
        else:
            current.append(token[1:] if inside and len(token) == 2 and token[0] == "\\" else token)
    return [*words, "".join(current).strip()] if text.strip() else []


def _json_groups(text: bytes, name: str) -> Iterator[Group]:
    try:
        project = json.loads(text)
        for key in project["_____order"]:
            settings = project[key]["args"]
            if isinstance(settings, list):
                settings = dict(zip(settings[::2], settings[1::2], strict=False))
            settings = {str(k): str(v) for k, v in settings.items()}
            yield Group(str(key), settings, list(project[key]["x"]), list(project[key]["y"]))
    except RecursionError:
        raise SikpdosError("damaged Athena project (nested too deep)", name) from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SikpdosError(f"damaged Athena project ({type(error).__name__}: {error})", name) from error
