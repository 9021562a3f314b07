"""What a command tells its user: lines on stderr, each with the command's name before it, for logs of many commands."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

LINE_EVERY_S = 5.0


@dataclass(frozen=True)
class Console:
    """The stderr of one command; stdout is for data."""

    command: str  # predict

    def say(self, message: object) -> None:
        """One line, whatever the message."""
        self._write(" ".join(str(message).split()))

    def lines(self, text: str) -> None:
        """A text of several lines, such as a table: columns keep their places."""
        for line in text.splitlines():
            self._write(line.rstrip())

    @contextmanager
    def progress(self, what: str, total: int) -> Iterator[Callable[[int], None]]:
        """A function to call with the number of items done: a bar on a terminal, else a line every few seconds."""
        if not sys.stderr.isatty():
            yield self._line_writer(what, total)
            return
        from rich.console import Console as Terminal
        from rich.progress import Progress

        with Progress(console=Terminal(stderr=True), transient=True) as bar:
            task = bar.add_task(f"sikpdos {self.command}: {what}", total=total)
            yield lambda done: bar.update(task, completed=done)

    def _line_writer(self, what: str, total: int) -> Callable[[int], None]:
        last_s = time.monotonic()

        def write(done: int) -> None:
            nonlocal last_s
            if time.monotonic() - last_s >= LINE_EVERY_S:
                last_s = time.monotonic()
                self.say(f"{what}: {done} of {total}")

        return write

    def _write(self, line: str) -> None:
        with suppress(OSError):  # nowhere to tell that stderr cannot be written, and no reason to lose the results
            print(printable(f"sikpdos {self.command}: {line}"), file=sys.stderr, flush=True)


def printable(text: str) -> str:
    """Text with control characters (of a file's name, of a server's answer) escaped: a terminal would obey them."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
