"""EMSA/MAS spectral data files (.msa, ISO 22029), read as they are found and written by the book.

Egerton, Fiori, Hunt, Isaacson, Kirkland, Zaluzec, Proc. EMSA 1991, p. 526; ISO 22029:2022.
"""

from __future__ import annotations

import os
import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from sikpdos.common import files
from sikpdos.common.errors import SikpdosError
from sikpdos.formats.spectrum_set import SpectrumSet, single
from sikpdos.formats.text_numbers import NumberTable, decode, parse_numbers

FORMAT = "EMSA/MAS"
DATA_STARTS = re.compile(rb"^[ \t]*#[ \t]*SPECTRUM\b[^\n]*\n?", re.M | re.I)
DATA_ENDS = re.compile(rb"^[ \t]*#[ \t]*ENDOFDATA\b", re.M | re.I)
FIRST_LINE = re.compile(rb"^[ \t]*#[ \t]*FORMAT\b[^:\n]*:[^\n]*EMSA", re.M | re.I)
KEYWORDS = ("VERSION", "TITLE", "NPOINTS", "NCOLUMNS", "XUNITS", "DATATYPE", "XPERCHAN", "OFFSET", "SIGNALTYPE")
KINDS = {"ELS": "eels", "EELS": "eels", "XAS": "xas"}
TITLE_LENGTH = 64


@dataclass(frozen=True)
class Header:
    """Keywords in upper case without their unit suffix -> value; TITLE lines joined."""

    values: dict[str, str] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)  # keyword -> suffix, as in "#OFFSET -keV:"

    def number(self, keyword: str) -> float | None:
        """The leading number of a value such as "0.25 eV per channel", None where there is none."""
        found = re.match(r"[-+]?(\d+[.,]?\d*|[.,]\d+)( ?[ed][-+]?\d+)?", self.values.get(keyword, "")[:100], re.I)
        return float(re.sub(r"\s*[dDE]", "e", found[0].strip().replace(",", "."))) if found else None


def is_msa(text: bytes) -> bool:
    """Whether a (normalised) text starts like an EMSA/MAS file: a comment "Spectrum" alone makes none."""
    head = text[:65536]
    if FIRST_LINE.search(head):
        return True
    start = DATA_STARTS.search(head)
    return start is not None and any(key in KEYWORDS for key in _parse_header(head[: start.start()]).values)


def read_msa(text: bytes, name: str) -> SpectrumSet:
    """The spectrum in the (normalised) text of an EMSA/MAS file.

    Raises SikpdosError naming the file for a missing data section, XPERCHAN or OFFSET, for unreadable numbers,
    and for what `spectrum_set.single` refuses.
    """
    start = DATA_STARTS.search(text)
    if not start:
        raise SikpdosError("no #SPECTRUM line: where do the data start?", name)
    header = _parse_header(text[: start.start()])
    end = DATA_ENDS.search(text, start.end())
    data = text[start.end() : end.start() if end else None]
    if not re.search(rb"^[^#\n]*\d", data, re.M):
        raise SikpdosError("no data after #SPECTRUM", name)
    numbers = parse_numbers(data, name, 1 + text.count(b"\n", 0, start.end()))
    warnings = [] if end else ["no #ENDOFDATA line: the file may be cut"]
    energy, intensity = _axes(header, numbers, name, warnings)
    return single(
        name,
        energy,
        intensity,
        unit=_unit(header),
        kind=_kind(header, warnings),
        title=header.values.get("TITLE", ""),
        source_format=FORMAT,
        warnings=warnings,
    )


def _parse_header(text: bytes) -> Header:
    header = Header()
    for line in text.split(b"\n"):
        line = line.strip(b" \t")
        if line.startswith(b"#"):
            _add_field(header, *line[1:].partition(b":")[::2])
    return header


def _add_field(header: Header, keyword_and_unit: bytes, value: bytes) -> None:
    keyword, _, unit = decode(keyword_and_unit).strip().upper().partition("-")
    keyword, text = keyword.strip(), decode(value).strip()
    if keyword == "TITLE" and header.values.get(keyword):
        text = f"{header.values[keyword]} {text}".strip()
    header.values[keyword] = text
    header.units[keyword] = unit.strip()


def _kind(header: Header, warnings: list[str]) -> str:
    signal = header.values.get("SIGNALTYPE", "").strip().upper()
    if signal and signal not in KINDS:
        warnings.append(f"SIGNALTYPE {signal}: neither an energy-loss nor an X-ray absorption spectrum")
    return KINDS.get(signal, "unknown")


def _unit(header: Header) -> str | None:
    """eV, keV or meV from wherever the writer put it; the text of XUNITS if that is no energy; None if not said."""
    sources = [header.values.get("XUNITS", "")]
    sources += [header.units.get(key, "") or header.values.get(key, "") for key in ("XPERCHAN", "OFFSET")]
    for source in sources:
        found = re.search(r"(?<![a-z])[km]?ev(?![a-z])", source, re.I)
        if found:
            return found[0]
    return None if re.search("energy|loss|volt", sources[0], re.I) else sources[0] or None


def _axes(
    header: Header, numbers: NumberTable, name: str, warnings: list[str]
) -> tuple[np.ndarray, np.ndarray]:  # (n,), (n,) in the file's unit
    values = numbers.values
    if not _holds_pairs(header, numbers, warnings):
        _warn_of_count(header, values.size, warnings)
        return _computed_energies(header, values.size, name, warnings), values
    odd = np.flatnonzero(numbers.widths % 2)
    if odd.size:
        raise SikpdosError(f"line {numbers.line_numbers[odd[0]]} is not made of pairs of energy and intensity", name)
    energy, intensity = values.reshape(-1, 2).T
    _warn_of_count(header, energy.size, warnings)
    return _compared_energies(header, energy, warnings), intensity


