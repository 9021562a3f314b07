"""Text files as people's programs write them: encodings, separators, decimal commas, D exponents."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np

from sikpdos.common.errors import SikpdosError

BLOCK_BYTES = 1 << 20  # numbers are parsed a megabyte at a time, so that memory stays near the file's size
SAMPLE_BYTES = 1 << 12  # what the separators are told from
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
            raise SikpdosError(f"damaged UTF-16 text ({error.reason})", name) from error
    data = data.removeprefix(codecs.BOM_UTF8)
    head = data[:65536]
    if b"\0" in data or len(head.translate(None, CONTROL)) < len(head):
        raise SikpdosError("a binary file of no known format", name)
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    data = data.removesuffix(b"\x1a")  # end-of-file mark of DOS programs
    if not data.strip():
        raise SikpdosError("empty file", name)
    return data


def decode(line: bytes) -> str:
    """A header line as text: UTF-8, else Latin-1."""
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode("latin-1")


def decode_lines(lines: list[bytes]) -> list[str]:
    """Lines of a heading as text: UTF-8, else cp932 (Japanese Windows), else Latin-1, all of them the same."""
    whole = b"\n".join(lines)
    for encoding in ("utf-8", "cp932" if _may_be_cp932(whole) else "latin-1"):
        try:
            return whole.decode(encoding).split("\n") if lines else []
        except UnicodeDecodeError:
            continue
    return whole.decode("latin-1").split("\n")


def quoted(token: bytes, length: int = 40) -> str:
    """The beginning of a file's own words, for a message of one line."""
    return "".join(c if c.isprintable() else "?" for c in decode_lines([token])[0][:length])


def _may_be_cp932(text: bytes) -> bool:
    """Whether bytes occur that begin most Japanese letters in cp932 and are control characters in Latin-1."""
    return any(byte in text for byte in (b"\x82", b"\x83", b"\x88", b"\x8c", b"\x8e", b"\x8f", b"\x91", b"\x95"))


def is_number(token: bytes) -> bool:
    try:
        float(token.translate(EXPONENT_D))
    except ValueError:
        return False
    return b"_" not in token  # which Python takes for a separator of thousands


def is_data(line: bytes) -> bool:
    """Whether a line holds numbers and nothing else, whatever the separator."""
    first = re.match(rb"[\s,;]*([^\s,;#]+)", line)
    if not first or not is_number(first[1]):  # the rest may be long
        return False
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
                f"line {self.line_numbers[at]} has {self.widths[at]} numbers, the lines before {self.widths[0]}", name
            )
        return self.values.reshape(self.widths.size, self.widths[0])


def parse_numbers(data: bytes, name: str, first_line: int = 1) -> NumberTable:
    """All numbers of `data`; what follows a # is passed over. `first_line` is its line number in the file.

    Raises SikpdosError naming file and line where something else than a number stands, or without any number.
    """
    sample_end = max(SAMPLE_BYTES, data.find(b"\n"))
    sample = [line for line in data[:sample_end].split(b"\n") if is_data(line)]
    table = separators(sample)
    blocks = [_parse_block(block, table, start, name) for start, block in _line_blocks(data, first_line)]
    numbers = NumberTable(*map(np.concatenate, zip(*blocks, strict=True)))
    if not numbers.values.size:
        raise SikpdosError("no numbers after the header", name)
    return numbers


def _parse_block(block: bytes, table: bytes, first_line: int, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The fields of NumberTable for some lines; `table` makes their separators blanks."""
    text = block.translate(table)
    even = _parse_even_lines(text)
    if even is not None:
        return even.ravel(), np.full(len(even), even.shape[1]), first_line + np.arange(len(even))
    rows = [line.split() for line in re.sub(rb"#[^\n]*", b"", text).split(b"\n")]
    try:
        values = np.array(list(map(float, chain.from_iterable(rows))))
    except ValueError:
        raise SikpdosError(_first_unreadable(block, first_line), name) from None
    widths = np.fromiter(map(len, rows), np.int64, len(rows))
    return values, widths[widths > 0], first_line + np.flatnonzero(widths)


def _parse_even_lines(text: bytes) -> np.ndarray | None:
    """Four times faster, for lines of equal length with nothing but numbers: (lines, columns); None for others."""
    if b"#" in text or not text.strip():
        return None
    try:
        values = np.loadtxt(io.BytesIO(text), comments=None, ndmin=2, encoding="latin-1")
    except ValueError:
        return None
    lines = text.count(b"\n") + (not text.endswith(b"\n"))
    return values if len(values) == lines else None


def _line_blocks(data: bytes, first_line: int) -> Iterator[tuple[int, bytes]]:
    start = 0
    while start < len(data):
        end = data.find(b"\n", start + BLOCK_BYTES)
        block = data[start : end + 1 if end >= 0 else len(data)]
        yield first_line, block
        start += len(block)
        first_line += block.count(b"\n")


def _first_unreadable(block: bytes, first_line: int) -> str:
    for number, line in enumerate(block.split(b"\n"), first_line):
        for token in re.split(rb"[\s,;]+", line.partition(b"#")[0].strip(b" \t,;")):
            if token and not is_number(token):
                return f"line {number}: cannot read '{quoted(token)}' as a number"
    return f"unreadable numbers between lines {first_line} and {number}"
