"""NPZ containers: arrays with their provenance, a checksum, and checks of what was read.

Meta data are JSON (keys sorted) in the 0-d string array `meta`; nothing is ever pickled.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np

from sikpdos.common import limits
from sikpdos.common.errors import SikpdosError
from sikpdos.common.files import display_name, output, read_bytes
from sikpdos.common.version import __version__

MAGIC = b"PK\x03\x04"  # begins every NPZ, a zip archive
_SEAL = b"sha256:"  # begins an NPZ's archive comment, its last bytes; the digest is of all bytes before it
_TEXT = ("ids", "groups", "site_meta", "material_class", "classes")  # arrays of text; all others are numbers
_LARGEST = 1e30  # no quantity of the suite is larger; products of such numbers would be infinite


def provenance(schema: str, **fields) -> dict:
    """Meta data every file of the suite carries: schema, version, command line, packages, and `fields`.

    No time stamp, so that two runs give identical bytes.
    """
    packages = {"numpy": np.__version__}
    if "torch" in sys.modules:
        packages["torch"] = sys.modules["torch"].__version__
    command = " ".join(["sikpdos", *sys.argv[1:]])
    return {"schema": schema, "version": __version__, "command": command, "packages": packages, **fields}


def write(path: str | os.PathLike, arrays: Mapping[str, np.ndarray], meta: Mapping) -> None:
    """Write arrays and their meta data (JSON, keys sorted, in the 0-d string array `meta`), with a checksum of all."""
    for key, array in arrays.items():
        _check_finite(key, array, "not written: ", path)
    packed = io.BytesIO()  # zip files want to seek; stdout cannot
    np.savez_compressed(packed, **arrays, meta=_as_text(meta))  # type: ignore[arg-type]  # no array is `allow_pickle`
    with zipfile.ZipFile(packed, "a") as archive:
        archive.comment = _SEAL + bytes(64)
    content = packed.getbuffer()[:-64]
    with output(path) as stream:
        stream.write(content)
        stream.write(hashlib.sha256(content).hexdigest().encode())


def _check_finite(key: str, array: np.ndarray, before: str, path: str | os.PathLike) -> None:
    """Raise SikpdosError where an array holds what cannot be computed with."""
    array = np.asarray(array)
    if array.dtype.kind not in "fc" or array.size == 0:
        return
    if not np.isfinite(array).all():
        raise SikpdosError(f"{before}array '{key}' holds NaN or infinity", path)
    if float(np.abs(array).max()) > _LARGEST:
        raise SikpdosError(f"{before}array '{key}' holds numbers beyond {_LARGEST:g}", path)


def sealed(data: bytes, name: str) -> bool:
    """Whether an NPZ carries a checksum (large predictions do not). Raises SikpdosError if it does not fit."""
    if data[-64 - len(_SEAL) : -64] != _SEAL:
        return False
    if hashlib.sha256(memoryview(data)[:-64]).hexdigest().encode() != data[-64:]:
        raise SikpdosError("damaged: its checksum (SHA-256) does not fit its content", name)
    return True


def _as_text(meta: Mapping) -> np.ndarray:
    try:
        return np.array(json.dumps(meta, sort_keys=True, ensure_ascii=False, allow_nan=False))
    except ValueError as error:
        raise SikpdosError("not written: its meta data hold NaN or infinity") from error


class NpzStream:
    """An NPZ written block by block, so that memory stays flat: arrays grow along their first axis.

    The blocks lie in nameless temporary files of `folder` until `close_into` puts them together.
    """

    def __init__(self, folder: Path):
        self._folder = folder
        self._files: dict[str, BinaryIO] = {}
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._dtypes: dict[str, np.dtype] = {}

    def append(self, **blocks: np.ndarray) -> None:
        """Add rows to each named array."""
        for name, block in blocks.items():
            if name not in self._files:
                self._files[name] = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 (close_into closes it)
                self._shapes[name], self._dtypes[name] = (0, *block.shape[1:]), block.dtype
            self._files[name].write(np.ascontiguousarray(block, self._dtypes[name]).data)
            self._shapes[name] = (self._shapes[name][0] + len(block), *block.shape[1:])

    def close_into(
        self,
        stream: BinaryIO,
        arrays: Mapping[str, np.ndarray],
        meta: Mapping,
        rows: tuple[int, ...] | None = None,
    ) -> None:
        """Write the archive: the grown arrays, `arrays`, and meta. `rows`: shape that their first axis stands for."""
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
            for name, spool in self._files.items():
                shape = self._shapes[name] if rows is None else (*rows, *self._shapes[name][1:])
                header = {"descr": self._dtypes[name].str, "fortran_order": False, "shape": shape}
                spool.seek(0)
                with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
                    np.lib.format.write_array_header_2_0(member, header)
                    shutil.copyfileobj(spool, member, 1 << 20)
                spool.close()
            for name, array in {**arrays, "meta": _as_text(meta)}.items():
                with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, np.asanyarray(array), allow_pickle=False)


@contextmanager
def failures(name: str) -> Iterator[None]:
    """Turn what goes wrong inside an NPZ file into a SikpdosError that names the file."""
    try:
        yield
    except SikpdosError:
        raise
    except ValueError as error:
        cause = "holds pickled objects, which are not read" if "allow_pickle" in str(error) else f"damaged ({error})"
        raise SikpdosError(cause, name) from error
    except (zipfile.BadZipFile, OSError, EOFError, KeyError, NotImplementedError) as error:
        raise SikpdosError(f"damaged NPZ file ({error})", name) from error
    except Exception as error:  # zlib.error and whatever a damaged member raises
        raise SikpdosError(f"damaged NPZ file ({type(error).__name__}: {error})", name) from error


def read(
    path: str | os.PathLike, schema: str | Sequence[str], data: bytes | None = None
) -> tuple[dict[str, np.ndarray], dict]:
    """Arrays and meta data of a container of the given schema (or one of several).

    `data` takes the place of the file's content where it was read already. Raises SikpdosError for a
    file that is no NPZ, damaged, holds pickled objects, or has another schema.
    """
    name = display_name(path)
    data = read_bytes(path) if data is None else data
    if not is_npz(data):
        raise SikpdosError("not an NPZ file", name)
    sealed(data, name)
    with failures(name), np.load(io.BytesIO(data), allow_pickle=False) as archive:
        limits.check(sum(member.file_size for member in archive.zip.infolist()), name)
        arrays = {key: archive[key] for key in archive.files}
        if strange := [key for key, array in arrays.items() if not isinstance(array, np.ndarray)]:
            raise SikpdosError(f"damaged: '{strange[0]}' is no array", name)
    wanted = [schema] if isinstance(schema, str) else list(schema)
    try:
        meta = as_document(str(arrays.pop("meta")[()]))
        found = meta["schema"]
    except (KeyError, IndexError, SikpdosError) as error:
        raise SikpdosError(f"no sikpdos meta data; expected {' or '.join(wanted)}", name) from error
    if found not in wanted:
        raise SikpdosError(f"is {found}, expected {' or '.join(wanted)}", name)
    return arrays, meta


def as_document(text: str) -> dict:
    """A JSON document with finite numbers. Raises SikpdosError for anything else."""

    def refused(constant: str):
        raise ValueError(f"holds {constant}")

    try:
        document = json.loads(text, parse_constant=refused)
    except (ValueError, RecursionError) as error:  # too deep, or too long a number
        raise SikpdosError(f"damaged meta data ({error})") from error
    if not isinstance(document, dict):
        raise SikpdosError("damaged meta data (no JSON object)")
    return document


def length(arrays: Mapping[str, np.ndarray], path: str | os.PathLike, key: str) -> int:
    """Length of an array's first axis. Raises SikpdosError if it is missing or a scalar."""
    if key not in arrays or arrays[key].ndim == 0:
        raise SikpdosError(f"array '{key}' is missing", path)
    return len(arrays[key])


