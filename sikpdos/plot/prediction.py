"""Predictions: the spectrum as the model saw it, and the s and p densities of states with their 90 % bands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from sikpdos.common.grid import PDOS
from sikpdos.plot import panels, style
from sikpdos.plot.read import PdosTable, Source, says_simulated
from sikpdos.prediction.predict import Predicted
from sikpdos.prediction.storage import Predictions

if TYPE_CHECKING:
    from matplotlib.figure import Figure, SubFigure

MOST_ROWS = 6


@dataclass(frozen=True)
class Truth:
    """The densities of states to compare with."""

    energy_eV: np.ndarray  # (m,)
    pdos: np.ndarray  # (2, m)


@dataclass(frozen=True)
class Row:
    """One spectrum and its densities of states."""

    name: str
    spectrum: np.ndarray | None  # (200,) None where only the densities of states are known
    pdos: np.ndarray  # (2, n)
    pdos_std: np.ndarray | None  # (2, n)
    remarks: tuple[str, ...] = ()
    energy_eV: np.ndarray = field(default_factory=lambda: PDOS.energy_eV)  # (n,) of the densities of states
    truth: Truth | None = None

    @property
    def on_grid(self) -> bool:
        """Whether energies are the suite's, from the Fermi level; else their zero is anyone's."""
        return np.array_equal(self.energy_eV, PDOS.energy_eV)


def draw_predictions(path: str, blocks: Sequence[Predicted]) -> None:
    """Draw the first spectra of some predictions, at most six, one a row, to a png, pdf or svg file.

    Raises SikpdosError for another suffix or a file that cannot be written.
    """
    rows = [row for block in blocks for row in predicted_rows(block)]
    shown = rows[:MOST_ROWS]
    with style.drawing(path, height_in(len(shown))) as figure:
        draw_rows(figure, shown, "" if len(shown) == len(rows) else f"the first {len(shown)} spectra")


def predicted_rows(block: Predicted) -> list[Row]:
    """A block's spectra, those marked that are simulated or unlike the model's training spectra."""
    flag = ["simulated"] if says_simulated(block.title) else []
    return [
        Row(name, block.spectra[k], block.pdos[k], block.pdos_std[k], (*flag, *unlike_training(block.novelty[k])))
        for k, name in enumerate(block.names[: MOST_ROWS + 1])
    ]


def unlike_training(novelty: float) -> tuple[str, ...]:
    """A remark where a spectrum is unlike the model's training set, else nothing."""
    return ("unlike any training spectrum",) if novelty > 1 else ()


def height_in(rows: int) -> float:
    """Height of a figure of so many rows."""
    return 0.45 + style.ROW_IN * max(rows, 1)


def draw_rows(figure: Figure | SubFigure, rows: Sequence[Row], remark: str = "") -> None:
    """Rows of three panels, edge, s and p; of two where no row has a spectrum."""
    with_edge = any(row.spectrum is not None for row in rows)
    grid = figure.subplots(len(rows), 2 + with_edge, squeeze=False, sharex="col", sharey="col")
    for number, (row, axes) in enumerate(zip(rows, grid, strict=True)):
        last = number == len(rows) - 1
        if row.spectrum is not None:
            panels.draw_edge(axes[0], row.spectrum, xlabel=last)
        draw_pair(axes[-2:], row, last)
        style.heading(axes[0], ", ".join([style.short(row.name), *row.remarks]))
    style.legend_above(figure, grid.ravel(), remark)


def draw_pair(axes: Sequence, row: Row, xlabel: bool = True) -> None:
    """The s and p panels of a row."""
    for k, (orbital, panel) in enumerate(zip("sp", axes, strict=True)):
        if row.truth is not None:
            panels.draw_true(panel, row.truth.energy_eV, row.truth.pdos[k])
        std = None if row.pdos_std is None else row.pdos_std[k]
        panels.draw_predicted(panel, orbital, row.pdos[k], std, row.energy_eV)
        if row.on_grid:
            style.pdos_axes(panel, orbital, xlabel)
            continue
        style.density_axis(panel, orbital)
        panel.set_xlabel("Energy (eV)")


def draw_file(figure: SubFigure, source: Source) -> None:
    """The first spectra of a predictions NPZ."""
    found: Predictions = source.content
    if not len(found.ids):
        raise source.refuse("holds no predictions")
    rows = [stored_row(found, k) for k in range(min(len(found.ids), MOST_ROWS))]
    draw_rows(figure, rows, _first(len(rows), len(found.ids)))


def stored_row(found: Predictions, k: int) -> Row:
    """Row k of a predictions NPZ."""
    remarks = unlike_training(found.novelty[k])
    return Row(str(found.ids[k]), found.spectra[k], found.pdos[k], found.pdos_std[k], remarks)


def draw_table(figure: SubFigure, source: Source) -> None:
    """The first densities of states of a CSV."""
    table: PdosTable = source.content
    pdos_std = [None] * len(table.names) if table.pdos_std is None else table.pdos_std
    rows = [
        Row(table.names[k] or source.name, None, table.pdos[k], pdos_std[k], energy_eV=table.energy_eV)
        for k in range(min(len(table.names), MOST_ROWS))
    ]
    draw_rows(figure, rows, _first(len(rows), len(table.names)))


def _first(shown: int, count: int) -> str:
    return "" if shown == count else f"the first {shown} of {count} spectra"
