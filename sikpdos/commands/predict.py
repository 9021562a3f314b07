"""sikpdos predict"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING

import typer

from sikpdos.commands.options import pair, say

if TYPE_CHECKING:
    from sikpdos.prediction.predict import Predicted

_DRAWN = 6  # blocks of spectra kept for --plot


def predict(
    files: list[str] = typer.Argument(..., help="Spectra (msa, csv, txt, xdi, prj, npz, dm3...), a dataset, or -."),
    output: str = typer.Option("-", "-o", "--output", help="CSV file, or NPZ for many spectra; - is stdout."),
    model: str = typer.Option(None, "--model", "-m", help="Model file, or name of a shipped one [default: measured]."),
    sigma: float = typer.Option(None, "--sigma", min=0.0, help="Resolution of the measurement: Gaussian sigma in eV."),
    smooth: str = typer.Option(
        None, "--smooth", metavar="W,P", help="Savitzky-Golay: window in points of 0.1 eV, order."
    ),
    background: str = typer.Option(
        "auto", "--background", metavar="LO,HI", help="Window in eV to fit the background over, auto, or none."
    ),
    onset: str = typer.Option("auto", "--onset", help="Energy of the onset in eV, or auto (the model's rule)."),
    allow_partial: bool = typer.Option(False, "--allow-partial", help="Accept spectra that lack part of -1 to 19 eV."),
    part: str = typer.Option("all", "--part", help="Of a dataset: all, or the model's test or train part."),
    json: bool = typer.Option(False, "--json", help="Print scalars as JSON lines instead of curves."),
    plot: str = typer.Option(None, "--plot", metavar="FILE", help="Draw the spectrum and the result (png, pdf, svg)."),
) -> None:
    """Predict the s and p density of states from Si K-edge spectra.

    Prints energy_eV (Fermi level at 0), s, p, total, and the standard deviations of s and p in states/eV/atom.

    \b
    Example: sikpdos predict exp.msa --smooth 40,3 --sigma 1.2 > pdos.csv
    """
    window = background if background in ("auto", "none") else pair(background, float, "--background")
    smoothing = pair(smooth, int, "--smooth")
    energy = None if onset == "auto" else _energy(onset)
    if part not in ("all", "test", "train"):
        raise typer.BadParameter("expected all, test or train", param_hint="--part")

    from sikpdos.model import shipped
    from sikpdos.prediction import storage
    from sikpdos.prediction.predict import predict_files, preprocessing_for

    if plot:
        from sikpdos.plot import style

        style.format_of(plot)  # a wrong name is told before the work is done
    failures, drawn = [], []

    def failed(message: str) -> None:
        failures.append(message)
        say("predict", message)

    preprocessing = functools.partial(
        preprocessing_for,
        sigma_eV=sigma,
        background=window,
        smooth=smoothing,
        onset=energy,
        allow_partial=allow_partial,
    )
    results = predict_files(files, shipped.chooser(model), preprocessing, part, failed)
    blocks = _told(results, drawn if plot else None)
    count, blocks = _counted(blocks)
    if count == 0:
        raise typer.Exit(1)
    storage.write(output, blocks, json, named=len(files) > 1 or count > 1)
    if plot:
        from sikpdos.plot.prediction import draw_predictions

        draw_predictions(plot, drawn)
    if failures:
        raise typer.Exit(1)


def _counted(blocks: Iterator[Predicted]) -> tuple[int, Iterator[Predicted]]:
    """The number of spectra in the first two blocks, and all blocks."""
    few = list(itertools.islice(blocks, 2))
    return sum(len(block.names) for block in few), itertools.chain(few, blocks)


def _told(results: Iterator, drawn: list[Predicted] | None) -> Iterator[Predicted]:
    """The predictions; of each file, what was done is told at its first block and what to doubt at its last."""
    from sikpdos.commands.report import Doubts, describe

    for path, blocks in itertools.groupby(results, key=lambda result: result[0]):
        doubts = Doubts(path)
        for _, model, predicted in blocks:
            if not doubts.spectra:
                for line in describe(path, model, predicted):
                    say("predict", line)
            doubts.add(predicted)
            if drawn is not None and len(drawn) < _DRAWN:
                drawn.append(predicted)
            yield predicted
        for line in doubts.lines():
            say("predict", line)


def _energy(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise typer.BadParameter(f"'{text}' is neither auto nor an energy", param_hint="--onset") from None
