"""`make slurm` in examples/database on a real Slurm: tasks that are killed and requeued, and every site done once."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from pymatgen.core import Lattice, Structure
from support import ROOT
from support.slurm import running_slurm, slurm, wait_for, wait_until_done

from sikpdos.dataset.raw_site import read_raw
from sikpdos.structures.sites import Site, write_sites

OPTIONS = "--cutoff 150 --k-spacing 0.08 --image 6"  # seconds a site
CRYSTALS = {  # task 1 of 2 gets the first and the third, task 2 the others
    "sc": (Lattice.cubic(2.53), [[0, 0, 0]]),
    "fcc": (Lattice([[0, 1.9, 1.9], [1.9, 0, 1.9], [1.9, 1.9, 0]]), [[0, 0, 0]]),
    "diamond": (Lattice([[0, 2.73, 2.73], [2.73, 0, 2.73], [2.73, 2.73, 0]]), [[0, 0, 0], [0.25, 0.25, 0.25]]),
    "tin": (Lattice([[-2.4, 2.4, 1.3], [2.4, -2.4, 1.3], [2.4, 2.4, -1.3]]), [[0, 0, 0], [0.25, 0.75, 0.5]]),
}
SITES = [f"{name}-0" for name in CRYSTALS]


@pytest.fixture
def build(tmp_path) -> Path:
    """A BUILD folder of the Makefile whose table of sites is there already."""
    folder = tmp_path / "build" / "structures"
    folder.mkdir(parents=True)
    for name, (lattice, positions) in CRYSTALS.items():
        Structure(lattice, ["Si"] * len(positions), positions).to(filename=str(folder / f"{name}.cif"), fmt="cif")
    rows = [Site(f"{name}-0", name, f"{name}.cif", 0, 1, "a", "P1", 4, 2.35, name, "made up") for name in CRYSTALS]
    write_sites(folder / "sites.csv", rows)
    return tmp_path / "build"


def make(target: str, build: Path, environment: dict[str, str], *more: str) -> subprocess.CompletedProcess:
    """A target of examples/database/Makefile, by the public command with the tests' interpreter."""
    options = [
        f"BUILD={build}",
        f"SITES={build}/structures/sites.csv",
        "FRESH=1",
        "JOBS=2",
        f"SIMULATE_OPTIONS={OPTIONS}",
    ]
    environment = {**environment, "SIKPDOS_PYTHON": sys.executable}
    command = ["make", "-C", ROOT / "examples" / "database", target, *options, *more]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done


def make_slurm(build: Path, environment: dict[str, str]) -> str:
    """Submit the array; its number."""
    return re.search(r"Submitted batch job (\d+)", make("slurm", build, environment).stdout)[1]


def finished(build: Path) -> dict[str, int]:
    """Sites that are done, and when their files were written."""
    return {path.stem: path.stat().st_mtime_ns for path in (build / "raw").glob("*.npz")}


def logs(build: Path) -> list[str]:
    """What the tasks said in all their runs so far."""
    return [path.read_text() for path in sorted(build.glob("slurm-*.log"))]


def stop_half_way(build: Path, environment: dict[str, str], stops: dict[str, Callable[[], object]]) -> None:
    """As soon as the first of a site's two spectra is done, stop its task; wait until no task runs."""
    left = dict(stops)

    def all_stopped() -> bool:
        for site in [site for site in left if f"{site}: density of states done" in "".join(logs(build))]:
            left.pop(site)()
        return not left

    wait_for(all_stopped, f"{', '.join(left)} to begin", step=0.02)
    wait_for(lambda: not slurm(environment, "squeue", "-h", "-t", "running,completing"), "tasks to end")


def kill_processes(environment: dict[str, str], task: str) -> None:
    """SIGKILL, as the system does where memory runs out: nothing is cleaned up."""
    number = slurm(environment, "squeue", "-h", "-j", task, "-o", "%A")
    for line in slurm(environment, "scontrol", "listpids", number).splitlines()[1:]:
        with suppress(ProcessLookupError):  # the script ends with its child
            os.kill(int(line.split()[0]), signal.SIGKILL)


def test_killed_and_requeued_tasks_do_every_site_once(build, tmp_path):
    (tmp_path / "slurm").mkdir()
    with running_slurm(tmp_path / "slurm") as environment:
        job = make_slurm(build, environment)
        stops = {
            "diamond-0": lambda: kill_processes(environment, f"{job}_1"),
            "tin-0": lambda: slurm(environment, "scontrol", "requeue", f"{job}_2"),  # as for a more urgent job
        }
        stop_half_way(build, environment, stops)
        before = finished(build)
        assert set(before) == {"sc-0", "fcc-0"}
        assert (build / "raw" / "diamond-0.lock").exists()  # held by nobody now

        slurm(environment, "scontrol", "requeue", f"{job}_1")
        wait_until_done(environment)
        after = finished(build)
        assert all("1 sites done, 1 were there, 0 are another run's, 0 failed" in log for log in logs(build))
        assert before.items() < after.items()

        make_slurm(build, environment)
        wait_until_done(environment)
        assert all(log.endswith("0 sites done, 2 were there, 0 are another run's, 0 failed\n") for log in logs(build))
    collected = make("database", build, os.environ)
    assert "0 sites done, 4 were there, 0 are another run's, 0 failed" in collected.stderr
    assert f"{build}/database.npz: 4 sites of 4 families" in collected.stderr

    assert finished(build) == after
    assert sorted(os.listdir(build / "raw")) == sorted(f"{site}.npz" for site in SITES)  # no lock, no half file
    for site in SITES:
        assert "".join(logs(build)).count(f"{site}: done") == 1
        result = read_raw(build / "raw" / f"{site}.npz")
        assert result.site_id == site
        assert result.edge_weight.sum() > 0
        assert "--cutoff 150" in result.meta["command"]
        assert "--threads 1" in result.meta["command"]


def test_tasks_use_the_processors_they_are_given(build, tmp_path):
    (tmp_path / "slurm").mkdir()
    with running_slurm(tmp_path / "slurm") as environment:
        make("slurm", build, environment, "SIKPDOS=echo", "SBATCH=sbatch --cpus-per-task=2")
        wait_until_done(environment)
    assert [log.split()[-2:] for log in logs(build)] == [["--threads", "2"]] * 2
