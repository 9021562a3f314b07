"""The dataset: what the model learns from. Normalised edges, densities of states, ids, families."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, replace

import numpy as np

from sikpdos.common import npz
from sikpdos.common.errors import SikpdosError
from sikpdos.common.grid import PDOS, SPECTRUM

SCHEMA = "sikpdos-dataset-1"
_OF_SITES = ("material_class", "absolute_onset_eV")  # one for each site, where known
_IF_KNOWN = ("edge_energy_eV", "edge", *_OF_SITES)


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """n sites, ready to learn from."""

    ids: np.ndarray  # (n,)
    groups: np.ndarray  # (n,) family of near-identical structures, the unit of the grouped split
    spectra: np.ndarray  # (n, 200) onset at 0, maximum 1
    pdos: np.ndarray  # (n, 2, 300) states/eV/atom, both spins; s, p; Fermi level at 0
    meta: dict  # sigma_eV, onset_rule, checks, ids of sites of deformed and random crystals
    edge_energy_eV: np.ndarray | None = None  # (n_edge,) bins of the edge before broadening, where known:
    edge: np.ndarray | None = None  # (n, n_edge) needed to simulate measurements
    material_class: np.ndarray | None = None  # (n,) elemental, oxide, silicide...; empty where not known
    absolute_onset_eV: np.ndarray | None = None  # (n,) calculated photon energy of each onset; 0 where not known

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def sigma_eV(self) -> float:
        return float(self.meta["sigma_eV"])

    @property
    def onset_rule(self) -> str:
        return str(self.meta["onset_rule"])

    def unbroadened(self) -> tuple[np.ndarray, np.ndarray]:
        """Bins (n_edge,) and edges (n, n_edge) before broadening. Raises SikpdosError where they are not known."""
        if self.edge_energy_eV is None or self.edge is None:
            raise SikpdosError("the dataset has no edges before broadening: measurements cannot be simulated from it")
        return self.edge_energy_eV, self.edge

    def of_sites(self, rows: np.ndarray) -> Dataset:
        """Some of its sites, by a mask (n,) or by their rows."""
        names = ("ids", "groups", "spectra", "pdos", "edge", *_OF_SITES)
        arrays = {name: getattr(self, name) for name in names}
        return replace(self, **{name: array[rows] for name, array in arrays.items() if array is not None})

    @property
    def augmented(self) -> np.ndarray:  # (n,)
        """Whether a site is of a crystal that `augment` deformed, or drew at random."""
        return np.isin(self.ids, self.meta.get("augmented", []))


def write_dataset(path: str | os.PathLike, dataset: Dataset) -> None:
    """Write a dataset as NPZ; edges before broadening where they are known."""
    arrays = {name: getattr(dataset, name) for name in ("ids", "groups", "spectra", "pdos", *_IF_KNOWN)}
    npz.write(path, {name: array for name, array in arrays.items() if array is not None}, dataset.meta)


def read_dataset(path: str | os.PathLike, data: bytes | None = None) -> Dataset:
    """Read and check a dataset. Raises SikpdosError for wrong schema, shapes, or NaN."""
    arrays, meta = npz.read(path, SCHEMA, data)
    n = npz.length(arrays, path, "ids")
    shapes = {"ids": (n,), "groups": (n,), "spectra": (n, SPECTRUM.size), "pdos": (n, 2, PDOS.size)}
    if "edge" in arrays:
        n_edge = npz.length(arrays, path, "edge_energy_eV")
        shapes |= {"edge_energy_eV": (n_edge,), "edge": (n, n_edge)}
    shapes |= {name: (n,) for name in _OF_SITES if name in arrays}
    npz.require(arrays, path, **shapes)
    npz.require_meta(meta, path, sigma_eV=(int, float), lorentz_fwhm_eV=(int, float), onset_rule=str)
    return Dataset(**{name: arrays[name] for name in shapes}, meta=meta)


def digest(dataset: Dataset) -> str:
    """Short digest of the spectra and densities of states."""
    content = b"".join(np.ascontiguousarray(a).tobytes() for a in (dataset.spectra, dataset.pdos))
    return hashlib.sha256(content).hexdigest()[:12]
