"""OptaDOS core-loss files, `<seed>_core_edge.dat`: one block an edge of a site, read one block at a time.

The file holds all sites, species and edges; some are 200 MB. It is searched for block headings in
pieces, and only the wanted block is parsed, so memory does not grow with the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from sikpdos.castep.formats.fortran_text import parse_rows
from sikpdos.common.errors import SikpdosError

_HEADING = re.compile(r"#\s+([A-Z][a-z]?)\s+(\d+)\s+([K-P][\d,]+)\s*(\S.*)?$")
_PIECE = 1 << 22  # bytes read at a time


@dataclass(frozen=True)
class Block:
    """Where one edge of one site stands in the file."""

    species: str  # Si
    atom: int  # from 1, among the atoms of its species
    edge: str  # K1, L1, L2,3 ...
    label: str  # of the species, cut and lower-cased by OptaDOS: Si:ex; empty without
    offset: int  # of the first row
    first_line: int
    end: int

    @property
    def site(self) -> str:
        return f"{self.label or self.species}{self.atom}"


@dataclass(frozen=True)
class Edge:
    """One block's numbers, both spins added."""

    energy_eV: np.ndarray  # (n,) as in the file
    strength: np.ndarray  # (n,) with the task's own broadening
    broadened: np.ndarray | None  # (n,) with instrument and lifetime broadening too, where the run had it


def find_blocks(stream: BinaryIO) -> list[Block]:
    """Headings of a file, in its order. Raises SikpdosError where there is none."""
    blocks, starts = [], []
    for offset, line_number, line in _comment_lines(stream):
        found = _HEADING.match(line.strip())
        if found:
            starts.append(offset)
            label = (found[4] or "").strip()
            blocks.append((found[1], int(found[2]), found[3], label, offset + len(line), line_number + 1))
    if not blocks:
        raise SikpdosError("no edge in the file (header only, or no core-loss file)")
    ends = [*starts[1:], stream.seek(0, 2)]
    return [Block(*fields, end) for fields, end in zip(blocks, ends, strict=True)]


def choose_block(blocks: list[Block], edge: str = "K1", site: str = "") -> Block:
    """The block of an edge: of the named site (Si2, Si:ex1), else of the labelled atom, else the only one.

    Raises SikpdosError, with the sites there are, where the choice is not unique.
    """
    candidates = [b for b in blocks if b.edge == edge]
    if not candidates:
        raise SikpdosError(f"no {edge} edge; it has {', '.join(sorted({b.edge for b in blocks}))}")
    if site:
        chosen = [b for b in candidates if site.lower() in (b.site.lower(), b.label.lower())]
    else:
        chosen = [b for b in candidates if b.label] or candidates
    if len(chosen) == 1:
        return chosen[0]
    sites = ", ".join(b.site for b in (chosen or candidates)[:12])
    cause = f"no {edge} edge of site '{site}'" if not chosen else f"several {edge} edges: name one site"
    raise SikpdosError(f"{cause}; there are {sites}")


def read_block(stream: BinaryIO, block: Block) -> Edge:
    """Numbers of one block: 2 columns, 3 with instrument broadening, with spin 4 or 7; else SikpdosError."""
    stream.seek(block.offset)
    words = stream.readline().split()
    if len(words) not in (2, 3, 4, 7):
        what = "no data" if not words else f"{len(words)} columns"
        raise SikpdosError(f"line {block.first_line}: {what}; a core-loss block has 2, 3, 4 or 7 columns")
    parts = [
        _spins_added(parse_rows(text, len(words), line))
        for text, line in _pieces(stream, block.offset, block.end, block.first_line)
    ]
    columns = np.concatenate(parts).T
    return Edge(columns[0], columns[1], columns[2] if len(columns) == 3 else None)


def _spins_added(rows: np.ndarray) -> np.ndarray:
    """Energy, strength and, where there is one, broadened strength: (n, 2) or (n, 3)."""
    if rows.shape[1] <= 3:
        return rows
    # Up and Down are added here: the file's own total column is wrong for edges of several orbitals.
    return np.stack([rows[:, 0], *(rows[:, i] + rows[:, i + 1] for i in range(1, rows.shape[1] - 1, 3))], axis=1)


def _pieces(stream: BinaryIO, start: int, end: int, line_number: int) -> Iterator[tuple[bytes, int]]:
    """A part of the file in whole lines, with the number of the first: memory does not grow with the part."""
    stream.seek(start)
    rest = b""
    while start < end:
        piece = stream.read(min(_PIECE, end - start))
        start += len(piece)
        text = rest + piece
        cut = text.rfind(b"\n") + 1 if start < end else len(text)
        yield text[:cut], line_number
        line_number += text.count(b"\n", 0, cut)
        rest = text[cut:]


def _comment_lines(stream: BinaryIO) -> Iterator[tuple[int, int, str]]:
    """Offset, number and text of the lines with '#'."""
    offset = 0
    for text, line_number in _pieces(stream, 0, stream.seek(0, 2), 1):
        yield from _comments_of(text, offset, line_number)
        offset += len(text)


def _comments_of(text: bytes, offset: int, line_number: int) -> Iterator[tuple[int, int, str]]:
    position = counted = 0
    while (mark := text.find(b"#", position)) >= 0:
        start = text.rfind(b"\n", 0, mark) + 1
        end = text.find(b"\n", mark) + 1 or len(text)
        line_number += text.count(b"\n", counted, start)
        counted = start
        yield offset + start, line_number, text[start:end].decode("latin-1")
        position = end
