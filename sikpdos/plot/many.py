"""Sites and datasets: edges and densities of states, each curve for a few, the spread for many."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sikpdos.common.grid import PDOS, SPECTRUM
from sikpdos.dataset import curves
from sikpdos.dataset.curves import Curves
from sikpdos.dataset.database import Database
from sikpdos.dataset.dataset import Dataset
from sikpdos.dataset.raw_site import RawSite
from sikpdos.plot import panels, style
from sikpdos.plot.read import Source
from sikpdos.spectra import processing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import SubFigure

SIGMA_EV = 0.5  # broadening that raw sites are shown with
_FEW = 6  # sites drawn one by one


def draw_dataset(figure: SubFigure, source: Source) -> None:
    """Edges, s and p densities of states of a dataset."""
    known: Dataset = source.content
    _draw_sites(figure, source, known.ids, known.spectra, known.pdos, f"sigma {known.sigma_eV:g} eV")


def draw_curves(figure: SubFigure, source: Source) -> None:
    """The same of broadened curves, each edge brought to maximum 1."""
    known: Curves = source.content
    remark = f"sigma {known.meta['sigma_eV']:g} eV"
    _draw_sites(figure, source, known.ids, processing.normalise(known.spectra), known.pdos, remark)


def draw_database(figure: SubFigure, source: Source) -> None:
    """The same of unbroadened sites, which are broadened for it."""
    database: Database = source.content
    sigma_eV = max(SIGMA_EV, *database.edge_sigma_eV, *database.pdos_sigma_eV)
    draw_curves(figure, Source(source.name, curves.broaden_sites(database, sigma_eV)))


def _draw_sites(
    figure: SubFigure, source: Source, ids: np.ndarray, spectra: np.ndarray, pdos: np.ndarray, remark: str
) -> None:
    if not len(ids):
        raise source.refuse("holds no sites")
    axes = figure.subplots(1, 3)
    groups = ((SPECTRUM, spectra, style.GREEN), (PDOS, pdos[:, 0], style.BLUE), (PDOS, pdos[:, 1], style.VERMILION))
    for panel, (grid, values, colour) in zip(axes, groups, strict=True):
        if len(ids) > _FEW:
            panels.draw_spread(panel, grid.energy_eV, values, colour)
            continue
        for name, curve, line in zip(ids, values, style.COLOURS, strict=False):
            panel.plot(grid.energy_eV, curve, color=line, label=style.short(str(name)))
    style.spectrum_axes(axes[0])
    for panel, orbital in zip(axes[1:], "sp", strict=True):
        style.pdos_axes(panel, orbital)
    sites = "1 site" if len(ids) == 1 else f"{len(ids)} sites"
    style.legend_above(figure, axes[:1], f"{sites}, computed, {remark}")


def draw_raw(figure: SubFigure, source: Source) -> None:
    """One site before broadening (bars) and after (lines); the edge is in units of the broadened maximum."""
    site: RawSite = source.content
    axes = figure.subplots(1, 3)
    edge_sigma_eV, pdos_sigma_eV = (site.meta.get(f"{name}_sigma_eV", 0.0) for name in ("edge", "pdos"))
    _draw_histogram(axes[0], site.edge_energy_eV, site.edge_weight, style.INK, edge_sigma_eV, normalise=True)
    for panel, orbital, weight in zip(axes[1:], "sp", (site.pdos_s, site.pdos_p), strict=True):
        _draw_histogram(panel, site.pdos_energy_eV, weight, style.ORBITALS[orbital], pdos_sigma_eV)
        style.pdos_axes(panel, orbital)
    axes[0].set_xlim(site.edge_energy_eV[0], min(site.edge_energy_eV[-1], 40.0))
    axes[0].set_xlabel(style.FERMI_LABEL)
    axes[0].set_ylabel("Si K edge (arb. units)")
    style.legend_above(figure, axes[:1], f"{style.short(site.site_id)}, computed")


def _draw_histogram(
    panel: Axes, energy_eV: np.ndarray, weight: np.ndarray, colour: str, present_eV: float, normalise: bool = False
) -> None:
    """A histogram (broadened by present_eV already) per eV, and broadened to SIGMA_EV where that is more."""
    bin_eV = (energy_eV[-1] - energy_eV[0]) / (len(energy_eV) - 1)
    sigma_eV = max(SIGMA_EV, present_eV)
    smooth = processing.broaden(energy_eV, weight, energy_eV, curves.remaining_sigma(sigma_eV, present_eV))
    unit = smooth.max() if normalise and smooth.max() > 0 else 1.0
    bars = weight / bin_eV / unit
    panel.fill_between(energy_eV, bars, step="mid", color=style.GREY, alpha=0.5, linewidth=0, label="as stored")
    panel.plot(energy_eV, smooth / unit, color=colour, label=f"sigma {sigma_eV:g} eV")
    panel.set_ylim(0, 2.2 * smooth.max() / unit or 1)
