"""The paper's figures (10.1021/acs.jpcc.4c02818) from the suite's own files."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sikpdos.common.errors import SikpdosError
from sikpdos.dataset.dataset import Dataset
from sikpdos.plot import growing_windows, matching, ranking, simulated, single_windows, style, windows
from sikpdos.plot import site as site_figure
from sikpdos.plot.read import Ablation, Matches, Measured, PdosTable, Source
from sikpdos.prediction.storage import Predictions

NEEDS: dict[int, dict[type, str]] = {
    1: {Dataset: "a dataset", Predictions: "predictions of its test part (NPZ)"},
    2: {Dataset: "a dataset", Predictions: "predictions of its test part (NPZ)"},
    3: {Ablation: "an ablation (CSV)"},
    4: {Ablation: "an ablation (CSV)"},
    5: {Matches: "matches of a dataset with --model (CSV)"},
    6: {
        Measured: "a measured spectrum",
        Predictions: "predictions (NPZ)",
        PdosTable: "the true PDOS (CSV, or a dataset that has the site)",
    },
}


def draw(path: str, number: int, sources: Sequence[Source], site: str | None = None) -> None:
    """Draw Figure `number`; `site` is the one of Figure 1, and the true one of Figure 6 if that is given a dataset;
    by default diamond silicon, or in Figure 1, where that has no prediction, the first site that has one.

    Raises SikpdosError for files that are missing, too many, or of another kind than the figure needs.
    """
    if number == 6:
        sources = [
            simulated.truth_of(s, site or site_figure.DEFAULT) if isinstance(s.content, Dataset) else s for s in sources
        ]
    chosen = _choose(number, sources)
    first = {kind: found[0] for kind, found in chosen.items()}
    draws: dict[int, tuple[float, Callable]] = {
        1: (site_figure.HEIGHT_IN, lambda f: site_figure.draw_site(f, first[Dataset], first[Predictions], site)),
        2: (ranking.HEIGHT_IN, lambda f: ranking.draw_ranking(f, first[Dataset], first[Predictions])),
        3: (windows.HEIGHT_IN, lambda f: growing_windows.draw_growing(f, first[Ablation])),
        4: (windows.HEIGHT_IN, lambda f: single_windows.draw_single(f, first[Ablation])),
        5: (matching.HEIGHT_IN, lambda f: matching.draw_gain(f, first[Matches])),
        6: (
            simulated.height_in(len(chosen.get(Predictions, ()))),
            lambda f: simulated.draw_measurement(f, first[Measured], chosen[Predictions], first[PdosTable]),
        ),
    }
    height_in, draw_into = draws[number]
    with style.drawing(path, height_in) as figure:
        draw_into(figure)


def _choose(number: int, sources: Sequence[Source]) -> dict[type, list[Source]]:
    """The files by kind; several of a kind only where the figure takes them (predictions in Figure 6)."""
    needs = NEEDS[number]
    wanted = f"Figure {number} needs {', '.join(needs.values())}"
    found: dict[type, list[Source]] = {kind: [] for kind in needs}
    for source in sources:
        kind = type(source.content)
        if kind not in needs:
            raise source.refuse(f"is not for this figure: {wanted}")
        if found[kind] and (number, kind) != (6, Predictions):
            raise source.refuse(f"is one too many: {wanted}")
        found[kind].append(source)
    missing = [needs[kind] for kind, given in found.items() if not given]
    if missing:
        raise SikpdosError(f"{missing[0]} is missing: {wanted}")
    return found
