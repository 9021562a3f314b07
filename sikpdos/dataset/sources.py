"""What `broaden` and `assemble` take: raw site files, folders of them, databases, tables of curves."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sikpdos.common import files, npz
from sikpdos.common.errors import SikpdosError
from sikpdos.dataset import assembly, curves, curves_file, database, raw_site
from sikpdos.dataset.assembly import site_class, site_elements
from sikpdos.dataset.curve_table import CurveTable, read_table
from sikpdos.dataset.curves import Curves
from sikpdos.dataset.database import Database
from sikpdos.dataset.dataset import Dataset
from sikpdos.structures import sites
from sikpdos.structures.material_class import ELEMENTAL

COMPOUNDS = "compounds"  # stands for all material classes but elemental
_BY_ELEMENTS = ("cutoff_eV", "box_k_max", "edge_steps", "pdos_steps")  # settings of the engine that elements decide


def read_sources(paths: Sequence[str], group_of_structure: dict[str, str] | None = None) -> Database | CurveTable:
    """Raw site files and folders of them as one database; one database file; or one CSV as a table.

    Raises SikpdosError for a mixture, sites of different settings, or anything else.
    """
    if not _is_one_file(paths):
        return _stacked(paths, group_of_structure)
    data = files.read_bytes(paths[0])
    return _sites(paths[0], data, group_of_structure) if npz.is_npz(data) else read_table(paths[0], data)


def _is_one_file(paths: Sequence[str]) -> bool:
    return len(paths) == 1 and not Path(paths[0]).is_dir()


def _sites(path: str, data: bytes, group_of_structure: dict[str, str] | None) -> Database:
    """The sites of one NPZ: a database, or a raw site."""
    if npz.schema_of(data) == database.SCHEMA:
        return database.regrouped(database.read_database(path, data), group_of_structure)
    return database.stack([raw_site.read_raw(path, data)], group_of_structure)


def _stacked(paths: Sequence[str], group_of_structure: dict[str, str] | None, mixed: bool = False) -> Database:
    """Raw sites of several files and folders, all of the same settings unless they may be mixed."""
    stacked = database.stack([raw_site.read_raw(path) for path in _expanded(paths)], group_of_structure)
    if not mixed:
        _check_settings(stacked)
    return stacked


def _expanded(paths: Sequence[str]) -> list[Path]:
    """The files, and the .npz files in the folders. Raises SikpdosError for a folder without any."""
    expanded: list[Path] = []
    for path in map(Path, paths):
        inside = sorted(path.glob("*.npz")) if path.is_dir() else [path]
        if not inside:
            raise SikpdosError("no .npz files in this folder", path)
        expanded += inside
    return expanded


def _check_settings(stacked: Database) -> None:
    """Raise SikpdosError if sites were calculated with different settings, naming two sites and what differs.

    What elements need, the cutoff above all, may differ between sites of crystals of different elements.
    """
    first_of: dict[str, tuple[str, Any]] = {}
    for site_id, meta in zip(stacked.ids.tolist(), stacked.site_meta, strict=True):
        settings = meta.get("settings", meta.get("method"))
        elements = " ".join(sorted(site_elements(meta)))
        common = settings
        if isinstance(settings, dict) and elements:
            common = {key: value for key, value in settings.items() if key not in _BY_ELEMENTS}
        for key, own in ((f"of {elements}", settings), ("of all", common)):
            known_id, known = first_of.setdefault(key, (site_id, own))
            if json.dumps(known, sort_keys=True) != json.dumps(own, sort_keys=True):
                in_first, in_second = _differences(known, own)
                raise SikpdosError(f"mixed settings: {known_id} has {in_first}, {site_id} has {in_second}")


def _differences(first: object, second: object) -> tuple[str, str]:
    """What two settings say where they differ."""
    if not (isinstance(first, dict) and isinstance(second, dict)):
        return json.dumps(first), json.dumps(second)
    keys = [key for key in sorted(first.keys() | second.keys()) if first.get(key) != second.get(key)]
    in_first, in_second = (
        ", ".join(f"{key} {settings.get(key, 'unknown')}" for key in keys) for settings in (first, second)
    )
    return in_first, in_second


def assemble_sources(
    paths: Sequence[str],
    sites_csv: str | None,
    broadening: Mapping[str, Any],
    classes: Collection[str] = (),
    mixed: bool = False,
) -> tuple[Dataset, Database | None]:
    """A dataset from anything `assemble` takes, and the database it came from (None for curves).

    sites_csv: table of sites whose groups are taken. broadening: those of sigma_eV, lorentz_fwhm_eV and onset_rule that
    are asked for; curves must have them already. classes: of material, whose sites alone are taken; all by default.
    mixed: raw sites may have been calculated with different settings.
    Raises SikpdosError if curves have other broadenings or no classes, if no site is left, and as the readers do.
    """
    group_of_structure = None
    if sites_csv is not None:
        group_of_structure = {site.structure_id: site.group for site in sites.read_sites(sites_csv)}
    if not _is_one_file(paths):
        source = _stacked(paths, group_of_structure, mixed)
    else:
        data = files.read_bytes(paths[0])
        if not npz.is_npz(data) or npz.schema_of(data) == curves.SCHEMA:
            if classes:
                raise SikpdosError("curves do not know the material classes of their sites", paths[0])
            return assembly.assemble(_read_broadened(paths[0], data, broadening)), None
        source = _sites(paths[0], data, group_of_structure)
    if classes:
        source = _of_classes(source, classes)
    return assembly.assemble(curves.broaden_sites(source, **broadening), source), source


def _of_classes(source: Database, classes: Collection[str]) -> Database:
    """The sites of some material classes. Raises SikpdosError, with the classes there are, where one has none."""
    of_sites = np.array([site_class(meta) for meta in source.site_meta])
    if COMPOUNDS in classes:
        classes = {*classes, *of_sites.tolist()} - {COMPOUNDS, ELEMENTAL, ""} | ({ELEMENTAL} & set(classes))
        if not classes:
            raise SikpdosError("no site of a compound")
    for name in sorted(classes):
        if name not in of_sites:
            there = ", ".join(sorted(set(of_sites.tolist()) - {""})) or "none that is known"
            raise SikpdosError(f"no site of class '{name}'; there are: {there}")
    return database.some(source, np.flatnonzero(np.isin(of_sites, list(classes))))


def _read_broadened(path: str, data: bytes, broadening: Mapping[str, Any]) -> Curves:
    """Curves of a file. Raises SikpdosError if they are not broadened as asked for."""
    broadened = curves_file.read_curves(path, data)
    for key, value in broadening.items():
        if broadened.meta[key] != value:
            raise SikpdosError(f"curves broadened already, with {key} {broadened.meta[key]}, not {value}", path)
    return broadened
