"""Start-up: what a user waits for before the work begins, against the imports that it cannot be quicker than."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SIKPDOS = [sys.executable, "-m", "sikpdos"]
LAUNCHER = [str(ROOT / "bin" / "sikpdos")]
PREDICT = ["predict", str(ROOT / "examples" / "exp.msa"), "--smooth", "40,3"]
REPEATS = 11

# (what, command, its peer, the peer's command)
ROWS = (
    ("sikpdos --help", [*SIKPDOS, "--help"], "import typer, rich", [sys.executable, "-c", "import typer, rich"]),
    (
        "sikpdos predict --help",
        [*SIKPDOS, "predict", "--help"],
        "import typer, rich",
        [sys.executable, "-c", "import typer, rich"],
    ),
    ("bin/sikpdos --version", [*LAUNCHER, "--version"], "python -m sikpdos --version", [*SIKPDOS, "--version"]),
    ("sikpdos predict exp.msa", [*SIKPDOS, *PREDICT], "import torch", [sys.executable, "-c", "import torch"]),
)


def environment() -> dict[str, str]:
    """A user's: byte code is kept, one thread, the checkout's package, and the interpreter that runs this."""
    dropped = ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "PYTHONSAFEPATH")
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    own = Path(sys.executable) != ROOT / ".venv" / "bin" / "python"
    named = {"SIKPDOS_PYTHON": sys.executable} if own else {}
    return {**kept, **named, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def seconds(command: list[str]) -> float:
    """Wall time of a command that has to succeed."""
    start = time.perf_counter()
    done = subprocess.run(command, env=environment(), capture_output=True, text=True)
    elapsed = time.perf_counter() - start
    if done.returncode:
        sys.exit(f"{' '.join(command)}: {done.stderr}")
    return elapsed


def compare(command: list[str], peer: list[str]) -> tuple[list[float], list[float]]:
    """Times of both, taken in turns so that the machine's moods meet both alike; the first pair only warms up."""
    pairs = [(seconds(command), seconds(peer)) for _ in range(REPEATS + 1)][1:]
    own, other = zip(*pairs, strict=True)
    return list(own), list(other)


def main() -> None:
    print(f"{'median (minimum) of ' + str(REPEATS):26} {'ms':>16}   {'peer':28} {'ms':>16}   ratio")
    for what, command, peer_name, peer in ROWS:
        own, other = compare(command, peer)
        columns = [f"{statistics.median(t) * 1e3:.0f} ({min(t) * 1e3:.0f})" for t in (own, other)]
        ratios = f"{statistics.median(own) / statistics.median(other):.2f} ({min(own) / min(other):.2f})"
        print(f"{what:26} {columns[0]:>16}   {peer_name:28} {columns[1]:>16}   {ratios}", flush=True)


if __name__ == "__main__":
    main()
