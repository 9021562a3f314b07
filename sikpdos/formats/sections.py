"""A text taken apart: runs of lines of equally many numbers, each with the lines of words before it."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from sikpdos.common.errors import SikpdosError
from sikpdos.formats.dialect import Dialect, is_missing, sniff
from sikpdos.formats.text_numbers import decode_lines, is_number, quoted

BLOCK_BYTES = 1 << 20  # numbers are parsed a megabyte at a time, so that memory stays near the file's size
HEADER_LINES = 1000  # a text whose first thousand lines hold no numbers is not one of columns
_SAMPLE_LINES = 64  # lines of numbers that the dialect is told from
_MOST_WORDS = 100_000  # lines without numbers
_COMMENTS = b"#%!*;/@"
_FEW = 0.1  # of the longest run's lines: a shorter one may belong to a heading or a footer


@dataclass
class Run:
    """Consecutive lines of equally many numbers."""

    first_line: int  # counted from 1
    chunks: list[np.ndarray] = field(default_factory=list)
    words: list[tuple[int, bytes]] = field(default_factory=list)  # numbers and text of the lines before it

    @property
    def rows(self) -> int:
        return sum(map(len, self.chunks))

    @property
    def width(self) -> int:
        return self.chunks[0].shape[1]

    @property
    def last_line(self) -> int:
        return self.first_line + self.rows - 1

    def spoken(self) -> list[tuple[int, bytes]]:
        """The lines before it that are neither empty nor comments."""
        return [(number, line) for number, line in self.words if line and line[0] not in _COMMENTS]


@dataclass(frozen=True)
class Section:
    """A table of numbers and its heading."""

    heading: list[str]  # lines of words before it, without ends
    values: np.ndarray  # (rows, columns); NaN where a field is empty
    first_line: int
    warnings: tuple[str, ...] = ()


def read_sections(text: bytes, name: str) -> list[Section]:
    """The tables of a (normalised) text; several where it holds several scans.

    Comments and blank lines within a table are passed over, and so are footers, short rows of numbers in a heading,
    and a count of lines before the columns. Raises SikpdosError naming file and line for words between the numbers
    of one table and for lines of unequal length.
    """
    dialect = sniff(_sample(text, name))
    runs, rest = _runs(text, dialect, name)
    if not runs:
        raise SikpdosError("no columns of numbers found", name)
    runs, warnings = _without_heading_and_footer(runs, rest)
    tables = _tables(runs, name)
    return [_section(table, warnings if index == 0 else ()) for index, table in enumerate(tables)]


def _sample(text: bytes, name: str) -> list[bytes]:
    """The first lines of numbers. Raises SikpdosError where the first thousand lines hold none."""
    sample: list[bytes] = []
    start = 0
    for count in range(HEADER_LINES + _SAMPLE_LINES):
        if start >= len(text) or len(sample) == _SAMPLE_LINES or (count >= HEADER_LINES and not sample):
            break
        end = text.find(b"\n", start)
        end = len(text) if end < 0 else end
        if looks_like_numbers(text[start:end]):
            sample.append(text[start:end])
        start = end + 1
    if not sample:
        raise SikpdosError("no columns of numbers found", name)
    return sample


def looks_like_numbers(line: bytes) -> bool:
    """Whether a line holds numbers and nothing else, whatever the separator."""
    first = re.match(rb"[\s,;\"]*([^\s,;#\"]+)", line)
    if not first or not (is_number(first[1]) or is_missing(first[1])):  # the rest may be long
        return False
    tokens = re.split(rb"[\s,;\"]+", line.partition(b"#")[0].strip(b' \t,;\n"'))
    return all(is_number(token) or is_missing(token) for token in tokens) and any(map(is_number, tokens))


def _runs(text: bytes, dialect: Dialect, name: str) -> tuple[list[Run], list[tuple[int, bytes]]]:
    """Runs of numbers in order, and the lines of words behind the last."""
    runs: list[Run] = []
    words: list[tuple[int, bytes]] = []
    for first_line, block in _line_blocks(text):
        for number, rows in _pieces(block, first_line, dialect):
            if isinstance(rows, bytes):
                words.append((number, rows))
                if len(words) > _MOST_WORDS:
                    raise SikpdosError(f"{_MOST_WORDS} lines without columns of numbers", name)
            elif runs and not words and runs[-1].width == rows.shape[1]:
                runs[-1].chunks.append(rows)
            else:
                runs.append(Run(number, [rows], words))
                words = []
    return runs, words


def _line_blocks(text: bytes) -> Iterator[tuple[int, bytes]]:
    start, first_line = 0, 1
    while start < len(text):
        end = text.find(b"\n", start + BLOCK_BYTES)
        block = text[start : end + 1 if end >= 0 else len(text)]
        yield first_line, block
        start += len(block)
        first_line += block.count(b"\n")


def _pieces(block: bytes, first_line: int, dialect: Dialect) -> Iterator[tuple[int, np.ndarray | bytes]]:
    """Rows of numbers (k, columns) and single lines of words, with the number of their first line."""
    start, number = 0, first_line
    while start < len(block):  # words first, then numbers at one go where they are even
        end = block.find(b"\n", start)
        end = len(block) if end < 0 else end
        if looks_like_numbers(block[start:end]):
            break
        yield from _slow_pieces(block[start:end], number, dialect)
        start, number = end + 1, number + 1
    rest = block[start:]
    even = _even_lines(rest, dialect)
    if even is not None:
        yield number, even
    elif rest:
        yield from _slow_pieces(rest.removesuffix(b"\n"), number, dialect)


def _even_lines(text: bytes, dialect: Dialect) -> np.ndarray | None:
    """Four times faster, for lines of equal length with nothing but numbers: (lines, columns); None for others."""
    if dialect.quoted or b"#" in text or not text.strip():
        return None
    try:
        values = np.loadtxt(io.BytesIO(dialect.plain(text)), comments=None, ndmin=2, encoding="latin-1")
    except ValueError:
        return None
    lines = text.count(b"\n") + (not text.endswith(b"\n"))
    return values if len(values) == lines and dialect.has_no_empty_field(text, lines, values.shape[1]) else None


def _slow_pieces(text: bytes, first_line: int, dialect: Dialect) -> Iterator[tuple[int, np.ndarray | bytes]]:
    rows: list[list[float]] = []
    start = first_line
    for number, line in enumerate(text.split(b"\n"), first_line):
        row = _row(line, dialect)
        if rows and (row is None or len(row) != len(rows[0])):
            yield start, np.array(rows)
            rows = []
        if row is None:
            yield number, line.strip()
            continue
        start = start if rows else number
        rows.append(row)
    if rows:
        yield start, np.array(rows)


def _row(line: bytes, dialect: Dialect) -> list[float] | None:
    """The numbers of a line; None for a line of words, of comment, or without any number."""
    first = line.strip()[:1]
    if not first or first in b"#":
        return None
    try:
        row = [dialect.number(part) for part in dialect.fields(line)]
    except ValueError:
        return None
    return row if any(value == value for value in row) or b"nan" in line.lower() else None


def _without_heading_and_footer(runs: list[Run], rest: list[tuple[int, bytes]]) -> tuple[list[Run], tuple[str, ...]]:
    """Runs without the few numbers that belong to a heading or a footer, and a word of what was passed over."""
    longest = max(run.rows for run in runs)
    few = _FEW * longest
    while len(runs) > 1 and runs[0].rows < few and _is_heading(*runs[:2]):
        head, after = runs[:2]
        line = b" ".join(b"%g" % value for value in head.chunks[0][0])
        runs = [Run(after.first_line, after.chunks, [*head.words, (head.first_line, line), *after.words]), *runs[2:]]
    tail = _spoken(rest)
    while (
        len(runs) > 1 and runs[-1].rows < few and runs[-1].spoken() and not _is_a_number_first(runs[-1].spoken()[0][1])
    ):
        tail = runs[-1].spoken() + tail
        runs = runs[:-1]
    if not tail:
        return runs, ()
    number, line = tail[0]
    return runs, (f"line {number} ('{quoted(line)}') and what follows are no data: passed over",)


def _spoken(words: list[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
    return Run(0, [], words).spoken()


def _is_heading(run: Run, following: Run) -> bool:
    """Whether a short run before a long one is no data of it: words between, or another number of columns."""
    if following.width == run.width:
        return bool(following.spoken())
    return run.rows == 1 or bool(following.words)


def _is_a_number_first(line: bytes) -> bool:
    return bool(re.match(rb"[-+.]?\d", line))


def _tables(runs: list[Run], name: str) -> list[Run]:
    """Runs put together that are one table; a scan begins where the first column starts over behind a heading."""
    tables = [runs[0]]
    for run in runs[1:]:
        last = tables[-1]
        if run.words and _starts_over(last, run):
            tables.append(run)
            continue
        if spoken := run.spoken():
            raise SikpdosError(_unreadable(*spoken[0]), name)
        if run.width != last.width:
            words = f"line {run.first_line} has {run.width} numbers, the lines before {last.width}"
            raise SikpdosError(f"{words}", name)
        last.chunks += run.chunks
    return tables


def _starts_over(last: Run, run: Run) -> bool:
    """Whether the first column turns back where a run begins, as a new scan's does."""
    if any(line.startswith((b"#S ", b"#L ")) for _, line in run.words):
        return True
    first, final = last.chunks[0][0, 0], last.chunks[-1][-1, 0]
    return bool(np.sign(run.chunks[0][0, 0] - final) * np.sign(final - first) < 0)


def _unreadable(number: int, line: bytes) -> str:
    tokens = [token for token in re.split(rb"[\s,;]+", line) if not is_number(token)]
    return f"line {number}: cannot read '{quoted(tokens[0] if tokens else line)}' as a number"


def _section(run: Run, warnings: tuple[str, ...]) -> Section:
    values = run.chunks[0] if len(run.chunks) == 1 else np.concatenate(run.chunks)
    return Section(decode_lines([line for _, line in run.words]), values, run.first_line, warnings)
