"""Standard streams that hold whatever the shell made of them: closed, or in a locale of ASCII only."""

from __future__ import annotations

import io
import os
import sys

_CLOSED = (("stdin", os.O_WRONLY, "r"), ("stdout", os.O_RDONLY, "w"), ("stderr", os.O_WRONLY, "w"))


def repair() -> None:
    """Give every closed stream its number back, so that no file opened later takes it and gets messages or data.

    A closed stdin cannot be read and a closed stdout cannot be written, which commands that need them report;
    messages for a closed stderr are lost. Characters that the locale lacks are escaped.
    """
    for name, flags, mode in _CLOSED:
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.open(os.devnull, flags), mode, encoding="utf-8"))  # noqa: SIM115 - for good
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # whoever runs the command inside Python may have put another there
            stream.reconfigure(errors="backslashreplace")


def drop_stdout() -> None:
    """Let what is still to be written to stdout vanish: its failure was reported, and Python tries again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