def _holds_pairs(header: Header, numbers: NumberTable, warnings: list[str]) -> bool:
    """Whether the data are energy and intensity, by DATATYPE and, where it cannot be so, by their look."""
    stated = header.values.get("DATATYPE", "").upper()
    two_a_line = bool((numbers.widths == 2).all())
    if stated not in ("XY", "Y"):
        warnings.append("no DATATYPE: told from the number of columns")
        return two_a_line
    if stated == "XY":
        pairs = bool((numbers.widths > 1).any())
    else:
        offset = header.number("OFFSET")
        pairs = two_a_line and (header.number("NCOLUMNS") or 1) == 1 and offset in (None, numbers.values[0])
    if pairs != (stated == "XY"):
        warnings.append(f"DATATYPE {stated} does not fit the lines: read as {'XY' if pairs else 'Y'}")
    return pairs


def _warn_of_count(header: Header, count: int, warnings: list[str]) -> None:
    stated = header.number("NPOINTS")
    if stated is not None and abs(stated - count) > 1:  # off by one is common and harmless
        warnings.append(f"NPOINTS is {stated:g}, but the file holds {count}")


def _computed_energies(header: Header, count: int, name: str, warnings: list[str]) -> np.ndarray:
    step, offset, zero = (header.number(key) for key in ("XPERCHAN", "OFFSET", "CHOFFSET"))
    if not step:
        raise SikpdosError(f"{'XPERCHAN is zero' if step == 0 else 'no XPERCHAN, and no energies in the data'}", name)
    if offset is None:
        raise SikpdosError("no OFFSET, and no energies in the data", name)
    if zero is not None and abs(zero + offset / step) > 1:
        warnings.append(f"CHOFFSET {zero:g} contradicts OFFSET {offset:g}: OFFSET taken")
    return offset + step * np.arange(count)


def _compared_energies(header: Header, energy: np.ndarray, warnings: list[str]) -> np.ndarray:
    """The energy column, unless rounding made neighbours equal in it and the header knows better."""
    step, offset = header.number("XPERCHAN"), header.number("OFFSET")
    if not step or offset is None:
        return energy
    computed = offset + step * np.arange(energy.size)
    difference = np.abs(energy - computed).max()
    rounded = bool((np.diff(energy) == 0).any())
    if rounded and difference < abs(step):
        warnings.append("energies are rounded until some are equal: computed from OFFSET and XPERCHAN")
        return computed
    if not difference < abs(step) / 2:
        warnings.append(f"OFFSET and XPERCHAN disagree with the energy column by up to {difference:.4g}: column taken")
    return energy


def write_msa(
    path: str | os.PathLike,
    energy_eV: np.ndarray,
    intensity: np.ndarray,
    *,
    title: str,
    comments: Sequence[str] = (),
    datatype: str = "XY",
    signal_type: str = "ELS",
    intensity_unit: str = "counts",
) -> None:
    """Write one spectrum, (n,) and (n,), as EMSA/MAS 1.0 with data as pairs ("XY") or intensities only ("Y").

    Numbers are written so that they read back unchanged; date and time stay empty, so that two runs give the same
    bytes. Raises SikpdosError for energies that do not increase, or are not equally spaced where `datatype` is "Y".
    """
    energy_eV, intensity = np.asarray(energy_eV, float), np.asarray(intensity, float)
    name = files.display_name(path)
    if energy_eV.shape != intensity.shape or energy_eV.size < 2 or not (np.diff(energy_eV) > 0).all():
        raise SikpdosError("not written: needs increasing energies and as many intensities", name)
    step_eV = float(np.round((energy_eV[-1] - energy_eV[0]) / (energy_eV.size - 1), 12))
    uniform_eV = energy_eV[0] + step_eV * np.arange(energy_eV.size)
    if datatype == "Y" and np.abs(uniform_eV - energy_eV).max() > 1e-6 * step_eV:
        raise SikpdosError("not written: energies are not equally spaced, as DATATYPE Y needs", name)
    fields: list[tuple[str, str | float]] = [
        ("FORMAT", "EMSA/MAS Spectral Data File"),
        ("VERSION", "1.0"),
        *(("TITLE", line) for line in textwrap.wrap(title, TITLE_LENGTH, break_on_hyphens=False) or [""]),
        *((key, "") for key in ("DATE", "TIME", "OWNER")),
        ("NPOINTS", energy_eV.size),
        ("NCOLUMNS", 1),
        ("XUNITS", "eV"),
        ("YUNITS", intensity_unit),
        ("DATATYPE", datatype),
        ("XPERCHAN", step_eV),
        ("OFFSET", float(energy_eV[0])),
        ("SIGNALTYPE", signal_type),
        *(("COMMENT", line) for comment in comments for line in comment.splitlines()),
        ("SPECTRUM", "Spectral Data Starts Here"),
    ]
    columns = [intensity] if datatype == "Y" else [energy_eV, intensity]
    rows = zip(*(column.tolist() for column in columns), strict=True)
    lines = [_header_line(*field) for field in fields]
    lines += [", ".join(map(repr, row)) for row in rows]
    lines.append(_header_line("ENDOFDATA", "End Of Data and File"))
    with files.output(path) as stream:
        stream.write(("\n".join(lines) + "\n").encode("utf-8"))


def _header_line(keyword: str, value: str | float) -> str:
    return f"#{keyword:<12}: {value}"
