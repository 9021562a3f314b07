"""Damaged files of spectra against the reader: spectra or one SikpdosError, in bounded time and memory.

    python tests/attack/spectra.py [--n 200000] [--seed 0] [--seeds FOLDER...]

Prints counts by seed file; every other exception, slow reading, unsound spectrum or death of the process is printed
with the number that makes the same input again (--only NUMBER), and the exit code is 1.
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import resource
import signal
import sys
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from mutate import mutation
from spectrum_seeds import seeds

from sikpdos.common.errors import SikpdosError
from sikpdos.formats.columns import ColumnChoice
from sikpdos.formats.listing import list_content
from sikpdos.formats.read import read_spectra

MOST_SECONDS = 10.0
MOST_BYTES = 1 << 30  # that the process may hold
CHOICES = (ColumnChoice(), ColumnChoice(column="2/3"), ColumnChoice(scan="1"), ColumnChoice(column="2", scan="2"))


def made(number: int, seed: int, names: list[str], originals: list[bytes]) -> tuple[str, bytes, ColumnChoice]:
    """The input of a number: its seed's name, its bytes, and what is asked of it."""
    rng = np.random.default_rng([seed, number])
    index = int(rng.integers(len(names)))
    choice = CHOICES[int(rng.integers(len(CHOICES)))] if rng.random() < 0.2 else CHOICES[0]
    return names[index], mutation(originals[index], rng, originals), choice


def verdict(path: Path, choice: ColumnChoice, most_seconds: float = MOST_SECONDS) -> str:
    """`read`, `refused`, or in words what is wrong."""
    start = time.perf_counter()
    signal.signal(signal.SIGALRM, _too_long)
    signal.alarm(int(most_seconds) + 5)
    try:
        outcome = _read(path, choice)
    except SikpdosError as error:
        outcome = "refused" if len(str(error).splitlines()) == 1 else f"a message of several lines: {str(error)!r}"
    except Exception as error:  # the finding
        outcome = f"{type(error).__name__}: {str(error)[:200]}"
    finally:
        signal.alarm(0)
    taken = time.perf_counter() - start
    return f"{taken:.1f} s" if taken > most_seconds else outcome


def _too_long(*_) -> None:
    raise TimeoutError


def _read(path: Path, choice: ColumnChoice) -> str:
    if choice != CHOICES[0]:
        with contextlib.suppress(SikpdosError):
            list_content(path, choice)
    for spectra in read_spectra(path, choice=choice):
        increasing = np.isfinite(spectra.energy_eV).all() and (np.diff(spectra.energy_eV) > 0).all()
        for block in spectra.blocks():
            if not increasing or not np.isfinite(block.intensity).all():
                return "an unsound spectrum"
    return "read"


def attack(numbers: range, seed: int, originals: dict[str, bytes], progress=None, most_seconds: float = MOST_SECONDS):
    """Counts of (seed file, verdict), and the findings as (number, seed file, verdict)."""
    names, data = list(originals), list(originals.values())
    counts: Counter[tuple[str, str]] = Counter()
    findings = []
    with tempfile.TemporaryDirectory() as folder:
        for number in numbers:
            if progress is not None:
                progress.value = number
            name, content, choice = made(number, seed, names, data)
            path = Path(folder, "input")
            path.write_bytes(content)
            outcome = verdict(path, choice, most_seconds)
            if resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 > MOST_BYTES:
                findings.append((number, name, "the process holds more than 1 GiB"))
                break
            counts[name, outcome if outcome in ("read", "refused") else "WRONG"] += 1
            if outcome not in ("read", "refused"):
                findings.append((number, name, outcome))
    return counts, findings


def _worker(queue, progress, numbers: range, seed: int, originals: dict[str, bytes]) -> None:
    warnings.simplefilter("ignore")
    queue.put(attack(numbers, seed, originals, progress))


def guarded(n: int, first: int, seed: int, originals: dict[str, bytes], each: int = 2000):
    """The same in processes of their own, which may die (HDF5's library is C), a few thousand inputs each."""
    counts: Counter[tuple[str, str]] = Counter()
    findings = []
    start, stop = first, first + n
    context = multiprocessing.get_context("fork")
    while start < stop:
        end = min(start + each, stop)
        queue, progress = context.SimpleQueue(), context.Value("q", start)
        process = context.Process(target=_worker, args=(queue, progress, range(start, end), seed, originals))
        process.start()
        process.join()
        if process.exitcode:
            name = made(progress.value, seed, list(originals), list(originals.values()))[0]
            found = [(progress.value, name, f"the process died with {process.exitcode}")]
            start = progress.value + 1
        else:
            part, found = queue.get()
            counts += part
            start = end if progress.value == end - 1 else progress.value + 1
        findings += found
        for finding in found:
            print(*finding, file=sys.stderr, flush=True)
    return counts, findings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=200_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seeds", nargs="*", type=Path, default=[], help="folders of further files")
    parser.add_argument("--only", type=int, help="write this input to stdout")
    options = parser.parse_args()
    originals = seeds(options.seeds)
    if options.only is not None:
        sys.stdout.buffer.write(made(options.only, options.seed, list(originals), list(originals.values()))[1])
        return
    counts, findings = guarded(options.n, options.first, options.seed, originals)
    for name in sorted({name for name, _ in counts}):
        print(f"{name:<36}" + "".join(f"{k}: {counts[name, k]:>6}  " for k in ("read", "refused", "WRONG")))
    print(f"{sum(counts.values())} inputs, {len(findings)} findings")
    sys.exit(bool(findings))


if __name__ == "__main__":
    main()
