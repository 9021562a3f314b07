"""Many spectra in one NPZ file: `energy_eV` (n,), `spectra` (m, n), and `ids` (m,) if they have names.

Spectrum images have `spectra` (y, x, n), or (x, n) along a line with the axes described: `navigation_names`,
`navigation_units` (text), `navigation_scale`, `navigation_offset` (numbers), each with one entry an axis. `title` and
`kind` (eels, xas) are text. The spectra are read in blocks of rows, so that a file may be larger than the memory.
"""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO

import numpy as np

from sikpdos.common import limits, npz
from sikpdos.common.errors import SikpdosError, naming
from sikpdos.formats.spectrum_image import usual_names
from sikpdos.formats.spectrum_set import KINDS, NavigationAxis, SpectrumSet, energy_axis

FORMAT = "NPZ matrix"
SPECTRA = "spectra.npy"
_MOST_SHRUNK = 100  # times that packing makes spectra smaller
_BLOCK_BYTES = 256 << 20  # of spectra in memory at a time


@dataclass(frozen=True)
class NpzRows:
    """The array `spectra` of an NPZ file, read as a stream (numpy's .npy format, versions 1 and 2)."""

    source: str | os.PathLike | bytes  # file, or its content
    name: str
    shape: tuple[int, int]
    dtype: np.dtype

    def chunks(self, size: int) -> Iterator[np.ndarray]:
        """All rows in order, (k, n) with k <= size at a time. Raises SikpdosError if the file is damaged."""
        rows, channels = self.shape
        with npz.failures(self.name), _open(self.source) as archive, archive.open(SPECTRA) as stream:
            _header(stream)
            size = max(1, min(size, _BLOCK_BYTES // (channels * self.dtype.itemsize)))
            for start in range(0, rows, size):
                count = min(size, rows - start)
                data = stream.read(count * channels * self.dtype.itemsize)
                yield np.frombuffer(data, self.dtype, count * channels).reshape(count, channels)


def read_npz_matrix(source: str | os.PathLike | bytes, name: str) -> SpectrumSet:
    """The set of spectra in an NPZ file (or in its content, as bytes); intensities stay in the file.

    Raises SikpdosError naming the file for missing, misshapen or pickled arrays and for bad energies.
    """
    with npz.failures(name), naming(name), _open(source) as archive:
        members = set(archive.namelist())
        if schema := npz.schema_of(source):
            raise SikpdosError(f"is {schema}, a file of the suite, not measured spectra", name)
        for key in ("energy_eV", "spectra"):
            if f"{key}.npy" not in members:
                raise SikpdosError(f"no array '{key}': not a matrix of measured spectra", name)
        _check_size(archive)
        energy = _array(archive, "energy_eV.npy")
        ids = _array(archive, "ids.npy") if "ids.npy" in members else None
        with archive.open(SPECTRA) as stream:
            shape, fortran_order, dtype = _header(stream)
        if energy.ndim != 1 or len(shape) < 2 or shape[-1] != energy.size or 0 in shape:
            raise SikpdosError(
                f"spectra {shape} do not fit energy_eV {energy.shape}: expected (m, n) with (n,), m > 0, or (y, x, n)",
                name,
            )
        if dtype.kind not in "fiu" or energy.dtype.kind not in "fiu":
            raise SikpdosError("spectra and energy_eV must be numbers", name)
        navigation = _navigation(archive, members, shape[:-1], name)
        flat = (int(np.prod(shape[:-1])), energy.size)
        rows = _array(archive, SPECTRA).reshape(flat) if fortran_order else NpzRows(source, name, flat, dtype)
        title, kind = (_word(archive, members, key) for key in ("title", "kind"))
    energy_eV, decreasing, warnings = energy_axis(energy, "eV", name)
    names = ["_".join(map(str, index)) for index in np.ndindex(shape[:-1])] if navigation else None
    return SpectrumSet(
        names=names if ids is None else _checked_ids(ids.ravel(), flat[0], name),
        energy_eV=energy_eV,
        intensity=rows,
        kind=kind if kind in KINDS else "unknown",
        title=title,
        source_format=FORMAT,
        warnings=warnings,
        decreasing=decreasing,
        navigation=navigation,
    )


def _navigation(
    archive: zipfile.ZipFile, members: set[str], sizes: Sequence[int], name: str
) -> tuple[NavigationAxis, ...]:
    """The axes of a spectrum image; none of a mere set of spectra (m, n)."""
    described = {
        key: _array(archive, f"navigation_{key}.npy")
        for key in ("names", "units", "scale", "offset")
        if f"navigation_{key}.npy" in members
    }
    if len(sizes) == 1 and not described:
        return ()
    for key, values in described.items():
        text = key in ("names", "units")
        if values.shape != (len(sizes),) or values.dtype.kind not in ("U" if text else "fiu"):
            raise SikpdosError(f"navigation_{key} {values.shape}: expected one for each of {len(sizes)} axes", name)
        if not text and (not np.isfinite(values).all() or (key == "scale" and not values.all())):
            raise SikpdosError(f"navigation_{key} holds 0, NaN or infinity", name)
    defaults = {
        "names": usual_names(len(sizes)),
        "units": [""] * len(sizes),
        "scale": np.ones(len(sizes)),
        "offset": np.zeros(len(sizes)),
    }
    columns = [described.get(key, default) for key, default in defaults.items()]
    return tuple(
        NavigationAxis(str(label), size, float(scale), float(offset), str(units))
        for size, label, units, scale, offset in zip(sizes, *columns, strict=True)
    )


def _word(archive: zipfile.ZipFile, members: set[str], key: str) -> str:
    """A text that stands alone in an array; "" where there is none."""
    value = _array(archive, f"{key}.npy") if f"{key}.npy" in members else np.array("")
    return str(value[()]) if value.ndim == 0 and value.dtype.kind == "U" else ""


def _open(source: str | os.PathLike | bytes) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(source) if isinstance(source, bytes) else source)


def _check_size(archive: zipfile.ZipFile) -> None:
    """Refuse what unpacks to more than the limit; spectra, which stay in the file, only if they shrank as none does."""
    spectra = archive.getinfo(SPECTRA)
    limits.check(sum(member.file_size for member in archive.infolist()) - spectra.file_size)
    if spectra.file_size > _MOST_SHRUNK * spectra.compress_size:
        limits.check(spectra.file_size)


def _array(archive: zipfile.ZipFile, member: str) -> np.ndarray:
    limits.check(archive.getinfo(member).file_size)
    with archive.open(member) as stream:
        return np.lib.format.read_array(stream, allow_pickle=False)


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    version = np.lib.format.read_magic(stream)
    if version == (1, 0):
        shape, fortran_order, dtype = np.lib.format.read_array_header_1_0(stream)
    else:
        shape, fortran_order, dtype = np.lib.format.read_array_header_2_0(stream)
    if dtype.hasobject:
        raise ValueError("allow_pickle is off")  # numpy's own words for it, which npz.failures explains
    return shape, fortran_order, dtype


def _checked_ids(ids: np.ndarray, count: int, name: str) -> list[str]:
    if ids.shape != (count,) or len(set(ids.tolist())) < count:
        raise SikpdosError(f"ids {ids.shape}: expected one of its own for each of the {count} spectra", name)
    return [str(i) for i in ids.tolist()]
