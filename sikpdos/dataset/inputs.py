"""What `broaden` and `assemble` take: raw site files, folders of them, databases, tables of curves."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sikpdos.common import files, npz, tables
from sikpdos.common.errors import SikpdosError
from sikpdos.common.grid import PDOS, SPECTRUM
from sikpdos.dataset import curves, database, dataset, raw_site
from sikpdos.dataset.database import Database
from sikpdos.dataset.dataset import Dataset
from sikpdos.spectra import processing
from sikpdos.structures import sites


@dataclass(frozen=True)
class Table:
    """Columns of a CSV: energies in equal steps and an edge, or s and p densities."""

    energy_eV: np.ndarray  # (n,)
    columns: dict[str, np.ndarray]  # "edge", or "s" and/or "p", each (n,) per eV


def read_any(paths: Sequence[str], groups: dict[str, str] | None = None) -> Database | Table:
    """Raw site files and folders of them as one database; one database file; or one CSV as a table.

    Raises SikpdosError for a mixture, sites of different settings, or anything else.
    """
    if len(paths) == 1 and not Path(paths[0]).is_dir():
        return _from_bytes(paths[0], files.read_bytes(paths[0]), groups)
    found = database.stack([raw_site.read_raw(path) for path in _expand(paths)], groups)
    settings = found.settings()
    if len(settings) > 1:
        (one, ones), (other, others) = list(settings.items())[:2]
        here, there = _differences(json.loads(one), json.loads(other))
        raise SikpdosError(f"mixed settings: {ones[0]} has {here}, {others[0]} has {there}")
    return found


def _differences(one: object, other: object) -> tuple[str, str]:
    """What two settings say where they differ."""
    if not (isinstance(one, dict) and isinstance(other, dict)):
        return json.dumps(one), json.dumps(other)
    keys = [key for key in sorted(one.keys() | other.keys()) if one.get(key) != other.get(key)]
    here, there = (", ".join(f"{key} {found.get(key, 'unknown')}" for key in keys) for found in (one, other))
    return here, there


def _from_bytes(path: str, data: bytes, groups: dict[str, str] | None) -> Database | Table:
    """The content of one file: a CSV table, a database, or a raw site."""
    if data[:2] != b"PK":
        return _read_table(path, data)
    if npz.schema_of(data) == database.SCHEMA:
        return database.regrouped(database.read_database(path, data), groups)
    return database.stack([raw_site.read_raw(path, data)], groups)


def _expand(paths: Sequence[str]) -> list[Path]:
    files: list[Path] = []
    for path in map(Path, paths):
        inside = sorted(path.glob("*.npz")) if path.is_dir() else [path]
        if not inside:
            raise SikpdosError(f"{path}: no .npz files in this folder")
        files += inside
    return files


def _read_table(path: str, data: bytes) -> Table:
    name = files.display_name(path)
    text = tables.read_csv(path, ["energy_eV"], data)
    wanted = [key for key in ("edge", "s", "p") if key in text]
    if not wanted or ("edge" in wanted and len(wanted) > 1):
        raise SikpdosError(f"{name}: expected a column 'edge', or columns 's' and 'p', beside energy_eV")
    energy_eV = tables.numbers(text, "energy_eV", path)
    step = np.diff(energy_eV)
    if len(step) < 3 or step.min() <= 0:
        raise SikpdosError(f"{name}: energies must increase, four or more")
    if np.ptp(step) > 0.02 * step.mean():
        raise SikpdosError(f"{name}: energies are not equally spaced")
    return Table(energy_eV, {key: tables.numbers(text, key, path) for key in wanted})


def broaden_table(
    table: Table, sigma_eV: float, lorentz_fwhm_eV: float, input_sigma_eV: float, onset_rule: str
) -> dict[str, np.ndarray]:
    """Columns of a table broadened to sigma_eV in all, on the grid of the edge or of the density of states."""
    extra_eV = curves.remaining_sigma(sigma_eV, input_sigma_eV)
    step_eV = (table.energy_eV[-1] - table.energy_eV[0]) / (len(table.energy_eV) - 1)

    def onto(values: np.ndarray, at_eV: np.ndarray, fwhm_eV: float) -> np.ndarray:
        if fwhm_eV == 0 and extra_eV < 0.7 * step_eV:  # less than the table's own steps resolve: resample only
            return np.interp(at_eV, table.energy_eV, values, left=0.0, right=0.0)
        return processing.broaden(table.energy_eV, values * step_eV, at_eV, extra_eV, fwhm_eV)

    if "edge" not in table.columns:
        return {"energy_eV": PDOS.energy_eV} | {k: onto(v, PDOS.energy_eV, 0.0) for k, v in table.columns.items()}
    edge, axis_eV = table.columns["edge"], np.arange(table.energy_eV[0], table.energy_eV[-1], SPECTRUM.step_eV)
    onset_eV = processing.find_onset(axis_eV, onto(edge, axis_eV, lorentz_fwhm_eV)[None], onset_rule)[0]
    if not np.isfinite(onset_eV):
        raise SikpdosError("no onset found in the edge")
    return {"energy_eV": SPECTRUM.energy_eV, "edge": onto(edge, SPECTRUM.energy_eV + onset_eV, lorentz_fwhm_eV)}


def assemble_any(
    paths: Sequence[str], sites_csv: str | None, broadening: dict[str, float | str]
) -> tuple[Dataset, Database | None]:
    """A dataset from anything `assemble` takes, and the database it came from (None for curves).

    broadening: those of sigma_eV, lorentz_fwhm_eV and onset_rule that are asked for; curves must have them already.
    Raises SikpdosError if they have others, and as the readers do.
    """
    groups = None
    if sites_csv is not None:
        groups = {site.structure_id: site.group for site in sites.read_sites(sites_csv)}
    if len(paths) == 1 and not Path(paths[0]).is_dir():
        data = files.read_bytes(paths[0])
        if data[:2] != b"PK" or npz.schema_of(data) == curves.SCHEMA:
            return dataset.assemble(_broadened_already(paths[0], data, broadening)), None
        source = _from_bytes(paths[0], data, groups)
    else:
        source = read_any(paths, groups)
    return dataset.assemble(curves.broaden_sites(source, **broadening), source), source


def _broadened_already(path: str, data: bytes, broadening: dict[str, float | str]) -> curves.Curves:
    found = curves.read_curves(path, data)
    for key, value in broadening.items():
        if found.meta[key] != value:
            name = files.display_name(path)
            raise SikpdosError(f"{name}: curves broadened already, with {key} {found.meta[key]}, not {value}")
    return found
