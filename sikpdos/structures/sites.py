"""The table of inequivalent sites (sites.csv): one row a silicon site of one structure."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path

from sikpdos.common import files, tables
from sikpdos.common.errors import SikpdosError
from sikpdos.common.ids import check_id


@dataclass(frozen=True)
class Site:
    """One symmetry-inequivalent silicon site."""

    site_id: str  # structure_id and a number, e.g. Si-I-0
    structure_id: str
    file: str  # structure file, relative to the folder of sites.csv
    atom_index: int  # in that file, from 0
    multiplicity: int  # equivalent atoms in that file's cell
    wyckoff: str  # letter
    space_group: str  # Hermann-Mauguin symbol
    coordination: int  # neighbours within 1.15 times the nearest distance
    nearest_distance_A: float
    group: str  # family of near-identical structures, for the grouped split
    source: str  # where the structure came from
    status: str = ""  # experimental, predicted, hypothetical, augmented; empty if unknown
    material_class: str = ""  # elemental, oxide, silicide...: material_class.CLASSES
    split: str = ""  # external: no model is trained on it


def write_sites(path: str | os.PathLike, sites: Sequence[Site]) -> None:
    """Write sites.csv; the columns are the fields of Site."""
    rows = [asdict(site) for site in sites]
    tables.write_csv(path, {f.name: [row[f.name] for row in rows] for f in fields(Site)})


def read_sites(path: str | os.PathLike) -> list[Site]:
    """Read sites.csv; the columns `status`, `material_class` and `split` may be missing.

    Raises SikpdosError for missing columns, wrong numbers or repeated ids.
    """
    required = [f.name for f in fields(Site) if f.default is MISSING]
    columns = tables.read_csv(path, required)
    names = [f.name for f in fields(Site) if f.name in columns]
    convert = {**dict.fromkeys(("atom_index", "multiplicity", "coordination"), int), "nearest_distance_A": float}
    sites = []
    for number, cells in enumerate(zip(*(columns[name] for name in names), strict=True), 2):
        try:
            sites.append(Site(*(convert.get(n, str)(cell) for n, cell in zip(names, cells, strict=True))))
            check_id(sites[-1].site_id)
            check_id(sites[-1].structure_id)
        except (ValueError, SikpdosError) as error:
            raise SikpdosError(f"row {number}: {error}", path) from error
    ids = [site.site_id for site in sites]
    repeated = {i for i in ids if ids.count(i) > 1} if len(set(ids)) < len(ids) else set()
    if repeated:
        raise SikpdosError(f"site_id {sorted(repeated)[0]} is repeated", path)
    return sites


def structure_file(site: Site, sites_csv: str | os.PathLike) -> Path:
    """Path of a site's structure file (relative names start at the folder of sites.csv)."""
    folder = Path() if str(sites_csv) == files.STDIO else Path(sites_csv).parent
    return folder / site.file
