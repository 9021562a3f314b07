"""The table of runs, runs.csv: one row a CASTEP run; what parse-odo and the shell scripts go by."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, fields
from typing import Any

from sikpdos.common import tables
from sikpdos.common.errors import SikpdosError
from sikpdos.common.ids import check_id

GROUND, HOLE = "ground", "hole"
_CONVERT: dict[str, Callable[[str], Any]] = {
    **dict.fromkeys(("run", "atom_index", "atom_number", "multiplicity", "n_atoms"), int),
    "image_distance_A": float,
}


@dataclass(frozen=True)
class Run:
    """One run: the ground state of a structure, or the core hole of one of its sites."""

    run: int  # from 1: the task number of the Slurm array
    kind: str  # ground or hole
    folder: str  # relative to runs.csv; run.sh reads the third and fourth columns
    seed: str
    structure_id: str
    site_id: str  # empty for ground
    atom_index: int  # of the site in the structure file, from 0; -1 for ground
    atom_number: int  # of the site among the silicon atoms of the ground-state cell, from 1; 0 for ground
    multiplicity: int  # of the site; 0 for ground
    group: str  # family of near-identical structures
    n_atoms: int  # in the run's cell
    image_distance_A: float  # shortest lattice vector
    mesh: str  # k-points CASTEP derives from the spacing, e.g. 4x4x4
    material_class: str = ""  # of the structure: elemental, oxide...; tables of earlier versions have none


def runs_csv(runs: Sequence[Run]) -> str:
    """The text of runs.csv; the columns are the fields of Run."""
    names = [f.name for f in fields(Run)]
    text = io.StringIO()
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows({**asdict(run), "image_distance_A": f"{run.image_distance_A:.4f}"} for run in runs)
    return text.getvalue()


def read_runs(path: str | os.PathLike) -> list[Run]:
    """Read runs.csv. Raises SikpdosError, with the row, for missing columns, wrong numbers or kinds."""
    columns = tables.read_csv(path, [f.name for f in fields(Run) if f.default is MISSING])
    names = [f.name for f in fields(Run) if f.name in columns]
    runs = []
    for number, cells in enumerate(zip(*(columns[key] for key in names), strict=True), 2):
        try:
            runs.append(_run(dict(zip(names, cells, strict=True))))
            check_id(runs[-1].structure_id)
            check_id(runs[-1].site_id or GROUND)
        except (ValueError, SikpdosError) as error:
            raise SikpdosError(f"row {number}: {error}", path) from error
        if runs[-1].kind not in (GROUND, HOLE):
            raise SikpdosError(f"row {number}: kind is '{runs[-1].kind}', neither {GROUND} nor {HOLE}", path)
    return runs


def _run(cells: Mapping[str, str]) -> Run:
    """A row as a run. Raises ValueError for wrong numbers."""
    return Run(**{key: _CONVERT.get(key, str)(cell) for key, cell in cells.items()})
