"""XAS Data Interchange files (.xdi), specification 1.0 (github.com/XraySpectroscopy/XAS-Data-Interchange)."""

from __future__ import annotations

import re

from sikpdos.common.errors import SikpdosError
from sikpdos.formats.columns import choose, label
from sikpdos.formats.columns_text import column_names, split_header
from sikpdos.formats.spectrum_set import SpectrumSet, single
from sikpdos.formats.text_numbers import decode, parse_numbers

FORMAT = "XDI"
FIRST_LINE = re.compile(rb"^\s*#\s*XDI/\d", re.I)
FIELD = re.compile(r"^#\s*([A-Za-z]\w*\.\w+)\s*:\s*(.*?)\s*$")


def is_xdi(text: bytes) -> bool:
    """Whether a (normalised) text starts like an XDI file."""
    return bool(FIRST_LINE.match(text))


def read_xdi(text: bytes, name: str) -> SpectrumSet:
    """The absorption spectrum in the (normalised) text of an XDI file.

    Absorption is taken from a column, or is ln(i0 / itrans) or ifluor / i0. Raises SikpdosError naming the file
    if there is no energy or nothing to make absorption of, and for what `spectrum_set.single` refuses.
    """
    header, start = split_header(text, name)
    table = parse_numbers(text[start:], name, 1 + len(header)).columns(name)
    fields = _fields(header)
    names = _labels(fields, table.shape[1]) or column_names(header, table.shape[1])
    if not names or not any(label(n) == "energy" for n in names):
        raise SikpdosError(f"{name}: no energy column (columns: {', '.join(names or ['without names'])})")
    chosen = choose(names, table, name)
    if chosen.kind != "xas":
        raise SikpdosError(f"{name}: neither absorption nor detectors to compute it from (columns: {', '.join(names)})")
    return single(
        name,
        chosen.energy,
        chosen.intensity,
        unit=chosen.unit,
        kind="xas",
        title=fields.get("sample.name", ""),
        source_format=FORMAT,
        warnings=(*chosen.warnings, *_other_edge(fields)),
    )


def _fields(header: list[bytes]) -> dict[str, str]:
    """Fields by their names in lower case, up to the line of slashes that ends them."""
    fields = {}
    for line in map(decode, header):
        if re.match(r"#\s*///", line):
            break
        if found := FIELD.match(line):
            fields[found[1].lower()] = found[2]
    return fields


def _labels(fields: dict[str, str], width: int) -> list[str] | None:
    """Column labels and units, None unless every column has one."""
    labels = [fields.get(f"column.{number}", "") for number in range(1, width + 1)]
    return labels if all(labels) else None


def _other_edge(fields: dict[str, str]) -> tuple[str, ...]:
    element, edge = fields.get("element.symbol", "Si"), fields.get("element.edge", "K")
    if (element.lower(), edge.lower()) == ("si", "k"):
        return ()
    return (f"the file says {element} {edge} edge, not Si K",)
