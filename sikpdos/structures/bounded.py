"""Reading no more than a limit, whatever a file or a server holds."""

from __future__ import annotations

import os
import sys
import zlib
from pathlib import Path

from sikpdos.common import files
from sikpdos.common.errors import SikpdosError

MOST_BYTES = 64_000_000  # of a structure file or an answer of a database, unpacked
_GZIP = 31  # zlib's window bits for gzip


def read_bytes(path: str | os.PathLike, limit: int = MOST_BYTES) -> bytes:
    """The content of a file or of stdin ("-"), gzip undone. Raises SikpdosError beyond the limit."""
    name = files.display_name(path)
    try:
        if str(path) == files.STDIO:
            data = sys.stdin.buffer.read(limit + 1)
        else:
            with open(Path(path), "rb") as stream:
                data = stream.read(limit + 1)
        data = gunzip(data, limit) if data[:2] == b"\x1f\x8b" else data
    except (OSError, ValueError) as error:  # ValueError: a null byte in the name
        raise SikpdosError(f"{name}: {getattr(error, 'strerror', None) or error}") from error
    except SikpdosError as error:
        raise SikpdosError(f"{name}: {error}") from error
    if len(data) > limit:
        raise SikpdosError(f"{name}: more than {limit / 1e6:g} MB")
    return data


def gunzip(data: bytes, limit: int = MOST_BYTES) -> bytes:
    """Gzip undone. Raises SikpdosError for damaged data, and beyond the limit."""
    unpacked = b""
    try:
        while data:
            member = zlib.decompressobj(_GZIP)
            unpacked += member.decompress(data, limit + 1 - len(unpacked))
            if len(unpacked) > limit:
                raise SikpdosError(f"more than {limit / 1e6:g} MB when unpacked")
            if not member.eof:
                raise SikpdosError("damaged gzip file (it ends too early)")
            data = member.unused_data.lstrip(b"\0")
    except zlib.error as error:
        raise SikpdosError(f"damaged gzip file ({error})") from error
    return unpacked
