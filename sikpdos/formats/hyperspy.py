"""HyperSpy's files (.hspy, HDF5): hyperspy.org/rosettasciio, file specification 3."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from sikpdos.common.errors import SikpdosError
from sikpdos.formats.energies import EV_PER_UNIT
from sikpdos.formats.hdf5_tree import numbers, text
from sikpdos.formats.spectrum_image import IN_MEMORY_BYTES, ImageRows, image, usual_names
from sikpdos.formats.spectrum_set import NavigationAxis, SpectrumSet

if TYPE_CHECKING:
    import h5py

FORMAT = "hspy"
OURS = "sikpdos"  # section of the metadata of what the suite wrote
PREDICTED = "maps that sikpdos predicted, not measured spectra"
Opener = Callable[[], AbstractContextManager[Any]]  # gives an open h5py.File
KINDS = {"EELS": "eels", "XAS": "xas"}
_EXPERIMENTS = "Experiments"
_UNKNOWN = ("_None_", "<undefined>", "None")


def is_hyperspy(file: h5py.File) -> bool:
    """Whether an HDF5 file is HyperSpy's."""
    return "hyperspy" in text(file.attrs, "file_format").lower() or _EXPERIMENTS in file


def read_hyperspy(file: h5py.File, opened: Opener, name: str) -> list[SpectrumSet]:
    """The spectra and spectrum images of a file, one set an experiment; pixels are named by their indices.

    `opened` opens the file anew, for images that stay in it until they are asked for.

    Raises SikpdosError naming the file where none has an axis in eV, and for numbers that are no spectrum.
    """
    experiments = [group for group in file.get(_EXPERIMENTS, {}).values() if "data" in group]
    if any(f"metadata/{OURS}" in group for group in experiments):
        raise SikpdosError(f"{PREDICTED}; plot draws maps from NPZ files", name)
    spectra = [(group, axis) for group in experiments if (axis := _energy_dimension(group)) is not None]
    if not spectra:
        raise SikpdosError("no spectrum in this hspy file (no axis in eV)", name)
    return [_spectra(group, axis, opened, name) for group, axis in spectra]


def _energy_dimension(group: h5py.Group) -> int | None:
    """Which axis counts energy: the one in eV, whatever the file says about navigation; else one without units."""
    units = [_unit(group, dimension).lower() for dimension in range(group["data"].ndim)]
    energies = [dimension for dimension, unit in enumerate(units) if unit in EV_PER_UNIT]
    signal = [dimension for dimension in range(len(units)) if _is_signal(group, dimension)]
    bare = signal if len(signal) == 1 and not units[signal[0]] else []
    return next(reversed(energies or bare), None)


def _is_signal(group: h5py.Group, dimension: int) -> bool:
    axis = group.get(f"axis-{dimension}")
    return axis is not None and not axis.attrs.get("navigate", True)


def _unit(group: h5py.Group, dimension: int) -> str:
    axis = group.get(f"axis-{dimension}")
    return "" if axis is None else _known(text(axis.attrs, "units").strip())


def _known(words: str) -> str:
    """A name or units, "" for what HyperSpy writes where it knows none."""
    return "" if words in _UNKNOWN else words


def _spectra(group: h5py.Group, dimension: int, opened: Opener, name: str) -> SpectrumSet:
    data = _data(group["data"], dimension, opened, name)
    shape = group["data"].shape
    others = [index for index in range(len(shape)) if index != dimension]
    names = usual_names(len(others))
    return image(
        _energies(group[f"axis-{dimension}"], shape[dimension], name),
        data,
        dimension,
        navigation=[_navigation(group, index, shape[index], name) for index, name in zip(others, names, strict=True)],
        unit=_unit(group, dimension) or None,
        kind=KINDS.get(_said(group, "Signal", "signal_type"), "unknown"),
        title=_said(group, "General", "title"),
        source_format=FORMAT,
        name=name,
    )


def _data(dataset: h5py.Dataset, dimension: int, opened: Opener, name: str) -> np.ndarray | ImageRows:
    """What small data sets hold; large ones are read when they are needed."""
    size = int(np.prod(dataset.shape, dtype=float)) * dataset.dtype.itemsize
    if size <= IN_MEMORY_BYTES or dataset.dtype.kind not in "fiu" or dataset.ndim < 2:
        return numbers(dataset, name)
    path = dataset.name
    return ImageRows(lambda: _within(opened, path), dimension, dataset.shape)


@contextmanager
def _within(opened: Opener, path: str) -> Iterator[h5py.Dataset]:
    with opened() as file:
        yield file[path]


def _navigation(group: h5py.Group, index: int, size: int, usual_name: str) -> NavigationAxis:
    """One of the other axes, with what its file says of it; numbered from 0 where its steps are not all the same."""
    axis = group.get(f"axis-{index}")
    if axis is None:
        return NavigationAxis(usual_name, size)
    named = _known(text(axis.attrs, "name").strip()) or usual_name
    scale, offset = (_number(axis.attrs, key, default) for key, default in (("scale", 1.0), ("offset", 0.0)))
    return NavigationAxis(named, size, scale or 1.0, offset, _unit(group, index) if "scale" in axis.attrs else "")


def _number(attributes: h5py.AttributeManager, key: str, default: float) -> float:
    try:
        value = float(attributes[key])
    except (KeyError, TypeError, ValueError):
        return default
    return value if np.isfinite(value) else default


def _energies(axis: h5py.Group, size: int, name: str) -> np.ndarray:
    """The axis' energies (size,): measured ones, or offset and scale."""
    if "axis" in axis:
        energy = numbers(axis["axis"], name).astype(float)
        if energy.shape != (size,):
            raise SikpdosError(f"{energy.size} energies, but {size} channels", name)
        return energy
    try:
        return float(axis.attrs["offset"]) + float(axis.attrs["scale"]) * np.arange(size)
    except (KeyError, TypeError, ValueError) as error:
        raise SikpdosError("its energy axis has no usable offset and scale", name) from error


def _said(group: h5py.Group, section: str, key: str) -> str:
    node = group.get(f"metadata/{section}")
    return "" if node is None else text(node.attrs, key)
