"""Reading no more than a limit, whatever a file or a server holds.

Structures are read whole as text, which takes many times their size: the limit is tighter than that of other files.
"""

from __future__ import annotations

import os
import sys
import zlib

from sikpdos.common import files, limits
from sikpdos.common.errors import SikpdosError, naming

MOST_BYTES = 32_000_000  # of a structure file or an answer of a database, unpacked
_GZIP = 31  # zlib's window bits for gzip


def most_bytes() -> int:
    """The limit in force: 32 MB, unless the environment variable SIKPDOS_MAX_BYTES says another."""
    return limits.max_bytes() if os.environ.get(limits.VARIABLE) else MOST_BYTES


def read_bytes(path: str | os.PathLike) -> bytes:
    """The content of a structure file or of stdin ("-"), gzip undone. Raises SikpdosError beyond the limit."""
    limit = most_bytes()
    with naming(path):
        try:
            if str(path) == files.STDIO:
                data = sys.stdin.buffer.read(limit + 1)
            else:
                with open(path, "rb") as stream:
                    data = stream.read(limit + 1)
        except (OSError, ValueError) as error:  # ValueError: a null byte in the name
            raise SikpdosError(str(getattr(error, "strerror", None) or error)) from error
        if len(data) > limit:
            raise SikpdosError(f"more than {limit / 1e6:g} MB; {limits.VARIABLE} raises this limit")
        return gunzip(data, limit) if data[:2] == b"\x1f\x8b" else data


def gunzip(data: bytes, limit: int) -> bytes:
    """Gzip undone. Raises SikpdosError for damaged data, and beyond the limit."""
    unpacked = b""
    try:
        while data:
            member = zlib.decompressobj(_GZIP)
            unpacked += member.decompress(data, limit + 1 - len(unpacked))
            if len(unpacked) > limit:
                raise SikpdosError(f"more than {limit / 1e6:g} MB when unpacked; {limits.VARIABLE} raises this limit")
            if not member.eof:
                raise SikpdosError("damaged gzip file (it ends too early)")
            data = member.unused_data.lstrip(b"\0")
    except zlib.error as error:
        raise SikpdosError(f"damaged gzip file ({error})") from error
    return unpacked
