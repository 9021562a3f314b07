"""Athena project files (.prj): gzip text, Perl assignments (Demeter) or JSON (Larch), many spectra in each."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import zip_longest

import numpy as np

from sikpdos.common.errors import SikpdosError
from sikpdos.formats.spectrum_set import SpectrumSet, single
from sikpdos.formats.text_numbers import decode

FORMAT = "Athena"
GROUP = re.compile(rb"^\$old_group\s*=\s*'([^']*)'", re.M)
ARRAY = re.compile(rb"^@(args|x|y)\s*=\s*\((.*)\);\s*$", re.M)
PERL_VALUE = re.compile(r"'((?:[^'\\]|\\.)*)'|([^\s,']+)")


@dataclass(frozen=True)
class Group:
    """One spectrum of a project as it is stored."""

    name: str
    settings: dict[str, str]
    x: list[str]
    y: list[str]


def is_athena(text: bytes) -> bool:
    """Whether a (normalised) text is an Athena project."""
    return b"Athena project file" in text[:1000] or bool(GROUP.search(text[:65536]))


def read_athena(text: bytes, name: str) -> list[SpectrumSet]:
    """The absorption spectra of a project, each a set of one named by its label, energies shifted as Athena does.

    Groups that are damaged, or no spectra in energy, are `left_out` of the first set. Raises SikpdosError naming
    the file if no group can be used.
    """
    sets: list[SpectrumSet] = []
    left_out: dict[str, str] = {}
    for group in _json_groups(text, name) if text.lstrip().startswith(b"{") else _perl_groups(text):
        label = _unused(group.settings.get("label", "").strip() or group.name, {s.title for s in sets} | set(left_out))
        try:
            sets.append(_spectrum(group, label))
        except SikpdosError as error:
            left_out[label] = str(error).removeprefix(f"{label}: ")
    if not sets:
        causes = "; ".join(f"{label}: {cause}" for label, cause in left_out.items())
        raise SikpdosError(f"{name}: no absorption spectrum in this Athena project{causes and f' ({causes})'}")
    sets[0] = replace(sets[0], left_out=left_out)
    return sets


def _spectrum(group: Group, label: str) -> SpectrumSet:
    if group.settings.get("is_chi") == "1":
        raise SikpdosError(f"{label}: not a spectrum in energy, but chi(k)")
    try:
        energy, absorption = np.array(group.x, float), np.array(group.y, float)
        shift_eV = float(group.settings.get("bkg_eshift") or 0)
    except ValueError as error:
        raise SikpdosError(f"{label}: {error}") from error
    if energy.size != absorption.size:
        raise SikpdosError(f"{label}: {energy.size} energies, but {absorption.size} intensities")
    return single(label, energy + shift_eV, absorption, unit="eV", kind="xas", title=label, source_format=FORMAT)


def _unused(label: str, taken: set[str]) -> str:
    """The label, with a number behind it where another group has it already."""
    candidates = (label, *(f"{label} ({number})" for number in range(2, len(taken) + 2)))
    return next(candidate for candidate in candidates if candidate not in taken)


def _perl_groups(text: bytes) -> Iterator[Group]:
    starts = list(GROUP.finditer(text))
    for start, following in zip_longest(starts, starts[1:]):
        end = following.start() if following else len(text)
        arrays = {decode(a[1]): _perl_list(decode(a[2])) for a in ARRAY.finditer(text[start.end() : end])}
        settings = arrays.get("args", [])
        yield Group(
            name=decode(start[1]),
            settings=dict(zip(settings[::2], settings[1::2], strict=False)),
            x=arrays.get("x", []),
            y=arrays.get("y", []),
        )


def _perl_list(text: str) -> list[str]:
    return [bare or re.sub(r"\\(.)", r"\1", quoted) for quoted, bare in PERL_VALUE.findall(text)]


def _json_groups(text: bytes, name: str) -> Iterator[Group]:
    try:
        project = json.loads(text)
        for key in project["_____order"]:
            settings = project[key]["args"]
            if isinstance(settings, list):
                settings = dict(zip(settings[::2], settings[1::2], strict=False))
            yield Group(key, {k: str(v) for k, v in settings.items()}, project[key]["x"], project[key]["y"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SikpdosError(f"{name}: damaged Athena project ({type(error).__name__}: {error})") from error
