"""Figures 1 and 2: predictions of test sites beside the truth."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from sikpdos.common.grid import PDOS, SPECTRUM
from sikpdos.dataset import curves
from sikpdos.dataset.dataset import Dataset
from sikpdos.model import metrics
from sikpdos.plot import panels, prediction, style
from sikpdos.plot.prediction import Row, stored_row
from sikpdos.plot.read import Source, check_sigma
from sikpdos.prediction.storage import Predictions
from sikpdos.spectra import processing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

SITE_HEIGHT_IN = 2.4
RANKING_HEIGHT_IN = 7.0
_WIDE_EV = np.arange(-6.0, 30.1, 0.1)  # drawn beside the window, from the onset
_PARTS = {"test": "test sites", "train": "training sites", "all": "sites, training sites among them"}
_RANKS = {"best": 0.0, "33 %": 0.33, "67 %": 0.67, "worst": 1.0}


def draw_site(figure: Figure | SubFigure, dataset: Source, predicted: Source, site: str) -> None:
    """One site: its edge and the window that the model sees, s and p as predicted and as computed.

    Raises SikpdosError for a site without a prediction, or predictions that are not of the dataset.
    """
    rows, true = _matched(dataset, predicted)
    names = predicted.content.ids.tolist()
    if site not in names:
        raise predicted.refuse(f"no prediction of site {site}; it has {', '.join(names[:3])}...")
    k = names.index(site)
    row = _with_truth(predicted.content, k, true[k])
    axes = figure.subplots(1, 3)
    _draw_wide_edge(axes[0], dataset.content, rows[k])
    prediction.draw_pair(axes[1:], row)
    for panel, error in zip(axes[1:], metrics.mse(row.pdos, row.true), strict=True):
        style.error_above(panel, error)
    style.letters(axes, (site, "", ""))
    style.legend_above(figure, axes)


def _draw_wide_edge(axes: Axes, dataset: Dataset, row: int) -> None:
    """The edge as the model sees it and, where the dataset has it unbroadened, what lies beside the window."""
    if dataset.edge is None:
        panels.draw_edge(axes, dataset.spectra[row])
        return
    settings = dataset.sigma_eV, dataset.meta["lorentz_fwhm_eV"]
    onset_eV, cut = curves.broaden_edge(dataset.edge_energy_eV, dataset.edge[row], *settings, dataset.onset_rule)
    wide = processing.broaden(dataset.edge_energy_eV, dataset.edge[row], _WIDE_EV + onset_eV, *settings)
    axes.plot(_WIDE_EV, wide / cut.max(), color=style.GREY, linewidth=0.8, zorder=1)
    axes.axvspan(
        SPECTRUM.start_eV,
        SPECTRUM.stop_eV,
        color=style.SKY,
        alpha=0.2,
        linewidth=0,
        zorder=0,
        label="seen by the model",
    )
    panels.draw_edge(axes, dataset.spectra[row])
    axes.set_xlim(_WIDE_EV[0], _WIDE_EV[-1])
    axes.set_xticks([0, 10, 20, 30])


def draw_ranking(figure: Figure | SubFigure, dataset: Source, predicted: Source) -> None:
    """Errors of all test sites in order, and the best, the worst and two between them in full.

    Raises SikpdosError for fewer than four sites, or predictions that are not of the dataset.
    """
    _, true = _matched(dataset, predicted)
    found: Predictions = predicted.content
    if len(found.ids) < len(_RANKS):
        raise predicted.refuse(f"{len(found.ids)} sites, too few to rank")
    errors = 1e3 * metrics.mse(found.pdos, true)  # (n, 2)
    order = np.argsort(errors.mean(axis=1), kind="stable")
    at = {label: round(share * (len(order) - 1)) for label, share in _RANKS.items()}
    top, below = figure.subfigures(2, 1, height_ratios=(1.2, 2.6))
    curve = top.subplots()
    _draw_curve(curve, errors[order], at, _PARTS.get(found.part, "sites"))
    grid = below.subplots(3, len(at), sharex="row", sharey="row")
    for column, (label, rank) in zip(grid.T, at.items(), strict=True):
        k = int(order[rank])
        row = _with_truth(found, k, true[k])
        panels.draw_edge(column[0], row.spectrum)
        prediction.draw_pair(column[1:], row)
        style.heading(column[0], f"{label}: {prediction.short(row.name)}")
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


def _matched(dataset: Source, predicted: Source) -> tuple[np.ndarray, np.ndarray]:
    """Row of each prediction (n,) in the dataset, and its true densities of states (n, 2, 300)."""
    known: Dataset = dataset.content
    found: Predictions = predicted.content
    check_sigma(predicted, dataset)
    where = {name: row for row, name in enumerate(known.ids.tolist())}
    missing = [name for name in found.ids.tolist() if name not in where]
    if missing:
        raise predicted.refuse(f"site {missing[0]} is not in {dataset.name}")
    rows = np.array([where[name] for name in found.ids.tolist()], int)
    if not np.allclose(known.spectra[rows], found.spectra, atol=1e-4):
        raise predicted.refuse(f"its spectra are not those of {dataset.name}")
    return rows, known.pdos[rows]


def _with_truth(found: Predictions, k: int, true: np.ndarray) -> Row:
    return replace(stored_row(found, k), true_energy_eV=PDOS.energy_eV, true=true)
