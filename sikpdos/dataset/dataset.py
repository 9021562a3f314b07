"""The dataset: what the model learns from. Normalised edges, densities of states, ids, families."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass

import numpy as np

from sikpdos.common import npz
from sikpdos.common.errors import SikpdosError
from sikpdos.common.grid import PDOS, SPECTRUM
from sikpdos.dataset.curves import Curves
from sikpdos.dataset.database import Database
from sikpdos.spectra import processing

SCHEMA = "sikpdos-dataset-1"
AUGMENTED = "augment "  # what the source of such sites begins with
_ELECTRONS = 4.0  # valence electrons of silicon
_DUPLICATE = 1e-4  # largest difference of two normalised spectra and of their pdos that count as the same


@dataclass(frozen=True)
class Dataset:
    """n sites, ready to learn from."""

    ids: np.ndarray  # (n,)
    groups: np.ndarray  # (n,) family, the unit of the grouped split
    spectra: np.ndarray  # (n, 200) onset at 0, maximum 1
    pdos: np.ndarray  # (n, 2, 300) states/eV/atom, both spins; s, p; Fermi level at 0
    meta: dict  # sigma_eV, onset_rule, checks, ids of sites of augmented crystals
    edge_energy_eV: np.ndarray | None = None  # (n_edge,) bins of the edge before broadening, where known:
    edge: np.ndarray | None = None  # (n, n_edge) needed to simulate measurements

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def sigma_eV(self) -> float:
        return float(self.meta["sigma_eV"])

    @property
    def onset_rule(self) -> str:
        return str(self.meta["onset_rule"])

    @property
    def augmented(self) -> np.ndarray:  # (n,)
        """Whether a site is of a crystal that `augment` made."""
        return np.isin(self.ids, self.meta.get("augmented", []))


def assemble(curves: Curves, database: Database | None = None) -> Dataset:
    """Normalise, check, and describe; `database` (same sites) adds the edges before broadening.

    Raises SikpdosError for repeated ids, NaN, or a spectrum without intensity.
    """
    ids, counts = np.unique(curves.ids, return_counts=True)
    if (counts > 1).any():
        raise SikpdosError(f"site {ids[counts > 1][0]} is there twice")
    for name in ("spectra", "pdos"):
        bad = ~np.isfinite(getattr(curves, name).reshape(len(curves.ids), -1)).all(axis=1)
        if bad.any():
            raise SikpdosError(f"site {curves.ids[bad][0]}: NaN in its {name}")
    spectra = processing.normalise(curves.spectra)
    checks = {"duplicates": duplicates(curves.ids, spectra, curves.pdos), "odd_charge": odd_charge(curves)}
    keep = {k: curves.meta[k] for k in ("sigma_eV", "lorentz_fwhm_eV", "onset_rule")}
    meta = {**npz.provenance(SCHEMA), **keep, "checks": checks}
    if database is not None:
        made = [str(meta.get("source", "")).startswith(AUGMENTED) for meta in database.site_meta]
        meta["augmented"] = database.ids[made].tolist()
    edge = {}
    if database is not None and not database.edge_sigma_eV.any():
        edge = {"edge_energy_eV": database.edge_energy_eV, "edge": database.edge}
    return Dataset(curves.ids, curves.groups, spectra, curves.pdos, meta, **edge)


def duplicates(ids: np.ndarray, spectra: np.ndarray, pdos: np.ndarray) -> list[list[str]]:
    """Pairs of sites whose spectrum and density of states are the same."""
    rows = np.concatenate([spectra, pdos.reshape(len(pdos), -1)], axis=1)
    total = rows.sum(axis=1)
    order = np.argsort(total)
    pairs = []
    for position, i in enumerate(order):
        for j in order[position + 1 :]:
            if total[j] - total[i] > _DUPLICATE * rows.shape[1]:
                break
            if np.abs(rows[i] - rows[j]).max() < _DUPLICATE:
                pairs.append(sorted([str(ids[i]), str(ids[j])]))
    return sorted(pairs)


def odd_charge(curves: Curves) -> list[str]:
    """Sites whose occupied s and p states hold less than 3.4 or more than 4.4 of the 4 valence electrons."""
    charge = curves.pdos[..., PDOS.energy_eV < 0].sum(axis=(1, 2)) * PDOS.step_eV
    return [str(i) for i in curves.ids[(charge < _ELECTRONS - 0.6) | (charge > _ELECTRONS + 0.4)]]


def summary(dataset: Dataset) -> str:
    """One screen about a dataset."""
    sizes = np.unique(dataset.groups, return_counts=True)[1]
    variance = dataset.pdos.var(axis=0).mean(axis=1)
    checks = dataset.meta["checks"]
    return "\n".join(
        [
            f"sites        {len(dataset)} from {len(sizes)} families (largest {sizes.max()})",
            f"spectra      {SPECTRUM.start_eV:g} to {SPECTRUM.stop_eV:g} eV, {SPECTRUM.size} points, sigma "
            f"{dataset.sigma_eV:g} eV, onset rule {dataset.onset_rule}",
            f"augmented    {dataset.augmented.sum()} of the sites: strained, rattled, with a vacancy, or random",
            f"pdos         {PDOS.start_eV:g} to {PDOS.stop_eV:g} eV, {PDOS.size} points, states/eV/atom",
            f"variance     s {variance[0]:.3g}, p {variance[1]:.3g} (states/eV)^2",
            f"duplicates   {len(checks['duplicates'])}" + "".join(f"; {a} = {b}" for a, b in checks["duplicates"][:5]),
            f"odd charge   {len(checks['odd_charge'])}" + "".join(f"; {i}" for i in checks["odd_charge"][:5]),
            f"before broadening  {'kept' if dataset.edge is not None else 'not known'}",
        ]
    )


def write_dataset(path: str | os.PathLike, dataset: Dataset) -> None:
    names = ["ids", "groups", "spectra", "pdos"] + (["edge_energy_eV", "edge"] if dataset.edge is not None else [])
    npz.write(path, {name: getattr(dataset, name) for name in names}, dataset.meta)


def read_dataset(path: str | os.PathLike, data: bytes | None = None) -> Dataset:
    """Read and check a dataset. Raises SikpdosError for wrong schema, shapes, or NaN."""
    arrays, meta = npz.read(path, SCHEMA, data)
    n = npz.length(arrays, path, "ids")
    shapes = {"ids": (n,), "groups": (n,), "spectra": (n, SPECTRUM.size), "pdos": (n, 2, PDOS.size)}
    if "edge" in arrays:
        n_edge = npz.length(arrays, path, "edge_energy_eV")
        shapes |= {"edge_energy_eV": (n_edge,), "edge": (n, n_edge)}
    npz.require(arrays, path, **shapes)
    npz.require_meta(meta, path, sigma_eV=(int, float), lorentz_fwhm_eV=(int, float), onset_rule=str)
    return Dataset(**{name: arrays[name] for name in shapes}, meta=meta)


def digest(dataset: Dataset) -> str:
    """Short digest of the spectra and densities of states."""
    content = b"".join(np.ascontiguousarray(a).tobytes() for a in (dataset.spectra, dataset.pdos))
    return hashlib.sha256(content).hexdigest()[:12]
