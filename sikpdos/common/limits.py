"""How much is read from one file: files from elsewhere may be endless, or unpack to anything.

512 MiB, unless the environment variable SIKPDOS_MAX_BYTES says another number of bytes.
"""

from __future__ import annotations

import gzip
import io
import os
import zlib
from typing import Protocol

from sikpdos.common.errors import SikpdosError

VARIABLE = "SIKPDOS_MAX_BYTES"
_DEFAULT_BYTES = 512 << 20
_PIECE = 1 << 20  # bytes read at a time


class Readable(Protocol):
    """A stream of bytes."""

    def read(self, size: int, /) -> bytes: ...


def max_bytes() -> int:
    """The limit in force. Raises SikpdosError for a variable that is no positive number."""
    text = os.environ.get(VARIABLE, "")
    if not text:
        return _DEFAULT_BYTES
    if not text.isdecimal() or int(text[:18]) == 0:
        raise SikpdosError(f"{VARIABLE}={text[:40]}: expected a number of bytes")
    return int(text[:18])


def read(stream: Readable, source: str | os.PathLike) -> bytes:
    """The rest of a stream. Raises SikpdosError naming the source where it is larger than the limit."""
    limit, whole = max_bytes(), io.BytesIO()
    while piece := stream.read(min(_PIECE, limit + 1 - whole.tell())):  # as much as is asked for is allocated
        whole.write(piece)
    check(whole.tell(), source)
    return whole.getvalue()


def check(size: int, source: str | os.PathLike | None = None) -> None:
    """Raise SikpdosError naming the source where so many bytes are more than the limit."""
    limit = max_bytes()
    if size > limit:
        raise SikpdosError(f"holds more than {limit / 2**20:.4g} MiB unpacked; {VARIABLE} raises this limit", source)


def gunzip(data: bytes, source: str | os.PathLike) -> bytes:
    """Unpacked gzip data. Raises SikpdosError naming the source where they are damaged or too large."""
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
            return read(stream, source)
    except (OSError, EOFError, ValueError, zlib.error) as error:  # gzip.BadGzipFile is an OSError
        words = "not a gzip file" if isinstance(error, gzip.BadGzipFile) else f"damaged gzip file ({error})"
        raise SikpdosError(words, source) from error
