"""Gatan .dm3 and .dm4 files and Ripple's .rpl, through the optional package rosettasciio (extra `eels`)."""

from __future__ import annotations

import importlib
import logging
import os
import re
import tempfile
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from sikpdos.common.errors import SikpdosError
from sikpdos.formats.energies import EV_PER_UNIT
from sikpdos.formats.hyperspy import KINDS
from sikpdos.formats.spectrum_image import image
from sikpdos.formats.spectrum_set import NavigationAxis, SpectrumSet

_MODULES = {"dm3": "digitalmicrograph", "dm4": "digitalmicrograph", "rpl": "ripple"}
_RIPPLE = re.compile(rb"(^|\n)key\tvalue\s", re.I)  # the header of the keys, after comments


def rosetta_format(head: bytes) -> str | None:
    """dm3, dm4 or rpl by the first bytes of a file, None for any other."""
    binary = {b"\0\0\0\3": "dm3", b"\0\0\0\4": "dm4"}.get(head[:4])
    return "rpl" if binary is None and _RIPPLE.search(head) else binary


def read_rosetta(source: str | os.PathLike | bytes, file_format: str, name: str) -> list[SpectrumSet]:
    """The spectra and spectrum images of a file (or of its content, as bytes), one set a data set.

    Pixels are named by their indices, slowest first: "0_17". Raises SikpdosError naming the file without
    rosettasciio, for a damaged file, and for one without an energy axis.
    """
    found = []
    for dataset in _datasets(source, file_format, name):
        dimension = _energy_dimension(dataset["axes"])
        if dimension is not None:
            found.append(_spectra(dataset, dimension, file_format, name))
    if not found:
        raise SikpdosError(f"no spectrum in this {file_format} file (no axis in eV)", name)
    return found


def _datasets(source: str | os.PathLike | bytes, file_format: str, name: str) -> list[Mapping]:
    if isinstance(source, bytes) and file_format == "rpl":
        raise SikpdosError("the numbers of a Ripple file lie in another one beside it: give its name, not a pipe", name)
    if isinstance(source, bytes):  # the package reads files only
        with tempfile.TemporaryDirectory(prefix="sikpdos-") as folder:
            path = Path(folder, f"stdin.{file_format}")
            path.write_bytes(source)
            return _datasets(path, file_format, name)
    reader = _reader(file_format, name)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return reader(str(source))
    except Exception as error:  # whatever the package raises on a damaged file
        raise SikpdosError(f"damaged {file_format} file ({type(error).__name__}: {error})", name) from error


def _reader(file_format: str, name: str) -> Callable[[str], list[Mapping]]:
    logging.getLogger("rsciio").setLevel(logging.CRITICAL)  # what matters of its talk comes as exceptions
    try:
        return importlib.import_module(f"rsciio.{_MODULES[file_format]}").file_reader
    except ModuleNotFoundError as error:
        raise SikpdosError(
            f"{file_format} files need the package rosettasciio: pip install 'sikpdos[eels]'", name
        ) from error


def _energy_dimension(axes: list[Mapping]) -> int | None:
    """Which axis counts energy: the one in eV, whatever the file says about navigation."""
    energies = [i for i, axis in enumerate(axes) if str(axis.get("units", "")).strip().lower() in EV_PER_UNIT]
    return energies[-1] if energies else None


def _energies(axis: Mapping) -> np.ndarray:
    if "axis" in axis:  # a measured, not a computed one
        return np.asarray(axis["axis"], float)
    return float(axis["offset"]) + float(axis["scale"]) * np.arange(int(axis["size"]))


def _spectra(dataset: Mapping, dimension: int, file_format: str, name: str) -> SpectrumSet:
    axis, data = dataset["axes"][dimension], np.asarray(dataset["data"])
    if data.dtype.kind not in "fiu":
        raise SikpdosError(f"intensities of type {data.dtype}, expected real numbers", name)
    return image(
        _energies(axis),
        data,
        dimension,
        navigation=[_navigation(other) for index, other in enumerate(dataset["axes"]) if index != dimension],
        unit=str(axis["units"]).strip(),
        kind=KINDS.get(dataset["metadata"].get("Signal", {}).get("signal_type", ""), "unknown"),
        title=dataset["metadata"].get("General", {}).get("title", ""),
        source_format=file_format,
        name=name,
    )


def _navigation(axis: Mapping) -> NavigationAxis:
    scale, offset = (float(axis.get(key, default)) for key, default in (("scale", 1.0), ("offset", 0.0)))
    units = "" if str(axis.get("units")) in ("None", "<undefined>") else str(axis.get("units", "")).strip()
    return NavigationAxis(str(axis.get("name") or "x"), int(axis["size"]), scale or 1.0, offset + 0.0, units)
