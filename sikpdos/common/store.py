"""Files in and out: atomic writes, pipes, NPZ containers with provenance, CSV tables.

Every reader raises SikpdosError with a message that names the file; every writer goes through
`output`, so an interrupted run leaves no half file. "-" is stdin or stdout; names ending in .gz
are gzip files.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import os
import shutil
import stat
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np

from sikpdos import __version__
from sikpdos.common.errors import SikpdosError

STDIO = "-"
_SEAL = b"sha256:"  # begins an NPZ's archive comment, its last bytes; the digest is of all bytes before it


def display_name(path: str | os.PathLike) -> str:
    """The name that messages use for a path ("-" is the standard input)."""
    return "standard input" if str(path) == STDIO else str(path)


def read_bytes(path: str | os.PathLike) -> bytes:
    """The whole content of a file or of stdin ("-"); gzip is undone where the name ends in .gz."""
    if str(path) == STDIO:
        return sys.stdin.buffer.read()
    try:
        data = Path(path).read_bytes()
        return gzip.decompress(data) if str(path).endswith(".gz") else data
    except OSError as error:  # gzip.BadGzipFile is one
        raise SikpdosError(f"{path}: {error.strerror or error}") from error
    except (EOFError, ValueError, zlib.error) as error:
        raise SikpdosError(f"{path}: damaged gzip file ({error})") from error


@contextmanager
def output(path: str | os.PathLike) -> Iterator[BinaryIO]:
    """A binary stream whose content appears at `path` only when the block ends without an error.

    "-" is stdout. Devices and named pipes are written directly.
    """
    if str(path) == STDIO:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    target = Path(path)
    try:
        if target.exists() and not stat.S_ISREG(target.stat().st_mode):
            with open(target, "wb") as stream:
                yield stream
            return
        target = target.resolve()  # a symbolic link keeps pointing to its file
        temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
        try:
            with open(temporary, "wb") as stream:
                if target.name.endswith(".gz"):
                    with gzip.GzipFile(fileobj=stream, mode="wb", filename="", mtime=0) as packed:
                        yield packed
                else:
                    yield stream
            os.replace(temporary, target)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise SikpdosError(f"{path}: cannot write: {error.strerror or error}") from error


def check_writable(path: str | os.PathLike) -> None:
    """Raise SikpdosError where `output` could not write, to be told so before a long computation."""
    target = Path(path).resolve()
    if str(path) != STDIO and (target.is_dir() or not os.access(target.parent, os.W_OK)):
        cause = "is a folder" if target.is_dir() else f"no folder {target.parent} to write in"
        raise SikpdosError(f"{path}: cannot write: {cause}")


def sha256(path: str | os.PathLike) -> str:
    """Hex digest of a file's bytes."""
    return hashlib.sha256(read_bytes(path)).hexdigest()


def provenance(schema: str, **fields) -> dict:
    """Meta data every file of the suite carries: schema, version, command line, packages, and `fields`.

    No time stamp, so that two runs give identical bytes.
    """
    packages = {"numpy": np.__version__}
    if "torch" in sys.modules:
        packages["torch"] = sys.modules["torch"].__version__
    command = " ".join(["sikpdos", *sys.argv[1:]])
    return {"schema": schema, "version": __version__, "command": command, "packages": packages, **fields}


def write_npz(path: str | os.PathLike, arrays: Mapping[str, np.ndarray], meta: Mapping) -> None:
    """Write arrays and their meta data (JSON, keys sorted, in the 0-d string array `meta`), with a checksum of all."""
    packed = io.BytesIO()  # zip files want to seek; stdout cannot
    np.savez_compressed(packed, **arrays, meta=_as_text(meta))
    with zipfile.ZipFile(packed, "a") as archive:
        archive.comment = _SEAL + bytes(64)
    content = packed.getbuffer()[:-64]
    with output(path) as stream:
        stream.write(content)
        stream.write(hashlib.sha256(content).hexdigest().encode())


