"""A quick look at logs, models, matches and ablations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sikpdos.common.grid import PDOS
from sikpdos.model.mixture import Model
from sikpdos.model.uncertainty import BAND_90
from sikpdos.plot import growing_windows, matching, single_windows, style
from sikpdos.plot.read import Matches, Source, TrainingLog

if TYPE_CHECKING:
    from matplotlib.figure import SubFigure


def draw_log(figure: SubFigure, source: Source) -> None:
    """Training and validation error of every epoch."""
    log: TrainingLog = source.content
    axes = figure.subplots()
    training, validation = 1e3 * log.training_mse, 1e3 * log.validation_mse
    axes.plot(log.epoch, training, color=style.GREY, label="training")
    axes.plot(log.epoch, validation, color=style.BLUE, label="validation")
    best = int(np.argmin(validation))
    label = f"lowest, {validation[best]:.3g} at epoch {log.epoch[best]:g}"
    axes.plot(log.epoch[best], validation[best], "o", color=style.VERMILION, clip_on=False, label=label)
    style.log_axis(axes.yaxis)
    style.mse_axes(axes)
    axes.set_xlabel("Epoch")
    style.legend_above(figure, [axes], style.short(source.name))


def draw_model(figure: SubFigure, source: Source) -> None:
    """The width of a model's 90 % band (of silicon's expert) at the usual distance from what it knows; its scores."""
    model: Model = source.content
    uncertainty = model.experts[0].uncertainty
    axes = figure.subplots(1, 2)
    for panel, orbital, floor in zip(axes, "sp", uncertainty.floor, strict=True):
        half = BAND_90 * uncertainty.factor * floor
        panel.fill_between(PDOS.energy_eV, half, color=style.ORBITALS[orbital], alpha=style.BAND_ALPHA, linewidth=0)
        panel.plot(PDOS.energy_eV, half, color=style.ORBITALS[orbital])
        style.pdos_axes(panel, orbital)
        panel.set_ylabel(f"Half 90 % band, {orbital} ({style.PDOS_UNIT})")
    style.legend_above(figure, axes, f"{style.short(source.name)}: {_card(model)}")


def _card(model: Model) -> str:
    scores = model.meta["scores"]
    return (
        f"{model.members} members, PDOS of sigma {model.sigma_eV:g} eV; {scores['test_sites']} test sites: "
        f"MSE {scores['mse']:.3g}, better than matching at {100 * scores['better_than_matching']:.0f} %"
    )


def draw_matches(figure: SubFigure, source: Source) -> None:
    """What the model gains over template matching, or, without a model, how good matching is."""
    matches: Matches = source.content
    (matching.draw_distance if matches.model_mse is None else matching.draw_gain)(figure, source)


def draw_ablation(figure: SubFigure, source: Source) -> None:
    """Growing windows, and single ones below."""
    growing, single = figure.subfigures(2, 1, squeeze=False)[:, 0]
    growing_windows.draw_growing(growing, source)
    single_windows.draw_single(single, source)
