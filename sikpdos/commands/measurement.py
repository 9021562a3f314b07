"""Files of measurements as `predict` and `match` take them: how they are read, what is corrected, what they hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import typer

from sikpdos.commands.console import Console

if TYPE_CHECKING:
    from sikpdos.dataset.dataset import Dataset
    from sikpdos.formats.read import Reading
    from sikpdos.model.mixture import Model


def list_files(console: Console, files: Sequence[str], output: str, reading: Reading) -> None:
    """Write what files hold as CSV; exit 1 where one cannot be read."""
    from sikpdos.common import tables
    from sikpdos.common.errors import SikpdosError, display_name, naming
    from sikpdos.formats.listing import COLUMNS, list_content

    rows, failures = [], Failures(console)
    for path in files:
        try:
            with naming(path):
                listed, remarks = list_content(path, reading.choice)
        except SikpdosError as error:
            failures(str(error))
            continue
        rows += listed
        for remark in remarks:
            console.say(f"{display_name(path)}: {remark}")
    if rows:
        tables.write_csv(output, {key: [row[key] for row in rows] for key in COLUMNS})
    failures.end()


class Failures:
    """What cannot be used: told at once, while the rest goes on."""

    def __init__(self, console: Console, strict: bool = True):
        self._console, self._failed, self._strict = console, False, strict

    def __call__(self, message: str) -> None:
        self._failed = True
        self._console.say(message)

    def left_out(self, message: str) -> None:
        """A single spectrum of a file whose others are used: a failure where one is strict."""
        self._failed |= self._strict
        self._console.say(message)

    def end(self) -> None:
        """Exit 1 if there was anything."""
        if self._failed:
            raise typer.Exit(1)


def choosing(
    choose: Callable[[Dataset | None], Model], of_measurements: Mapping[str, bool], of_datasets: Mapping[str, bool]
) -> Callable[[Dataset | None], Model]:
    """The choice of the model; it refuses options, given or not, that do not apply to the file."""

    def chosen(dataset: Dataset | None) -> Model:
        from sikpdos.common.errors import SikpdosError

        unfit = of_datasets if dataset is None else of_measurements
        if given := [option for option, there in unfit.items() if there]:
            here, there = ("measured spectra", "datasets") if dataset is None else ("a dataset", "measured spectra")
            raise SikpdosError(f"{here}: {', '.join(given)} {'is' if len(given) == 1 else 'are'} for {there} only")
        return choose(dataset)

    return chosen
