"""Progress of a training: a bar or lines on stderr, and a CSV log."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sikpdos.commands.console import Console
from sikpdos.common import tables
from sikpdos.model.mixture import Model
from sikpdos.model.optimization import Progress


@contextmanager
def reporter(console: Console, epochs: int, log: str | None) -> Iterator[Callable[[Progress], None]]:
    """A function that takes each epoch's progress; the log is written when the training ends, however it ends."""
    rows: list[Progress] = []
    with console.progress("training, epoch", epochs) as advance:

        def report(done: Progress) -> None:
            rows.append(done)
            advance(done.epoch)

        try:
            yield report
        finally:
            if log is not None and rows:
                names = ("epoch", "training_mse", "validation_mse")
                tables.write_csv(log, {name: [getattr(row, name) for row in rows] for name in names})


def tell_scores(console: Console, model: Model) -> None:
    """Scores on the test part, one a line."""
    scores = model.meta["scores"]
    units = {"mse": "(states/eV)^2", "charge_error": "electrons", "band_centre_error_eV": "eV"}
    for name, value in scores.items():
        console.lines(f"{name:24} {value:.4g} {units.get(name, '')}")
