"""The models that come with the suite, by name."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path

from sikpdos.common import resources
from sikpdos.common.errors import SikpdosError
from sikpdos.dataset.dataset import Dataset
from sikpdos.model.mixture import Model
from sikpdos.model.model_file import read_model

MEASURED = "measured"  # trained on simulated measurements of any resolution in its range


def names() -> list[str]:
    """Names of the shipped models: "measured", and the sigma in eV of those for computed spectra."""
    return sorted(path.stem for path in resources.MODELS.glob("*.npz"))


def load(name_or_path: str | os.PathLike) -> Model:
    """A shipped model by its name, else the model in a file."""
    if str(name_or_path) in names():
        return read_model(resources.MODELS / f"{name_or_path}.npz")
    if not Path(name_or_path).exists():
        raise SikpdosError(f"no such file, nor a shipped model ({', '.join(names())})", name_or_path)
    return read_model(name_or_path)


def chooser(name_or_path: str | None) -> Callable[[Dataset | None], Model]:
    """How to choose the model: the user's; else for a dataset the one of its sigma, for measured spectra "measured"."""
    if name_or_path is not None:
        model = load(name_or_path)
        return lambda dataset: model

    @cache
    def loaded(name: str) -> Model:
        return read_model(resources.MODELS / f"{name}.npz")

    def choose(dataset: Dataset | None) -> Model:
        name = MEASURED if dataset is None else f"{dataset.sigma_eV:g}"
        if name not in names():
            raise SikpdosError(f"no model of sigma {name} eV is shipped ({', '.join(names())}); give one with --model")
        return loaded(name)

    return choose
