"""CASTEP and OptaDOS: a 200 MB core-loss file against numpy.loadtxt and matador-db, and 10,000 folders of runs.

Usage: castep.py [--mb 200] [--sites 10000]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

OURS = """
from sikpdos.castep.formats.optados_core import choose_block, find_blocks, read_block
with open({path!r}, "rb") as stream:
    edge = read_block(stream, choose_block(find_blocks(stream)))
print(len(edge.strength), edge.strength.sum())
"""
LOADTXT = """
import numpy
rows = numpy.loadtxt({path!r}, comments="#")
print(len(rows))
"""
MATADOR = """
from matador.scrapers import optados2dict
found, ok = optados2dict({path!r}, verbosity=0)
assert ok, found
print(len(found["dos"]))
"""
FOOTER = """
import resource
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def write_core_file(path: Path, megabytes: float, one_edge: bool = False) -> None:
    """K1, L1 and L2,3 of many atoms on 13,000 energies each, the labelled atom last, as OptaDOS orders them; or all
    those rows as one edge."""
    import numpy as np
    from support.castep_fake import core_text

    axis_eV = np.linspace(-15, 50, 13_000)
    strength = np.abs(np.random.default_rng(0).normal(size=axis_eV.size))
    head, rows = core_text([("Si 1    K1", axis_eV, strength)]).split("\n # Si 1    K1\n", 1)
    n_edges = max(3, round(megabytes * 1e6 / len(rows)))
    with open(path, "w") as stream:
        stream.write(head + "\n")
        for number in range(n_edges):
            label = "K1     Si:ex" if number == n_edges - 1 else ("K1", "L1", "L2,3")[number % 3]
            if not one_edge:
                stream.write(f" # Si {number // 3 + 1}  {label}\n")
            elif number == 0:
                stream.write(" # Si 1  K1\n")
            stream.write(rows.rstrip() + "\n")


def timed(code: str, path: Path) -> tuple[float, float]:
    """Seconds and peak memory (MiB) of a fresh Python that runs the code."""
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code.format(path=str(path)) + FOOTER],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
    )  # fmt: skip
    seconds = time.perf_counter() - start
    if done.returncode:
        raise SystemExit(done.stderr)
    return seconds, float(done.stdout.split()[-1])


def core_file(folder: Path, megabytes: float, one_edge: bool) -> None:
    small, large = folder / "small_core_edge.dat", folder / "large_core_edge.dat"
    write_core_file(small, megabytes / 10, one_edge)
    write_core_file(large, megabytes, one_edge)
    size_mb = large.stat().st_size / 1e6
    results = {"sikpdos": timed(OURS, large), "numpy.loadtxt": timed(LOADTXT, large)}
    try:
        import matador  # noqa: F401

        results["matador-db"] = timed(MATADOR, large)
    except ImportError:
        print("matador-db is not installed: left out", file=sys.stderr)
    kind = "a single edge" if one_edge else "edges of many atoms"
    print(f"core-loss file of {size_mb:.0f} MB, {kind}: the K1 edge of the labelled atom (start of Python included)")
    print(f"{'reader':16} {'s':>8} {'MB/s':>8} {'peak MiB':>9} {'times sikpdos':>14}")
    for name, (seconds, peak) in results.items():
        ratio = seconds / results["sikpdos"][0]
        print(f"{name:16} {seconds:8.2f} {size_mb / seconds:8.0f} {peak:9.0f} {ratio:14.1f}")
    print(f"sikpdos on a tenth of it: peak {timed(OURS, small)[1]:.0f} MiB\n")


def many_sites(folder: Path, n_sites: int) -> None:
    """Sites by the whole command, from binaries and from text, on one process and on all."""
    from support.castep_model import write_runs_folder

    write_runs_folder(folder / "runs", n_sites)
    print(f"{n_sites} sites (two folders each) to raw site files")
    print(f"{'source':12} {'processes':>9} {'s':>8} {'sites/s':>9} {'speed-up':>9}")
    n_cores = len(os.sched_getaffinity(0))
    single = None
    for source, jobs in (("binaries", 1), ("binaries", n_cores), ("optados", n_cores)):
        command = ["parse-odo", folder / "runs", "--out", folder / "raw", "--source", source, "--jobs", jobs]
        start = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "sikpdos", *map(str, command)],
            env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
            stdout=subprocess.DEVNULL, check=True,
        )  # fmt: skip
        seconds = time.perf_counter() - start
        single = single or seconds
        print(f"{source:12} {jobs:9} {seconds:8.2f} {n_sites / seconds:9.0f} {single / seconds:9.2f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mb", type=float, default=200)
    parser.add_argument("--sites", type=int, default=10_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        core_file(Path(name), arguments.mb, one_edge=False)
        core_file(Path(name), arguments.mb, one_edge=True)
        many_sites(Path(name), arguments.sites)
