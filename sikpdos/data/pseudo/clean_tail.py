"""Cut the numerical noise off the local potential of a UPF file made by ld1.x: -2Z/r beyond 7 bohr, blended in from 5.

python clean_tail.py O.UPF ...    (in place; doing it twice changes nothing that matters)
"""

import math
import re
import sys
from pathlib import Path

INNER, OUTER = 5.0, 7.0  # bohr


def numbers(text, tag):
    return [float(x) for x in re.search(rf"<{tag}\b[^>]*>(.*?)</{tag}>", text, re.S)[1].split()]


def cleaned(text):
    z = float(re.search(r'z_valence="\s*([-+.\dE]+)"', text)[1])
    out = []
    for r, v in zip(numbers(text, "PP_R"), numbers(text, "PP_LOCAL"), strict=True):
        x = min(max((r - INNER) / (OUTER - INNER), 0.0), 1.0)
        keep = math.cos(math.pi * x / 2) ** 2 if x < 1 else 0.0
        out.append(v if x == 0 else -2 * z / r + keep * (v + 2 * z / r))
    lines = "\n".join(" ".join(f"{v: .15E}" for v in out[i : i + 4]) for i in range(0, len(out), 4))
    return re.sub(r"(<PP_LOCAL\b[^>]*>).*?(</PP_LOCAL>)", lambda m: f"{m[1]}\n{lines}\n{m[2]}", text, flags=re.S)


for path in map(Path, sys.argv[1:]):
    path.write_text(cleaned(path.read_text()))
