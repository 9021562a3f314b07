"""Many sites into one folder: shards, locks, resuming, and a record of what failed.

A site is done when its file is there. The process that works on it holds an advisory lock on
`<site_id>.lock`, which the system releases when the process ends, however it ends.
"""

from __future__ import annotations

import fcntl
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sikpdos.common import files
from sikpdos.common.errors import SikpdosError
from sikpdos.dataset.raw_site import write_raw
from sikpdos.engine import cost, simulate, structure
from sikpdos.engine.basis import Arithmetic
from sikpdos.engine.eigensolver import NotConverged
from sikpdos.engine.settings import Pseudopotentials, Settings
from sikpdos.structures.sites import Site, read_sites, structure_file

Report = Callable[[str], None]


@dataclass(frozen=True)
class Laboratory:
    """What all sites of a run share."""

    settings: Settings
    pseudos: Pseudopotentials
    arithmetic: Arithmetic
    report: Report


@dataclass
class Tally:
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


def run(sites: Sequence[Site], sites_csv: Path, out: Path, laboratory: Laboratory) -> Tally:
    """Simulate every site that has no file in `out` yet. Failures are recorded and the others go on."""
    _make_folder(out)
    tally, prepared, started = Tally(), _Prepared(laboratory), time.monotonic()
    for number, site in enumerate(sites, 1):
        with _claim(out, site) as claimed:
            if not claimed:
                tally.there += (out / f"{site.site_id}.npz").exists()
                tally.elsewhere += not (out / f"{site.site_id}.npz").exists()
                continue
            succeeded = _one(site, sites_csv, out, laboratory, prepared)
        tally.done += succeeded
        tally.failed += not succeeded
        left_s = (time.monotonic() - started) / (tally.done + tally.failed) * (len(sites) - number)
        laboratory.report(
            f"{site.site_id}: {'done' if succeeded else 'failed'}, {number} of {len(sites)}, {left_s:.0f} s left"
        )
    return tally


def run_table(sites_csv: Path, out: Path, laboratory: Laboratory, part: int, parts: int) -> Tally:
    """Simulate the sites of a table, or one part of it."""
    return run(shard(read_sites(sites_csv), part, parts), sites_csv, out, laboratory)


def run_one(path: Path, atom_index: int, out: Path, laboratory: Laboratory) -> None:
    """Simulate one atom of one structure file into one file. Raises SikpdosError for any failure."""
    import torch

    site_id = f"{path.stem}-{atom_index}"
    meta = {"site_id": site_id, "structure_id": path.stem, "multiplicity": 1, "group": path.stem}
    try:
        ready = _Prepared(laboratory).of(path, atom_index)
        result = simulate.simulate_site(ready, atom_index, meta, laboratory.report)
    except (NotConverged, MemoryError, torch.linalg.LinAlgError, torch.cuda.OutOfMemoryError) as error:
        raise SikpdosError(f"{path}: atom {atom_index}: {error}") from error
    write_raw(out, result)


def dry_run(
    path: Path, atom_index: int | None, laboratory: Laboratory, part: int, parts: int
) -> Iterator[tuple[str, cost.Estimate | SikpdosError]]:
    """What each site of a table (or of one part of it), or one atom of a structure file, would cost, or why not."""
    if atom_index is not None:
        wanted = [(f"{path.stem}-{atom_index}", path, atom_index)]
    else:
        sites = shard(read_sites(path), part, parts)
        wanted = [(site.site_id, structure_file(site, path), site.atom_index) for site in sites]
    for site_id, file, index in wanted:
        try:
            given = structure.to_crystal(
                structure.read_structure(file, laboratory.report), file.name, laboratory.pseudos.ground
            )
            yield site_id, _estimate(given, index, laboratory)
        except SikpdosError as error:
            yield site_id, error


def _estimate(given: structure.Input, atom_index: int, laboratory: Laboratory) -> cost.Estimate:
    atom = given.silicon(atom_index)
    return cost.estimate(given.crystal, atom, laboratory.settings, laboratory.pseudos, laboratory.arithmetic)


class _Prepared:
    """The ground state of the structure at hand; its sites come one after the other."""

    def __init__(self, laboratory: Laboratory):
        self.laboratory = laboratory
        self.path: Path | None = None
        self.given: structure.Input | None = None
        self.structure: simulate.Structure | None = None

    def of(self, path: Path, atom_index: int) -> simulate.Structure:
        """The structure, checked for this atom before anything is computed."""
        lab = self.laboratory
        if path != self.path:
            self.given = structure.to_crystal(structure.read_structure(path, lab.report), path.name, lab.pseudos.ground)
            self.path, self.structure = path, None
        cost.require_memory(_estimate(self.given, atom_index, lab), lab.arithmetic)
        if self.structure is None:
            self.structure = simulate.prepare(self.given, lab.settings, lab.pseudos, lab.arithmetic, lab.report)
        return self.structure


def _one(site: Site, sites_csv: Path, out: Path, laboratory: Laboratory, prepared: _Prepared) -> bool:
    """Simulate one site and write its file, or a record of the failure."""
    import torch

    failure = out / f"{site.site_id}.failed.json"
    meta = {
        key: getattr(site, key) for key in ("site_id", "structure_id", "multiplicity", "group", "space_group", "source")
    }
    try:
        ready = prepared.of(structure_file(site, sites_csv), site.atom_index)
        result = simulate.simulate_site(
            ready, site.atom_index, meta, lambda line: laboratory.report(f"{site.site_id}: {line}")
        )
    except (SikpdosError, NotConverged, MemoryError, torch.linalg.LinAlgError, torch.cuda.OutOfMemoryError) as error:
        record = {"site_id": site.site_id, "reason": str(error), "settings": laboratory.settings.as_dict()}
        with files.output(failure) as stream:
            stream.write((json.dumps(record, sort_keys=True, indent=1) + "\n").encode())
        laboratory.report(f"{site.site_id}: {error}")
        return False
    write_raw(out / f"{site.site_id}.npz", result)
    failure.unlink(missing_ok=True)
    return True


@contextmanager
def _claim(out: Path, site: Site) -> Iterator[bool]:
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
