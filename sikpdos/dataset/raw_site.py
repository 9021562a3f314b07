"""Raw site files: the unbroadened Si K-edge and s, p density of states of one site.

Both are histograms on equally spaced bins (energies are bin centres), made from sticks by linear
deposition, which keeps the first moment. Energies count from the calculation's own valence-band
maximum where it has a gap over 0.1 eV, else from its Fermi level. A calculation that gives only
curves already broadened (OptaDOS text) stores curve times bin width, and its sigma in the meta
data as `edge_sigma_eV` and `pdos_sigma_eV`; sticks have 0.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field

import numpy as np

from sikpdos.common import files, npz
from sikpdos.common.errors import SikpdosError

SCHEMA = "sikpdos-raw-1"
BIN_EV = 0.05  # default bin; exact to 0.2 % for sigma of 0.3 eV and more


@dataclass(frozen=True)
class RawSite:
    """Histograms of one site and what is known about their making."""

    edge_energy_eV: np.ndarray  # (n_edge,) bin centres
    edge_weight: np.ndarray  # (n_edge,) isotropic dipole strength per bin, occupied states dropped
    pdos_energy_eV: np.ndarray  # (n_pdos,)
    pdos_s: np.ndarray  # (n_pdos,) electrons per bin and atom, both spins
    pdos_p: np.ndarray  # (n_pdos,)
    meta: dict = field(default_factory=dict)  # site_id, structure_id, atom_index, multiplicity, group, settings...

    @property
    def site_id(self) -> str:
        return self.meta["site_id"]


def histogram(
    energy_eV: np.ndarray, weight: np.ndarray, start_eV: float, stop_eV: float, bin_eV: float = BIN_EV
) -> tuple[np.ndarray, np.ndarray]:
    """Deposit sticks linearly on the two nearest bin centres of [start, stop); sticks outside are dropped.

    Returns bin centres and weights, both (n_bins,). The total weight and first moment of the sticks
    at least half a bin inside the range are kept.
    """
    n_bins = round((stop_eV - start_eV) / bin_eV)
    position = (np.asarray(energy_eV, float) - start_eV) / bin_eV - 0.5
    inside = (position >= 0) & (position <= n_bins - 1)
    position, weight = position[inside], np.asarray(weight, float)[inside]
    left = np.minimum(position.astype(int), n_bins - 2)
    fraction = position - left
    bins = np.bincount(left, weight * (1 - fraction), n_bins) + np.bincount(left + 1, weight * fraction, n_bins)
    return start_eV + bin_eV * (np.arange(n_bins) + 0.5), bins


def write_raw(path: str | os.PathLike, site: RawSite) -> None:
    """Write one site as NPZ (float32 histograms)."""
    arrays = {
        name: np.asarray(getattr(site, name), np.float64 if name.endswith("_eV") else np.float32)
        for name in ("edge_energy_eV", "edge_weight", "pdos_energy_eV", "pdos_s", "pdos_p")
    }
    npz.write(path, arrays, {**npz.provenance(SCHEMA), **site.meta})


def read_raw(path: str | os.PathLike, data: bytes | None = None) -> RawSite:
    """Read and check one raw site file.

    Raises SikpdosError for missing or misshapen arrays, NaN, energies that are not equally spaced, or no site_id.
    """
    arrays, meta = npz.read(path, SCHEMA, data)
    n_edge, n_pdos = (arrays[k].size if k in arrays else 0 for k in ("edge_energy_eV", "pdos_energy_eV"))
    npz.require(arrays, path, edge_energy_eV=(n_edge,), edge_weight=(n_edge,))
    npz.require(arrays, path, pdos_energy_eV=(n_pdos,), pdos_s=(n_pdos,), pdos_p=(n_pdos,))
    for key in ("edge_energy_eV", "pdos_energy_eV"):
        step = np.diff(arrays[key].astype(float))
        if step.size < 2 or step[0] <= 0 or np.abs(step - step.mean()).max() > 1e-3 * step.mean():
            raise SikpdosError(f"{files.display_name(path)}: '{key}' is not an increasing, equally spaced grid")
    if not meta.get("site_id"):
        raise SikpdosError(f"{files.display_name(path)}: no site_id in the meta data")
    return RawSite(
        *(arrays[k].astype(float) for k in ("edge_energy_eV", "edge_weight", "pdos_energy_eV", "pdos_s", "pdos_p")),
        meta,
    )
