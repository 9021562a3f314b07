"""Tables in plain text: CSV, SPEC, beamline and program output, matrices of spectra."""

from __future__ import annotations

import re

import numpy as np

from sikpdos.common.errors import SikpdosError
from sikpdos.formats import kek9809
from sikpdos.formats.columns import Table, clean, make_columns
from sikpdos.formats.headings import column_names
from sikpdos.formats.roles import Role, role_of
from sikpdos.formats.sections import Section, read_sections

FORMAT = "text"
MATRIX_HEADER = re.compile(r"\"?energy_k?ev\b", re.I)
_BESIDE_A_DETECTOR = (Role.INCIDENT, Role.TIME, Role.ANGLE, Role.RING)  # columns that no matrix of spectra has
_SPEC_SCAN = re.compile(r"#S\s+(\d+)\s*(.*)")


def read_tables(text: bytes, name: str) -> list[Table]:
    """The tables of a (normalised) text, one a scan.

    A header row that begins with energy_eV says that every other column is a spectrum with that name, unless there are
    columns of a beamline among them (I0, time). Raises
    SikpdosError naming the file where there are no columns of numbers, and for unequal or unreadable lines.
    """
    sections = read_sections(text, name)
    return [_table(section, index if len(sections) > 1 else None, name) for index, section in enumerate(sections, 1)]


def _table(section: Section, number: int | None, name: str) -> Table:
    spacing_A = kek9809.plane_spacing_A(section.heading)
    if spacing_A is not None:
        return kek9809.table(section, spacing_A)
    names, values = _named_columns(section)
    width = values.shape[1]
    header = next((line for line in reversed(section.heading) if line.strip()), "")
    if names and {"energy_eV", "s", "p", "s_std", "p_std"} <= set(names):
        raise SikpdosError("densities of states that were predicted, no spectra", name)
    matrix = width > 2 and bool(MATRIX_HEADER.match(header))
    if matrix and names is None:
        raise SikpdosError(f"the header does not name each of the {width} columns", name)
    scan = next((m for line in reversed(section.heading) if (m := _SPEC_SCAN.match(line))), None)
    columns = make_columns(names, values)
    matrix = matrix and not any(role_of(column) in _BESIDE_A_DETECTOR for column in columns)
    return Table(
        columns=columns,
        source_format="SPEC" if scan else "CSV matrix" if matrix else FORMAT,
        scan=scan[1] if scan else str(number or ""),
        title=clean(scan[2]) if scan else "",
        warnings=section.warnings,
        every_column_is_a_spectrum=matrix,
    )


def _named_columns(section: Section) -> tuple[list[str] | None, np.ndarray]:
    """Names and values of the columns, without empty ones at the end that no heading names (closing separators)."""
    values = section.values
    names = column_names(section.heading, values.shape[1])
    while names is None and values.shape[1] > 2 and np.isnan(values[:, -1]).all():
        values = values[:, :-1]
        names = column_names(section.heading, values.shape[1])
    return names, values


def bragg_energy_eV(angle_deg: np.ndarray, spacing_A: float) -> np.ndarray:
    """Photon energy of a monochromator at Bragg angles (n,): hc / (2 d sin theta)."""
    return kek9809.HC_EV_A / (2 * spacing_A * np.sin(np.deg2rad(angle_deg)))
