"""Names of columns out of the lines before them, whoever wrote these; comments are never names by accident."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator

import numpy as np

from sikpdos.formats.columns import Column, split_unit
from sikpdos.formats.roles import Role, may_be_energy, role_of

_NO_VALUES = np.empty(0)  # of columns that are looked at for their names
_LOOKED_AT = 60  # lines of a heading, from its end
_LONGEST_LINE = 1 << 20
_PROSE = {"of", "the", "at", "as", "and", "for", "with", "from", "in", "on", "by", "is", "was", "are", "to", "a", "an"}
_COLUMN_FIELD = re.compile(r"[#;%!\s]*col(?:umn|\.)?[ ._#]{0,3}(\d{1,4})\s*[:=]\s*(\S.*)", re.I)
_LEGEND_NUMBER = re.compile(r"\b(\d{1,3})\)")
_EPICS_LEGEND = re.compile(r"[;#]\s*[PD]\d+\s*=\s*\{([^}]*)\}\s*-->")


def column_names(heading: list[str], width: int) -> list[str] | None:
    """The headings of `width` columns, units included; None where the lines name them not."""
    lines = [line for line in heading if line.strip()]
    return (
        _spec_names(lines, width)
        or _column_fields(lines, width)
        or _legend(lines, width)
        or _names_in_a_line(lines, width)
        or _one_a_line(lines, width)
    )


def _spec_names(lines: list[str], width: int) -> list[str] | None:
    """SPEC's `#L` line: names two blanks apart."""
    line = next((line for line in reversed(lines) if line.startswith("#L")), None)
    if line is None:
        return None
    for split in (re.split(r"\s{2,}|\t", line[2:].strip()), line[2:].split()):
        if len(split) == width:
            return split
    return None


def _column_fields(lines: list[str], width: int) -> list[str] | None:
    """XDI's `# Column.1: energy eV` lines, CLS's `# column 1: Energy`, `# Col 1 = Energy`; None unless every column
    has one."""
    fields = {}
    for line in lines:
        if match := _COLUMN_FIELD.match(line):
            fields[int(match[1])] = re.sub(r"^(energy) (\w+)$", r"\1 (\2)", match[2].strip(), flags=re.I)
    return [fields[n] for n in range(1, width + 1)] if all(n in fields for n in range(1, width + 1)) else None


def _legend(lines: list[str], width: int) -> list[str] | None:
    """A numbered list, `# 1) Mono Energy *  2) I0`, or that of EPICS scans, `; P1 = {Mono Energy} --> 13IDA:E`."""
    epics = [match[1] for line in lines if (match := _EPICS_LEGEND.match(line))]
    if len(epics) == width:
        return epics
    entries = {}
    for line in lines:
        _, *parts = _LEGEND_NUMBER.split(line[:4096])
        entries.update({int(n): name.strip(" *\t") for n, name in zip(parts[::2], parts[1::2], strict=True)})
    names = [entries.get(number, "") for number in range(1, width + 1)]
    return names if all(names) else None


def _names_in_a_line(lines: list[str], width: int) -> list[str] | None:
    """The line that names most of the columns as they are called in the field; of equals the last."""
    best, most = None, 0.0
    for distance, line in enumerate(reversed(lines[-_LOOKED_AT:])):
        for names, sure in _splits(line, width):
            score = _score(names, sure, distance == 0)
            if score > most:
                best, most = names, score
    return best


def _splits(line: str, width: int) -> Iterator[tuple[list[str], bool]]:
    """Ways to cut a line into as many names as there are columns, and whether the line's own separators say so."""
    if len(line) > _LONGEST_LINE:
        return
    text = re.sub(r"^[#%!;*/\s]*(?:(?<=#)C\s+)?", "", line).removesuffix("@#").strip()
    text = re.sub(r"(^|\s)\d{1,2}_(?=[A-Za-z])", r"\1", text)  # "1_energy(eV) 2_I0"
    text = re.sub(r"^(\(1\)|columns?( names| headings)?\s*[:=])\s*", "", text, flags=re.I)
    for separator in ",;\t":
        if separator in text:
            yield from _fitting(_separated(text, separator), width, True)
    if len(text) < 1 << 16:
        yield from _fitting(re.split(r"\s?\*\s*|\s{2,}|\t", re.sub(r"\s{3,}", "  ", text)), width, True)
        yield from _fitting(_words(text), width, width == 2)


def _words(text: str) -> list[str]:
    """Words of a line; "Energy (eV)" is one, and so is "p8(Si PFY)"."""
    words: list[str] = []
    depth = 0
    for part in text.split():
        if words and (depth or part[0] in "(["):
            words[-1] += f" {part}"
        else:
            words.append(part)
        depth = max(0, depth + part.count("(") - part.count(")"))
    return words if depth == 0 else text.split()


def _separated(text: str, separator: str) -> list[str]:
    try:
        return next(csv.reader([text], delimiter=separator, skipinitialspace=True), [])
    except csv.Error:  # a field of more than 128 kB
        return []


def _fitting(names: list[str], width: int, sure: bool) -> Iterator[tuple[list[str], bool]]:
    names = [name.strip(" \"'") for name in names]
    while len(names) > width and not names[-1]:  # a separator closes the line
        names.pop()
    if len(names) == width and sum(map(bool, names)) >= max(2, width - 1) and not any(map(_is_rule, names)):
        yield names, sure


def _is_number(word: str) -> bool:
    return bool(re.fullmatch(r"[-+.\d]+", word))


def _is_rule(name: str) -> bool:
    return bool(name) and not re.search(r"[^-=_\s]", name)


def _score(names: list[str], sure: bool, last: bool) -> float:
    """How much speaks for these being the columns' names; 0 for prose and values."""
    columns = [Column(*split_unit(name), _NO_VALUES) for name in names]
    energies = sum(map(may_be_energy, columns))
    known = sum(may_be_energy(c) or role_of(c) not in (Role.UNKNOWN, Role.INDEX) for c in columns)
    prose = any(word in _PROSE or _is_number(word) for name in names for word in name.lower().split())
    if any(len(name) > 120 for name in names):
        return 0.0
    if prose and len(names) == 2:
        return 0.0
    if not sure and (prose or not (energies and (known >= max(2, len(names) / 2) or (last and energies)))):
        return 0.0
    if not energies and not (sure and last and not prose):  # "1800 eV" is no heading
        return 0.0
    return 1.0 + known + 0.5 * last + 0.25 * sure


def _one_a_line(lines: list[str], width: int) -> list[str] | None:
    """SSRL's way: the last lines hold a name each, and one of them is the energy."""
    names = [line.strip("#% \t") for line in lines[-width:]]
    if len(names) < width or any(":" in name or len(name) > 40 for name in names):
        return None
    columns = [Column(*split_unit(name), _NO_VALUES) for name in names]
    known = sum(role_of(column) is not Role.UNKNOWN for column in columns)
    return names if any(map(may_be_energy, columns)) and known >= 2 else None
