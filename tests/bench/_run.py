"""bin/bench: run measurement scripts beside this file, under a header that says on what machine.

A section is a file here without a leading underscore; it prints a table with ratios against a named peer. Options after
the name of one section go to it.
"""

from __future__ import annotations

import argparse
import itertools
import os
import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).resolve().parent
LONG = {"attack"}  # takes hours: run only where it is named
PACKAGES = ("numpy", "scipy", "torch", "pymatgen", "typer", "rich")


def processor() -> str:
    """The processor's name, as Linux or else Python knows it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def header() -> str:
    memory_GiB = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    system = f"{platform.system()} {platform.release()}, load {os.getloadavg()[0]:.1f}"
    threads = os.environ.get("OMP_NUM_THREADS", "unset")
    return (
        f"{processor()}, {cores} cores, {memory_GiB:.0f} GiB, {system}\n"
        f"Python {platform.python_version()}, {versions}, OMP_NUM_THREADS={threads}"
    )


def main() -> int:
    sections = sorted(path.stem for path in HERE.glob("[!_]*.py"))
    parser = argparse.ArgumentParser(
        prog="bin/bench",
        description="Measure the suite against its peers.",
        epilog="Options after the name of one section are its own: bin/bench accuracy --seeds 3.",
    )
    parser.add_argument("section", nargs="*", help=f"what to measure: {', '.join(sections)} (default: all but attack)")
    named = list(itertools.takewhile(lambda argument: not argument.startswith("-"), sys.argv[1:]))
    options = sys.argv[1 + len(named) :] if len(named) == 1 else []
    chosen = parser.parse_args(named if options else None).section
    if unknown := [name for name in chosen if name not in sections]:
        parser.error(f"no section {', '.join(unknown)}; there are {', '.join(sections)}")
    print(header(), flush=True)
    failed = []
    for name in chosen or [name for name in sections if name not in LONG]:
        print(f"\n== {name} ==", flush=True)
        if subprocess.run([sys.executable, HERE / f"{name}.py", *options]).returncode:
            failed.append(name)
    if failed:
        print(f"bin/bench: failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
