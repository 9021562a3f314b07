"""Text files as people's programs write them: encodings, separators, decimal commas, D exponents."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np

from sikpdos.errors import SikpdosError

BLOCK_BYTES = 1 << 22  # numbers are parsed a few megabytes at a time, so that memory stays near the file's size
SAMPLE_BYTES = 1 << 14  # what the separators are told from
CONTROL = bytes(set(range(32)) - set(b"\t\n\r\f\v\x1a"))
EXPONENT_D = bytes.maketrans(b"Dd", b"ee")


def normalise(data: bytes, name: str) -> bytes:
    """The text of a file as UTF-8 (or Latin-1 left as it is) with Unix newlines.

    UTF-16 is known by its byte-order mark. Raises SikpdosError for an empty or a binary file.
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        try:
            data = data.decode("utf-16").encode("utf-8")
        except UnicodeDecodeError as error:
            raise SikpdosError(f"{name}: damaged UTF-16 text ({error.reason})") from error
    data = data.removeprefix(codecs.BOM_UTF8)
    head = data[:65536]
    if b"\0" in data or len(head.translate(None, CONTROL)) < len(head):
        raise SikpdosError(f"{name}: a binary file of no known format")
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    data = data.removesuffix(b"\x1a")  # end-of-file mark of DOS programs
    if not data.strip():
        raise SikpdosError(f"{name}: empty file")
    return data


def decode(line: bytes) -> str:
    """A header line as text: UTF-8, else Latin-1."""
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode("latin-1")


def is_number(token: bytes) -> bool:
    try:
        float(token.translate(EXPONENT_D))
    except ValueError:
        return False
    return True


def is_data(line: bytes) -> bool:
    """Whether a line holds numbers and nothing else, whatever the separator."""
    tokens = re.split(rb"[\s,;]+", line.partition(b"#")[0].strip(b" \t,;\n"))
    return all(map(is_number, tokens))


def separators(sample: list[bytes]) -> bytes:
    """A translation table that turns separators to blanks, decimal commas to points and D exponents to e.

    Commas are decimal where no point is seen, and semicolons, tabs or blanks separate the columns.
    """
    text = b"\n".join(line.partition(b"#")[0].strip() for line in sample)
    comma_ends_field = re.search(rb",[ \t\n]|,$|^,", text)
    other_separator = re.search(rb"[;\t]|\d +[-+]?\d", text)
    decimal = b"." not in text and other_separator and (b";" in text or not comma_ends_field)
    return bytes.maketrans(b",;\tDd", b".  ee" if decimal else b"   ee")


@dataclass(frozen=True)
class NumberTable:
    """Numbers of a text in the order they stand, and how many each line held."""

    values: np.ndarray  # (sum of widths,)
    widths: np.ndarray  # (lines,) lines with numbers only
    line_numbers: np.ndarray  # (lines,) from 1

    def columns(self, name: str) -> np.ndarray:  # (rows, columns)
        """The numbers as a table. Raises SikpdosError where lines differ in length."""
        uneven = np.flatnonzero(self.widths != self.widths[0])
        if uneven.size:
            at = uneven[0]
            raise SikpdosError(
                f"{name}: line {self.line_numbers[at]} has {self.widths[at]} numbers, the lines before {self.widths[0]}"
            )
        return self.values.reshape(self.widths.size, self.widths[0])


def parse_numbers(data: bytes, name: str, first_line: int = 1) -> NumberTable:
    """All numbers of `data`; what follows a # is passed over. `first_line` is its line number in the file.

    Raises SikpdosError naming file and line where something else than a number stands, or without any number.
    """
    sample = [line for line in data[:SAMPLE_BYTES].split(b"\n") if is_data(line)]
    table = separators(sample)
    values, widths, numbers = [], [], []
    for start, lines in _line_blocks(data, first_line):
        text = b"".join(lines).translate(table)
        if b"#" in text:
            text = re.sub(rb"#[^\n]*", b"", text)
        rows = [line.split() for line in text.split(b"\n")]
        try:
            values.append(np.array(list(map(float, chain.from_iterable(rows)))))
        except ValueError:
            raise SikpdosError(_first_unreadable(rows, start, name)) from None
        width = np.fromiter(map(len, rows), np.int64, len(rows))
        widths.append(width[width > 0])
        numbers.append(start + np.flatnonzero(width))
    if not any(width.size for width in widths):
        raise SikpdosError(f"{name}: no numbers after the header")
    return NumberTable(np.concatenate(values), np.concatenate(widths), np.concatenate(numbers))


def _line_blocks(data: bytes, first_line: int) -> Iterator[tuple[int, list[bytes]]]:
    stream = io.BytesIO(data)
    while lines := stream.readlines(BLOCK_BYTES):
        yield first_line, lines
        first_line += len(lines)


def _first_unreadable(rows: list[list[bytes]], first_line: int, name: str) -> str:
    for number, row in enumerate(rows, first_line):
        for token in row:
            if not is_number(token):
                return f"{name}: line {number}: cannot read '{decode(token)[:40]}' as a number"
    raise AssertionError("every token is a number")
