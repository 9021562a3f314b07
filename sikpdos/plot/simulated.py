"""Figure 6: a measurement, what the model saw of it, and the prediction beside the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePath
from typing import TYPE_CHECKING

import numpy as np

from sikpdos.common.grid import PDOS, SPECTRUM
from sikpdos.dataset.dataset import Dataset
from sikpdos.model import metrics
from sikpdos.plot import measured, panels, prediction, style
from sikpdos.plot.read import PdosTable, Source, check_sigma

if TYPE_CHECKING:
    from matplotlib.figure import Figure, SubFigure


def height_in(predictions: int) -> float:
    """Height of the figure for so many predictions files."""
    return 2.2 + style.ROW_IN * predictions


def truth_of(dataset: Source, site: str) -> Source:
    """The density of states of one site of a dataset. Raises SikpdosError if it is not there."""
    known: Dataset = dataset.content
    if site not in known.ids.tolist():
        raise dataset.refuse(f"no site {site}")
    pdos = known.pdos[known.ids == site]
    return replace(dataset, content=PdosTable([site], PDOS.energy_eV, pdos, None, known.sigma_eV))


def draw_measurement(figure: Figure | SubFigure, recorded: Source, predicted: Sequence[Source], truth: Source) -> None:
    """The record in full, then a row for each predictions file, its first spectrum.

    Raises SikpdosError where a file holds more or less than one spectrum, or the truth is known to have another sigma.
    """
    for source in (*predicted, truth):
        count = len(source.content.pdos)
        if count != 1:
            raise source.refuse(f"holds {count} spectra, expected one")
    if not np.isfinite(predicted[0].content.onset_eV).all():
        raise predicted[0].refuse("is of a dataset's site, not of a measured spectrum")
    for source in predicted:
        check_sigma(source, truth)
    heights = (1.7, 0.5 + style.ROW_IN * len(predicted))
    top, below = figure.subfigures(2, 1, squeeze=False, height_ratios=heights)[:, 0]
    _draw_record(top, recorded, float(predicted[0].content.onset_eV[0]))
    grid = below.subplots(len(predicted), 3, squeeze=False, sharex="col", sharey="col")
    table: PdosTable = truth.content
    for source, axes in zip(predicted, grid, strict=True):
        compared = prediction.Truth(table.energy_eV, table.pdos[0])
        row = replace(prediction.stored_row(source.content, 0), truth=compared)
        panels.draw_edge(axes[0], source.content.spectra[0], xlabel=source is predicted[-1])
        prediction.draw_pair(axes[1:], row, xlabel=source is predicted[-1])
        style.heading(axes[0], PurePath(source.name).stem)
        on_grid = np.array([np.interp(PDOS.energy_eV, table.energy_eV, values) for values in table.pdos[0]])
        for panel, error in zip(axes[1:], metrics.mse(row.pdos, on_grid), strict=True):
            style.error_above(panel, error)
    style.legend_above(below, grid.ravel(), _remark(recorded, predicted))


def _remark(recorded: Source, predicted: Sequence[Source]) -> str:
    """What holds for all rows: whether the measurement is simulated, and the sigma of the densities of states."""
    words = ["simulated measurement"] if recorded.content.simulated else []
    sigma_eV, *others = {source.content.sigma_eV for source in predicted}
    if sigma_eV is not None and not others:
        words.append(f"densities of states of sigma {sigma_eV:g} eV")
    return ", ".join(words)


def _draw_record(figure: SubFigure, recorded: Source, onset_eV: float) -> None:
    axes = figure.subplots()
    measured.draw_set(axes, recorded.content.sets[0], recorded)
    window = (onset_eV + SPECTRUM.start_eV, onset_eV + SPECTRUM.stop_eV)
    axes.axvspan(*window, color=style.SKY, alpha=0.25, linewidth=0, zorder=0, label="window that the model sees")
    axes.set_xlabel("Energy (eV)")
    flag = f": {measured.SIMULATED}" if recorded.content.simulated else ""
    style.heading(axes, style.short(recorded.name) + flag)
    style.legend_above(figure, [axes])
