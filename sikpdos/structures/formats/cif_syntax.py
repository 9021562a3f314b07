"""The syntax of CIF 1.1 (10.1107/S0909049505038719): data blocks of items and loops, in linear time.

Lenient where a file can only mean one thing: an unquoted value of several words ends with its line, a quote that
is not closed too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from sikpdos.common.errors import SikpdosError

_WORD = re.compile(r"\S+")
_UNKNOWN = ("?", ".")


@dataclass(frozen=True)
class Token:
    """One word of a CIF, a quoted string or a text field."""

    text: str
    line: int
    quoted: bool = False

    @property
    def value(self) -> str | None:
        """The text; None for `?` and `.`, which stand for nothing (some programs put them into quotes)."""
        text = self.text.strip()
        return None if text in _UNKNOWN else text


@dataclass
class Block:
    """A data block. Names are in lower case, the dots of newer dictionaries replaced by underscores."""

    name: str
    items: dict[str, str | None] = field(default_factory=dict)
    loops: list[tuple[list[str], list[str | None]]] = field(default_factory=list)  # names, and values row by row
    repeated: set[str] = field(default_factory=set)  # names with two values

    def item(self, *names: str) -> str | None:
        """The value of the first of the names that has one, alone or first in a loop.

        Raises SikpdosError where it was given twice.
        """
        for name in names:
            if name in self.repeated:
                raise SikpdosError(f"{name} has two values")
            value = self.items.get(name) or next(iter(self.column(name) or ()), None)
            if value:
                return value
        return None

    def column(self, *names: str) -> list[str | None] | None:
        """The values of the first of the names that is there, or None. Raises SikpdosError for a broken loop."""
        for name in names:
            for tags, values in self.loops:
                if name in tags:
                    if len(values) % len(tags):
                        raise SikpdosError(f"the loop of {name} has {len(tags)} columns, but {len(values)} values")
                    return values[tags.index(name) :: len(tags)]
            if name in self.items:
                return [self.items[name]]
        return None

    def names(self) -> set[str]:
        """All names of the block."""
        return {*self.items, *(tag for tags, _ in self.loops for tag in tags)}


def blocks(text: str) -> list[Block]:
    """The data blocks of a CIF. Raises SikpdosError for a text field without end."""
    parsed: list[Block] = []
    tokens = _Tokens(text)
    while (token := tokens.next()) is not None:
        word = "" if token.quoted else token.text.lower()
        if word.startswith("data_"):
            parsed.append(Block(token.text[5:]))
        elif word.startswith("save_") and len(word) > 5:
            while (inside := tokens.next()) is not None and (inside.quoted or inside.text.lower() != "save_"):
                pass
        elif word.startswith(("_", "loop_")):
            if not parsed:
                parsed.append(Block(""))
            (_add_loop if word.startswith("loop_") else _add_item)(parsed[-1], token, tokens)
    return parsed


class _Tokens:
    """The tokens of a text, one may be put back."""

    def __init__(self, text: str):
        self._tokens = _tokenize(text)
        self._kept: Token | None = None

    def next(self) -> Token | None:
        token, self._kept = self._kept or next(self._tokens, None), None
        return token

    def values(self) -> Iterator[Token]:
        """Tokens up to the next name or reserved word, which is put back."""
        while (token := self.next()) is not None:
            if not token.quoted and _is_reserved(token.text):
                self._kept = token
                return
            yield token

    def put_back(self, token: Token) -> None:
        self._kept = token


def _is_reserved(text: str) -> bool:
    return text[0] == "_" or text.lower().startswith(("data_", "loop_", "save_", "global_", "stop_"))


def _add_item(block: Block, token: Token, tokens: _Tokens) -> None:
    name = _name(token.text)
    words: list[Token] = []
    for word in tokens.values():
        if words and (word.quoted or words[0].quoted or word.line != words[0].line):
            tokens.put_back(word)
            break
        words.append(word)
    value = words[0].value if len(words) == 1 else " ".join(word.text for word in words) or None
    if block.items.get(name) not in (None, value) and value is not None:
        block.repeated.add(name)
    block.items[name] = value if value is not None else block.items.get(name)


def _add_loop(block: Block, _: Token, tokens: _Tokens) -> None:
    tags = []
    while (token := tokens.next()) is not None:
        if token.quoted or token.text[0] != "_":
            tokens.put_back(token)
            break
        tags.append(_name(token.text))
    values = [token.value for token in tokens.values()]
    if tags:
        block.loops.append((tags, values))


def _name(text: str) -> str:
    return text.lower().replace(".", "_")


def _tokenize(text: str) -> Iterator[Token]:
    lines = enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), 1)
    for number, line in lines:
        if line.startswith(";"):
            content = [line[1:]]
            for _, line in lines:
                if line.startswith(";"):
                    break
                content.append(line)
            else:
                raise SikpdosError(f"line {number}: a text field that does not end")
            yield Token("\n".join(content), number, quoted=True)
            line = line[1:]
        yield from _words(line, number)


def _words(line: str, number: int) -> Iterator[Token]:
    position = 0
    while found := _WORD.search(line, position):
        word, position = found[0], found.end()
        if word[0] == "#":
            return
        if word[0] in "'\"":
            start = found.start() + 1
            position = _closing(line, start, word[0])
            yield Token(line[start:position], number, quoted=True)
            position += 1
        else:
            yield Token(word, number)


def _closing(line: str, start: int, quote: str) -> int:
    """Index of the closing quote, which a space follows; the end of the line if there is none."""
    position = line.find(quote, start)
    while position >= 0:
        if not line[position + 1 : position + 2].strip():
            return position
        position = line.find(quote, position + 1)
    return len(line)
