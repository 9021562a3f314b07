"""Raw site files: the unbroadened Si K-edge and s, p density of states of one site.

Both are histograms on equally spaced bins (energies are bin centres), made from sticks by linear
binning, which keeps the first moment. Energies count from the calculation's own valence-band
maximum where it has a gap over 0.1 eV, else from its Fermi level. A calculation that gives only
curves already broadened (OptaDOS text) stores curve times bin width, and its sigma in the meta
data as `edge_sigma_eV` and `pdos_sigma_eV`; sticks have 0.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from types import NoneType

import numpy as np

from sikpdos.common import npz
from sikpdos.common.errors import SikpdosError, naming
from sikpdos.common.ids import check_id

SCHEMA = "sikpdos-raw-1"
_ARRAYS = ("edge_energy_eV", "edge_weight", "pdos_energy_eV", "pdos_s", "pdos_p")


@dataclass(frozen=True, kw_only=True)
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


def write_raw(path: str | os.PathLike, site: RawSite) -> None:
    """Write one site as NPZ: energies in double precision, histograms in single."""
    precision = {name: np.float64 if name.endswith("_eV") else np.float32 for name in _ARRAYS}
    arrays = {name: np.asarray(getattr(site, name), dtype) for name, dtype in precision.items()}
    npz.write(path, arrays, {**npz.provenance(SCHEMA), **site.meta})


def read_raw(path: str | os.PathLike, data: bytes | None = None) -> RawSite:
    """Read and check one raw site file.

    Raises SikpdosError for missing or misshapen arrays, NaN, energies that are not equally spaced, or no site_id.
    """
    arrays, meta = npz.read(path, SCHEMA, data)
    n_edge, n_pdos = (arrays[name].size if name in arrays else 0 for name in ("edge_energy_eV", "pdos_energy_eV"))
    npz.require(arrays, path, edge_energy_eV=(n_edge,), edge_weight=(n_edge,))
    npz.require(arrays, path, pdos_energy_eV=(n_pdos,), pdos_s=(n_pdos,), pdos_p=(n_pdos,))
    for name in ("edge_energy_eV", "pdos_energy_eV"):
        if not _equally_spaced(arrays[name].astype(float)):
            raise SikpdosError(f"'{name}' is not an increasing, equally spaced grid", path)
    check_meta(meta, path)
    return RawSite(**{name: arrays[name].astype(float) for name in _ARRAYS}, meta=meta)


def check_meta(meta: dict, path: str | os.PathLike) -> None:
    """Raise SikpdosError where a site's meta data lack an id, or hold what is none, no group or no broadening."""
    with naming(path):
        check_id(meta.get("site_id", ""))
    known = {"structure_id": "", "group": "", "edge_sigma_eV": 0.0, "pdos_sigma_eV": 0.0} | meta
    npz.require_meta(known, path, structure_id=str, group=str, edge_sigma_eV=(int, float), pdos_sigma_eV=(int, float))
    known = {"material_class": "", "transition_eV": None} | meta
    npz.require_meta(known, path, material_class=str, transition_eV=(int, float, NoneType))


def _equally_spaced(energy_eV: np.ndarray) -> bool:
    """Whether energies increase in steps that are equal to 0.1 %."""
    step_eV = np.diff(energy_eV)
    return step_eV.size >= 2 and step_eV[0] > 0 and np.abs(step_eV - step_eV.mean()).max() <= 1e-3 * step_eV.mean()
