"""Figure 5: where is the model better than the nearest template?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sikpdos.plot import style
from sikpdos.plot.read import Matches, Source

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

HEIGHT_IN = 2.5
_NEAREST = 1e-7
_DISTANCE_LABEL = "MSE of the edge to the best template (10$^{-3}$)"


def draw_gain(figure: Figure | SubFigure, source: Source) -> None:
    """Delta MSE = matched - predicted, of s and p, against the distance of the best template.

    Raises SikpdosError where the matches were not compared with a model.
    """
    matches: Matches = source.content
    if matches.model_mse is None:
        raise source.refuse("no errors of a model in it (sikpdos match dataset.npz --model model.npz)")
    gain = matches.matched_mse - matches.model_mse  # (n, 2)
    axes = figure.subplots(1, 2, sharex=True)
    for k, panel in enumerate(axes):
        panel.axhline(0, color=style.GREY, linewidth=0.6, zorder=0)
        _scatter(panel, matches.spectrum_mse, 1e3 * gain[:, k], gain[:, k] > 0)
        panel.set_title(f"model better at {_share(gain[:, k])}", loc="right", fontsize=7, pad=3)
    style.mse_axes(axes[0], "ΔMSE")
    style.letters(axes, "sp")
    both = _share(gain.mean(axis=1))
    style.legend_above(
        figure, axes, f"{style.short(source.name)}: model better at {both} of {_cases(matches.ids)}, s and p together"
    )


def draw_distance(figure: Figure | SubFigure, source: Source) -> None:
    """Errors of the templates' densities of states against the distance of their edges."""
    matches: Matches = source.content
    axes = figure.subplots(1, 2, sharex=True)
    for k, (orbital, panel) in enumerate(zip("sp", axes, strict=True)):
        _points(panel, matches.spectrum_mse, 1e3 * matches.matched_mse[:, k], style.ORBITALS[orbital], "o", None)
        panel.set_ylim(bottom=0)
    style.mse_axes(axes[0])
    style.letters(axes, "sp")
    style.legend_above(figure, axes, f"template matching of {len(matches.ids)} test sites")


def _cases(ids: list[str]) -> str:
    """How many; a table of several splits has some sites more than once."""
    sites = len(set(ids))
    return f"{sites} test sites" if sites == len(ids) else f"{len(ids)} cases, {sites} test sites of several splits"


def _share(gain: np.ndarray) -> str:
    return f"{100 * (gain > 0).mean():.0f} %"


def _scatter(panel: Axes, distance: np.ndarray, gain: np.ndarray, better: np.ndarray) -> None:
    _points(panel, distance[better], gain[better], style.GREEN, "o", "model better")
    _points(panel, distance[~better], gain[~better], style.PURPLE, "D", "matching better")


def _points(panel: Axes, x: np.ndarray, y: np.ndarray, colour: str, marker: str, label: str | None) -> None:
    """Points over a logarithmic distance, which ends at _NEAREST: the same spectrum is infinitely far to the left."""
    size, alpha = (14, 0.9) if len(x) < 100 else (6, 0.6)
    panel.scatter(
        1e3 * np.maximum(x, _NEAREST), y, size, color=colour, marker=marker, alpha=alpha, linewidth=0, label=label
    )
    style.log_axis(panel.xaxis)
    panel.margins(x=0.06, y=0.08)
    panel.set_xlabel(_DISTANCE_LABEL)
