"""Nion Swift's files: .ndata (a zip of data.npy and metadata.json), and .npy with a .json of the same name beside it.

github.com/nion-software: data_and_metadata's properties, one calibration (offset, scale, units) a dimension.
"""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from sikpdos.common import files, limits, npz
from sikpdos.common.errors import SikpdosError
from sikpdos.formats.energies import EV_PER_UNIT
from sikpdos.formats.spectrum_image import IN_MEMORY_BYTES, ImageRows, image, usual_names
from sikpdos.formats.spectrum_set import NavigationAxis, SpectrumSet

FORMAT = "Nion Swift"
NPY_MAGIC = b"\x93NUMPY"
_DATA, _METADATA = "data.npy", "metadata.json"


def is_ndata(source: str | os.PathLike | bytes) -> bool:
    """Whether a zip file, or its content, is Nion Swift's."""
    try:
        with zipfile.ZipFile(io.BytesIO(source) if isinstance(source, bytes) else source) as archive:
            return {_DATA, _METADATA} <= set(archive.namelist())
    except (zipfile.BadZipFile, OSError, NotImplementedError):
        return False


def read_ndata(source: str | os.PathLike | bytes, name: str) -> SpectrumSet:
    """The spectrum, or spectrum image, of an .ndata file. Raises SikpdosError naming a file that holds none."""
    with npz.failures(name), zipfile.ZipFile(io.BytesIO(source) if isinstance(source, bytes) else source) as archive:
        for member in (_DATA, _METADATA):
            limits.check(archive.getinfo(member).file_size, name)
        with archive.open(_DATA) as stream:
            data = np.lib.format.read_array(stream, allow_pickle=False)
        return _spectra(data, _properties(archive.read(_METADATA), name), name)


def read_npy(path: str | os.PathLike | bytes, name: str) -> SpectrumSet:
    """The same of an .npy file, whose axes a .json beside it describes; the data stay in the file where large."""
    beside = None if isinstance(path, bytes) else Path(path).with_suffix(".json")
    if beside is None or isinstance(path, bytes) or not beside.is_file():
        raise SikpdosError("an array without energies: Nion Swift's .json of the same name is not beside it", name)
    properties = _properties(files.read_bytes(beside), str(beside))
    with npz.failures(name):
        mapped = np.load(path, mmap_mode="r", allow_pickle=False)
        return _spectra(mapped if mapped.nbytes > IN_MEMORY_BYTES else np.array(mapped), properties, name)


def _properties(content: bytes, name: str) -> Mapping:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise SikpdosError(f"its description is no JSON ({error})", name) from error
    if not isinstance(found, dict):
        raise SikpdosError("its description is no JSON object", name)
    return found


def _spectra(data: np.ndarray, properties: Mapping, name: str) -> SpectrumSet:
    axes = _calibrations(properties, data.ndim, name)
    energies = [index for index, axis in enumerate(axes) if axis[2].lower() in EV_PER_UNIT]
    if not energies:
        raise SikpdosError("no spectrum in this file of Nion Swift (no axis in eV)", name)
    if data.dtype.kind not in "fiu":
        raise SikpdosError(f"intensities of type {data.dtype}, expected real numbers", name)
    dimension = energies[-1]
    offset, scale, unit = axes[dimension]
    others = [index for index in range(data.ndim) if index != dimension]
    names = usual_names(len(others))
    navigation = [
        NavigationAxis(names[k], data.shape[index], axes[index][1], *_place(axes[index]))
        for k, index in enumerate(others)
    ]
    return image(
        offset + scale * np.arange(data.shape[dimension]),
        _in_file(data, dimension) if isinstance(data, np.memmap) else data,
        dimension,
        navigation=navigation,
        unit=unit,
        kind="eels",
        title=str(properties.get("title") or ""),
        source_format=FORMAT,
        name=name,
    )


def _place(axis: tuple[float, float, str]) -> tuple[float, str]:
    return axis[0], axis[2]


def _calibrations(properties: Mapping, dimensions: int, name: str) -> list[tuple[float, float, str]]:
    """Offset, scale and units of every dimension, as old and new versions of the program name them."""
    found = properties.get("dimensional_calibrations", properties.get("spatial_calibrations"))
    if not isinstance(found, list) or len(found) != dimensions:
        raise SikpdosError("its description has no calibration for each dimension of the data", name)
    try:
        axes = [(float(c.get("offset", 0)), float(c.get("scale", 1)) or 1.0, str(c.get("units") or "")) for c in found]
    except (AttributeError, TypeError, ValueError) as error:
        raise SikpdosError(f"a calibration in its description cannot be read ({error})", name) from error
    if not np.isfinite([axis[:2] for axis in axes]).all():
        raise SikpdosError("a calibration in its description is not finite", name)
    return axes


def _in_file(data: np.memmap, dimension: int) -> ImageRows:
    @contextmanager
    def opened() -> Iterator[np.ndarray]:
        yield data

    return ImageRows(opened, dimension, data.shape)
