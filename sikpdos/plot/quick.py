"""A quick look at any file of the suite: each file's picture below the other's."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from sikpdos.common import files
from sikpdos.common.errors import SikpdosError
from sikpdos.dataset.curves import Curves
from sikpdos.dataset.database import Database
from sikpdos.dataset.dataset import Dataset
from sikpdos.dataset.raw_site import RawSite
from sikpdos.model.mixture import Model
from sikpdos.plot import many, maps, maps_page, measured, style, tables
from sikpdos.plot import prediction as predicted
from sikpdos.plot.read import Ablation, Matches, Measured, PdosTable, Source, TrainingLog
from sikpdos.prediction.maps_file import DensityMaps
from sikpdos.prediction.storage import Predictions

MOST_FILES = 8
_DRAW = {
    Measured: measured.draw_measured,
    RawSite: many.draw_raw,
    Database: many.draw_database,
    Curves: many.draw_curves,
    Dataset: many.draw_dataset,
    Model: tables.draw_model,
    TrainingLog: tables.draw_log,
    Matches: tables.draw_matches,
    Ablation: tables.draw_ablation,
    Predictions: predicted.draw_file,
    PdosTable: predicted.draw_table,
    DensityMaps: maps.draw_maps,
}


def draw(path: str, sources: Sequence[Source], windows_eV: Sequence[maps.Window] = ()) -> None:
    """Draw files one below the other; `windows_eV` are those of maps, if not the usual ones.

    Raises SikpdosError for more than eight files, what has nothing to draw, and windows where there are no maps.
    """
    others = [source for source in sources if not isinstance(source.content, DensityMaps)]
    if windows_eV and others:
        raise others[0].refuse("no maps of a spectrum image: --window is for them")
    shown_eV = tuple(windows_eV) or maps.WINDOWS_EV
    if len(sources) > MOST_FILES:
        raise SikpdosError(f"{len(sources)} files are too many for one figure, {MOST_FILES} at most")
    heights = [_height_in(source, shown_eV) for source in sources]
    with style.drawing(path, sum(heights)) as figure:
        parts = figure.subfigures(len(sources), 1, height_ratios=heights, squeeze=False)[:, 0]
        for part, source in zip(parts, sources, strict=True):
            drawn = _DRAW[type(source.content)]
            (partial(drawn, windows_eV=shown_eV) if drawn is maps.draw_maps else drawn)(part, source)


def draw_page(path: str, sources: Sequence[Source], windows_eV: Sequence[maps.Window] = ()) -> None:
    """Write maps as an HTML page that a browser opens. Raises SikpdosError for anything else, or several files."""
    if len(sources) != 1 or not isinstance(sources[0].content, DensityMaps):
        raise sources[0].refuse("an HTML page is made of one file of maps")
    page = maps_page.page(sources[0].content, sources[0].name, *windows_eV[:1])
    with files.output(path) as stream:
        stream.write(page)


def _height_in(source: Source, windows_eV: Sequence[maps.Window]) -> float:
    content = source.content
    if isinstance(content, Predictions | PdosTable):
        return predicted.height_in(min(len(content.pdos), predicted.MOST_ROWS))
    if isinstance(content, DensityMaps):
        return 0.3 + 1.5 * maps.rows_of(content, windows_eV)
    if isinstance(content, Measured):
        return 0.9 + 1.5 * min(len(content.sets), measured.MOST_SETS)
    if isinstance(content, Ablation):
        return 2 * (0.6 + style.ROW_IN)
    return 0.7 + style.ROW_IN
