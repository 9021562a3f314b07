"""Broadened curves of sites on the suite's two grids: what a spectrometer and a PDOS plot would show."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np

from sikpdos.common import files, npz, tables
from sikpdos.common.errors import SikpdosError
from sikpdos.common.grid import PDOS, SPECTRUM
from sikpdos.dataset.database import Database
from sikpdos.spectra import processing

SCHEMA = "sikpdos-curves-1"
SIGMA_EV = 0.5  # the paper's Gaussian broadening of computed curves
_ONSET_AXIS_EV = np.round(np.arange(-6.0, 30.0, 0.1), 9)  # where onsets of computed edges are sought
QUANTITIES = ("edge", "s", "p")
_ARRAYS = ("ids", "groups", "onset_eV", "spectra", "pdos")
_SETTINGS = ("sigma_eV", "lorentz_fwhm_eV", "onset_rule")


@dataclass(frozen=True)
class Curves:
    """Edges with the onset at 0 and densities of states with the Fermi level at 0, neither normalised."""

    ids: np.ndarray  # (n,)
    groups: np.ndarray  # (n,)
    onset_eV: np.ndarray  # (n,) where 0 of the edge lies, from the calculation's own zero
    spectra: np.ndarray  # (n, 200) dipole strength per eV
    pdos: np.ndarray  # (n, 2, 300) states/eV/atom, both spins; s, p
    meta: dict  # sigma_eV, lorentz_fwhm_eV, onset_rule


def broaden_sites(
    database: Database,
    sigma_eV: float = SIGMA_EV,
    lorentz_fwhm_eV: float = 0.0,
    onset_rule: str = processing.ONSET_RULE,
) -> Curves:
    """Broaden edges (Gaussian and optional Lorentzian) and densities of states (Gaussian) to the two grids.

    Sites stored as curves of some sigma get what is missing to sigma_eV. Raises SikpdosError where they
    are broader already.
    """
    spectra, pdos, onsets = [], [], []
    for i, site_id in enumerate(database.ids):
        try:
            edge_sigma = remaining_sigma(sigma_eV, database.edge_sigma_eV[i])
            pdos_sigma = remaining_sigma(sigma_eV, database.pdos_sigma_eV[i])
            onset_eV, curve = broaden_edge(
                database.edge_energy_eV, database.edge[i], edge_sigma, lorentz_fwhm_eV, onset_rule
            )
        except SikpdosError as error:
            raise SikpdosError(f"site {site_id}: {error}") from error
        onsets.append(onset_eV)
        spectra.append(curve)
        pdos.append(processing.broaden(database.pdos_energy_eV, database.pdos[i], PDOS.energy_eV, pdos_sigma))
    settings = {"sigma_eV": sigma_eV, "lorentz_fwhm_eV": lorentz_fwhm_eV, "onset_rule": onset_rule}
    return Curves(
        database.ids,
        database.groups,
        np.array(onsets),
        np.array(spectra, np.float32),
        np.array(pdos, np.float32),
        {**npz.provenance(SCHEMA), **settings, "units": "edge: strength/eV; pdos: states/eV/atom, both spins"},
    )


def broaden_edge(
    energy_eV: np.ndarray, weight: np.ndarray, sigma_eV: float, lorentz_fwhm_eV: float, onset_rule: str
) -> tuple[float, np.ndarray]:
    """Onset of one broadened edge (n,), from its own zero, and the edge on the grid with the onset at 0 (200,)."""
    rough = processing.broaden(energy_eV, weight, _ONSET_AXIS_EV, sigma_eV, lorentz_fwhm_eV)
    onset_eV = float(processing.find_onset(_ONSET_AXIS_EV, rough[None], onset_rule)[0])
    if not np.isfinite(onset_eV):
        raise SikpdosError("no onset found in the edge")
    return onset_eV, processing.broaden(energy_eV, weight, SPECTRUM.energy_eV + onset_eV, sigma_eV, lorentz_fwhm_eV)


def remaining_sigma(sigma_eV: float, present_eV: float) -> float:
    """Gaussian broadening still to be added to a curve that has some. Raises SikpdosError if it has more."""
    if sigma_eV < present_eV:
        raise SikpdosError(f"is broadened with sigma {present_eV:g} eV already, more than {sigma_eV:g} eV")
    return max(float(np.sqrt(sigma_eV**2 - present_eV**2)), 0.01)


def write_curves(path: str | os.PathLike, curves: Curves) -> None:
    """NPZ, or CSV (site_id, quantity, energy_eV, value) for stdout and names ending in .csv or .csv.gz."""
    if str(path) == files.STDIO or str(path).endswith((".csv", ".csv.gz")):
        tables.write_csv(path, _table(curves))
        return
    arrays = {name: getattr(curves, name) for name in _ARRAYS}
    npz.write(path, arrays, curves.meta)


def _table(curves: Curves) -> dict[str, np.ndarray]:
    n = len(curves.ids)
    values = np.concatenate([curves.spectra, curves.pdos.reshape(n, -1)], axis=1)
    sizes = (SPECTRUM.size, PDOS.size, PDOS.size)
    return {
        "site_id": np.repeat(curves.ids, sum(sizes)),
        "group": np.repeat(curves.groups, sum(sizes)),
        "quantity": np.tile(np.repeat(QUANTITIES, sizes), n),
        "energy_eV": np.tile(np.concatenate([SPECTRUM.energy_eV, PDOS.energy_eV, PDOS.energy_eV]), n),
        "value": values.ravel().astype(float),
        **{key: np.full(n * sum(sizes), curves.meta[key]) for key in _SETTINGS},
        "onset_eV": np.repeat(curves.onset_eV, sum(sizes)),
    }


def read_curves(path: str | os.PathLike, data: bytes | None = None) -> Curves:
    """Read what write_curves wrote, NPZ or CSV. Raises SikpdosError for anything else."""
    data = files.read_bytes(path) if data is None else data
    if data[:2] != b"PK":
        return _from_table(path, data)
    arrays, meta = npz.read(path, SCHEMA, data)
    n = npz.length(arrays, path, "ids")
    npz.require(arrays, path, ids=(n,), groups=(n,), onset_eV=(n,), spectra=(n, SPECTRUM.size))
    npz.require(arrays, path, pdos=(n, 2, PDOS.size))
    npz.require_meta(meta, path, sigma_eV=(int, float), lorentz_fwhm_eV=(int, float), onset_rule=str)
    return Curves(**{name: arrays[name] for name in _ARRAYS}, meta=meta)


def _from_table(path: str | os.PathLike, data: bytes) -> Curves:
    name = files.display_name(path)
    columns = tables.read_csv(
        path, ("site_id", "group", "quantity", "energy_eV", "value", "onset_eV", *_SETTINGS), data
    )
    values, onsets = tables.numbers(columns, "value", path), tables.numbers(columns, "onset_eV", path)
    block = SPECTRUM.size + 2 * PDOS.size
    expected = list(np.repeat(QUANTITIES, (SPECTRUM.size, PDOS.size, PDOS.size)))
    n = len(values) // block
    ids = columns["site_id"][::block]
    ordered = columns["quantity"] == expected * n and columns["site_id"] == [i for i in ids for _ in range(block)]
    if n == 0 or not ordered:
        raise SikpdosError(f"{name}: cut short, or rows out of order: a site has {block} rows (edge, s, p)")
    if any(len(set(columns[key])) > 1 for key in _SETTINGS):
        raise SikpdosError(f"{name}: curves of different broadening or onset rule in one table")
    settings = {key: float(tables.numbers(columns, key, path)[0]) for key in _SETTINGS[:2]}
    table = values.reshape(-1, block).astype(np.float32)
    return Curves(
        np.array(ids),
        np.array(columns["group"][::block]),
        onsets[::block],
        table[:, : SPECTRUM.size],
        table[:, SPECTRUM.size :].reshape(-1, 2, PDOS.size),
        {**npz.provenance(SCHEMA), **settings, "onset_rule": columns["onset_rule"][0]},
    )
