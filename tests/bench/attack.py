"""Damaged inputs against every reader: an answer or one line of refusal, in bounded time and memory.

    bin/bench attack, or: python tests/bench/attack.py [--n 1000000] [--seed 0] [--target NAME...] [--only NUMBER]

Prints counts by reader; whatever else happened is printed with the number that makes the same input again (--only
writes it to stdout), and the exit code is 1.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve()
sys.path[:] = [str(HERE.parents[1]), str(HERE.parents[2]), *(p for p in sys.path if p != str(HERE.parent))]
from attack.targets import SHARES, targets  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=1_000_000, help="inputs in all, or of each --target")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--target", nargs="*", choices=list(SHARES), default=[])
    parser.add_argument("--only", type=int, help="write this input of one target to stdout")
    options = parser.parse_args()
    known = targets()
    if options.only is not None:
        sys.stdout.buffer.write(known[options.target[0]].made(options.only, options.seed)[1])
        return 0
    amounts = dict.fromkeys(options.target, options.n) or {k: options.n * share // 100 for k, share in SHARES.items()}
    total = wrong = 0
    for name, n in amounts.items():
        start = time.monotonic()
        counts, findings = known[name].guarded(n, options.first, options.seed)
        done = {verdict: sum(k for (_, v), k in counts.items() if v == verdict) for verdict in ("read", "refused")}
        total, wrong = total + sum(counts.values()), wrong + len(findings)
        words = "  ".join(f"{verdict} {k:>7}" for verdict, k in done.items())
        print(f"{name:<18}{words}  WRONG {len(findings):>4}  {time.monotonic() - start:6.0f} s", flush=True)
    print(f"{total} inputs, {wrong} findings")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
