"""NPZ files of the suite's kind that the suite itself would not write."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np


def write_unchecked(path: Path, arrays: dict, meta: dict) -> None:
    """Arrays and meta data as they are, without a checksum."""
    np.savez_compressed(path, **arrays, meta=np.array(json.dumps(meta)))
