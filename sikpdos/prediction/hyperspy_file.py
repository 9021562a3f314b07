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
from sikpdos.common.version import __version__
from sikpdos.formats.spectrum_set import NavigationAxis
from sikpdos.prediction.maps import MapBlock, MapPlan
from sikpdos.prediction.maps_file import described

if TYPE_CHECKING:
    import h5py

_VERSION = "3.3"
CURVES = {"s PDOS": 0, "p PDOS": 1, "s standard deviation": 0, "p standard deviation": 1}
SCALARS = ("novelty", "onset (eV)", "mask", "intensity")
_UNITS = "states/eV/atom"


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
    shape, count = plan.image.shape, len(plan.image)
    said = described(plan, source)
    curves = [_curve(file, name, plan.navigation, said) for name in CURVES]
    scalars: dict[str, list[np.ndarray]] = {name: [] for name in SCALARS}
    start = 0
    for block in blocks:
        rows = slice(start, start + len(block.mask))
        values = (block.pdos[:, 0], block.pdos[:, 1], block.deviation[:, 0], block.deviation[:, 1])
        for dataset, part in zip(curves, values, strict=True):
            dataset[rows] = part
        for name, part in zip(SCALARS, (block.novelty, block.onset_eV, block.mask, block.intensity), strict=True):
            scalars[name].append(part)
        start = rows.stop
    assert start == count
    for name, parts in scalars.items():
        _image(file, name, np.concatenate(parts).reshape(shape), plan.navigation, said)


class _Flat:
    """A data set (*shape, 300) of a file, written by rows of pixels."""

    def __init__(self, dataset: h5py.Dataset):
        self._dataset, self._inner = dataset, int(np.prod(dataset.shape[1:-1], dtype=int))
        self._waiting = np.empty((0, dataset.shape[-1]), np.float32)
        self._lines = 0

    def __setitem__(self, rows: slice, values: np.ndarray) -> None:
        """Rows come in order; they are written by whole lines."""
        self._waiting = np.concatenate([self._waiting, values])
        lines = len(self._waiting) // self._inner
        whole, self._waiting = np.split(self._waiting, [lines * self._inner])
        shape = (lines, *self._dataset.shape[1:])
        self._dataset[self._lines : self._lines + lines] = whole.reshape(shape)
        self._lines += lines


def _curve(file: h5py.File, name: str, navigation: tuple[NavigationAxis, ...], said: Mapping[str, Any]) -> _Flat:
    group = _experiment(file, name, said)
    shape = tuple(axis.size for axis in navigation)
    data = group.create_dataset("data", (*shape, PDOS.size), np.float32)
    for index, axis in enumerate(navigation):
        _axis(group, index, axis, navigate=True)
    energies = NavigationAxis("E - E_F", PDOS.size, PDOS.step_eV, PDOS.start_eV, "eV")
    _axis(group, len(navigation), energies, navigate=False)
    group["metadata/Signal"].attrs["quantity"] = f"{name} ({_UNITS})"
    return _Flat(data)


def _image(
    file: h5py.File, name: str, values: np.ndarray, navigation: tuple[NavigationAxis, ...], said: Mapping[str, Any]
) -> None:
    """A number for each pixel: the pixels' axes are the signal's, the last two of them where there are more."""
    group = _experiment(file, name, said)
    group["data"] = values
    for index, axis in enumerate(navigation):
        _axis(group, index, axis, navigate=index < len(navigation) - 2)


def _experiment(file: h5py.File, name: str, said: Mapping[str, Any]) -> h5py.Group:
    group = file.create_group(f"Experiments/{name}")
    group.attrs.update(package="hyperspy", package_version="2.0")
    for part in ("learning_results", "original_metadata", "metadata/General", "metadata/Signal"):
        group.create_group(part)
    flag = "SIMULATED " if said["simulated"] else ""
    group["metadata/General"].attrs.update(title=f"{flag}{name} of {said['title'] or said['source']}")
    group["metadata/Signal"].attrs["signal_type"] = ""
    details = group.create_group("metadata/sikpdos")
    model, done = said["model"], said["preparation"]
    details.attrs.update(
        version=__version__,
        source=said["source"],
        simulated=said["simulated"],
        model=str(model["trained_on"]),
        sigma_eV=float(said["sigma_eV"]),
        background=str(done["background"]),
        onset=str(done["onset"]),
        remarks="; ".join(done["remarks"]),
        mask=", ".join(f"{number} {cause}" for number, cause in enumerate(said["causes"])),
    )
    return group


def _axis(group: h5py.Group, index: int, axis: NavigationAxis, navigate: bool) -> None:
    described_axis = group.create_group(f"axis-{index}")
    described_axis.attrs.update(
        _type="UniformDataAxis",
        name=axis.name,
        size=axis.size,
        scale=axis.scale,
        offset=axis.offset,
        units=axis.units or "<undefined>",
        navigate=navigate,
        is_binned=False,
    )
