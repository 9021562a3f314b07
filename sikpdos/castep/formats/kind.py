"""What is in a file of CASTEP or OptaDOS? Told by its first bytes; the only place that looks.

CASTEP's binaries hold no name of what they are, so that theirs is by the file's name.
"""

from __future__ import annotations

import os
from enum import Enum

from sikpdos.castep.formats.odo import STARTED
from sikpdos.common.errors import SikpdosError

HEAD_BYTES = 2000


class Kind(Enum):
    """Kinds of files that give columns."""

    LOG = "log of OptaDOS"
    PDOS = "projected densities of states"
    DOS = "density of states"
    CORE = "core-loss spectra"
    PDOS_BINARY = "CASTEP's weights of bands on orbitals"
    CORE_BINARY = "CASTEP's dipole strengths of core orbitals"


_BINARIES = {".pdos_bin": Kind.PDOS_BINARY, ".elnes_bin": Kind.CORE_BINARY, ".eels_mat": Kind.CORE_BINARY}
_WORDS = {  # a heading of the first lines; PDOS before DOS, whose words it has, too
    STARTED: Kind.LOG,
    "Partial Density of States": Kind.PDOS,
    "Density of States using": Kind.DOS,
    "Core loss function": Kind.CORE,
}


def kind_of(path: str | os.PathLike, head: bytes) -> Kind:
    """Kind of a file by its name and its first HEAD_BYTES. Raises SikpdosError where it is none of them."""
    suffix = os.path.splitext(path)[1]
    if suffix in _BINARIES:
        return _BINARIES[suffix]
    if not head.strip():
        raise SikpdosError("empty file", path)
    if suffix == ".odo":  # a log that was cut still says so itself
        return Kind.LOG
    for words, kind in _WORDS.items():
        if words.encode() in head:
            return kind
    raise SikpdosError("line 1: not an OptaDOS density of states, PDOS, core-loss file or log", path)
