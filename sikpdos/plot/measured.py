"""Spectra as recorded, on their own energy axes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sikpdos.formats.spectrum_set import Block, SpectrumSet
from sikpdos.plot import panels, style
from sikpdos.plot.read import Measured, Source

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import SubFigure

SIMULATED = "SIMULATED, not measured"
MOST_SETS = 6  # energy axes, each a panel
_FEW = 6  # spectra drawn one by one
_BLOCK = 4096  # of many spectra, those that the spread is taken over
_LABELS = {"xas": "Absorption (arb. units)", "eels": "Intensity (counts)", "unknown": "Intensity (arb. units)"}


def draw_measured(figure: SubFigure, source: Source) -> None:
    """All spectra of a file: each of a few, the spread of many."""
    measured: Measured = source.content
    sets = measured.sets[:MOST_SETS]
    axes = figure.subplots(len(sets), 1, squeeze=False)[:, 0]
    for panel, found in zip(axes, sets, strict=True):
        draw_set(panel, found, source)
    axes[-1].set_xlabel("Energy (eV)")
    remark = [style.short(source.name)]
    remark += [SIMULATED] if measured.simulated else []
    remark += [f"the first {len(sets)} of {len(measured.sets)} spectra"] if len(sets) < len(measured.sets) else []
    style.legend_above(figure, axes, ": ".join(remark))


def draw_set(panel: Axes, found: SpectrumSet, source: Source) -> None:
    """The spectra of one energy axis. Raises SikpdosError if none can be used."""
    block = next(found.blocks(_BLOCK))
    if not block.names:
        name, cause = next(iter(block.left_out.items()))
        raise source.refuse(f"{name}: {cause}")
    if len(block.names) > _FEW:
        panels.draw_spread(panel, found.energy_eV, block.intensity, style.BLUE)
        used = "" if len(block.names) == len(found) else f"{len(block.names)} of "
        style.note(panel, f"{used}{len(found)} spectra")
    else:
        _draw_few(panel, found.energy_eV, block, source)
    panel.set_ylabel(_LABELS[found.kind])
    panel.set_xlim(found.energy_eV[0], found.energy_eV[-1])
    if found.kind != "xas":  # absorption has an arbitrary zero
        panel.set_ylim(bottom=min(0.0, panel.get_ylim()[0]) if block.intensity.min() < 0 else 0.0)


def _draw_few(panel: Axes, energy_eV: np.ndarray, block: Block, source: Source) -> None:
    for name, intensity, colour in zip(block.names, block.intensity, (style.INK, *style.COLOURS), strict=False):
        label = style.short(name) if len(block.names) > 1 else None
        panel.plot(energy_eV, intensity, color=colour, linewidth=0.9, label=label)
    if len(block.names) == 1 and block.names[0] != source.name:
        style.heading(panel, style.short(block.names[0]))
