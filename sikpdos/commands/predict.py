"""`sikpdos predict`."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from enum import Enum
from typing import TYPE_CHECKING, Annotated

import typer

from sikpdos.commands import maps, measurement, options
from sikpdos.commands.console import Console
from sikpdos.commands.preparation import Preparation, prepared

if TYPE_CHECKING:
    from sikpdos.dataset.dataset import Dataset
    from sikpdos.model.mixture import Model
    from sikpdos.prediction.predict import Predicted

    Choose = Callable[[Dataset | None], Model]
    Results = Iterator[tuple[str, Model, Predicted]]

CONSOLE = Console("predict")
_DRAWN = 6  # blocks of spectra kept for --plot
_JSON = (".json", ".jsonl", ".ndjson")


class Part(str, Enum):
    all = "all"
    test = "test"
    train = "train"


@prepared
def predict(
    files: Annotated[
        list[str], typer.Argument(help="Spectra (msa, csv, txt, xdi, prj, npz, dm3...), a dataset, or -.")
    ],
    output: Annotated[
        str, options.output("CSV file, or NPZ for many spectra, NPZ or hspy for maps of an image; - is stdout.")
    ] = "-",
    model: Annotated[
        str | None,
        options.model("Model file, or name of a shipped one.", "measured; for a dataset that of its sigma"),
    ] = None,
    preparation: Preparation = Preparation(),
    material: Annotated[
        str | None,
        typer.Option(
            "--material",
            metavar="CLASS|FORMULA",
            show_default="told by the spectrum",
            help="What is known: elemental, compound, a class (oxide, nitride, zintl...), or a formula.",
        ),
    ] = None,
    onset: Annotated[
        str,
        typer.Option(
            "--onset",
            metavar="ENERGY",
            help="Energy of the onset, eV, or auto (the model's rule), or common (an image's mean spectrum's).",
        ),
    ] = "auto",
    bin: maps.Bin = None,
    pca: maps.Pca = None,
    average: maps.Average = None,
    part: Annotated[
        Part, typer.Option("--part", help="Of a dataset: all, or the model's test or train part.")
    ] = Part.all,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit 1, too, where single spectra of a file cannot be used.")
    ] = False,
    list_: options.List = False,
    json: Annotated[bool, typer.Option("--json", help="Print scalars as JSON lines instead of curves.")] = False,
    plot: Annotated[
        str | None, typer.Option("--plot", metavar="FILE", help="Draw the spectrum and the result (png, pdf, svg).")
    ] = None,
) -> None:
    """Predict the s and p density of states from Si K-edge spectra.

    Prints energy_eV (Fermi level at 0), s, p, total, and the standard deviations of s and p in states/eV/atom.
    Spectra that cannot be used, such as dead pixels, are told and stay as NaN (null) beside others of their file.
    Of a spectrum image, -o NAME.npz or NAME.hspy keeps its shape: maps, which plot draws.

    \b
    Example: sikpdos predict exp.msa --smooth 40,3 --sigma 1.2 > pdos.csv
    """
    of_image = maps.image_options(bin, pca, average, onset)
    energy_eV = None if of_image.common_onset else options.onset_energy(onset)
    options.check_output(output, _JSON if json else options.CSV + options.NPZ + maps.HSPY)
    options.check_output(plot, options.FIGURES, "--plot")
    if list_:
        measurement.list_files(CONSOLE, files, output, preparation.reading())
        return

    from sikpdos.model import shipped
    from sikpdos.prediction.predict import predict_files

    preprocessing = preparation.preprocessing(energy_eV)
    of_measurements = preparation.given("column", "scan", "merge") | {"--onset": onset != "auto"}
    choose = measurement.choosing(
        _knowing(shipped.chooser(model), material), of_measurements, {"--part": part is not Part.all}
    )
    failures = measurement.Failures(CONSOLE, strict)
    reading = preparation.reading()
    found = maps.look(files, output, of_image, reading, json)
    if found.image is not None:
        if plot:
            raise typer.BadParameter("sikpdos plot draws maps, from their NPZ file", param_hint="--plot")
        of_pixels = choose(None)
        whole = maps.write(CONSOLE, files[0], output, found.image, of_image, of_pixels, preprocessing(of_pixels))
        if strict and not whole:
            raise typer.Exit(1)
        return
    results = predict_files(
        files,
        choose=choose,
        preprocessing=preprocessing,
        part=part.value,
        failed=failures,
        reading=reading,
        left_out=failures.left_out,
        inputs=found.inputs,
    )
    _write(results, output, json=json, plot=plot, named=len(files) > 1 and not preparation.merge)
    failures.end()


def _knowing(choose: Choose, material: str | None) -> Choose:
    """The models chosen, told what the material is, if that is known."""
    if material is None:
        return choose
    from sikpdos.dataset.told_material import told_material

    def told(dataset: Dataset | None) -> Model:
        model = choose(dataset)
        return model.of_material(told_material(material, model.materials))

    return told


def _write(results: Results, output: str, *, json: bool, plot: str | None, named: bool) -> None:
    """Tell of the predictions and write them and their figure; exit 1 where there are none."""
    from sikpdos.prediction import storage

    drawn: list[Predicted] = []
    count, blocks = _counted(_told(results, drawn if plot else None))
    if count == 0:
        raise typer.Exit(1)
    storage.write(output, blocks, json, named=named or count > 1)
    if plot:
        from sikpdos.plot.prediction import draw_predictions

        draw_predictions(plot, drawn)


def _counted(blocks: Iterator[Predicted]) -> tuple[int, Iterator[Predicted]]:
    """The number of spectra in the first two blocks, and all blocks."""
    few = list(itertools.islice(blocks, 2))
    return sum(len(block.in_order) for block in few), itertools.chain(few, blocks)


def _told(results: Results, drawn: list[Predicted] | None) -> Iterator[Predicted]:
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
