"""Figure 2: the errors of all test sites in order, and four of them in full."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sikpdos.model import metrics
from sikpdos.plot import panels, prediction, style, truth
from sikpdos.plot.read import Source
from sikpdos.prediction.storage import Predictions

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

HEIGHT_IN = 7.0
_PARTS = {"test": "test sites", "train": "training sites", "all": "sites, training sites among them"}
_RANKS = {"best": 0.0, "33 %": 0.33, "67 %": 0.67, "worst": 1.0}


def draw_ranking(figure: Figure | SubFigure, dataset: Source, predicted: Source) -> None:
    """Errors of all test sites in order, and the best, the worst and two between them in full.

    Raises SikpdosError for fewer than four sites, or predictions that are not of the dataset.
    """
    _, true = truth.match_sites(dataset, predicted)
    found: Predictions = predicted.content
    if len(found.ids) < len(_RANKS):
        raise predicted.refuse(f"{len(found.ids)} sites, too few to rank")
    errors = 1e3 * metrics.mse(found.pdos, true)  # (n, 2)
    order = np.argsort(errors.mean(axis=1), kind="stable")
    at = {label: round(share * (len(order) - 1)) for label, share in _RANKS.items()}
    top, below = figure.subfigures(2, 1, squeeze=False, height_ratios=(1.2, 2.6))[:, 0]
    curve = top.subplots()
    _draw_curve(curve, errors[order], at, _PARTS.get(found.part or "", "sites"))
    grid = below.subplots(3, len(at), sharex="row", sharey="row")
    for column, (label, rank) in zip(grid.T, at.items(), strict=True):
        k = int(order[rank])
        row = truth.with_truth(found, k, true[k])
        panels.draw_edge(column[0], found.spectra[k])
        prediction.draw_pair(column[1:], row)
        style.heading(column[0], f"{label}: {style.short(row.name)}")
        column[1].set_xlabel("")
    for axes in grid[:, 1:].ravel():
        axes.set_ylabel("")
    style.legend_above(top, [curve])
    style.legend_above(below, grid.ravel())


def _draw_curve(axes: Axes, errors: np.ndarray, at: dict[str, int], whose: str) -> None:
    """Errors (n, 2) in order, and where the chosen sites stand."""
    rank = 100 * (np.arange(len(errors)) + 0.5) / len(errors)
    for orbital, values in zip("sp", errors.T, strict=True):
        axes.plot(rank, values, ".", color=style.ORBITALS[orbital], alpha=0.7, markersize=3, label=orbital)
    both = errors.mean(axis=1)
    axes.plot(rank, both, color=style.INK, label="mean of s and p")
    for label, k in at.items():
        axes.plot(rank[k], both[k], "o", color=style.INK, markerfacecolor="white", clip_on=False, zorder=4)
        axes.axvline(rank[k], color=style.GREY, linewidth=0.5, zorder=0)
        axes.annotate(label, (rank[k], 1), (0, 2), axes.get_xaxis_transform(), "offset points", ha="center")
    style.log_axis(axes.yaxis)
    axes.set_xlim(0, 100)
    axes.set_xlabel(f"Share of the {len(errors)} {whose}, best first (%)")
    style.mse_axes(axes)
