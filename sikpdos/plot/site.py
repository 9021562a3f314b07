"""Figure 1: one test site in full, its prediction beside the truth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sikpdos.common.grid import SPECTRUM
from sikpdos.dataset import curves
from sikpdos.dataset.dataset import Dataset
from sikpdos.model import metrics
from sikpdos.plot import panels, prediction, style, truth
from sikpdos.plot.read import Source
from sikpdos.spectra import processing
from sikpdos.spectra.lifetime import Lifetime, broaden_bins

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

HEIGHT_IN = 2.4
DEFAULT = "Si-I-0"  # diamond
_WIDE_EV = np.arange(-6.0, 30.1, 0.1)  # drawn beside the window, from the onset


def draw_site(figure: Figure | SubFigure, dataset: Source, predicted: Source, site: str | None) -> None:
    """One site: its edge and the window that the model sees, s and p as predicted and as computed.

    Raises SikpdosError for a site without a prediction, or predictions that are not of the dataset.
    """
    rows, true = truth.match_sites(dataset, predicted)
    names = predicted.content.ids.tolist()
    if not names:
        raise predicted.refuse("holds no predictions")
    if site is None:
        site = DEFAULT if DEFAULT in names else names[0]
    if site not in names:
        raise predicted.refuse(f"no prediction of site {site}; it has {', '.join(names[:3])}...")
    k = names.index(site)
    row = truth.with_truth(predicted.content, k, true[k])
    axes = figure.subplots(1, 3)
    _draw_wide_edge(axes[0], dataset.content, rows[k])
    prediction.draw_pair(axes[1:], row)
    for panel, error in zip(axes[1:], metrics.mse(row.pdos, true[k]), strict=True):
        style.error_above(panel, error)
    style.letters(axes, (site, "", ""))
    style.legend_above(figure, axes)


def _draw_wide_edge(axes: Axes, dataset: Dataset, row: int) -> None:
    """The edge as the model sees it and, where the dataset has it unbroadened, what lies beside the window."""
    if dataset.edge is None:
        panels.draw_edge(axes, dataset.spectra[row])
        return
    settings = dataset.sigma_eV, dataset.meta["lorentz_fwhm_eV"]
    energy_eV, edges = dataset.unbroadened()
    edge = edges[row]
    if "lifetime" in dataset.meta:
        edge = broaden_bins(energy_eV, edge[None], Lifetime(**dataset.meta["lifetime"]))[0]
    onset_eV, cut = curves.broaden_edge(energy_eV, edge, *settings, dataset.onset_rule)
    wide = processing.broaden(energy_eV, edge, _WIDE_EV + onset_eV, *settings)
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
