"""How a text writes numbers: separators of columns, decimal commas, thousands, quotes, D exponents, missing values."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass

EXPONENT_D = bytes.maketrans(b"Dd", b"ee")
MISSING = {b"", b"-", b"--", b"---", b"na", b"n/a", b"#n/a", b"null", b"none"}
_TIME = re.compile(rb"\d{1,4}([:/-]\d{1,2}){1,2}(T[\d:]+)?(\.\d+)?Z?")
_THOUSANDS = re.compile(rb"[-+]?\d{1,3}(,\d{3})+(\.\d*)?")
_QUOTED = re.compile(rb'"[^"\n]*"')


@dataclass(frozen=True)
class Dialect:
    """How the columns of a text are separated, and what its commas are."""

    separator: bytes = b""  # between fields, which may be empty; b"": blanks of any number
    decimal_comma: bool = False
    thousands: bool = False  # commas between digits are to be left out
    quoted: bool = False
    closing: bool = False  # a separator ends every line

    def plain(self, text: bytes) -> bytes:
        """Text whose separators are blanks, with decimal points and e exponents: for lines without missing values."""
        comma = b"." if self.decimal_comma else b" "
        table = bytes.maketrans(b",;\tDd", comma + b"  ee")
        return text.translate(table, b"," if self.thousands else b"")

    def has_no_empty_field(self, text: bytes, lines: int, width: int) -> bool:
        """Whether a text of so many lines and numbers a line has but the separators that it needs."""
        return not self.separator or text.count(self.separator) == lines * (width - 1 + self.closing)

    def fields(self, line: bytes) -> list[bytes]:
        """The fields of a line without its remark."""
        line = line.partition(b"#")[0] if b"#" in line else line
        if self.quoted and b'"' in line:
            parts = _quoted_fields(line, self.separator or b" ")
        elif self.separator:
            parts = [part.strip() for part in line.strip(b" \r\n").split(self.separator)]
        else:
            parts = line.split()
        if self.closing and len(parts) > 1 and not parts[-1]:
            parts.pop()
        if self.separator and any(b" " in part or b"\t" in part for part in parts):
            parts = [word for part in parts for word in (part.split() or [b""])]
        return parts

    def number(self, field: bytes) -> float:
        """A field's number, NaN where it says that none was measured. Raises ValueError for anything else."""
        if self.thousands and b"," in field:
            field = field.replace(b",", b"")
        elif self.decimal_comma:
            field = field.replace(b".", b"").replace(b",", b".") if b"," in field else field  # 1.839,25
        try:
            if b"_" in field:
                raise ValueError("an underscore is no part of a number")
            return float(field.translate(EXPONENT_D))
        except ValueError:
            if is_missing(field):
                return float("nan")
            raise


def is_missing(field: bytes) -> bool:
    """Whether a field says that nothing was measured, or is a date or a time of day, which is no measurement."""
    return field.lower() in MISSING or not field.strip(b"*") or bool(_TIME.fullmatch(field))


def _quoted_fields(line: bytes, separator: bytes) -> list[bytes]:
    try:
        row = next(csv.reader([line.decode("latin-1")], delimiter=separator.decode(), skipinitialspace=True), [])
    except csv.Error:
        return [line]
    return [field.strip().encode("latin-1") for field in row]


def sniff(lines: list[bytes]) -> Dialect:
    """The dialect of some lines of numbers.

    Commas are decimal where no point is seen, and semicolons, tabs or blanks separate the columns; they part
    thousands where they stand before groups of three digits and a decimal point, or other numbers have none.
    """
    text = b"\n".join(line.partition(b"#")[0].strip(b" \r") for line in lines)
    quoted = b'"' in text
    if quoted:
        text = _QUOTED.sub(lambda match: match[0].replace(b",", b"\x00"), text).replace(b'"', b"")
    separator, inner = _separator(text), b"\x00" if quoted else b","
    commas_inside = separator != b"," and inner in text
    if quoted and b"\x00" in text:
        commas_inside = True
    words = [w.replace(b"\x00", b",") for w in re.split(rb"[;\t\s]+" if separator != b"," else rb"[,;\t\s]+", text)]
    thousands = commas_inside and _parts_thousands([word for word in words if word])
    return Dialect(
        separator=separator,
        decimal_comma=commas_inside and not thousands,
        thousands=thousands,
        quoted=quoted,
        closing=bool(separator) and all(line.endswith(separator) for line in text.split(b"\n") if line),
    )


def _separator(text: bytes) -> bytes:
    """What stands between columns: a semicolon, a tab, a comma, else blanks."""
    if b";" in text:
        return b";"
    if b"\t" in text.strip(b"\t") and not re.search(rb",[\t ]", text):
        return b"\t"
    if b"," not in text:
        return b""
    blanks = re.search(rb"\d +[-+]?\d", text)
    comma_ends_field = re.search(rb",[ \t\n]|,$|^,", text, re.M)
    return b"" if blanks and not comma_ends_field and (b"." not in text or _all_thousands(text)) else b","


def _all_thousands(text: bytes) -> bool:
    return all(_THOUSANDS.fullmatch(word) for word in text.split() if b"," in word)


def _parts_thousands(words: list[bytes]) -> bool:
    """Whether the commas of numbers part thousands: a point besides, or shorter numbers without any."""
    with_comma = [word for word in words if b"," in word]
    if not with_comma or not all(map(_THOUSANDS.fullmatch, with_comma)):
        return False
    return any(b"." in word for word in words) or any(
        word.lstrip(b"+-").isdigit() and len(word.lstrip(b"+-")) <= 3 for word in words
    )
