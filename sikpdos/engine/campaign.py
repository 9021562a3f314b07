"""Many sites into one folder: shards, locks, resuming, and a record of what failed.

A site is done when its file is there. The process that works on it holds an advisory lock on
`<site_id>.lock`, which the system releases when the process ends, however it ends.
"""

from __future__ import annotations

import fcntl
import json
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from sikpdos.common import files
from sikpdos.common.errors import SikpdosError, naming
from sikpdos.common.ids import as_id
from sikpdos.dataset.raw_site import RawSite, write_raw
from sikpdos.engine import cost, plan, simulate, structure
from sikpdos.engine.basis import Backend
from sikpdos.engine.eigensolver import NotConverged
from sikpdos.engine.settings import Pseudopotentials, Settings
from sikpdos.structures.sites import Site, read_sites, structure_file

if TYPE_CHECKING:
    import pymatgen.core

Report = Callable[[str], None]


@dataclass(frozen=True)
class RunContext:
    """What all sites of a run share."""

    settings: Settings
    pseudos: Pseudopotentials
    backend: Backend
    report: Report

    def adapted(self, given: structure.Input) -> RunContext:
        """The same run with the cutoff and the FFT box that a structure's elements need."""
        settings = self.settings.resolved(given.elements, self.pseudos.ground)
        if warning := settings.cutoff_warning(given.elements, self.pseudos.ground):
            self.report(f"{given.name}: {warning}")
        return replace(self, settings=settings, backend=replace(self.backend, box_factor=settings.needed_box))


@dataclass
class RunSummary:
    """What became of the sites of a run."""

    done: int = 0
    there: int = 0
    elsewhere: int = 0
    failed: int = 0


def shard(sites: Sequence[Site], number: int, count: int) -> list[Site]:
    """The sites of every `count`-th structure, from structure `number` (from 1) on; a structure is never split."""
    structures = list(dict.fromkeys(site.structure_id for site in sites))
    chosen = set(structures[number - 1 :: count])
    return [site for site in sites if site.structure_id in chosen]


def run(sites: Sequence[Site], sites_csv: Path, out: Path, context: RunContext) -> RunSummary:
    """Simulate every site that has no file in `out` yet. Failures are recorded and the others go on."""
    _make_folder(out)
    summary, ground_states, started = RunSummary(), GroundStateCache(context), time.monotonic()
    for number, site in enumerate(sites, 1):
        with site_lock(out, site) as is_ours:
            if not is_ours:
                summary.there += (out / f"{site.site_id}.npz").exists()
                summary.elsewhere += not (out / f"{site.site_id}.npz").exists()
                continue
            succeeded = _one(site, sites_csv, out, context, ground_states)
        summary.done += succeeded
        summary.failed += not succeeded
        left_s = (time.monotonic() - started) / (summary.done + summary.failed) * (len(sites) - number)
        context.report(
            f"{site.site_id}: {'done' if succeeded else 'failed'}, {number} of {len(sites)}, {duration(left_s)} left"
        )
    return summary


def duration(seconds: float) -> str:
    """45 s, 12 min, 3 h 05 min."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60:02d} min"


def run_table(
    sites_csv: Path, out: Path, context: RunContext, part: int = 1, parts: int = 1, jobs: int = 1
) -> RunSummary:
    """Simulate the sites of a table, or one part of it, in as many processes of one thread each as there are jobs."""
    sites = read_sites(sites_csv)
    jobs = min(jobs, len({site.structure_id for site in shard(sites, part, parts)}))
    if jobs < 2:
        return run(shard(sites, part, parts), sites_csv, out, context)
    _make_folder(out)
    pieces = [shard(sites, part + job * parts, parts * jobs) for job in range(jobs)]
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:  # ends its processes however the block ends
        work = [(piece, sites_csv, out, context, os.getpid()) for piece in pieces]
        summaries = pool.starmap(_run_piece, work, chunksize=1)
    return RunSummary(*(sum(column) for column in zip(*(astuple(s) for s in summaries), strict=True)))


def _run_piece(sites: Sequence[Site], sites_csv: Path, out: Path, context: RunContext, parent: int) -> RunSummary:
    """One process's share of a table, on one thread; it stops soon after its parent was killed."""
    import torch

    torch.set_num_threads(1)

    def report(line: str) -> None:
        if os.getppid() != parent:
            os._exit(1)
        context.report(line)

    return run(sites, sites_csv, out, replace(context, report=report))


def run_one(path: Path, atom_index: int, out: Path, context: RunContext) -> None:
    """Simulate one atom of one structure file into one file. Raises SikpdosError for any failure."""
    crystal = structure.read_structure(path, context.report)
    with naming(path):
        write_raw(out, simulate_structure(crystal, as_id(path.stem) or "structure", atom_index, context))


