"""Ids of structures and sites: names of files, never paths. One check for every table and every server."""

from __future__ import annotations

import re

from sikpdos.common.errors import SikpdosError

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}")


def check_id(text: object) -> str:
    """An id as it is, if it can be a file name. Raises SikpdosError for anything else (a path, say)."""
    if not isinstance(text, str) or not _ID.fullmatch(text) or ".." in text:
        raise SikpdosError(f"{str(text)[:60]!r}: not a usable id (letters, digits and . _ + - only)")
    return text


def as_id(text: str) -> str:
    """The beginning of an id that a text reads most like; empty if there is nothing of it."""
    return re.sub(r"[^A-Za-z0-9._+-]+|\.\.+", "_", text).lstrip("._+-")[:80]
