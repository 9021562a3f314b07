"""Damaged copies of files: what transfers, editors, exporting programs and ill will do to them."""

from __future__ import annotations

import re

import numpy as np

_WORD = re.compile(rb"[^\s,]+")
_NUMBERS = (
    b"0",
    b"-1",
    b"1e308",
    b"-1e308",
    b"1e-308",
    b"nan",
    b"inf",
    b"-inf",
    b"1e999",
    b"99999999999999999999",
    b"0x10",
)
_WORDS = (
    b"",
    b"?",
    b".",
    b"'",
    b'"',
    b";",
    b"#",
    b"{",
    b"[",
    b"<",
    b"\x00",
    b"\xff\xfe",
    b"\xc3",
    b"\x1b[31m",
    b"\r",
    b"\x0c",
)


def mutation(seed: bytes, rng: np.random.Generator, others: list[bytes]) -> bytes:
    """A copy of a file with one to three kinds of damage; `others` are files that parts may come from."""
    data = seed
    for _ in range(int(rng.choice((1, 1, 1, 2, 3)))):
        data = _KINDS[int(rng.integers(len(_KINDS)))](data, rng, others)
    return data


def _position(data: bytes, rng: np.random.Generator) -> int:
    return int(rng.integers(len(data) + 1))


def _bytes_changed(data: bytes, rng, others) -> bytes:
    changed = bytearray(data)
    for _ in range(int(rng.integers(1, 5))):
        if changed:
            changed[int(rng.integers(len(changed)))] = int(rng.integers(256))
    return bytes(changed)


def _cut(data: bytes, rng, others) -> bytes:
    return data[: _position(data, rng)]


def _part_removed(data: bytes, rng, others) -> bytes:
    start, stop = sorted((_position(data, rng), _position(data, rng)))
    return data[:start] + data[stop:]


def _part_repeated(data: bytes, rng, others) -> bytes:
    start, stop = sorted((_position(data, rng), _position(data, rng)))
    return data[:stop] + data[start:stop][:2000] * int(rng.integers(1, 40)) + data[stop:]


def _number_replaced(data: bytes, rng, others) -> bytes:
    words = [m for m in _WORD.finditer(data[:200_000]) if m[0][:1] in b"-+.0123456789"]
    if not words:
        return data
    word = words[int(rng.integers(len(words)))]
    return data[: word.start()] + _NUMBERS[int(rng.integers(len(_NUMBERS)))] + data[word.end() :]


def _digit_changed(data: bytes, rng, others) -> bytes:
    digits = [i for i, byte in enumerate(data[:200_000]) if 48 <= byte < 58]
    changed = bytearray(data)
    for _ in range(int(rng.integers(1, 4)) if digits else 0):
        changed[digits[int(rng.integers(len(digits)))]] = 48 + int(rng.integers(10))
    return bytes(changed)


def _word_replaced(data: bytes, rng, others) -> bytes:
    words = list(_WORD.finditer(data[:200_000]))
    if not words:
        return data
    word, other = (words[int(rng.integers(len(words)))] for _ in range(2))
    new = other[0] if rng.random() < 0.5 else _WORDS[int(rng.integers(len(_WORDS)))]
    return data[: word.start()] + new + data[word.end() :]


def _lines_moved(data: bytes, rng, others) -> bytes:
    lines = data.split(b"\n")
    i, j = int(rng.integers(len(lines))), int(rng.integers(len(lines)))
    kind = rng.integers(3)
    if kind == 0:
        lines[i], lines[j] = lines[j], lines[i]
    elif kind == 1:
        del lines[i]
    else:
        lines[j:j] = [lines[i]] * int(rng.integers(1, 20))
    return b"\n".join(lines)


def _blanks(data: bytes, rng, others) -> bytes:
    at = _position(data, rng)
    blank = (b"\n", b" ", b"\t", b"\r\n")[int(rng.integers(4))]
    return data[:at] + blank * int(rng.integers(1, 3000)) + data[at:]


def _nested(data: bytes, rng, others) -> bytes:
    at, depth = _position(data, rng), int(rng.integers(1, 5000))
    return data[:at] + (b"[" * depth if rng.random() < 0.5 else b'{"a":' * depth) + data[at:]


def _joined(data: bytes, rng, others) -> bytes:
    other = others[int(rng.integers(len(others)))]
    return data[: _position(data, rng)] + other[_position(other, rng) :]


def _encoded(data: bytes, rng, others) -> bytes:
    text = data.decode("latin-1")
    return text.encode(("utf-16", "utf-8-sig", "utf-16-le", "utf-32")[int(rng.integers(4))])


_KINDS = (
    _digit_changed, _digit_changed, _digit_changed, _digit_changed,
    _bytes_changed, _bytes_changed, _cut, _part_removed, _part_repeated, _number_replaced, _number_replaced,
    _number_replaced, _word_replaced, _word_replaced, _lines_moved, _lines_moved, _blanks, _nested, _joined, _encoded,
)  # fmt: skip
