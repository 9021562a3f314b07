"""The one reader of structure files, for every command: formats told apart by their content.

CIF, extended XYZ, POSCAR, CASTEP's .cell and .castep, .res of AIRSS, vasprun.xml, inputs and outputs of Quantum
ESPRESSO's pw.x, JSON of pymatgen, ASE, the Materials Project and OPTIMADE; packed by gzip or not.
"""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sikpdos.common import files
from sikpdos.common.errors import SikpdosError, naming
from sikpdos.common.ids import as_id
from sikpdos.structures import bounded
from sikpdos.structures.entry import Entry, Fetched
from sikpdos.structures.formats import (
    castep_cell,
    castep_output,
    cif,
    documents,
    espresso,
    extxyz,
    poscar,
    shelx,
    vasp_xml,
)
from sikpdos.structures.formats.crystal import Crystal, check
from sikpdos.structures.inequivalent import ELEMENT

if TYPE_CHECKING:
    from pymatgen.core import Structure

_SUFFIX = re.compile(
    r"(\.(cif|vasp|poscar|json|xyz|extxyz|cell|castep|res|xml|in|out|pwi|pwo))?(\.gz)?$", re.IGNORECASE
)
_BYTE_ORDER_MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
Makers = Iterator[Callable[[], Crystal]]


@dataclass(frozen=True)
class Reading:
    """A structure out of a file, and what was put right on the way."""

    structure: Structure  # atoms in the file's order
    notes: tuple[str, ...]  # with the file's name


def read_structure(path: str | os.PathLike) -> Reading:
    """The one structure of a file ("-": stdin).

    Raises SikpdosError for a file that holds none or several, and for a structure that cannot be used.
    """
    with naming(path):
        makers = _makers(path)
        if len(makers) > 1:
            raise SikpdosError(f"holds {len(makers)} structures; one a file is needed here")
        crystal = makers[0]()
        check(crystal)
        return Reading(crystal.structure(), tuple(f"{files.display_name(path)}: {note}" for note in crystal.notes))


def read_file(path: str | os.PathLike) -> Fetched:
    """All structures with silicon of a file ("-": stdin); others are failures with the reason.

    Raises SikpdosError if the file cannot be read at all.
    """
    name, makers = files.display_name(path), _makers(path)
    fetched, stem = Fetched(), _stem(name)
    for number, make in enumerate(makers, 1):
        which = name if len(makers) == 1 else f"{name}, structure {number}"
        try:
            crystal = make()
            structure = usable(crystal)
        except SikpdosError as error:
            fetched.failures.append(f"{which}: {error}")
            continue
        fetched.notes += [f"{which}: {note}" for note in crystal.notes]
        structure_id = stem if len(makers) == 1 else f"{stem}-{number}"
        source = os.fsencode(Path(name).name).decode(errors="replace")  # names of files are bytes
        fetched.entries.append(Entry(structure_id, structure, source=source))
    return fetched


def usable(crystal: Crystal) -> Structure:
    """The structure, checked. Raises SikpdosError with the reason if it is no crystal with silicon."""
    if ELEMENT not in crystal.elements:
        raise SikpdosError(f"no silicon ({crystal.structure().composition.reduced_formula})")
    check(crystal)
    return crystal.structure()


def _makers(path: str | os.PathLike) -> list[Callable[[], Crystal]]:
    """A function for each structure of a file, which makes it (and fails on its own)."""
    with naming(path):
        return list(_structures(_decoded(bounded.read_bytes(path))))


def _stem(name: str) -> str:
    """A file's name as the beginning of an id."""
    return as_id(_SUFFIX.sub("", Path(name).name)) or "structure"


def _decoded(data: bytes) -> str:
    """Text in UTF-8, UTF-16 with its mark, or Latin-1; line ends as \\n."""
    mark = next((mark for mark in _BYTE_ORDER_MARKS if data.startswith(mark)), b"")
    encodings = [_BYTE_ORDER_MARKS[mark]] if mark else ["utf-8", "latin-1"]
    for encoding in encodings:
        try:
            text = data[len(mark) :].decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        raise SikpdosError("not a text file")
    if "\0" in text:
        raise SikpdosError("not a text file")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _structures(text: str) -> Makers:
    head = text[:4000].lstrip()
    if not head:
        if not text.strip():
            raise SikpdosError("empty file")
        head = text.lstrip()[:4000]
    if head[0] in "{[":
        for item in documents.structures_in(documents.parse(text)):
            yield partial(documents.crystal_of, item)
    elif head[0] == "<":
        yield _xml(text)
    elif re.match(r"\d+[ \t]*\n.*=", head):
        for lines in extxyz.frames(text):
            yield partial(extxyz.crystal_of, lines)
    elif _has_line(text, "data_", "_cell_", "_cell.", "loop_"):
        for block in cif.atom_blocks(text):
            yield partial(cif.crystal_of, block)
    else:
        yield _other(text)


def _has_line(text: str, *beginnings: str) -> bool:
    """Whether a line begins with one of these, in whatever case; blanks before them do not count."""
    longest = max(map(len, beginnings))
    return any(line.lstrip()[:longest].lower().startswith(beginnings) for line in text.split("\n"))


def _xml(text: str) -> Callable[[], Crystal]:
    if "<modeling>" in text[:4000]:
        return lambda: vasp_xml.crystal_of(text)
    if "espresso" in text[:4000]:
        return lambda: espresso.crystal_of_xml(text)
    raise SikpdosError("XML, but neither vasprun.xml nor of Quantum ESPRESSO")


def _other(text: str) -> Callable[[], Crystal]:
    """Formats told by their keywords; POSCAR, which has none, last."""
    if "Real Lattice(A)" in text:
        return lambda: castep_output.crystal_of(text)
    if _has_line(text, "%block"):
        return lambda: castep_cell.crystal_of(text)
    if _has_line(text, "cell ") and _has_line(text, "sfac "):
        return lambda: shelx.crystal_of(text)
    if _has_line(text, "atomic_positions", "lattice parameter (alat)"):
        return lambda: espresso.crystal_of(text)
    return lambda: _poscar(text)


def _poscar(text: str) -> Crystal:
    try:
        return poscar.crystal_of(text)
    except poscar.NotPoscar:
        raise SikpdosError(
            "not CIF, POSCAR, extended XYZ, JSON, or a file of CASTEP, AIRSS, VASP or Quantum ESPRESSO"
        ) from None
