"""The options by which `predict` and `match` read and prepare measured spectra, written once for both."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, get_type_hints

from sikpdos.commands import options

if TYPE_CHECKING:
    from sikpdos.dataset.dataset import Dataset
    from sikpdos.formats.read import Reading
    from sikpdos.model.mixture import Model
    from sikpdos.spectra.settings import Corrections, Preprocessing


@dataclass(frozen=True)
class Preparation:
    """What was asked for; each field is the option of its name. What is no choice of one is a usage error at once."""

    sigma: options.Resolution = None
    smooth: options.Smooth = None
    background: options.Background = "auto"
    allow_partial: options.AllowPartial = False
    column: options.Column = None
    scan: options.Scan = None
    merge: options.Merge = False
    e0_shift: options.E0Shift = 0.0
    despike: options.Despike = False
    low_loss: options.LowLossFile = None
    self_absorption: options.SelfAbsorption = None
    composition: options.Composition = "Si"
    any_edge: options.AnyEdge = False

    def __post_init__(self) -> None:
        options.smoothing(self.smooth)
        options.background_window(self.background)
        options.angles(self.self_absorption, self.composition)

    def given(self, *but: str) -> dict[str, bool]:
        """Which options were given, by their names, but for some fields."""
        wanted = [field for field in fields(self) if field.name not in but]
        return {"--" + f.name.replace("_", "-"): getattr(self, f.name) != f.default for f in wanted}

    def reading(self) -> Reading:
        """What is taken of each file."""
        from sikpdos.formats.columns import ColumnChoice
        from sikpdos.formats.read import Reading

        return Reading(ColumnChoice(self.column, self.scan), self.merge)

    def preprocessing(self, onset_eV: float | None) -> Callable[[Model | Dataset], Preprocessing]:
        """How spectra are prepared for a model or templates; None: the onset by their rule.

        The low-loss spectrum is read now, and what no sample can be is refused.
        """
        from sikpdos.prediction.predict import preprocessing_for

        return functools.partial(
            preprocessing_for,
            sigma_eV=self.sigma,
            background=options.background_window(self.background),
            smooth=options.smoothing(self.smooth),
            onset=onset_eV,
            allow_partial=self.allow_partial,
            corrections=self._corrections(),
        )

    def _corrections(self) -> Corrections:
        from sikpdos.prediction.batches import read_low_loss
        from sikpdos.spectra.self_absorption import Geometry, ratio
        from sikpdos.spectra.settings import Corrections

        angles = options.angles(self.self_absorption, self.composition)
        geometry = None if angles is None else Geometry(*angles, self.composition)
        if geometry is not None:
            ratio(geometry)
        return Corrections(
            e0_shift_eV=self.e0_shift,
            despike=self.despike,
            any_edge=self.any_edge,
            low_loss=None if self.low_loss is None else read_low_loss(self.low_loss),
            geometry=geometry,
        )


def prepared(command: Callable[..., None]) -> Callable[..., None]:
    """The command with the options of a Preparation in place of its parameter `preparation`, for typer to see."""
    names = [field.name for field in fields(Preparation)]

    @functools.wraps(command)
    def run(**given: Any) -> None:
        own = Preparation(**{name: given.pop(name) for name in names})
        command(preparation=own, **given)

    parameters: list[inspect.Parameter] = []
    for name, parameter in inspect.signature(command, eval_str=True).parameters.items():
        parameters += _options() if name == "preparation" else [parameter]
    keywords = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in parameters]
    run.__signature__ = inspect.Signature(keywords)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in keywords}
    return run


def _options() -> list[inspect.Parameter]:
    hints = get_type_hints(Preparation, include_extras=True)
    kind = inspect.Parameter.KEYWORD_ONLY
    return [inspect.Parameter(f.name, kind, default=f.default, annotation=hints[f.name]) for f in fields(Preparation)]