def sealed(data: bytes, name: str) -> bool:
    """Whether an NPZ carries a checksum (large predictions do not). Raises SikpdosError if it does not fit."""
    if data[-64 - len(_SEAL) : -64] != _SEAL:
        return False
    if hashlib.sha256(memoryview(data)[:-64]).hexdigest().encode() != data[-64:]:
        raise SikpdosError(f"{name}: damaged: its checksum (SHA-256) does not fit its content")
    return True


def _as_text(meta: Mapping) -> np.ndarray:
    return np.array(json.dumps(meta, sort_keys=True, ensure_ascii=False, allow_nan=False))


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

    def close_into(self, stream: BinaryIO, arrays: Mapping[str, np.ndarray], meta: Mapping) -> None:
        """Write the archive: the grown arrays, `arrays`, and meta."""
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
            for name, spool in self._files.items():
                header = {"descr": self._dtypes[name].str, "fortran_order": False, "shape": self._shapes[name]}
                spool.seek(0)
                with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
                    np.lib.format.write_array_header_2_0(member, header)
                    shutil.copyfileobj(spool, member, 1 << 20)
                spool.close()
            for name, array in {**arrays, "meta": _as_text(meta)}.items():
                with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, np.asanyarray(array), allow_pickle=False)


@contextmanager
def npz_failures(name: str) -> Iterator[None]:
    """Turn what goes wrong inside an NPZ file into a SikpdosError that names the file."""
    try:
        yield
    except SikpdosError:
        raise
    except ValueError as error:
        cause = "holds pickled objects, which are not read" if "allow_pickle" in str(error) else f"damaged ({error})"
        raise SikpdosError(f"{name}: {cause}") from error
    except (zipfile.BadZipFile, OSError, EOFError, KeyError, NotImplementedError) as error:
        raise SikpdosError(f"{name}: damaged NPZ file ({error})") from error
    except Exception as error:  # zlib.error and whatever a damaged member raises
        raise SikpdosError(f"{name}: damaged NPZ file ({type(error).__name__}: {error})") from error


def read_npz(
    path: str | os.PathLike, schema: str | Sequence[str], data: bytes | None = None
) -> tuple[dict[str, np.ndarray], dict]:
    """Arrays and meta data of a container of the given schema (or one of several).

    `data` takes the place of the file's content where it was read already. Raises SikpdosError for a
    file that is no NPZ, damaged, holds pickled objects, or has another schema.
    """
    name = display_name(path)
    data = read_bytes(path) if data is None else data
    if data[:4] != b"PK\x03\x04":
        raise SikpdosError(f"{name}: not an NPZ file")
    sealed(data, name)
    with npz_failures(name), np.load(io.BytesIO(data), allow_pickle=False) as archive:
        arrays = {key: archive[key] for key in archive.files}
    wanted = [schema] if isinstance(schema, str) else list(schema)
    try:
        meta = json.loads(str(arrays.pop("meta")[()]))
        found = meta["schema"]
    except (KeyError, ValueError, TypeError, IndexError) as error:
        raise SikpdosError(f"{name}: no sikpdos meta data; expected {' or '.join(wanted)}") from error
    if found not in wanted:
        raise SikpdosError(f"{name}: is {found}, expected {' or '.join(wanted)}")
    return arrays, meta


_TEXT = ("ids", "groups", "site_meta")  # arrays of text; all others are numbers


def length(arrays: Mapping[str, np.ndarray], path: str | os.PathLike, key: str) -> int:
    """Length of an array's first axis. Raises SikpdosError if it is missing or a scalar."""
    if key not in arrays or arrays[key].ndim == 0:
        raise SikpdosError(f"{display_name(path)}: array '{key}' is missing")
    return len(arrays[key])


