"""Tables of a theorist's own curves, to be broadened onto the suite's grids."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np

from sikpdos.common import tables
from sikpdos.common.errors import SikpdosError
from sikpdos.common.grid import PDOS, SPECTRUM
from sikpdos.dataset.curves import remaining_sigma
from sikpdos.spectra import processing
from sikpdos.spectra.lifetime import Lifetime, broaden_bins

_FINE_EV = 0.05
_NEAR_FERMI_EV = 50.0  # no edge begins so far above it
_COARSEST_EV = 2.0  # steps that say nothing of an edge
_HIGHEST_EV = 2e5


@dataclass(frozen=True, kw_only=True)
class CurveTable:
    """Columns of a CSV: energies in equal steps and an edge, or s and p densities."""

    energy_eV: np.ndarray  # (n,)
    columns: dict[str, np.ndarray]  # "edge", or "s" and/or "p", each (n,) per eV

    @property
    def step_eV(self) -> float:
        return (self.energy_eV[-1] - self.energy_eV[0]) / (len(self.energy_eV) - 1)


def read_table(path: str | os.PathLike, data: bytes) -> CurveTable:
    """The content of a CSV. Raises SikpdosError for other columns, or energies not equally spaced, coarse, or no eV."""
    text = tables.read_csv(path, ["energy_eV"], data)
    names = [name for name in ("edge", "s", "p") if name in text]
    if not names or ("edge" in names and len(names) > 1):
        raise SikpdosError("expected a column 'edge', or columns 's' and 'p', beside energy_eV", path)
    energy_eV = tables.numbers(text, "energy_eV", path)
    step_eV = np.diff(energy_eV)
    if len(step_eV) < 3 or step_eV.min() <= 0:
        raise SikpdosError("energies must increase, four or more", path)
    if np.ptp(step_eV) > 0.02 * step_eV.mean():
        raise SikpdosError("energies are not equally spaced", path)
    if step_eV.mean() > _COARSEST_EV or np.abs(energy_eV).max() > _HIGHEST_EV:
        raise SikpdosError(
            f"energies from {energy_eV[0]:g} to {energy_eV[-1]:g} in steps of {step_eV.mean():.4g}: "
            f"expected eV, in steps of up to {_COARSEST_EV:g} eV",
            path,
        )
    return CurveTable(energy_eV=energy_eV, columns={name: tables.numbers(text, name, path) for name in names})


def broaden_table(
    table: CurveTable,
    sigma_eV: float,
    lorentz_fwhm_eV: float,
    input_sigma_eV: float,
    onset_rule: str,
    lifetime: Lifetime | None = None,
) -> dict[str, np.ndarray]:
    """Columns of a table broadened to sigma_eV in all, on the grid of the edge or of the density of states.

    The Lorentzian is for an edge alone; so is the lifetime, a Lorentzian that grows with the energy from the Fermi
    level. Raises SikpdosError if the table is broader already, or has no onset.
    """
    missing_eV = remaining_sigma(sigma_eV, input_sigma_eV)
    if "edge" not in table.columns:
        pdos = {name: _broadened(table, name, PDOS.energy_eV, missing_eV, 0.0) for name in table.columns}
        return {"energy_eV": PDOS.energy_eV, **pdos}
    if lifetime is not None:
        table = _spread(table, lifetime)
    axis_eV = np.arange(table.energy_eV[0], table.energy_eV[-1], SPECTRUM.step_eV)
    edge = _broadened(table, "edge", axis_eV, missing_eV, lorentz_fwhm_eV)
    onset_eV = processing.find_onset(axis_eV, edge[None], onset_rule)[0]
    if not np.isfinite(onset_eV):
        raise SikpdosError("no onset found in the edge")
    aligned = _broadened(table, "edge", SPECTRUM.energy_eV + onset_eV, missing_eV, lorentz_fwhm_eV)
    return {"energy_eV": SPECTRUM.energy_eV, "edge": aligned}


def _spread(table: CurveTable, lifetime: Lifetime) -> CurveTable:
    """The edge of a table broadened by a lifetime, in steps that are fine beside its width."""
    if table.energy_eV[0] > _NEAR_FERMI_EV:
        raise SikpdosError(
            f"energies from {table.energy_eV[0]:g} eV: for a lifetime they must count from the Fermi level"
        )
    step_eV = min(table.step_eV, _FINE_EV)
    energy_eV = np.linspace(table.energy_eV[0], table.energy_eV[-1], round(np.ptp(table.energy_eV) / step_eV) + 1)
    edge = np.interp(energy_eV, table.energy_eV, table.columns["edge"])
    return CurveTable(energy_eV=energy_eV, columns={"edge": broaden_bins(energy_eV, edge[None], lifetime)[0]})


def _broadened(table: CurveTable, name: str, at_eV: np.ndarray, sigma_eV: float, lorentz_fwhm_eV: float) -> np.ndarray:
    """A column of the table at other energies (k,), broadened; resampled only where its steps are coarser than that."""
    values = table.columns[name]
    if lorentz_fwhm_eV == 0 and sigma_eV < 0.7 * table.step_eV:
        return np.interp(at_eV, table.energy_eV, values, left=0.0, right=0.0)
    return processing.broaden(table.energy_eV, values * table.step_eV, at_eV, sigma_eV, lorentz_fwhm_eV)