def require(arrays: Mapping[str, np.ndarray], path: str | os.PathLike, **shapes: tuple) -> None:
    """Check that arrays are there with the given shapes (None: any length), of text or of finite numbers."""
    for key, shape in shapes.items():
        if key not in arrays:
            raise SikpdosError(f"array '{key}' is missing", path)
        if arrays[key].dtype.kind not in ("U" if key in _TEXT else "fiu"):
            raise SikpdosError(f"array '{key}' holds {arrays[key].dtype}", path)
        found = arrays[key].shape
        if len(found) != len(shape) or any(w is not None and w != n for w, n in zip(shape, found, strict=True)):
            raise SikpdosError(f"array '{key}' has shape {found}, expected {shape}", path)
        _check_finite(key, arrays[key], "", path)


def require_meta(meta: Mapping, path: str | os.PathLike, **kinds: type | tuple[type, ...]) -> None:
    """Check that meta data are there, of the given types, and numbers that can be computed with."""
    for key, kind in kinds.items():
        value = meta.get(key)
        if not isinstance(value, kind) or (isinstance(value, (int, float)) and not abs(value) <= _LARGEST):
            raise SikpdosError(f"its meta data have no usable '{key}'", path)


def schema_of(source: bytes | str | os.PathLike) -> str | None:
    """Schema named in the meta data of an NPZ (its bytes or its path); None if it has none or is no NPZ."""
    try:
        with zipfile.ZipFile(io.BytesIO(source) if isinstance(source, bytes) else source) as archive:
            limits.check(archive.getinfo("meta.npy").file_size, "meta")
            member = archive.open("meta.npy")
            return json.loads(str(np.lib.format.read_array(member, allow_pickle=False)[()]))["schema"]
    except Exception:  # whatever damage numpy, zipfile and JSON may stumble over: the readers say what is wrong
        return None


def is_npz(data: bytes) -> bool:
    """Whether the content of a file begins as an NPZ does."""
    return data.startswith(MAGIC)
