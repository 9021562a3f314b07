"""Damaged structure files against the reader: an answer or one SikpdosError, in bounded time and memory.

    bin/python tests/attack/structures.py [--n 100000] [--seed 0] [--seconds 10] [--seeds FOLDER...]

Prints counts by format; every other exception, slow reading or unsound result is printed with the number that makes
the same input again (--only NUMBER), and the exit code is 1.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from mutate import mutation
from structure_seeds import seeds

from sikpdos.common.errors import SikpdosError
from sikpdos.structures.reading import read_file

MOST_SECONDS = 10.0


def made(number: int, seed: int, names: list[str], originals: list[bytes]) -> tuple[str, bytes]:
    """The input of a number: its format's name and its bytes."""
    rng = np.random.default_rng([seed, number])
    index = int(rng.integers(len(names)))
    return names[index], mutation(originals[index], rng, originals)


def verdict(path: Path, most_seconds: float = MOST_SECONDS) -> str:
    """`read`, `refused`, or in words what is wrong."""
    start = time.process_time()  # a busy machine is no finding
    try:
        fetched = read_file(str(path))
    except SikpdosError as error:
        outcome = "refused" if "\n" not in str(error) else f"a message of several lines: {str(error)!r}"
    except Exception as error:  # the finding
        outcome = f"{type(error).__name__}: {str(error)[:200]}"
    else:
        outcome = "read" if fetched.entries else "refused"
        for entry in fetched.entries:
            finite = (
                np.isfinite(entry.structure.lattice.matrix).all() and np.isfinite(entry.structure.frac_coords).all()
            )
            if not finite or not entry.structure.is_ordered:
                outcome = "an unsound structure"
    taken = time.process_time() - start
    return f"{taken:.1f} s" if taken > most_seconds else outcome


def attack(n: int, seed: int, originals: dict[str, bytes], most_seconds: float = MOST_SECONDS, first: int = 0):
    """Counts of (format, verdict), and the findings as (number, format, verdict)."""
    names, data = list(originals), list(originals.values())
    counts: Counter[tuple[str, str]] = Counter()
    findings = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "input"
        for number in range(first, first + n):
            name, content = made(number, seed, names, data)
            path.write_bytes(content)
            outcome = verdict(path, most_seconds)
            counts[name, outcome if outcome in ("read", "refused") else "WRONG"] += 1
            if outcome not in ("read", "refused"):
                findings.append((number, name, outcome))
                print(f"{number} {name}: {outcome}", file=sys.stderr, flush=True)
    return counts, findings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=100_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=MOST_SECONDS)
    parser.add_argument("--seeds", nargs="*", type=Path, default=[], help="folders of further files")
    parser.add_argument("--only", type=int, help="write this input to stdout")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    originals = seeds(options.seeds)
    if options.only is not None:
        sys.stdout.buffer.write(made(options.only, options.seed, list(originals), list(originals.values()))[1])
        return
    counts, findings = attack(options.n, options.seed, originals, options.seconds, options.first)
    for name in sorted({name for name, _ in counts}):
        print(f"{name:<24}" + "".join(f"{k}: {counts[name, k]:>7}  " for k in ("read", "refused", "WRONG")))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{sum(counts.values())} inputs, {len(findings)} findings, at most {memory:.2f} GB")
    sys.exit(bool(findings))


if __name__ == "__main__":
    main()
