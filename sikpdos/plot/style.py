"""One quiet style for every figure, and files that are the same bytes for the same input."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from sikpdos.common import files
from sikpdos.common.errors import SikpdosError
from sikpdos.common.grid import PDOS, SPECTRUM

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure, SubFigure

WIDTH_IN = 7.0  # two columns of a journal
ROW_IN = 1.75  # height of a row of panels
# Okabe and Ito, https://jfly.uni-koeln.de/color/: told apart with any colour vision
BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"
COLOURS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY)
ORBITALS = {"s": BLUE, "p": VERMILION}
INK, GREY, PALE = "#262626", "#8a8a8a", "#d9d9d9"
BAND_ALPHA = 0.22
PDOS_UNIT = "states/eV/atom"
FERMI_LABEL = "Energy relative to $E_\\mathrm{F}$ (eV)"
ONSET_LABEL = "Energy above the onset (eV)"

_RC = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # comes with Matplotlib: the same picture on every machine
    "font.size": 7,
    "axes.labelsize": 7,
    "axes.linewidth": 0.6,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.xmargin": 0,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.minor.width": 0.4,
    "ytick.minor.width": 0.4,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "xtick.minor.size": 1.5,
    "ytick.minor.size": 1.5,
    "lines.linewidth": 1.1,
    "lines.markersize": 3.5,
    "legend.frameon": False,
    "legend.fontsize": 7,
    "legend.handlelength": 1.6,
    "text.color": INK,
    "savefig.dpi": 300,
    "pdf.fonttype": 42,  # text stays text
    "svg.fonttype": "none",
    "svg.hashsalt": "sikpdos",
}
_METADATA = {"png": {}, "pdf": {"CreationDate": None, "ModDate": None}, "svg": {"Date": None}}


@contextmanager
def drawing(path: str, height_in: float, width_in: float = WIDTH_IN) -> Iterator[Figure]:
    """An empty figure in the suite's style; written to `path` (png, pdf, svg) when the block ends without an error.

    "-" is PNG on stdout. Raises SikpdosError for another suffix, before anything is drawn.
    """
    kind = format_of(path)
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # a home that cannot be written is no concern of a user's
    import matplotlib
    from matplotlib.figure import Figure  # no pyplot: no windows, no state
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    with matplotlib.rc_context(), warnings.catch_warnings():
        matplotlib.rcdefaults()  # whatever the user's own settings are
        matplotlib.rcParams.update(_RC)
        warnings.filterwarnings("ignore", "Glyph .* missing")  # of a file's name: a box stands for it
        figure = Figure(figsize=(width_in, height_in))
        figure.set_layout_engine(ConstrainedLayoutEngine(w_pad=0.05, h_pad=0.04, wspace=0.03, hspace=0.03))
        yield figure
        drawn = io.BytesIO()  # PDF wants to seek; stdout cannot
        figure.savefig(drawn, format=kind, metadata=_METADATA[kind])
    with files.output(path) as stream:
        stream.write(drawn.getbuffer())


def format_of(path: str) -> str:
    """png, pdf or svg by the name of a figure ("-": png). Raises SikpdosError for others."""
    kind = "png" if path == files.STDIO else Path(path).suffix.lower().removeprefix(".")
    if kind not in _METADATA:
        raise SikpdosError("a figure's name ends in .png, .pdf or .svg", path)
    return kind


def short(name: str) -> str:
    """A name that fits a panel: without folders, cut in the middle; a dollar sign begins no formula.

    Bytes of a file's name that are no UTF-8 become the replacement character.
    """
    text = name.encode(errors="surrogateescape").decode(errors="replace")
    bare = PurePath(text).name or text
    return (bare if len(bare) <= 28 else f"{bare[:14]}…{bare[-12:]}").replace("$", r"\$")


def spectrum_axes(axes: Axes, xlabel: bool = True) -> None:
    """Energies from the onset, intensity with the maximum at 1."""
    axes.set_xlim(SPECTRUM.start_eV, SPECTRUM.stop_eV)
    axes.set_ylim(bottom=min(0.0, axes.dataLim.y0), auto=True)
    axes.set_xticks([0, 5, 10, 15])
    axes.set_ylabel("Si K edge (max. = 1)")
    if xlabel:
        axes.set_xlabel(ONSET_LABEL)


def pdos_axes(axes: Axes, orbital: str, xlabel: bool = True) -> None:
    """Energies from the Fermi level, marked, and the density of states of one orbital."""
    axes.axvline(0, color=GREY, linewidth=0.6, linestyle=(0, (4, 3)), zorder=0)
    axes.set_xlim(PDOS.start_eV, PDOS.energy_eV[-1])
    axes.set_xticks([-15, -10, -5, 0, 5, 10, 15])
    density_axis(axes, orbital)
    if xlabel:
        axes.set_xlabel(FERMI_LABEL)


def density_axis(axes: Axes, orbital: str) -> None:
    """The density of states of one orbital upwards, from 0."""
    axes.set_ylim(bottom=0, auto=True)  # panels drawn later may share the axis and need more of it
    axes.set_ylabel(f"{orbital} PDOS ({PDOS_UNIT})")


def mse_axes(axes: Axes, quantity: str = "MSE") -> None:
    """Errors of densities of states, drawn in thousandths."""
    axes.set_ylabel(f"{quantity} (10$^{{-3}}$ ({PDOS_UNIT})$^2$)")


def log_axis(axis: Axis) -> None:
    """Make an axis logarithmic, after drawing, with ticks at round numbers, written plainly."""
    from matplotlib.axis import XAxis
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    (axis.axes.set_xscale if isinstance(axis, XAxis) else axis.axes.set_yscale)("log")
    low, high = axis.axes.get_xlim() if isinstance(axis, XAxis) else axis.axes.get_ylim()
    between = (1,) if high > 1000 * low else (1, 2, 5) if high > 4 * low else (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8)
    axis.set_major_locator(LogLocator(subs=between))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def note(axes: Axes, text: str, x: float = 0.97, y: float = 0.96) -> None:
    """Words in a corner of a panel, top right unless told."""
    across = "right" if x > 0.5 else "left"
    axes.text(x, y, text, transform=axes.transAxes, ha=across, va="top" if y > 0.5 else "bottom", zorder=5)


def heading(axes: Axes, text: str) -> None:
    """Whose panel this is, above its left end."""
    axes.set_title(text, loc="left", fontsize=7, pad=3)


def error_above(axes: Axes, mse: float) -> None:
    """The error of what a panel shows, above its right end."""
    axes.set_title(f"MSE {1e3 * mse:.3g} × 10$^{{-3}}$ ({PDOS_UNIT})$^2$", loc="right", fontsize=6, pad=3)


def letters(panels: Sequence[Axes], names: str | Sequence[str] = "") -> None:
    """(a), (b), ... above the panels' upper left corners, with a name after each if there are any."""
    for number, axes in enumerate(panels):
        name = f"  {names[number]}" if names else ""
        heading(axes, f"$\\bf{{({'abcdef'[number]})}}${name}")


def legend_above(figure: Figure | SubFigure, panels: Iterable[Axes], title: str = "") -> None:
    """What the panels' lines mean, once each, in one line above them all, where no data can be covered."""
    entries: dict[str, Artist] = {}
    for axes in panels:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            entries.setdefault(label, handle)
    if entries or title:
        handles, labels = list(entries.values()), list(entries)
        figure.legend(handles, labels, loc="outside upper center", ncols=max(len(entries), 1), title=title or None)
