"""Sites and datasets: edges and densities of states, each curve for a few, the spread for many."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sikpdos import curves, spectrum
from sikpdos.curves import Curves
from sikpdos.database import Database
from sikpdos.dataset import Dataset
from sikpdos.grid import PDOS, SPECTRUM
from sikpdos.plot import panels, style
from sikpdos.plot.read import Source
from sikpdos.raw import RawSite

if TYPE_CHECKING:
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
    _draw_sites(figure, source, known.ids, spectrum.normalise(known.spectra), known.pdos, remark)


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
            panel.plot(grid.energy_eV, curve, color=line, label=str(name))
    style.spectrum_axes(axes[0])
    for panel, orbital in zip(axes[1:], "sp", strict=True):
        style.pdos_axes(panel, orbital)
    sites = "1 site" if len(ids) == 1 else f"{len(ids)} sites"
    style.legend_above(figure, axes[:1], f"{sites}, computed, {remark}")


def draw_raw(figure: SubFigure, source: Source) -> None:
    """One site before broadening (bars) and after (lines)."""
    site: RawSite = source.content
    axes = figure.subplots(1, 3)
    parts = (
        ("edge", site.edge_energy_eV, site.edge_weight, style.INK),
        ("s", site.pdos_energy_eV, site.pdos_s, style.BLUE),
        ("p", site.pdos_energy_eV, site.pdos_p, style.VERMILION),
    )
    for panel, (quantity, energy_eV, weight, colour) in zip(axes, parts, strict=True):
        sigma_eV = site.meta.get("edge_sigma_eV" if quantity == "edge" else "pdos_sigma_eV", 0.0)
        _draw_histogram(panel, energy_eV, weight, colour, curves.remaining_sigma(max(SIGMA_EV, sigma_eV), sigma_eV))
        if quantity != "edge":
            style.pdos_axes(panel, quantity)
    edge = axes[0]
    edge.set_xlim(site.edge_energy_eV[0], min(site.edge_energy_eV[-1], 40.0))
    edge.set_ylim(bottom=0)
    edge.set_xlabel(style.FERMI_LABEL)
    edge.set_ylabel("Si K edge (strength/eV)")
    style.legend_above(figure, axes[:1], f"{site.site_id}, computed")


def _draw_histogram(panel, energy_eV: np.ndarray, weight: np.ndarray, colour: str, sigma_eV: float) -> None:
    """A histogram per eV, and broadened by sigma_eV; the scale is that of the broadened curve."""
    bin_eV = (energy_eV[-1] - energy_eV[0]) / (len(energy_eV) - 1)
    smooth = spectrum.broaden(energy_eV, weight, energy_eV, sigma_eV)
    panel.fill_between(energy_eV, weight / bin_eV, step="mid", color=style.PALE, linewidth=0, label="as stored")
    panel.plot(energy_eV, smooth, color=colour, label=f"sigma {SIGMA_EV:g} eV")
    panel.set_ylim(top=2.2 * smooth.max())
