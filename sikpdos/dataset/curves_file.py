"""Files of curves: NPZ, or CSV tables for pipes."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from sikpdos.common import files, npz, tables
from sikpdos.common.errors import SikpdosError
from sikpdos.common.grid import PDOS, SPECTRUM
from sikpdos.dataset.curves import SCHEMA, Curves

_ARRAYS = ("ids", "groups", "onset_eV", "spectra", "pdos")
_SETTINGS = ("sigma_eV", "lorentz_fwhm_eV", "onset_rule")
_LIFETIME = "lifetime_"  # begins the names of columns that are there for edges of such a width
_QUANTITIES = ("edge", "s", "p")
_SIZES = (SPECTRUM.size, PDOS.size, PDOS.size)  # rows of a CSV table for each quantity of a site
_ROWS = sum(_SIZES)


def write_curves(path: str | os.PathLike, curves: Curves) -> None:
    """NPZ, or CSV (site_id, quantity, energy_eV, value) for stdout and names ending in .csv or .csv.gz."""
    if str(path) == files.STDIO or files.suffix(path) == ".csv":
        tables.write_csv(path, _table(curves))
    else:
        npz.write(path, {name: getattr(curves, name) for name in _ARRAYS}, curves.meta)


def _table(curves: Curves) -> dict[str, np.ndarray]:
    """Columns of the CSV: of each site the edge, s and p, one below the other."""
    n = len(curves.ids)
    values = np.concatenate([curves.spectra, curves.pdos.reshape(n, -1)], axis=1)
    return {
        "site_id": np.repeat(curves.ids, _ROWS),
        "group": np.repeat(curves.groups, _ROWS),
        "quantity": np.tile(np.repeat(_QUANTITIES, _SIZES), n),
        "energy_eV": np.tile(np.concatenate([SPECTRUM.energy_eV, PDOS.energy_eV, PDOS.energy_eV]), n),
        "value": values.ravel().astype(float),
        **{key: np.full(n * _ROWS, curves.meta[key]) for key in _SETTINGS},
        **{_LIFETIME + key: np.full(n * _ROWS, value) for key, value in curves.meta.get("lifetime", {}).items()},
        "onset_eV": np.repeat(curves.onset_eV, _ROWS),
    }


def read_curves(path: str | os.PathLike, data: bytes | None = None) -> Curves:
    """Read what write_curves wrote, NPZ or CSV. Raises SikpdosError for anything else."""
    data = files.read_bytes(path) if data is None else data
    return _from_npz(path, data) if npz.is_npz(data) else _from_table(path, data)


def _from_npz(path: str | os.PathLike, data: bytes) -> Curves:
    arrays, meta = npz.read(path, SCHEMA, data)
    n = npz.length(arrays, path, "ids")
    npz.require(arrays, path, ids=(n,), groups=(n,), onset_eV=(n,), spectra=(n, SPECTRUM.size))
    npz.require(arrays, path, pdos=(n, 2, PDOS.size))
    npz.require_meta(meta, path, sigma_eV=(int, float), lorentz_fwhm_eV=(int, float), onset_rule=str)
    return Curves(**{name: arrays[name] for name in _ARRAYS}, meta=meta)


def _from_table(path: str | os.PathLike, data: bytes) -> Curves:
    required = ("site_id", "group", "quantity", "energy_eV", "value", "onset_eV", *_SETTINGS)
    columns = tables.read_csv(path, required, data)
    values, onsets_eV = tables.numbers(columns, "value", path), tables.numbers(columns, "onset_eV", path)
    _check_rows(columns, path)
    settings: dict[str, Any] = {"onset_rule": columns["onset_rule"][0]}
    settings |= {key: float(tables.numbers(columns, key, path)[0]) for key in ("sigma_eV", "lorentz_fwhm_eV")}
    given = [key for key in columns if key.startswith(_LIFETIME)]
    fields = {key.removeprefix(_LIFETIME): float(tables.numbers(columns, key, path)[0]) for key in given}
    lifetime = {"lifetime": fields} if fields else {}
    by_site = values.reshape(-1, _ROWS).astype(np.float32)
    return Curves(
        ids=np.array(columns["site_id"][::_ROWS]),
        groups=np.array(columns["group"][::_ROWS]),
        onset_eV=onsets_eV[::_ROWS],
        spectra=by_site[:, : SPECTRUM.size],
        pdos=by_site[:, SPECTRUM.size :].reshape(-1, 2, PDOS.size),
        meta={**npz.provenance(SCHEMA), **settings, **lifetime},
    )


def _check_rows(columns: dict[str, list[str]], path: str | os.PathLike) -> None:
    """Raise SikpdosError unless a table holds whole sites in order, all of the same broadening."""
    ids = columns["site_id"][::_ROWS]
    whole_sites = [site_id for site_id in ids for _ in range(_ROWS)]
    quantities = np.repeat(_QUANTITIES, _SIZES).tolist() * len(ids)
    if not ids or columns["site_id"] != whole_sites or columns["quantity"] != quantities:
        raise SikpdosError(f"cut short, or rows out of order: a site has {_ROWS} rows (edge, s, p)", path)
    if any(len(set(columns[key])) > 1 for key in _SETTINGS):
        raise SikpdosError("curves of different broadening or onset rule in one table", path)
