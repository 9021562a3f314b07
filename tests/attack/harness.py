"""One loop for every reader: damaged inputs in, an answer or one SikpdosError out, in bounded time and memory."""

from __future__ import annotations

import io
import multiprocessing
import os
import resource
import signal
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from attack.mutate import mutation

from sikpdos.common.errors import SikpdosError

MOST_SECONDS = 10.0  # of the processor: a busy machine is no finding
MOST_BYTES = 1 << 30  # that the process may hold
Damage = Callable[[bytes, np.random.Generator, list[bytes]], bytes]


@dataclass(frozen=True)
class Target:
    """A reader under attack."""

    seeds: Callable[[], Mapping[str, bytes]]  # good files: name -> content
    read: Callable[[Path, np.random.Generator], str]  # "read", or what is wrong; raises SikpdosError where it refuses
    damage: Damage = mutation
    beside: Callable[[], Mapping[str, bytes]] = field(default=dict)  # good files that lie in the same folder

    @cached_property
    def originals(self) -> dict[str, bytes]:
        return dict(self.seeds())

    def made(self, number: int, seed: int) -> tuple[str, bytes, np.random.Generator]:
        """The input of a number: the name of its seed, its bytes, and the random numbers of what is asked of it."""
        rng = np.random.default_rng([seed, number])
        names = list(self.originals)
        name = names[int(rng.integers(len(names)))]
        return name, self.damage(self.originals[name], rng, list(self.originals.values())), rng

    def verdict(self, path: Path, rng: np.random.Generator) -> str:
        """`read`, `refused`, or in words what is wrong."""
        start = time.process_time()
        signal.signal(signal.SIGVTALRM, _too_long)
        signal.setitimer(signal.ITIMER_VIRTUAL, MOST_SECONDS + 5)
        try:
            outcome = self.read(path, rng)
        except SikpdosError as error:
            outcome = "refused" if len(str(error).splitlines()) == 1 else f"a message of several lines: {str(error)!r}"
        except Exception as error:  # the finding
            outcome = f"{type(error).__name__}: {str(error)[:200]}"
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        taken = time.process_time() - start
        return f"{taken:.1f} s" if taken > MOST_SECONDS else outcome

    def attack(self, numbers: range, seed: int, progress=None) -> tuple[Counter, list[tuple[int, str, str]]]:
        """Counts of (seed file, verdict), and the findings as (number, seed file, verdict)."""
        counts: Counter[tuple[str, str]] = Counter()
        findings = []
        with tempfile.TemporaryDirectory() as folder, redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            for name, content in self.beside().items():
                Path(folder, name).write_bytes(content)
            for number in numbers:
                if progress is not None:
                    progress.value = number
                name, content, rng = self.made(number, seed)
                path = Path(folder, name)
                path.write_bytes(content)
                outcome = self.verdict(path, rng)
                if (good := self.beside().get(name)) is not None:
                    path.write_bytes(good)
                else:
                    path.unlink(missing_ok=True)
                if resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 > MOST_BYTES:
                    findings.append((number, name, "the process holds more than 1 GiB"))
                    break
                counts[name, outcome if outcome in ("read", "refused") else "WRONG"] += 1
                if outcome not in ("read", "refused"):
                    findings.append((number, name, outcome))
        return counts, findings

    def guarded(self, n: int, first: int, seed: int, each: int = 2000) -> tuple[Counter, list[tuple[int, str, str]]]:
        """The same in processes of their own, which may die (some libraries are C), a few thousand inputs each."""
        counts: Counter[tuple[str, str]] = Counter()
        findings = []
        start, stop = first, first + n
        context = multiprocessing.get_context("fork")
        while start < stop:
            end = min(start + each, stop)
            queue, progress = context.SimpleQueue(), context.Value("q", start)
            process = context.Process(target=_worker, args=(self, queue, progress, range(start, end), seed))
            process.start()
            died = _watched(process, queue, progress)
            if died:
                found = [(progress.value, self.made(progress.value, seed)[0], died)]
                start = progress.value + 1
            else:
                part, found = queue.get()
                process.join()
                counts += part
                start = end if progress.value == end - 1 else progress.value + 1
            findings += found
            for finding in found:
                print(*finding, file=sys.stderr, flush=True)
        return counts, findings


def _watched(process, queue, progress) -> str:
    """Wait until a process has an answer; how it died, or was ended because nothing in it listens to an alarm."""
    number, since_s = -1, 0.0
    while queue.empty():
        process.join(0.1)
        if not process.is_alive():
            return f"died with {process.exitcode}" if process.exitcode or queue.empty() else ""
        if progress.value != number:
            number, since_s = progress.value, _processor_s(process.pid)
        elif _processor_s(process.pid) - since_s > 2 * MOST_SECONDS:
            process.kill()
            process.join()
            return f"no end within {2 * MOST_SECONDS:g} s"
    return ""


def _processor_s(pid: int) -> float:
    """Processor time of a process so far."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:  # it has just ended
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _too_long(*_) -> None:
    raise TimeoutError


def _worker(target: Target, queue, progress, numbers: range, seed: int) -> None:
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # what C libraries say
    queue.put(target.attack(numbers, seed, progress))
