"""Kills at random points: what a killed command leaves behind is finished by the same command, byte for byte.

python tests/attack/kill.py [--kills 200] [--seed 0] [--job NAME...]
"""

from __future__ import annotations

import argparse
import filecmp
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS), str(TESTS.parent)]
from support import castep_model, made_up_sites  # noqa: E402

DIAMOND = "Si\n5.43\n0 .5 .5\n.5 0 .5\n.5 .5 0\nSi\n2\ndirect\n0 0 0\n.25 .25 .25\n"


@dataclass(frozen=True)
class Job:
    """A command, run in a folder of its own."""

    arguments: Sequence[str]
    watched: str = ""  # a file that must be there before the kill
    temporary: Sequence[str] = ("*.lock", ".*.tmp")  # may be left by a killed run


def jobs(inputs: Path) -> dict[str, Job]:
    """Commands that write several files or take a while; their inputs are made in a folder."""
    castep_model.write_runs_folder(inputs / "runs", n_structures=6)
    raw = made_up_sites.write_sites(inputs)
    (inputs / "small.toml").write_text("members = 4\nepochs = 50\npatience = 50\nchannels = [4, 8]\nhidden = 16\n")
    (inputs / "POSCAR").write_text(DIAMOND)
    command(inputs, "assemble", str(raw), "-o", "dataset.npz").wait()
    command(inputs, "fetch-structures", "POSCAR", "-o", "structures").wait()
    source = str(inputs)
    return {
        "train": Job(
            ["train", f"{source}/dataset.npz", "--config", f"{source}/small.toml", "--log", "l.csv", "-o", "m.npz"],
            "m.npz.checkpoint",
        ),
        "assemble": Job(["assemble", str(raw), "-o", "d.npz", "--database", "b.npz"]),
        "fetch": Job(["fetch-structures", f"{source}/POSCAR", "-o", "s"]),
        "augment": Job(["augment", f"{source}/structures/sites.csv", "--strain", "2", "--rattle", "2", "-o", "a"]),
        "make-castep": Job(["make-castep", f"{source}/structures/sites.csv", "-o", "c"]),
        "parse-odo": Job(["parse-odo", f"{source}/runs", "-o", "raw", "--jobs", "1"]),
        "simulate": Job(["simulate", f"{source}/structures/sites.csv", "-o", "raw", "--jobs", "1", "--threads", "1"]),
    }


def command(folder: Path, *arguments: str) -> subprocess.Popen:
    """The public command, in a session of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "sikpdos", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(TESTS.parent), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def differences(expected: Path, found: Path, temporary: Sequence[str]) -> list[str]:
    """Files that are missing, more, or of another content."""

    def files(folder: Path) -> set[Path]:
        every = {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}
        return {path for path in every if not any(path.match(pattern) for pattern in temporary)}

    both = files(expected) & files(found)
    changed = [p for p in both if not filecmp.cmp(expected / p, found / p, shallow=False)]
    return sorted(map(str, [*changed, *(files(expected) ^ files(found))]))


def landed(job: Job, folder: Path, expected: Path, wait_s: float) -> tuple[bool, list[str]]:
    """Whether a kill landed in a running command, and what differs after the same command has run again."""
    process = command(folder, *job.arguments)
    while job.watched and process.poll() is None and not (folder / job.watched).exists():
        time.sleep(0.01)
    time.sleep(wait_s)
    alive = process.poll() is None
    if alive:
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    again = command(folder, *job.arguments)
    words = again.communicate()[1].decode()
    wrong = differences(expected, folder, job.temporary)
    return alive, wrong if again.returncode == 0 else [f"exit {again.returncode}: {words[-300:]}", *wrong]


def attack(wanted: dict[str, int], seed: int) -> tuple[Counter, list[str]]:
    """Kills that landed by job, and what was wrong; each job is killed until as many have landed as are wanted."""
    rng, counts, findings = np.random.default_rng(seed), Counter(), []
    with tempfile.TemporaryDirectory() as root:
        inputs = Path(root, "inputs")
        inputs.mkdir()
        known = jobs(inputs)
        for name, kills in wanted.items():
            expected = Path(root, f"{name}-whole")
            expected.mkdir()
            start = time.monotonic()
            whole = command(expected, *known[name].arguments)
            first = None
            while whole.poll() is None:
                if first is None and (not known[name].watched or (expected / known[name].watched).exists()):
                    first = time.monotonic()
                time.sleep(0.01)
            assert whole.returncode == 0, whole.stderr.read().decode()
            span_s = time.monotonic() - (first or start)
            for attempt in range(3 * kills):
                if counts[name] == kills:
                    break
                folder = Path(root, "killed")
                folder.mkdir()
                alive, wrong = landed(known[name], folder, expected, rng.uniform(0, span_s))
                counts[name] += alive
                findings += [f"{name} {attempt}: {text}" for text in wrong]
                shutil.rmtree(folder)
                print(f"{name}: {counts[name]} of {kills} kills landed, {len(findings)} findings", flush=True)
    return counts, findings


SHARES = {
    "train": 22, "assemble": 18, "fetch": 14, "augment": 12, "make-castep": 12, "parse-odo": 14, "simulate": 8,
}  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--job", nargs="*", choices=list(SHARES), default=[])
    options = parser.parse_args()
    wanted = {name: max(1, options.kills * SHARES[name] // 100) for name in options.job or SHARES}
    counts, findings = attack(wanted, options.seed)
    print(*findings, f"{counts.total()} kills landed, {len(findings)} findings", sep="\n")
    return bool(findings)


if __name__ == "__main__":
    sys.exit(main())
