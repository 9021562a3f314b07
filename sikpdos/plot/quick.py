"""A quick look at any file of the suite: each file's picture below the other's."""

from __future__ import annotations

from collections.abc import Sequence

from sikpdos.common.errors import SikpdosError
from sikpdos.dataset.curves import Curves
from sikpdos.dataset.database import Database
from sikpdos.dataset.dataset import Dataset
from sikpdos.dataset.raw_site import RawSite
from sikpdos.model.ensemble import Model
from sikpdos.plot import many, measured, style, tables
from sikpdos.plot import prediction as predicted
from sikpdos.plot.read import Ablation, Matches, Measured, PdosTable, Source, TrainingLog
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
}


def draw(path: str, sources: Sequence[Source]) -> None:
    """Draw files one below the other. Raises SikpdosError for more than eight, or what has nothing to draw."""
    if len(sources) > MOST_FILES:
        raise SikpdosError(f"{len(sources)} files are too many for one figure, {MOST_FILES} at most")
    heights = [_height_in(source) for source in sources]
    with style.drawing(path, sum(heights)) as figure:
        parts = figure.subfigures(len(sources), 1, height_ratios=heights, squeeze=False)[:, 0]
        for part, source in zip(parts, sources, strict=True):
            _DRAW[type(source.content)](part, source)


def _height_in(source: Source) -> float:
    content = source.content
    if isinstance(content, Predictions | PdosTable):
        return predicted.height_in(min(len(content.pdos), predicted.MOST_ROWS))
    if isinstance(content, Measured):
        return 0.9 + 1.5 * min(len(content.sets), measured.MOST_SETS)
    if isinstance(content, Ablation):
        return 2 * (0.6 + style.ROW_IN)
    return 0.7 + style.ROW_IN
