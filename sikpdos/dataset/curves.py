"""Broadened curves of sites on the suite's two grids: what a spectrometer and a PDOS plot would show."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from sikpdos.common import npz
from sikpdos.common.errors import SikpdosError, naming
from sikpdos.common.grid import PDOS, SPECTRUM
from sikpdos.dataset.database import Database
from sikpdos.spectra import processing
from sikpdos.spectra.lifetime import Lifetime, broaden_bins

SCHEMA = "sikpdos-curves-1"
SIGMA_EV = 0.5  # the paper's Gaussian broadening of computed curves
_ONSET_AXIS_EV = np.round(np.arange(-6.0, 30.0, 0.1), 9)  # where onsets of computed edges are sought


@dataclass(frozen=True, kw_only=True)
class Curves:
    """Edges with the onset at 0 and densities of states with the Fermi level at 0, neither normalised."""

    ids: np.ndarray  # (n,)
    groups: np.ndarray  # (n,)
    onset_eV: np.ndarray  # (n,) where 0 of the edge lies, from the calculation's own zero
    spectra: np.ndarray  # (n, 200) dipole strength per eV
    pdos: np.ndarray  # (n, 2, 300) states/eV/atom, both spins; s, p
    meta: dict  # sigma_eV, lorentz_fwhm_eV, onset_rule; lifetime (its fields) where there is one


def broaden_sites(
    database: Database,
    sigma_eV: float = SIGMA_EV,
    lorentz_fwhm_eV: float = 0.0,
    onset_rule: str = processing.ONSET_RULE,
    lifetime: Lifetime | None = None,
) -> Curves:
    """Broaden edges (Gaussian and optional Lorentzian) and densities of states (Gaussian) to the two grids.

    A lifetime adds to the edges a Lorentzian that grows with their energy.

    Sites stored as curves of some sigma get what is missing to sigma_eV. Raises SikpdosError where they
    are broader already.
    """
    if lifetime is not None:
        database = replace(database, edge=broaden_bins(database.edge_energy_eV, database.edge, lifetime))
    onsets_eV, spectra = _broadened_edges(database, sigma_eV, lorentz_fwhm_eV, onset_rule)
    settings: dict[str, Any] = {"sigma_eV": sigma_eV, "lorentz_fwhm_eV": lorentz_fwhm_eV, "onset_rule": onset_rule}
    settings |= {} if lifetime is None else {"lifetime": asdict(lifetime)}
    return Curves(
        ids=database.ids,
        groups=database.groups,
        onset_eV=onsets_eV,
        spectra=_single(spectra),
        pdos=_single(_broadened_pdos(database, sigma_eV)),
        meta={**npz.provenance(SCHEMA), **settings, "units": "edge: strength/eV; pdos: states/eV/atom, both spins"},
    )


def _single(values: np.ndarray) -> np.ndarray:
    """In single precision; numbers too large for it become infinite, which no file is written with."""
    with np.errstate(over="ignore"):
        return values.astype(np.float32)


def _broadened_edges(
    database: Database, sigma_eV: float, lorentz_fwhm_eV: float, onset_rule: str
) -> tuple[np.ndarray, np.ndarray]:
    """Onsets (n,) in eV and edges with the onset at 0 (n, 200) of all sites."""
    onsets_eV, spectra = [], []
    lines = _lines(database.edge_energy_eV, _ONSET_AXIS_EV, lorentz_fwhm_eV)
    for site_id, edge, present_eV in zip(database.ids, database.edge, database.edge_sigma_eV, strict=True):
        with naming(f"site {site_id}"):
            missing_eV = remaining_sigma(sigma_eV, present_eV)
            onset_eV = _onset(edge @ lines(missing_eV), onset_rule)
        onsets_eV.append(onset_eV)
        spectra.append(_cut(database.edge_energy_eV, edge, onset_eV, missing_eV, lorentz_fwhm_eV))
    return np.array(onsets_eV), np.array(spectra)


def _broadened_pdos(database: Database, sigma_eV: float) -> np.ndarray:
    """Densities of states (n, 2, 300) of all sites."""
    pdos = []
    lines = _lines(database.pdos_energy_eV, PDOS.energy_eV)
    for site_id, of_site, present_eV in zip(database.ids, database.pdos, database.pdos_sigma_eV, strict=True):
        with naming(f"site {site_id}"):
            missing_eV = remaining_sigma(sigma_eV, present_eV)
        pdos.append(of_site @ lines(missing_eV))
    return np.array(pdos)


def _lines(energy_eV: np.ndarray, at_eV: np.ndarray, lorentz_fwhm_eV: float = 0.0) -> Callable[[float], np.ndarray]:
    """The lines (n, k) of a sigma; the last few are kept, for the sites of a database mostly want the same."""
    return functools.lru_cache(maxsize=4)(
        lambda sigma_eV: processing.lines(energy_eV, at_eV, sigma_eV, lorentz_fwhm_eV)
    )


def broaden_edge(
    energy_eV: np.ndarray, weight: np.ndarray, sigma_eV: float, lorentz_fwhm_eV: float, onset_rule: str
) -> tuple[float, np.ndarray]:
    """Onset of one broadened edge (n,), from its own zero, and the edge on the grid with the onset at 0 (200,)."""
    rough = processing.broaden(energy_eV, weight, _ONSET_AXIS_EV, sigma_eV, lorentz_fwhm_eV)
    onset_eV = _onset(rough, onset_rule)
    return onset_eV, _cut(energy_eV, weight, onset_eV, sigma_eV, lorentz_fwhm_eV)


def _onset(rough: np.ndarray, onset_rule: str) -> float:
    """Onset of an edge that is broadened on the axis where onsets are sought."""
    onset_eV = float(processing.find_onset(_ONSET_AXIS_EV, rough[None], onset_rule)[0])
    if not np.isfinite(onset_eV):
        raise SikpdosError("no onset found in the edge")
    return onset_eV


def _cut(
    energy_eV: np.ndarray, weight: np.ndarray, onset_eV: float, sigma_eV: float, lorentz_fwhm_eV: float
) -> np.ndarray:
    """A broadened edge on the grid of spectra (200,)."""
    return processing.broaden(energy_eV, weight, SPECTRUM.energy_eV + onset_eV, sigma_eV, lorentz_fwhm_eV)


def remaining_sigma(sigma_eV: float, present_eV: float) -> float:
    """Gaussian broadening still to be added to a curve that has some. Raises SikpdosError if it has more."""
    if sigma_eV < present_eV:
        raise SikpdosError(f"is broadened with sigma {present_eV:g} eV already, more than {sigma_eV:g} eV")
    return max(float(np.sqrt(sigma_eV**2 - present_eV**2)), 0.01)