def simulate_structure(crystal: pymatgen.core.Structure, name: str, atom_index: int, context: RunContext) -> RawSite:
    """K-edge and PDOS of one atom of a structure. Raises SikpdosError for any failure."""
    import torch

    meta = {"site_id": f"{name}-{atom_index}", "structure_id": name, "multiplicity": 1, "group": name}
    try:
        opened = OpenStructure(crystal, name, context)
        site_plan = opened.plan_site(atom_index)
        return simulate.simulate_site(opened.ground_state(), site_plan, atom_index, meta, context.report)
    except (NotConverged, MemoryError, torch.linalg.LinAlgError, torch.cuda.OutOfMemoryError) as error:
        raise SikpdosError(f"atom {atom_index}: {error}") from error


@dataclass(frozen=True)
class PlannedSite:
    """A site of a table with its cost, or with the reason why it cannot be done."""

    site_id: str
    file: str
    outcome: cost.Estimate | SikpdosError


def dry_run(path: Path, atom_index: int | None, context: RunContext, part: int, parts: int) -> Iterator[PlannedSite]:
    """What each site of a table (or of one part of it), or one atom of a structure file, would cost, or why not."""
    if atom_index is not None:
        wanted = [(f"{path.stem}-{atom_index}", path, atom_index)]
    else:
        sites = shard(read_sites(path), part, parts)
        wanted = [(site.site_id, structure_file(site, path), site.atom_index) for site in sites]
    ground_states = GroundStateCache(context)
    for site_id, file, index in wanted:
        try:
            yield PlannedSite(site_id, str(file), ground_states.open(file).plan_site(index).estimate)
        except SikpdosError as error:
            yield PlannedSite(site_id, str(file), error)


class OpenStructure:
    """A structure with its plan, and its ground state once that is asked for; its sites come one after the other."""

    def __init__(self, crystal: pymatgen.core.Structure, name: str, context: RunContext):
        """Raises SikpdosError for what cannot be computed."""
        self.input = structure.to_crystal(crystal, name, context.pseudos.ground)
        self.context = context.adapted(self.input)
        self.plan = plan.plan_structure(self.input.crystal, self.context.settings)
        self._ground: simulate.Structure | None = None

    def plan_site(self, atom_index: int) -> plan.SitePlan:
        """What one atom takes, found out before anything is computed. Raises SikpdosError for what cannot be done."""
        context, atom = self.context, self.input.silicon(atom_index)
        site = plan.plan_site(self.plan, atom, context.settings, context.pseudos, context.backend)
        cost.require_memory(site.estimate, context.backend)
        return site

    def ground_state(self) -> simulate.Structure:
        """Raises eigensolver.NotConverged."""
        context = self.context
        if self._ground is None:
            self._ground = simulate.prepare(
                self.input, self.plan, context.settings, context.pseudos, context.backend, context.report
            )
        return self._ground


class GroundStateCache:
    """The structure of the last file that was opened."""

    def __init__(self, context: RunContext):
        self._context = context
        self._path: Path | None = None
        self._structure: OpenStructure | None = None

    def open(self, path: Path) -> OpenStructure:
        """The structure of a file, read unless it is the one at hand. Raises SikpdosError."""
        if path != self._path or self._structure is None:
            self._structure = None  # its memory is free before the next one takes some
            crystal = structure.read_structure(path, self._context.report)
            self._path, self._structure = path, OpenStructure(crystal, path.name, self._context)
        return self._structure


def _one(site: Site, sites_csv: Path, out: Path, context: RunContext, ground_states: GroundStateCache) -> bool:
    """Simulate one site and write its file, or a record of the failure."""
    import torch

    failure = out / f"{site.site_id}.failed.json"
    meta = {
        key: getattr(site, key)
        for key in (
            "site_id",
            "structure_id",
            "multiplicity",
            "group",
            "space_group",
            "source",
            "material_class",
            "split",
        )
    }
    try:
        opened = ground_states.open(structure_file(site, sites_csv))
        site_plan = opened.plan_site(site.atom_index)
        result = simulate.simulate_site(
            opened.ground_state(),
            site_plan,
            site.atom_index,
            meta,
            lambda line: context.report(f"{site.site_id}: {line}"),
        )
    except (SikpdosError, NotConverged, MemoryError, torch.linalg.LinAlgError, torch.cuda.OutOfMemoryError) as error:
        record = {"site_id": site.site_id, "reason": str(error), "settings": context.settings.as_dict()}
        with files.output(failure) as stream:
            stream.write((json.dumps(record, sort_keys=True, indent=1) + "\n").encode())
        context.report(f"{site.site_id}: {error}")
        return False
    write_raw(out / f"{site.site_id}.npz", result)
    failure.unlink(missing_ok=True)
    return True


@contextmanager
def site_lock(out: Path, site: Site) -> Iterator[bool]:
    """Whether this process may do a site: it is not done, and nobody else holds its lock."""
    result, lock = out / f"{site.site_id}.npz", out / f"{site.site_id}.lock"
    if result.exists():
        yield False
        return
    with open(lock, "w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        try:
            yield not result.exists()
        finally:
            lock.unlink(missing_ok=True)


def _make_folder(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=out).close()  # nameless: runs that start together do not meet
    except OSError as error:
        raise SikpdosError(f"{out}: cannot write: {error.strerror}") from error
