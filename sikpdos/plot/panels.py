"""The panels that figures are put together from: one edge, one density of states with its band."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sikpdos.common.grid import PDOS, SPECTRUM
from sikpdos.model.uncertainty import BAND_90
from sikpdos.plot import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw_edge(axes: Axes, spectrum: np.ndarray, label: str | None = None, xlabel: bool = True) -> None:
    """One edge (200,) on the suite's grid."""
    axes.plot(SPECTRUM.energy_eV, spectrum, color=style.INK, label=label)
    style.spectrum_axes(axes, xlabel)


def draw_true(axes: Axes, energy_eV: np.ndarray, values: np.ndarray, label: str = "true") -> None:
    """The density of states to compare with, as a filled curve behind the others."""
    axes.fill_between(energy_eV, values, color=style.PALE, linewidth=0, zorder=1)
    axes.plot(energy_eV, values, color=style.GREY, linewidth=0.9, zorder=2, label=label)


def draw_predicted(
    axes: Axes, orbital: str, values: np.ndarray, std: np.ndarray | None, energy_eV: np.ndarray = PDOS.energy_eV
) -> None:
    """A density of states (n,) of one orbital; with its standard deviation a prediction and its 90 % band."""
    colour = style.ORBITALS[orbital]
    if std is not None:
        half = BAND_90 * std
        low = np.maximum(values - half, 0)
        axes.fill_between(energy_eV, low, values + half, color=colour, alpha=style.BAND_ALPHA, linewidth=0, zorder=3)
        axes.fill([], [], color=style.GREY, alpha=2 * style.BAND_ALPHA, linewidth=0, label="90 % band")
    axes.plot(energy_eV, values, color=colour, zorder=4, label=None if std is None else f"predicted {orbital}")


def draw_spread(axes: Axes, energy_eV: np.ndarray, curves: np.ndarray, colour: str, examples: int = 5) -> None:
    """Many curves (n, k): their median, the band of the middle 80 %, and a few of them."""
    low, middle, high = np.quantile(curves, [0.1, 0.5, 0.9], axis=0)
    axes.fill_between(energy_eV, low, high, color=colour, alpha=style.BAND_ALPHA, linewidth=0)
    axes.fill([], [], color=style.GREY, alpha=2 * style.BAND_ALPHA, linewidth=0, label="10 to 90 %")
    for row in np.linspace(0, len(curves) - 1, examples).round().astype(int):
        axes.plot(energy_eV, curves[row], color=style.GREY, linewidth=0.5, alpha=0.8)
    axes.plot([], [], color=style.GREY, linewidth=0.5, label=f"{examples} of them")
    axes.plot(energy_eV, middle, color=colour, linewidth=1.4)
    axes.plot([], [], color=style.INK, linewidth=1.4, label="median")
