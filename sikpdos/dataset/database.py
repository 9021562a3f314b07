"""The database: raw site files stacked on common bins, in one NPZ."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from sikpdos.common import files, npz
from sikpdos.common.errors import SikpdosError
from sikpdos.dataset.raw_site import BIN_EV, RawSite, histogram

SCHEMA = "sikpdos-database-1"
"""Sites of crystals that others found, of families outside the catalogue: no shipped model is trained on them."""
_EDGE_RANGE_EV = (-5.0, 60.0)
_PDOS_RANGE_EV = (-20.0, 30.0)
_ARRAYS = ("ids", "groups", "edge_energy_eV", "edge", "pdos_energy_eV", "pdos")


@dataclass(frozen=True)
class Database:
    """Histograms of n sites on common bins."""

    ids: np.ndarray  # (n,) site ids
    groups: np.ndarray  # (n,) family of structures, the unit of the grouped split
    edge_energy_eV: np.ndarray  # (n_edge,) bin centres
    edge: np.ndarray  # (n, n_edge) dipole strength per bin
    pdos_energy_eV: np.ndarray  # (n_pdos,)
    pdos: np.ndarray  # (n, 2, n_pdos) s and p electrons per bin and atom, both spins
    site_meta: tuple[dict, ...]  # meta data of each raw file
    meta: dict

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def edge_sigma_eV(self) -> np.ndarray:  # (n,)
        """Broadening that the stored edges carry already (0: sticks)."""
        return np.array([m.get("edge_sigma_eV", 0.0) for m in self.site_meta])

    @property
    def pdos_sigma_eV(self) -> np.ndarray:  # (n,)
        return np.array([m.get("pdos_sigma_eV", 0.0) for m in self.site_meta])

    def settings(self) -> dict[str, list[str]]:
        """Calculation settings found (as JSON) and the sites that have them."""
        found: dict[str, list[str]] = {}
        for site_id, meta in zip(self.ids, self.site_meta, strict=True):
            found.setdefault(json.dumps(meta.get("settings", meta.get("method")), sort_keys=True), []).append(site_id)
        return found


def stack(sites: Sequence[RawSite], groups: dict[str, str] | None = None) -> Database:
    """Sites on common 0.05 eV bins, sorted by id. `groups` maps a structure id to its family.

    Without it a site's family is the meta data's `group`, else its structure. Raises SikpdosError for no
    sites, repeated ids, or histograms without weight.
    """
    if not sites:
        raise SikpdosError("no sites")
    sites = sorted(sites, key=lambda site: site.site_id)
    ids = [site.site_id for site in sites]
    for one, other in itertools.pairwise(ids):
        if one == other:
            raise SikpdosError(f"site {one} is there twice")
    edges, pdos = [], []
    for site in sites:
        edge_energy_eV, edge = histogram(site.edge_energy_eV, site.edge_weight, *_EDGE_RANGE_EV, BIN_EV)
        both = [histogram(site.pdos_energy_eV, w, *_PDOS_RANGE_EV, BIN_EV) for w in (site.pdos_s, site.pdos_p)]
        pdos_energy_eV = both[0][0]
        if not edge.sum() > 0 or not sum(w.sum() for _, w in both) > 0:
            raise SikpdosError(f"site {site.site_id}: the edge or the density of states has no weight")
        edges.append(edge)
        pdos.append([w for _, w in both])
    return Database(
        np.array(ids),
        np.array([family(site.meta, groups) for site in sites]),
        edge_energy_eV,
        np.array(edges, np.float32),
        pdos_energy_eV,
        np.array(pdos, np.float32),
        tuple(site.meta for site in sites),
        npz.provenance(SCHEMA),
    )


def family(meta: dict, groups: dict[str, str] | None) -> str:
    """Family of a site: from the table, else its meta data, else its own structure."""
    structure_id = meta.get("structure_id", meta["site_id"])
    return (groups or {}).get(structure_id) or meta.get("group") or structure_id


def regrouped(database: Database, groups: dict[str, str] | None) -> Database:
    """The same sites in the families of a table (structure id -> family), if one is given."""
    if groups is None:
        return database
    return replace(database, groups=np.array([family(meta, groups) for meta in database.site_meta]))


def write_database(path: str | os.PathLike, database: Database) -> None:
    """Write a database as NPZ; the meta data of each site as JSON."""
    arrays = {name: getattr(database, name) for name in _ARRAYS}
    site_meta = np.array([json.dumps(m, sort_keys=True, ensure_ascii=False) for m in database.site_meta])
    npz.write(path, {**arrays, "site_meta": site_meta}, database.meta)


def read_database(path: str | os.PathLike, data: bytes | None = None) -> Database:
    """Read and check a database. Raises SikpdosError for a wrong checksum, schema or shapes, or NaN."""
    data = files.read_bytes(path) if data is None else data
    arrays, meta = npz.read(path, SCHEMA, data)
    if not npz.sealed(data, files.display_name(path)):
        raise SikpdosError(f"{files.display_name(path)}: damaged: a database without its checksum")
    n, n_edge, n_pdos = (npz.length(arrays, path, key) for key in ("ids", "edge_energy_eV", "pdos_energy_eV"))
    npz.require(arrays, path, ids=(n,), groups=(n,), site_meta=(n,), edge_energy_eV=(n_edge,), edge=(n, n_edge))
    npz.require(arrays, path, pdos_energy_eV=(n_pdos,), pdos=(n, 2, n_pdos))
    try:
        site_meta = tuple(dict(json.loads(text)) for text in arrays["site_meta"])
    except (TypeError, ValueError) as error:
        raise SikpdosError(f"{files.display_name(path)}: meta data of a site are damaged ({error})") from error
    return Database(**{name: arrays[name] for name in _ARRAYS}, site_meta=site_meta, meta=meta)
