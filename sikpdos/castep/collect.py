"""Raw site files from a folder of runs, site by site, with an account of what is finished and what is not."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from sikpdos.castep import results
from sikpdos.castep.results import Unfinished
from sikpdos.castep.runs import GROUND, HOLE, Run, read_runs
from sikpdos.common import tables
from sikpdos.common.errors import SikpdosError
from sikpdos.dataset.raw_site import RawSite, write_raw

FINISHED, FAILED = "finished", "failed"


@dataclass(frozen=True)
class Outcome:
    """What became of one site."""

    site_id: str
    status: str  # finished, aborted, missing or failed
    source: str  # of edge and PDOS: binaries or optados
    cause: str  # why it is not finished


def find_runs(path: str | os.PathLike) -> tuple[list[Run], Path]:
    """The table of runs and its folder, from the folder or from runs.csv itself."""
    path = Path(path)
    table = path / "runs.csv" if path.is_dir() else path
    if not table.is_file():
        raise SikpdosError("not there: a folder of runs has a table runs.csv, as make-castep writes it", table)
    return read_runs(table), table.parent


def collect(
    runs: Sequence[Run], root: Path, out: str | os.PathLike, source: str = "auto", n_jobs: int | None = None
) -> Iterator[Outcome]:
    """Write `out`/<site_id>.npz for every site whose two runs are finished; the outcome of each, in the table's order.

    `source` is binaries, optados (its text files) or auto: binaries where they are.
    """
    Path(out).mkdir(parents=True, exist_ok=True)
    ground = {run.structure_id: run for run in runs if run.kind == GROUND}
    pairs = [(run, ground.get(run.structure_id)) for run in runs if run.kind == HOLE]
    work = partial(_collect_one, root=root, out=Path(out), source=source)
    n_jobs = min(n_jobs or n_cores(), max(len(pairs) // 8, 1))
    if n_jobs == 1:
        yield from map(work, pairs)
        return
    try:
        with ProcessPoolExecutor(n_jobs) as pool:
            yield from pool.map(work, pairs, chunksize=max(len(pairs) // (8 * n_jobs), 1))
    except BrokenProcessPool as error:
        raise SikpdosError("a process was killed (too little memory?): try --jobs 1") from error


def n_cores() -> int:
    """Cores this process may use (a cluster's job has fewer than the node)."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def read_site(hole: Run, ground: Run, root: Path, source: str = "auto") -> RawSite:
    """Edge and density of states of one site as a raw site.

    Raises Unfinished for runs that are missing, running or aborted, SikpdosError for anything wrong in their files.
    """
    pdos = results.read_pdos(root / ground.folder / ground.seed, hole.atom_number, source)
    edge = results.read_edge(root / hole.folder / hole.seed, source)
    if pdos.spin_polarised != edge.spin_polarised:
        one, other = (hole, ground) if edge.spin_polarised else (ground, hole)
        raise SikpdosError(f"mixed spin settings: {one.folder} is spin-polarised, {other.folder} is not")
    meta = {
        "site_id": hole.site_id,
        "structure_id": hole.structure_id,
        "atom_index": hole.atom_index,
        "multiplicity": hole.multiplicity,
        "group": hole.group,
        "material_class": hole.material_class,
        "calculation": "CASTEP",
        "edge_unit": edge.unit,
        "n_atoms_supercell": hole.n_atoms,
        "image_distance_A": hole.image_distance_A,
        **{f"edge_{key}": value for key, value in edge.meta.items()},
        **{f"pdos_{key}": value for key, value in pdos.meta.items()},
    }
    (edge_weight,), (s, p) = edge.weights, pdos.weights
    return RawSite(
        edge_energy_eV=edge.energy_eV,
        edge_weight=edge_weight,
        pdos_energy_eV=pdos.energy_eV,
        pdos_s=s,
        pdos_p=p,
        meta=meta,
    )


def _collect_one(pair: tuple[Run, Run | None], root: Path, out: Path, source: str) -> Outcome:
    hole, ground = pair
    try:
        if ground is None:
            raise SikpdosError(f"no ground-state run of structure {hole.structure_id} in the table")
        site = read_site(hole, ground, root, source)
        write_raw(out / f"{hole.site_id}.npz", site)
    except Unfinished as error:
        return Outcome(hole.site_id, error.status, "", str(error))
    except OSError as error:
        return Outcome(hole.site_id, FAILED, "", f"{error.filename}: {error.strerror or error}")
    except (SikpdosError, MemoryError) as error:
        return Outcome(hole.site_id, FAILED, "", str(error))
    kinds = dict.fromkeys((site.meta["edge_source"], site.meta["pdos_source"]))
    return Outcome(hole.site_id, FINISHED, " ".join(kinds), "")


def write_outcomes(path: str | os.PathLike, outcomes: Sequence[Outcome]) -> None:
    """The account as CSV: site_id, status, source, cause."""
    names = ("site_id", "status", "source", "cause")
    tables.write_csv(path, {name: np.array([getattr(o, name) for o in outcomes], object) for name in names})
