"""`sikpdos match`."""

from __future__ import annotations

from typing import Annotated

import typer

from sikpdos.commands import measurement, options
from sikpdos.commands.console import Console
from sikpdos.commands.preparation import Preparation, prepared

CONSOLE = Console("match")


@prepared
def match(
    templates: Annotated[str, typer.Argument(help="Dataset (NPZ) whose spectra are the templates.")],
    files: Annotated[
        list[str] | None, typer.Argument(help="Spectra to match; without any, the dataset's own test part.")
    ] = None,
    output: Annotated[str, options.output("CSV file; - is stdout.")] = "-",
    k: Annotated[int, typer.Option("-k", min=1, help="Average the PDOS of the k nearest templates.")] = 1,
    neighbours: Annotated[
        bool, typer.Option("--neighbours", help="List the k nearest templates instead of the PDOS.")
    ] = False,
    model: Annotated[str | None, options.model("Compare with this model on its own split.")] = None,
    split: Annotated[
        options.Split,
        typer.Option("--split", help="The dataset's own test part: by family (grouped) or by site (random)."),
    ] = options.Split.grouped,
    seed: options.Seed = 0,
    test_group: options.TestGroup = None,
    preparation: Preparation = Preparation(),
    onset: options.Onset = "auto",
    list_: options.List = False,
) -> None:
    """Template matching: the PDOS of the nearest known spectrum, the baseline of the model.

    \b
    Example: sikpdos match dataset.npz exp.msa --smooth 40,3
    Example: sikpdos match dataset.npz --model model.npz > comparison.csv
    """
    onset_eV = options.onset_energy(onset)
    if files and model:
        raise typer.BadParameter("compares on the dataset's own test part: give no files", param_hint="--model")
    if not files and (neighbours or list_):
        raise typer.BadParameter("is about files: give some", param_hint="--neighbours" if neighbours else "--list")
    of_split = {"--split": split is not options.Split.grouped, "--seed": seed, "--test-group": test_group}
    if not files:
        of_files = preparation.given() | {"--onset": onset != "auto"}
        options.refuse(of_files, "is for files of spectra, and none is given")
    if files or model:
        options.refuse(of_split, "is for the dataset's own test part")
    options.check_output(output, options.CSV)
    if files and list_:
        measurement.list_files(CONSOLE, files, output, preparation.reading())
        return

    from sikpdos.common import tables
    from sikpdos.dataset.dataset import read_dataset
    from sikpdos.model import shipped
    from sikpdos.prediction import matching

    known = read_dataset(templates)
    if not files:
        if model:
            table = matching.model_table(known, shipped.load(model), k)
        else:
            table = matching.test_table(known, split.value, seed, test_group or (), k)
        tables.write_csv(output, table)
        return
    preprocessing = preparation.preprocessing(onset_eV)(known)
    failures = measurement.Failures(CONSOLE)
    reading = preparation.reading()
    found = [
        matching.neighbour_table(known, names, matched) if neighbours else matching.pdos_table(names, matched)
        for names, matched in matching.match_files(known, files, preprocessing, k, failures, reading)
    ]
    if found:
        tables.write_csv(output, tables.concatenate(found))
    failures.end()