def require(arrays: Mapping[str, np.ndarray], path: str | os.PathLike, **shapes: tuple) -> None:
    """Check that arrays are there with the given shapes (None: any length), of text or of finite numbers."""
    for key, shape in shapes.items():
        if key not in arrays:
            raise SikpdosError(f"{display_name(path)}: array '{key}' is missing")
        if arrays[key].dtype.kind not in ("U" if key in _TEXT else "fiu"):
            raise SikpdosError(f"{display_name(path)}: array '{key}' holds {arrays[key].dtype}")
        found = arrays[key].shape
        if len(found) != len(shape) or any(w is not None and w != n for w, n in zip(shape, found, strict=True)):
            raise SikpdosError(f"{display_name(path)}: array '{key}' has shape {found}, expected {shape}")
        if arrays[key].dtype.kind == "f" and not np.isfinite(arrays[key]).all():
            raise SikpdosError(f"{display_name(path)}: array '{key}' holds NaN or infinity")


def require_meta(meta: Mapping, path: str | os.PathLike, **kinds: type | tuple[type, ...]) -> None:
    """Check that meta data are there and of the given types."""
    for key, kind in kinds.items():
        if not isinstance(meta.get(key), kind):
            raise SikpdosError(f"{display_name(path)}: its meta data have no usable '{key}'")


def write_csv(path: str | os.PathLike, columns: Mapping[str, Sequence]) -> None:
    """Write columns of equal length as CSV: header row, Unix newlines, floats with 7 significant digits."""
    cells = []
    for values in columns.values():
        array = np.asarray(values)
        cells.append([f"{x:.7g}" for x in array.tolist()] if array.dtype.kind == "f" else array.tolist())
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*cells, strict=True))
    with output(path) as stream:
        stream.write(text.getvalue().encode())


def read_csv(path: str | os.PathLike, required: Sequence[str] = (), data: bytes | None = None) -> dict[str, list[str]]:
    """Columns of a CSV file with a header row, as text. Raises SikpdosError if a required one is missing."""
    name = display_name(path)
    try:
        text = (read_bytes(path) if data is None else data).decode("utf-8-sig")
        rows = [row for row in csv.reader(io.StringIO(text)) if row]
    except UnicodeDecodeError as error:
        raise SikpdosError(f"{name}: not a CSV file (not UTF-8 text)") from error
    except csv.Error as error:
        raise SikpdosError(f"{name}: not a CSV file ({error})") from error
    if not rows:
        raise SikpdosError(f"{name}: empty file")
    header, body = rows[0], rows[1:]
    missing = [key for key in required if key not in header]
    if missing:
        raise SikpdosError(f"{name}: no column '{missing[0]}' in the header")
    for number, row in enumerate(body, 2):
        if len(row) != len(header):
            raise SikpdosError(f"{name}: row {number} has {len(row)} cells, the header {len(header)}")
    return {key: [row[i] for row in body] for i, key in enumerate(header)}


def numbers(columns: Mapping[str, list[str]], key: str, path: str | os.PathLike) -> np.ndarray:
    """A CSV column as finite floats."""
    try:
        values = np.array(columns[key], float)
    except ValueError as error:
        raise SikpdosError(f"{display_name(path)}: column '{key}': {error}") from error
    if not np.isfinite(values).all():
        raise SikpdosError(f"{display_name(path)}: column '{key}' holds NaN or infinity")
    return values


def schema_of(source: bytes | str | os.PathLike) -> str | None:
    """Schema named in the meta data of an NPZ (its bytes or its path); None if it has none or is no NPZ."""
    try:
        with zipfile.ZipFile(io.BytesIO(source) if isinstance(source, bytes) else source) as archive:
            member = archive.open("meta.npy")
            return json.loads(str(np.lib.format.read_array(member, allow_pickle=False)[()]))["schema"]
    except (zipfile.BadZipFile, zlib.error, OSError, KeyError, ValueError, TypeError, IndexError, EOFError):
        return None


def remove(path: str | os.PathLike) -> None:
    """Delete a file that may not be there."""
    Path(path).unlink(missing_ok=True)


def concatenate(tables: Sequence[Mapping[str, Sequence]]) -> dict[str, np.ndarray]:
    """Tables of the same columns, one below the other."""
    return {key: np.concatenate([np.asarray(table[key]) for table in tables]) for key in tables[0]}
