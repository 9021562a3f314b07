"""`sikpdos predict`."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator
from enum import Enum
from typing import TYPE_CHECKING, Annotated

import typer

from sikpdos.commands import options
from sikpdos.commands.console import Console

if TYPE_CHECKING:
    from sikpdos.dataset.dataset import Dataset
    from sikpdos.model.ensemble import Model
    from sikpdos.prediction.predict import Predicted

CONSOLE = Console("predict")
_DRAWN = 6  # blocks of spectra kept for --plot
_JSON = (".json", ".jsonl", ".ndjson")


class Part(str, Enum):
    all = "all"
    test = "test"
    train = "train"


def predict(
    files: Annotated[
        list[str], typer.Argument(help="Spectra (msa, csv, txt, xdi, prj, npz, dm3...), a dataset, or -.")
    ],
    output: Annotated[str, options.output("CSV file, or NPZ for many spectra; - is stdout.")] = "-",
    model: Annotated[
        str | None,
        options.model("Model file, or name of a shipped one.", "measured; for a dataset that of its sigma"),
    ] = None,
    sigma: Annotated[
        float | None,
        typer.Option(
            "--sigma",
            min=0.0,
            max=50.0,
            show_default="unknown",
            help="Resolution of the measurement: Gaussian sigma, eV.",
        ),
    ] = None,
    smooth: options.Smooth = None,
    background: options.Background = "auto",
    onset: Annotated[
        str, typer.Option("--onset", metavar="ENERGY", help="Energy of the onset, eV, or auto (the model's rule).")
    ] = "auto",
    allow_partial: options.AllowPartial = False,
    column: options.Column = None,
    scan: options.Scan = None,
    merge: options.Merge = False,
    e0_shift: Annotated[
        float,
        typer.Option("--e0-shift", min=-100, max=100, help="Added to all energies, eV: a known calibration error."),
    ] = 0.0,
    despike: Annotated[bool, typer.Option("--despike", help="Replace spikes by straight lines.")] = False,
    low_loss: Annotated[
        str | None,
        typer.Option(
            "--low-loss",
            metavar="FILE",
            show_default="none",
            help="Low-loss spectrum of the same place, to remove plural scattering.",
        ),
    ] = None,
    self_absorption: Annotated[
        str | None,
        typer.Option(
            "--self-absorption",
            metavar="IN,OUT",
            show_default="none",
            help="Correct fluorescence of a thick sample: angles of beam and detector to its surface, degrees.",
        ),
    ] = None,
    composition: Annotated[
        str, typer.Option("--composition", metavar="FORMULA", help="Sample's composition for --self-absorption.")
    ] = "Si",
    any_edge: Annotated[
        bool, typer.Option("--any-edge", help="Go on with what does not look like a silicon K-edge.")
    ] = False,
    part: Annotated[
        Part, typer.Option("--part", help="Of a dataset: all, or the model's test or train part.")
    ] = Part.all,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit 1, too, where single spectra of a file cannot be used.")
    ] = False,
    list_: Annotated[
        bool, typer.Option("--list", help="Print the files' scans and columns, and what would be taken, and stop.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print scalars as JSON lines instead of curves.")] = False,
    plot: Annotated[
        str | None, typer.Option("--plot", metavar="FILE", help="Draw the spectrum and the result (png, pdf, svg).")
    ] = None,
) -> None:
    """Predict the s and p density of states from Si K-edge spectra.

    Prints energy_eV (Fermi level at 0), s, p, total, and the standard deviations of s and p in states/eV/atom.
    Spectra that cannot be used, such as dead pixels, are told and stay as NaN (null) beside others of their file.

    \b
    Example: sikpdos predict exp.msa --smooth 40,3 --sigma 1.2 > pdos.csv
    """
    window, smoothing = options.background_window(background), options.smoothing(smooth)
    energy_eV = options.onset_energy(onset)
    angles = None if self_absorption is None else options.pair(self_absorption, float, "--self-absorption")
    if angles is None and composition != "Si":
        raise typer.BadParameter("is for --self-absorption, which is not given", param_hint="--composition")
    options.check_output(output, _JSON if json else options.CSV + options.NPZ)
    options.check_output(plot, options.FIGURES, "--plot")

    if list_:
        _list(files, output, column, scan)
        return

    from sikpdos.formats.columns import ColumnChoice
    from sikpdos.formats.read import Reading
    from sikpdos.model import shipped
    from sikpdos.prediction import storage
    from sikpdos.prediction.batches import read_low_loss
    from sikpdos.prediction.predict import predict_files, preprocessing_for
    from sikpdos.spectra.preprocess import Corrections
    from sikpdos.spectra.self_absorption import Geometry, ratio

    failures, drawn, unusable = [], [], []

    def failed(message: str) -> None:
        failures.append(message)
        CONSOLE.say(message)

    def left_out(message: str) -> None:
        unusable.append(message)
        CONSOLE.say(message)

    geometry = None if angles is None else Geometry(*angles, composition)
    if geometry is not None:
        ratio(geometry)  # refuses what no sample can be before anything is read
    corrections = Corrections(
        e0_shift_eV=e0_shift,
        despike=despike,
        any_edge=any_edge,
        low_loss=None if low_loss is None else read_low_loss(low_loss),
        geometry=geometry,
    )
    preprocessing = functools.partial(
        preprocessing_for,
        sigma_eV=sigma,
        background=window,
        smooth=smoothing,
        onset=energy_eV,
        allow_partial=allow_partial,
        corrections=corrections,
    )
    reading = Reading(ColumnChoice(column, scan), merge)
    of_measurements = {
        "--sigma": sigma is not None,
        "--smooth": smooth is not None,
        "--background": background != "auto",
        "--onset": onset != "auto",
        "--allow-partial": allow_partial,
        "--e0-shift": e0_shift != 0,
        "--despike": despike,
        "--low-loss": low_loss is not None,
        "--self-absorption": angles is not None,
        "--any-edge": any_edge,
    }
    choose = _choosing(shipped.chooser(model), of_measurements, {"--part": part is not Part.all})
    results = predict_files(files, choose, preprocessing, part.value, failed, reading, left_out)
    blocks = _told(results, drawn if plot else None)
    count, blocks = _counted(blocks)
    if count == 0:
        raise typer.Exit(1)
    storage.write(output, blocks, json, named=count > 1 or (len(files) > 1 and not merge))
    if plot:
        from sikpdos.plot.prediction import draw_predictions

        draw_predictions(plot, drawn)
    if failures or (strict and unusable):
        raise typer.Exit(1)


def _choosing(
    choose: Callable[[Dataset | None], Model], of_measurements: dict[str, bool], of_datasets: dict[str, bool]
) -> Callable[[Dataset | None], Model]:
    """The choice of the model; it refuses options, given or not, that do not apply to the file."""

    def chosen(dataset: Dataset | None) -> Model:
        from sikpdos.common.errors import SikpdosError

        unfit = of_datasets if dataset is None else of_measurements
        if given := [option for option, there in unfit.items() if there]:
            here, there = ("measured spectra", "datasets") if dataset is None else ("a dataset", "measured spectra")
            raise SikpdosError(f"{here}: {', '.join(given)} {'is' if len(given) == 1 else 'are'} for {there} only")
        return choose(dataset)

    return chosen


def _list(files: list[str], output: str, column: str | None, scan: str | None) -> None:
    """Print what the files hold as CSV; exit 1 where one cannot be read."""
    from sikpdos.common import tables
    from sikpdos.common.errors import SikpdosError, display_name, naming
    from sikpdos.formats.columns import ColumnChoice
    from sikpdos.formats.listing import COLUMNS, list_content

    rows, failed = [], False
    for path in files:
        try:
            with naming(path):
                listed, remarks = list_content(path, ColumnChoice(column, scan))
        except SikpdosError as error:
            failed = True
            CONSOLE.say(error)
            continue
        rows += listed
        for remark in remarks:
            CONSOLE.say(f"{display_name(path)}: {remark}")
    if rows:
        tables.write_csv(output, {key: [row[key] for row in rows] for key in COLUMNS})
    if failed:
        raise typer.Exit(1)


def _counted(blocks: Iterator[Predicted]) -> tuple[int, Iterator[Predicted]]:
    """The number of spectra in the first two blocks, and all blocks."""
    few = list(itertools.islice(blocks, 2))
    return sum(len(block.in_order) for block in few), itertools.chain(few, blocks)


def _told(results: Iterator, drawn: list[Predicted] | None) -> Iterator[Predicted]:
    """The predictions; of each file, what was done is told at its first block and what to doubt at its last."""
    from sikpdos.commands.report import Doubts, describe

    for path, blocks in itertools.groupby(results, key=lambda result: result[0]):
        doubts = Doubts(path)
        for _, model, predicted in blocks:
            if not doubts.spectra:
                for line in describe(path, model, predicted):
                    CONSOLE.say(line)
            doubts.add(predicted)
            if drawn is not None and len(drawn) < _DRAWN:
                drawn.append(predicted)
            yield predicted
        for line in doubts.lines():
            CONSOLE.say(line)
