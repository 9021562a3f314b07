"""Maps as HyperSpy's file (.hspy, HDF5; file specification 3.3, hyperspy.org/rosettasciio), through h5py."""

from __future__ import annotations

import importlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sikpdos.common import files
from sikpdos.common.errors import SikpdosError
from sikpdos.common.grid import PDOS
from sikpdos.prediction.hyperspy_signals import CURVES, axes, metadata, scalars
from sikpdos.prediction.maps import MapBlock, MapPlan
from sikpdos.prediction.maps_file import arrays, described

if TYPE_CHECKING:
    import h5py

_VERSION = "3.3"


def check_package() -> None:
    """Raise SikpdosError where h5py is not there, before anything is computed."""
    try:
        importlib.import_module("h5py")
    except ModuleNotFoundError as error:
        raise SikpdosError(".hspy files need the package h5py: pip install 'sikpdos[eels]'") from error


def write_hyperspy(path: str | os.PathLike, plan: MapPlan, blocks: Iterable[MapBlock], source: str) -> None:
    """One signal each for s, p and their standard deviations over E - E_F, and an image of each scalar."""
    check_package()
    import h5py

    with tempfile.TemporaryDirectory(prefix=".sikpdos-", dir=Path(path).resolve().parent) as folder:
        written = Path(folder, "maps.hspy")
        with h5py.File(written, "w") as file:
            _fill(file, plan, blocks, source)
        with open(written, "rb") as content, files.output(path) as stream:
            shutil.copyfileobj(content, stream, 1 << 20)


def _fill(file: h5py.File, plan: MapPlan, blocks: Iterable[MapBlock], source: str) -> None:
    file.attrs.update(file_format="HyperSpy", file_format_version=_VERSION)
    said, shape = described(plan, source), plan.image.shape
    numbers = scalars(plan.model.classes)
    groups = {name: _experiment(file, title, name, plan, said) for name, title in (CURVES | numbers).items()}
    curves = {name: _Lines(groups[name].create_dataset("data", (*shape, PDOS.size), np.float32)) for name in CURVES}
    parts_of: dict[str, list[np.ndarray]] = {name: [] for name in numbers}
    for block in blocks:
        found = arrays(block)
        for name, lines in curves.items():
            lines.append(found[name])
        for name, parts in parts_of.items():
            parts.append(found[name])
    for name, parts in parts_of.items():
        groups[name]["data"] = np.concatenate(parts).reshape(shape)


class _Lines:
    """A data set (*shape, 300) of a file, written by whole lines of pixels."""

    def __init__(self, dataset: h5py.Dataset):
        self._dataset, self._inner = dataset, int(np.prod(dataset.shape[1:-1], dtype=int))
        self._waiting = np.empty((0, dataset.shape[-1]), np.float32)
        self._written = 0

    def append(self, values: np.ndarray) -> None:
        """The next pixels (k, 300)."""
        self._waiting = np.concatenate([self._waiting, values])
        lines = len(self._waiting) // self._inner
        whole, self._waiting = np.split(self._waiting, [lines * self._inner])
        self._dataset[self._written : self._written + lines] = whole.reshape(lines, *self._dataset.shape[1:])
        self._written += lines


def _experiment(file: h5py.File, title: str, name: str, plan: MapPlan, said: Mapping[str, Any]) -> h5py.Group:
    group = file.create_group(f"Experiments/{title}")
    group.attrs.update(package="hyperspy", package_version="2.0")
    for part in ("learning_results", "original_metadata"):
        group.create_group(part)
    for section, values in metadata(title, said, name in CURVES).items():
        _describe(group.create_group(f"metadata/{section}"), values)
    for index, axis in enumerate(axes(plan.navigation, name in CURVES)):
        _describe(group.create_group(f"axis-{index}"), axis)
    return group


def _describe(group: h5py.Group, values: Mapping[str, Any]) -> None:
    """Attributes as HyperSpy writes them: what is not known is `_None_`; texts without what HDF5 cannot hold."""
    for key, value in values.items():
        value = "_None_" if value is None else value
        text = value.replace("\0", "\ufffd").encode(errors="replace").decode() if isinstance(value, str) else value
        group.attrs[key] = text
