"""Files in and out: whole content, atomic writes, pipes.

Every reader raises SikpdosError with a message that names the file; every writer goes through `output`, so an
interrupted run leaves no half file. "-" is stdin or stdout; names ending in .gz are gzip files.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from sikpdos.common import limits
from sikpdos.common.errors import STDIO, SikpdosError
from sikpdos.common.errors import display_name as display_name


def read_bytes(path: str | os.PathLike) -> bytes:
    """The whole content of a file or of stdin ("-"); gzip is undone where the name ends in .gz.

    Raises SikpdosError naming the file where it cannot be read, is damaged, or larger than the limit (see limits).
    """
    try:
        if str(path) == STDIO:
            return limits.read(sys.stdin.buffer, path)
        with open(path, "rb") as stream:
            data = limits.read(stream, path)
    except (OSError, ValueError) as error:  # a name with a NUL is a ValueError
        raise SikpdosError(str(getattr(error, "strerror", None) or error), path) from error
    return limits.gunzip(data, path) if str(path).endswith(".gz") else data


def suffix(path: str | os.PathLike) -> str:
    """What tells the kind of a file: the last part of its name, in lower letters, `.gz` left out."""
    name = Path(path).name.lower()
    return Path(name.removesuffix(".gz")).suffix


class _Packed(gzip.GzipFile):
    """A gzip file being written; what cannot go back says so, as writers of archives want to know."""

    def seekable(self) -> bool:
        return False

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        raise io.UnsupportedOperation("a gzip file is written from begin to end")


@contextmanager
def output(path: str | os.PathLike) -> Iterator[BinaryIO]:
    """A binary stream whose content appears at `path` only when the block ends without an error.

    "-" is stdout. Devices and named pipes are written directly.
    """
    if str(path) == STDIO:
        try:
            yield sys.stdout.buffer
            sys.stdout.buffer.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise SikpdosError(f"cannot write: {error.strerror or error}", "standard output") from error
        return
    target = Path(path)
    try:
        if target.exists() and not stat.S_ISREG(target.stat().st_mode):
            with open(target, "wb") as stream:
                yield stream
            return
        target = Path(os.path.realpath(target))  # a symbolic link keeps pointing to its file
        temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
        try:
            with open(temporary, "wb") as stream:
                if target.name.endswith(".gz"):
                    with _Packed(fileobj=stream, mode="wb", filename="", mtime=0) as packed:
                        yield cast(BinaryIO, packed)  # it writes like one, but the library has it as another class
                else:
                    yield stream
            os.replace(temporary, target)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise SikpdosError(f"cannot write: {error.strerror or error}", path) from error


def check_writable(path: str | os.PathLike) -> None:
    """Raise SikpdosError where `output` could not write, to be told so before a long computation."""
    if str(path) == STDIO:
        return
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise SikpdosError("cannot write: is a folder", path)
    if target.is_symlink():
        raise SikpdosError("cannot write: a symbolic link to itself", path)
    if not target.parent.is_dir():
        raise SikpdosError(f"cannot write: no folder {target.parent}", path)
    special = target.exists() and not target.is_file()  # written itself, not replaced
    if not os.access(target if special else target.parent, os.W_OK):
        raise SikpdosError(f"cannot write: no permission in {target.parent}", path)


def sha256(path: str | os.PathLike) -> str:
    """Hex digest of a file's bytes."""
    return hashlib.sha256(read_bytes(path)).hexdigest()


def remove(path: str | os.PathLike) -> None:
    """Delete a file that may not be there."""
    Path(path).unlink(missing_ok=True)
