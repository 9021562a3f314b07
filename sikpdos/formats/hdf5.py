"""HDF5 files: HyperSpy's are spectra on a calibrated axis, NeXus and its like tables of detectors; others are told."""

from __future__ import annotations

import importlib
import io
import os
from types import ModuleType
from typing import TYPE_CHECKING

from sikpdos.common.errors import SikpdosError, naming
from sikpdos.formats import hyperspy, nexus
from sikpdos.formats.hdf5_tree import datasets, is_inside
from sikpdos.formats.trial import try_in_child

if TYPE_CHECKING:
    import h5py

    from sikpdos.formats.columns import Table
    from sikpdos.formats.spectrum_set import SpectrumSet

MAGIC = b"\x89HDF\r\n\x1a\n"
_TRIAL_SECONDS, _BYTES_PER_SECOND = 5.0, 20e6  # that reading may take at most
_KINDS = (
    ("_NCProperties", "a netCDF-4 file"),
    ("keras_version", "a Keras model"),
    ("authoring_program", "an EMD file"),
    ("version_major", "an EMD file"),
    ("emd_group_type", "an EMD file"),
    ("MATLAB_class", "a MATLAB file"),
)


def read_hdf5(source: str | os.PathLike | bytes, name: str) -> tuple[tuple[Table, ...], tuple[SpectrumSet, ...]]:
    """The tables, or the spectra, in an HDF5 file or in its content.

    Raises SikpdosError naming the file without h5py, for a damaged file, and for one that holds no spectra, which is
    told what it is.
    """
    size = len(source) if isinstance(source, bytes) else os.path.getsize(source)
    with naming(name):
        _h5py(name)
        try_in_child(lambda: _read_all(source, name), _TRIAL_SECONDS + size / _BYTES_PER_SECOND)
        return _read(source, name)


def _read_all(source: str | os.PathLike | bytes, name: str) -> None:
    """Read everything, the images that stay in the file too."""
    for spectra in _read(source, name)[1]:
        for _ in spectra.rows():
            pass


def _read(source: str | os.PathLike | bytes, name: str) -> tuple[tuple[Table, ...], tuple[SpectrumSet, ...]]:
    with _open(source, name) as file:
        if hyperspy.is_hyperspy(file):
            return (), tuple(hyperspy.read_hyperspy(file, lambda: _open(source, name), name))
        return _tables(file, name), ()


class _open:
    """An open file, whose errors inside the library become SikpdosError."""

    def __init__(self, source: str | os.PathLike | bytes, name: str):
        self._name, h5py = name, _h5py(name)
        try:
            self._file = h5py.File(io.BytesIO(source) if isinstance(source, bytes) else source, "r")
        except Exception as error:  # whatever the library raises on a damaged file
            raise SikpdosError(f"damaged HDF5 file ({type(error).__name__}: {_one_line(error)})", name) from error

    def __enter__(self) -> h5py.File:
        return self._file

    def __exit__(self, kind, error, traceback) -> None:
        self._file.close()
        if isinstance(error, Exception) and not isinstance(error, SikpdosError):
            words = f"damaged HDF5 file ({type(error).__name__}: {_one_line(error)})"
            raise SikpdosError(words, self._name) from error


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def _h5py(name: str) -> ModuleType:
    try:
        return importlib.import_module("h5py")
    except ModuleNotFoundError as error:
        raise SikpdosError("HDF5 files need the package h5py: pip install 'sikpdos[eels]'", name) from error


def _tables(file: h5py.File, name: str) -> tuple[Table, ...]:
    tables = nexus.tables(file)
    if not tables:
        raise SikpdosError(f"{_what(file)}, without columns of energies and intensities ({_content(file)})", name)
    return tuple(tables)


def _what(file: h5py.File) -> str:
    marks = set(file.attrs) | {mark for key in list(file)[:50] for mark in _attributes_of(file, key)}
    if "NX_class" in marks or "NeXus_version" in marks:
        return "a NeXus file"
    return next((kind for mark, kind in _KINDS if mark in marks), "an HDF5 file, but neither HyperSpy's nor NeXus")


def _attributes_of(file: h5py.File, key: str) -> list[str]:
    child = file.get(key) if is_inside(file, key) else None
    return [] if child is None else list(child.attrs)


def _content(file: h5py.File) -> str:
    paths = [f"{path} {dataset.shape}" for path, dataset in datasets(file)]
    return (
        "it holds " + ", ".join(paths[:6]) + (f" and {len(paths) - 6} more" if len(paths) > 6 else "")
        if paths
        else "it is empty"
    )
