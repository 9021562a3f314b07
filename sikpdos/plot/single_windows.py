"""Figure 4: the error of networks trained on single windows of equal length."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sikpdos.plot.read import Source
from sikpdos.plot.windows import draw_windows, windows_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure, SubFigure


def draw_single(figure: Figure | SubFigure, source: Source) -> None:
    """Error against where the windows lie."""
    windows = windows_of(source)
    length = min(stop - start for start, stop in windows)
    single = [window for window in windows if np.isclose(window[1] - window[0], length)]
    labels = [f"{start:g} to {stop:g}".replace("-", "−") for start, stop in single]
    draw_windows(figure, source, single, labels, "Window (eV)", ":")
