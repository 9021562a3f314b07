"""`sikpdos match`."""

from __future__ import annotations

from typing import Annotated

import typer

from sikpdos.commands import options
from sikpdos.commands.console import Console

CONSOLE = Console("match")


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
    smooth: options.Smooth = None,
    background: options.Background = "auto",
    allow_partial: options.AllowPartial = False,
    column: options.Column = None,
    scan: options.Scan = None,
    merge: options.Merge = False,
) -> None:
    """Template matching: the PDOS of the nearest known spectrum, the baseline of the model.

    \b
    Example: sikpdos match dataset.npz exp.msa --smooth 40,3
    Example: sikpdos match dataset.npz --model model.npz > comparison.csv
    """
    window, smoothing = options.background_window(background), options.smoothing(smooth)
    if files and model:
        raise typer.BadParameter("compares on the dataset's own test part: give no files", param_hint="--model")
    if neighbours and not files:
        raise typer.BadParameter("lists templates of files: give some", param_hint="--neighbours")
    of_files = {"--smooth": smooth, "--background": background != "auto", "--allow-partial": allow_partial}
    of_files |= {"--column": column, "--scan": scan, "--merge": merge}
    of_split = {"--split": split is not options.Split.grouped, "--seed": seed, "--test-group": test_group}
    if not files:
        options.refuse(of_files, "is for files of spectra, and none is given")
    if files or model:
        options.refuse(of_split, "is for the dataset's own test part")
    options.check_output(output, options.CSV)

    from sikpdos.common import tables
    from sikpdos.dataset.dataset import read_dataset
    from sikpdos.formats.columns import ColumnChoice
    from sikpdos.formats.read import Reading
    from sikpdos.model import shipped
    from sikpdos.prediction import matching
    from sikpdos.spectra.preprocess import Preprocessing

    known = read_dataset(templates)
    if not files:
        if model:
            table = matching.model_table(known, shipped.load(model), k)
        else:
            table = matching.test_table(known, split.value, seed, test_group or (), k)
        tables.write_csv(output, table)
        return
    failures: list[str] = []

    def failed(message: str) -> None:
        failures.append(message)
        CONSOLE.say(message)

    preprocessing = Preprocessing(
        background=window, smooth=smoothing, onset=known.onset_rule, allow_partial=allow_partial
    )
    reading = Reading(ColumnChoice(column, scan), merge)
    found = [
        matching.neighbour_table(known, names, matched) if neighbours else matching.pdos_table(names, matched)
        for names, matched in matching.match_files(known, files, preprocessing, k, failed, reading)
    ]
    if found:
        tables.write_csv(output, tables.concatenate(found))
    if failures:
        raise typer.Exit(1)
