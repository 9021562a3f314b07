"""What Figures 3 and 4 share: errors of networks that saw a window of the edge, by regions of the density of states."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from sikpdos.plot import style
from sikpdos.plot.read import Ablation, Source

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

HEIGHT_IN = 2.5
_MARKERS = "osD^"
Window = tuple[float, float]


def windows_of(source: Source) -> list[Window]:
    """The windows of an ablation, lowest first."""
    content: Ablation = source.content
    return sorted({(row.window_start_eV, row.window_stop_eV) for row in content.rows})


def draw_windows(
    figure: Figure | SubFigure, source: Source, windows: Sequence[Window], labels: list[str], xlabel: str, line: str
) -> None:
    """Errors of s and p over some windows, a line a region of the densities of states.

    Raises SikpdosError for fewer than two windows, or more regions than there are markers.
    """
    if len(windows) < 2:
        raise source.refuse("fewer than two windows of this kind in the ablation")
    if len(_regions(source.content)) > len(_MARKERS):
        raise source.refuse(f"more than {len(_MARKERS)} regions of the PDOS")
    axes = figure.subplots(1, 2, sharex=True)
    for panel, orbital in zip(axes, "sp", strict=True):
        _draw_orbital(panel, source.content, orbital, windows, line)
        panel.set_xticks(range(len(windows)), labels)
        panel.set_xlim(-0.35, len(windows) - 0.65)
        panel.set_xlabel(xlabel)
    style.mse_axes(axes[0])
    style.letters(axes, "sp")
    style.legend_above(figure, axes, f"Region of the PDOS{_spread(source.content, windows)}")


def _spread(ablation: Ablation, windows: Sequence[Window]) -> str:
    """What the error bars are; windows of an unfinished ablation have fewer seeds."""
    trained = {(row.window_start_eV, row.window_stop_eV, row.seed) for row in ablation.rows}
    counts = [sum(window == (start, stop) for start, stop, _ in trained) for window in windows]
    if max(counts) == 1:
        return "; one seed"
    seeds = f"{min(counts)} to {max(counts)}" if min(counts) < max(counts) else f"{max(counts)}"
    return f"; mean and standard deviation over {seeds} seeds"


def _draw_orbital(panel: Axes, ablation: Ablation, orbital: str, windows: Sequence[Window], line: str) -> None:
    regions = _regions(ablation)
    for number, (region, colour, marker) in enumerate(zip(regions, style.COLOURS, _MARKERS, strict=False)):
        errors = [1e3 * _errors(ablation, orbital, window, region) for window in windows]
        mean = [each.mean() if each.size else np.nan for each in errors]
        spread = [each.std(ddof=1) if each.size > 1 else 0.0 for each in errors]
        at = np.arange(len(windows)) + 0.06 * (number - (len(regions) - 1) / 2)
        label = f"{region[0]:g} to {region[1]:g} eV".replace("-", "−")
        panel.errorbar(
            at, mean, spread, color=colour, marker=marker, linestyle=line, linewidth=0.9, elinewidth=0.7, label=label
        )
    style.log_axis(panel.yaxis)


def _regions(ablation: Ablation) -> list[Window]:
    return sorted({(row.region_start_eV, row.region_stop_eV) for row in ablation.rows})


def _errors(ablation: Ablation, orbital: str, window: Window, region: Window) -> np.ndarray:
    """Errors of all seeds."""
    return np.array(
        [
            row.mse
            for row in ablation.rows
            if row.orbital == orbital
            and (row.window_start_eV, row.window_stop_eV) == window
            and (row.region_start_eV, row.region_stop_eV) == region
        ]
    )
