"""XAS Data Interchange files (.xdi), specification 1.0 (github.com/XraySpectroscopy/XAS-Data-Interchange)."""

from __future__ import annotations

import re
from dataclasses import replace

from sikpdos.common.errors import SikpdosError
from sikpdos.formats.columns import Column, Table, clean
from sikpdos.formats.columns_text import bragg_energy_eV, read_tables
from sikpdos.formats.roles import Role, is_energy, role_of
from sikpdos.formats.text_numbers import decode_lines

FORMAT = "XDI"
FIRST_LINE = re.compile(rb"^\s*#\s*XDI/\d", re.I)


def is_xdi(text: bytes) -> bool:
    """Whether a (normalised) text starts like an XDI file."""
    return bool(FIRST_LINE.match(text[:200]))


def read_xdi(text: bytes, name: str) -> list[Table]:
    """The tables in the (normalised) text of an XDI file, with energies computed from Bragg angles where need be.

    Raises SikpdosError naming the file if there is no energy, and for what `read_tables` refuses.
    """
    fields = _fields(text)
    return [_table(table, fields, name) for table in read_tables(text, name)]


def _fields(text: bytes) -> dict[str, str]:
    """Fields by their names in lower case, up to the line of slashes that ends them."""
    fields = {}
    for line in decode_lines(text[:65536].split(b"\n")):
        bare = line.lstrip("# \t")
        if not line.startswith("#") or bare.startswith("///"):
            break
        key, colon, value = bare.partition(":")
        if colon and re.fullmatch(r"[A-Za-z]\w*\.\w+", key.strip()):
            fields[key.strip().lower()] = value.strip()
    return fields


def _table(table: Table, fields: dict[str, str], name: str) -> Table:
    if not any(map(is_energy, table.columns)):
        table = _with_energies(table, fields, name)
    return replace(
        table,
        source_format=FORMAT,
        title=clean(fields.get("sample.name", "")),
        kind="xas",
        warnings=(*table.warnings, *_other_edge(fields)),
    )


def _with_energies(table: Table, fields: dict[str, str], name: str) -> Table:
    """Energies computed from a column of angles (specification 1.0, Mono.d_spacing)."""
    angle = next((column for column in table.columns if role_of(column) is Role.ANGLE), None)
    spacing = re.match(r"\d+\.?\d*", fields.get("mono.d_spacing", ""))
    if angle is None or not spacing or float(spacing[0]) <= 0:
        labels = ", ".join(table.label(index) for index in range(len(table.columns)))
        raise SikpdosError(f"no energy column (columns: {labels})", name)
    energy_eV = bragg_energy_eV(angle.values, float(spacing[0]))
    words = f"energies computed from Bragg angles (d = {spacing[0]} A)"
    return replace(
        table, columns=(Column("energy", "eV", energy_eV), *table.columns), warnings=(words, *table.warnings)
    )


def _other_edge(fields: dict[str, str]) -> tuple[str, ...]:
    element, edge = fields.get("element.symbol", "Si"), fields.get("element.edge", "K")
    if (element.lower(), edge.lower()) == ("si", "k"):
        return ()
    return (f"the file says {clean(element)} {clean(edge)} edge, not Si K",)
