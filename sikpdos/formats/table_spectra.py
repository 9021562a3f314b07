"""From the tables of a file to its spectra: scans and columns chosen, energies in order, names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from sikpdos.common.errors import SikpdosError
from sikpdos.formats.choose import Chosen, choose
from sikpdos.formats.columns import ColumnChoice, Table, unique
from sikpdos.formats.detectors import MOST_LOST
from sikpdos.formats.spectrum_set import SpectrumSet, arranged


def spectra_of(
    tables: Sequence[Table], choice: ColumnChoice, name: str, left_out: Mapping[str, str] = MappingProxyType({})
) -> list[SpectrumSet]:
    """The spectra of a file's tables, one set an energy axis, named by scan and column where there are several.

    Scans that cannot be used are `left_out` of the first set, with those left out already at reading. Raises
    SikpdosError naming the file where none can, where a scan or a column asked for is not there, and where columns
    cannot be told apart.
    """
    tables = scans(tables, choice, name)
    sets: list[SpectrumSet] = []
    left_out = dict(left_out)
    labels = unique(_scan_label(table) for table in tables) if len(tables) > 1 or tables[0].titled else [""]
    for table, label in zip(tables, labels, strict=True):
        try:
            sets += [_set(table, chosen, label, name) for chosen in choose(table, choice)]
        except SikpdosError as error:
            left_out[label] = error.args[0]
    if not sets:
        causes = "; ".join(f"{label}: {cause}" if label else cause for label, cause in left_out.items())
        raise SikpdosError(f"{causes}", name)
    sets[0] = replace(sets[0], left_out=left_out)
    return sets


def scans(tables: Sequence[Table], choice: ColumnChoice, name: str) -> Sequence[Table]:
    """The tables of the scan asked for. Raises SikpdosError that lists the scans where there is no such one."""
    if choice.scan is None:
        return tables
    wanted = choice.scan.strip()
    chosen = [table for table in tables if wanted and wanted in (table.scan or "1", table.title)]
    if not chosen:
        there = ", ".join(filter(None, [table.scan or "1" for table in tables][:20]))
        raise SikpdosError(f"no scan '{wanted}' (scans: {there})", name)
    return chosen


def _scan_label(table: Table) -> str:
    return table.title if table.titled else f"scan {table.scan}"


def _set(table: Table, chosen: Chosen, label: str, name: str) -> SpectrumSet:
    """One set of spectra. Raises SikpdosError for bad energies, and for a single spectrum that holds none."""
    column = table.columns[chosen.energy]
    energy, intensity, lost = _measured(column.values, chosen.intensity)
    names = [" ".join(filter(None, (label, spectrum))) or name for spectrum in chosen.names]
    return arranged(
        names,
        energy,
        intensity,
        unit=column.unit,
        kind=chosen.kind,
        title=table.title,
        source_format=table.source_format,
        warnings=(*table.warnings, *chosen.warnings, *lost),
        source=name,
    )


def _measured(energy: np.ndarray, intensity: np.ndarray) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Without the rows where nothing is (columns of unequal length end in them), and a warning of lost points.

    Of a single spectrum, a few points without a number, such as those where the beam was lost, are not measured.
    """
    empty = np.isnan(energy) & np.isnan(intensity).all(axis=0)
    energy, intensity = energy[~empty], intensity[:, ~empty]
    lost = ~np.isfinite(intensity).all(axis=0)
    if len(intensity) > 1 or not 0 < np.count_nonzero(lost) <= MOST_LOST * lost.size:
        return energy, intensity, ()
    points = "1 point holds" if lost.sum() == 1 else f"{lost.sum()} points hold"
    words = f"{points} no number, the first at {energy[lost][0]:g}: left out"
    return energy[~lost], intensity[:, ~lost], (words,)
