"""Figure 3: the error of networks trained on windows that grow from the lowest energy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sikpdos.common.grid import SPECTRUM
from sikpdos.plot.read import Source
from sikpdos.plot.windows import draw_windows, windows_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure, SubFigure


def draw_growing(figure: Figure | SubFigure, source: Source) -> None:
    """Error against the windows' upper end."""
    windows = [window for window in windows_of(source) if window[0] == SPECTRUM.start_eV]
    draw_windows(figure, source, windows, [f"{stop:g}" for _, stop in windows], "Upper end of the window (eV)", "-")
