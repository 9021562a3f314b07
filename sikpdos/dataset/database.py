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
from sikpdos.dataset import raw_site
from sikpdos.dataset.binning import BIN_EV, linear_binning
from sikpdos.dataset.raw_site import RawSite

SCHEMA = "sikpdos-database-1"
_EDGE_RANGE_EV = (-5.0, 60.0)
_PDOS_RANGE_EV = (-20.0, 30.0)
_ARRAYS = ("ids", "groups", "edge_energy_eV", "edge", "pdos_energy_eV", "pdos")
_LINES = "site_meta_lines"


@dataclass(frozen=True, kw_only=True)
class Database:
    """Histograms of n sites on common bins."""

    ids: np.ndarray  # (n,) site ids
    groups: np.ndarray  # (n,) family of near-identical structures, the unit of the grouped split
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
        return np.array([meta.get("edge_sigma_eV", 0.0) for meta in self.site_meta])

    @property
    def pdos_sigma_eV(self) -> np.ndarray:  # (n,)
        """Broadening that the stored densities of states carry already (0: sticks)."""
        return np.array([meta.get("pdos_sigma_eV", 0.0) for meta in self.site_meta])

    def sites_by_settings(self) -> dict[str, list[str]]:
        """The calculation settings there are (as JSON), and the sites that have them."""
        sites: dict[str, list[str]] = {}
        for site_id, meta in zip(self.ids, self.site_meta, strict=True):
            sites.setdefault(json.dumps(meta.get("settings", meta.get("method")), sort_keys=True), []).append(site_id)
        return sites


def stack(sites: Sequence[RawSite], group_of_structure: dict[str, str] | None = None) -> Database:
    """Sites on common 0.05 eV bins, sorted by id.

    A site's group is that of its structure in the table, else see site_group. Raises SikpdosError for no
    sites, repeated ids, or histograms without weight.
    """
    if not sites:
        raise SikpdosError("no sites")
    sites = sorted(sites, key=lambda site: site.site_id)
    ids = [site.site_id for site in sites]
    for site_id, following_id in itertools.pairwise(ids):
        if site_id == following_id:
            raise SikpdosError(f"site {site_id} is there twice")
    edge_energy_eV, edges = _rebinned_edges(sites)
    pdos_energy_eV, pdos = _rebinned_pdos(sites)
    for site_id, edge, of_site in zip(ids, edges, pdos, strict=True):
        if not edge.sum() > 0 or not of_site.sum() > 0:
            raise SikpdosError(f"site {site_id}: the edge or the density of states has no weight")
    return Database(
        ids=np.array(ids),
        groups=np.array([site_group(site.meta, group_of_structure) for site in sites]),
        edge_energy_eV=edge_energy_eV,
        edge=edges.astype(np.float32),
        pdos_energy_eV=pdos_energy_eV,
        pdos=pdos.astype(np.float32),
        site_meta=tuple(site.meta for site in sites),
        meta=npz.provenance(SCHEMA),
    )


def _rebinned_edges(sites: Sequence[RawSite]) -> tuple[np.ndarray, np.ndarray]:
    """Bin centres (n_edge,) and the edges of the sites (n, n_edge)."""
    binned = [linear_binning(site.edge_energy_eV, site.edge_weight, *_EDGE_RANGE_EV, BIN_EV) for site in sites]
    return binned[0][0], np.array([weight for _, weight in binned])


def _rebinned_pdos(sites: Sequence[RawSite]) -> tuple[np.ndarray, np.ndarray]:
    """Bin centres (n_pdos,) and the s and p densities of the sites (n, 2, n_pdos)."""
    binned = [
        [linear_binning(site.pdos_energy_eV, weight, *_PDOS_RANGE_EV, BIN_EV) for weight in (site.pdos_s, site.pdos_p)]
        for site in sites
    ]
    return binned[0][0][0], np.array([[weight for _, weight in orbitals] for orbitals in binned])


def site_group(meta: dict, group_of_structure: dict[str, str] | None) -> str:
    """Group of a site: from the table (structure id -> group), else its meta data, else its own structure."""
    structure_id = meta.get("structure_id", meta["site_id"])
    return (group_of_structure or {}).get(structure_id) or meta.get("group") or structure_id


def regrouped(database: Database, group_of_structure: dict[str, str] | None) -> Database:
    """The same sites in the groups of a table (structure id -> group), if one is given."""
    if group_of_structure is None:
        return database
    return replace(database, groups=np.array([site_group(meta, group_of_structure) for meta in database.site_meta]))


def some(database: Database, rows: np.ndarray) -> Database:
    """Some of its sites, by their rows."""
    return replace(
        database,
        ids=database.ids[rows],
        groups=database.groups[rows],
        edge=database.edge[rows],
        pdos=database.pdos[rows],
        site_meta=tuple(database.site_meta[row] for row in rows),
    )


def write_database(path: str | os.PathLike, database: Database) -> None:
    """Write a database as NPZ; the meta data of each site as a line of JSON."""
    arrays = {name: getattr(database, name) for name in _ARRAYS}
    lines = "\n".join(json.dumps(meta, sort_keys=True, ensure_ascii=False) for meta in database.site_meta)
    npz.write(path, {**arrays, _LINES: np.frombuffer(lines.encode(), np.uint8)}, database.meta)


def read_database(path: str | os.PathLike, data: bytes | None = None) -> Database:
    """Read and check a database. Raises SikpdosError for a wrong checksum, schema or shapes, or NaN."""
    data = files.read_bytes(path) if data is None else data
    arrays, meta = npz.read(path, SCHEMA, data)
    if not npz.sealed(data, files.display_name(path)):
        raise SikpdosError("damaged: a database without its checksum", path)
    n, n_edge, n_pdos = (npz.length(arrays, path, name) for name in ("ids", "edge_energy_eV", "pdos_energy_eV"))
    npz.require(arrays, path, ids=(n,), groups=(n,), edge_energy_eV=(n_edge,), edge=(n, n_edge))
    npz.require(arrays, path, pdos_energy_eV=(n_pdos,), pdos=(n, 2, n_pdos))
    texts = _texts_of_sites(arrays, n, path)
    try:
        site_meta = tuple(npz.as_document(text) for text in texts)
    except SikpdosError as error:
        raise SikpdosError(f"of a site: {error}", path) from error
    for meta_of_site in site_meta:
        raw_site.check_meta(meta_of_site, path)
    return Database(**{name: arrays[name] for name in _ARRAYS}, site_meta=site_meta, meta=meta)


def _texts_of_sites(arrays: dict[str, np.ndarray], n: int, path: str | os.PathLike) -> list[str]:
    """JSON of each of n sites, from the array of lines, or that of texts as version 0.1 wrote it."""
    if _LINES not in arrays:
        npz.require(arrays, path, site_meta=(n,))
        return arrays["site_meta"].tolist()
    try:
        texts = arrays[_LINES].astype(np.uint8).tobytes().decode().split("\n")
    except UnicodeDecodeError as error:
        raise SikpdosError(f"array '{_LINES}' is no UTF-8 text", path) from error
    if len(texts) != n:
        raise SikpdosError(f"array '{_LINES}' has {len(texts)} lines for {n} sites", path)
    return texts
