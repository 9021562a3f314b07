"""The models that come with the suite, by name."""

from __future__ import annotations

import os
from pathlib import Path

from sikpdos.errors import SikpdosError
from sikpdos.model import Model, read_model

FOLDER = Path(__file__).parent / "data" / "models"
MEASURED = "measured"  # trained on simulated measurements of any resolution in its range


def names() -> list[str]:
    """Names of the shipped models: "measured", and the sigma in eV of those for computed spectra."""
    return sorted(path.stem for path in FOLDER.glob("*.npz"))


def load(name_or_path: str | os.PathLike) -> Model:
    """A shipped model by its name, else the model in a file."""
    if str(name_or_path) in names():
        return read_model(FOLDER / f"{name_or_path}.npz")
    if not Path(name_or_path).exists() and "/" not in str(name_or_path) and "." not in Path(name_or_path).suffix[:1]:
        raise SikpdosError(f"{name_or_path}: no such file, nor a shipped model ({', '.join(names())})")
    return read_model(name_or_path)


def for_computed(sigma_eV: float) -> Model:
    """The shipped model for computed spectra broadened with sigma. Raises SikpdosError if there is none."""
    name = f"{sigma_eV:g}"
    if name not in names():
        raise SikpdosError(f"no shipped model for sigma {name} eV ({', '.join(names())}); give one with --model")
    return load(name)
