"""Maps of a spectrum image: densities of states in windows of energy, onset, novelty, uncertainty of each pixel."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sikpdos.common.errors import SikpdosError
from sikpdos.plot import style
from sikpdos.plot.read import Source
from sikpdos.prediction.maps_file import DensityMaps

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import SubFigure

Window = tuple[float, float]
WINDOWS_EV: tuple[Window, ...] = ((-12.0, -5.0), (-5.0, 0.0), (0.0, 5.0))
FERMI_EV = 0.25  # "at E_F" is the mean within so much of it
COLUMNS = 4
_ROBUST = (0.5, 99.5)  # per cent of the pixels that the colours range over
_UPRIGHT = 3  # names of kinds that have room side by side
_SCALE_BAR = 0.25  # of the image's width, at most


@dataclass(frozen=True)
class Panel:
    """One map."""

    title: str
    unit: str
    values: np.ndarray  # of the image's shape, NaN where masked
    names: tuple[str, ...] = ()  # of kinds, if the values are their numbers


def draw_maps(figure: SubFigure, source: Source, windows_eV: Sequence[Window] = WINDOWS_EV) -> None:
    """A page of maps (an image) or of profiles (a line)."""
    maps: DensityMaps = source.content
    shown = list(panels(maps, windows_eV))
    grid = figure.subplots(rows_of(maps, windows_eV), COLUMNS, squeeze=False).ravel()
    for axes, panel in zip(grid, shown, strict=False):
        (_draw_line if len(maps.shape) == 1 else _draw_image)(axes, panel, maps)
    empty = grid[len(shown) :]
    for axes in empty:
        axes.set_axis_off()
    if maps.scree is not None:
        _draw_scree(empty[0], maps.scree, maps.meta["pca"])
    flag = "SIMULATED  " if maps.simulated else ""
    figure.suptitle(f"{flag}{style.short(source.name)}: {int((maps.mask > 0).sum())} pixels masked", fontsize=7)


def panels(maps: DensityMaps, windows_eV: Sequence[Window]) -> Iterator[Panel]:
    """All maps of a page: of each window s + p, then what there is once."""
    total = maps.s + maps.p
    for window in windows_eV:
        yield Panel(f"s + p, {_text(window)} eV", style.PDOS_UNIT, _mean(maps, total, window))
    at_fermi = (-FERMI_EV, FERMI_EV)
    yield Panel("s + p at $E_\\mathrm{F}$", style.PDOS_UNIT, _mean(maps, total, at_fermi))
    last = windows_eV[-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        yield Panel(f"s / p, {_text(last)} eV", "", _mean(maps, maps.s, last) / _mean(maps, maps.p, last))
        yield Panel(f"centre of s + p, {_text(last)} eV", "eV", _centre(maps, total, last))
    yield Panel("onset", "eV", np.where(maps.mask == 0, maps.onset_eV, np.nan))
    yield Panel("novelty", "", np.where(maps.mask == 0, maps.novelty, np.nan))
    yield Panel("mean standard deviation", style.PDOS_UNIT, (maps.s_std + maps.p_std).mean(axis=-1) / 2)
    yield Panel("mean intensity", "", maps.intensity)
    if maps.class_probabilities:
        yield _kinds(maps)


def _kinds(maps: DensityMaps) -> Panel:
    """Which material class each pixel most likely is, of those that there are."""
    kind = maps.kind
    names = tuple(np.unique(kind[kind != ""]).tolist())
    values = np.full(maps.shape, np.nan)
    for number, name in enumerate(names):
        values[kind == name] = number
    return Panel("kind of silicon", "", values, names)


def rows_of(maps: DensityMaps, windows_eV: Sequence[Window] = WINDOWS_EV) -> int:
    """Rows of panels on a page, with the scree plot where there is one."""
    shown = len(windows_eV) + 7 + bool(maps.class_probabilities) + (maps.scree is not None)
    return -(-shown // COLUMNS)


def _text(window: Window) -> str:
    return f"{window[0]:g} to {window[1]:g}".replace("-", "−")


def _inside(maps: DensityMaps, window: Window) -> np.ndarray:
    inside = (maps.energy_eV >= window[0] - 1e-6) & (maps.energy_eV <= window[1] + 1e-6)
    if not inside.any():
        raise SikpdosError(f"no energy of the maps is in a window of {_text(window)} eV")
    return inside


def _mean(maps: DensityMaps, values: np.ndarray, window: Window) -> np.ndarray:
    return values[..., _inside(maps, window)].mean(axis=-1)


def _centre(maps: DensityMaps, values: np.ndarray, window: Window) -> np.ndarray:
    inside = _inside(maps, window)
    weights = np.maximum(values[..., inside], 0)
    return (weights * maps.energy_eV[inside]).sum(axis=-1) / weights.sum(axis=-1)


def _draw_image(axes: Axes, panel: Panel, maps: DensityMaps) -> None:
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap
    from matplotlib.ticker import MaxNLocator, ScalarFormatter

    colours = (ListedColormap(_colours(panel)) if panel.names else colormaps["viridis"]).with_extremes(bad=style.PALE)
    finite = panel.values[np.isfinite(panel.values)]
    low, high = np.percentile(finite, _ROBUST) if finite.size else (0.0, 1.0)
    if panel.names:
        low, high = -0.5, len(panel.names) - 0.5
    y, x = maps.navigation[0], maps.navigation[-1]
    same = y.units == x.units and x.scale and y.scale
    shown = axes.imshow(
        panel.values.reshape(-1, panel.values.shape[-1]),
        cmap=colours,
        vmin=low,
        vmax=high if high > low else low + 1e-9,
        aspect=abs(y.scale / x.scale) if same else "equal",
        interpolation="nearest",
    )
    axes.set_axis_off()
    style.heading(axes, panel.title)
    bar = axes.figure.colorbar(shown, ax=axes, location="bottom", shrink=0.9, pad=0.1, aspect=30, ticks=MaxNLocator(3))
    if panel.names:
        few = len(panel.names) <= _UPRIGHT
        numbers = np.arange(len(panel.names))
        bar.ax.set_xticks(numbers, panel.names, rotation=0 if few else 30, ha="center" if few else "right")
        bar.ax.minorticks_off()
    else:
        bar.ax.xaxis.set_major_formatter(ScalarFormatter(useOffset=False))
    bar.ax.tick_params(labelsize=5)
    bar.ax.set_xlabel(panel.unit, fontsize=5, labelpad=1)
    bar.outline.set_visible(False)
    _scale_bar(axes, abs(x.scale), x.units, panel.values.shape[-1])


def _colours(panel: Panel) -> list[str]:
    """A colour for each kind; of more than there are colours the last ones are grey."""
    return [*style.COLOURS, *[style.GREY] * len(panel.names)][: len(panel.names)]


def _scale_bar(axes: Axes, scale: float, unit: str, pixels: int) -> None:
    """A bar of 1, 2 or 5 times a power of ten below the image; none without a unit."""
    if not unit or not scale or unit.startswith("<"):
        return
    most = scale * pixels * _SCALE_BAR
    power = 10.0 ** np.floor(np.log10(most))
    length = power * max(m for m in (1, 2, 5) if m * power <= most)
    axes.annotate(
        f"{length:g} {unit}", (0, -0.03), xycoords="axes fraction", va="top", ha="left", fontsize=5, color=style.INK
    )
    axes.plot([0, length / scale / pixels], [-0.015, -0.015], transform=axes.transAxes, color=style.INK, clip_on=False)


def _draw_line(axes: Axes, panel: Panel, maps: DensityMaps) -> None:
    axis = maps.navigation[0]
    line, mark = ("none", ".") if panel.names else ("-", "")
    places = axis.offset + axis.scale * np.arange(axis.size)
    axes.plot(places, panel.values, color=style.BLUE, linestyle=line, marker=mark)
    style.heading(axes, panel.title)
    if panel.names:
        axes.set_yticks(range(len(panel.names)), panel.names)
        axes.set_ylim(-0.5, len(panel.names) - 0.5)
    else:
        axes.ticklabel_format(axis="y", useOffset=False)
    axes.set_ylabel(panel.unit)
    axes.set_xlabel(f"{axis.name} ({axis.units})" if axis.units else axis.name)


def _draw_scree(axes: Axes, variances: np.ndarray, found: Mapping[str, Any]) -> None:
    """Variances of the first principal components, and the largest that noise alone gives."""
    axes.set_axis_on()
    first = variances[: max(2 * found["components"], 12)]
    axes.plot(np.arange(1, len(first) + 1), first, "o", color=style.GREY, label="noise")
    axes.plot(np.arange(1, found["components"] + 1), first[: found["components"]], "o", color=style.BLUE, label="kept")
    axes.axhline(found["edge"], color=style.INK, linewidth=0.6, linestyle=(0, (4, 3)), label="most of noise alone")
    style.log_axis(axes.yaxis)
    axes.set_xlim(0, len(first) + 1)
    axes.legend(fontsize=5)
    axes.tick_params(labelsize=5)
    style.heading(axes, "variance of scaled counts")  # a label at the side would move the maps apart
    axes.set_xlabel("principal component (scree plot)", fontsize=5)
