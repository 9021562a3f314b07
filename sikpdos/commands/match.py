"""`sikpdos match`."""

from __future__ import annotations

from typing import Annotated

import typer

from sikpdos.commands import measurement, options
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
    sigma: options.Resolution = None,
    smooth: options.Smooth = None,
    background: options.Background = "auto",
    onset: options.Onset = "auto",
    allow_partial: options.AllowPartial = False,
    column: options.Column = None,
    scan: options.Scan = None,
    merge: options.Merge = False,
    e0_shift: options.E0Shift = 0.0,
    despike: options.Despike = False,
    low_loss: options.LowLossFile = None,
    self_absorption: options.SelfAbsorption = None,
    composition: options.Composition = "Si",
    any_edge: options.AnyEdge = False,
    list_: options.List = False,
) -> None:
    """Template matching: the PDOS of the nearest known spectrum, the baseline of the model.

    \b
    Example: sikpdos match dataset.npz exp.msa --smooth 40,3
    Example: sikpdos match dataset.npz --model model.npz > comparison.csv
    """
    window, smoothing = options.background_window(background), options.smoothing(smooth)
    energy_eV, angles = options.onset_energy(onset), options.angles(self_absorption, composition)
    if files and model:
        raise typer.BadParameter("compares on the dataset's own test part: give no files", param_hint="--model")
    if not files and (neighbours or list_):
        raise typer.BadParameter("is about files: give some", param_hint="--neighbours" if neighbours else "--list")
    of_files = {"--smooth": smooth, "--background": background != "auto", "--allow-partial": allow_partial}
    of_files |= {
        "--sigma": sigma is not None,
        "--onset": onset != "auto",
        "--e0-shift": e0_shift != 0,
        "--despike": despike,
    }
    of_files |= {"--low-loss": low_loss, "--self-absorption": self_absorption, "--any-edge": any_edge}
    of_files |= {"--column": column, "--scan": scan, "--merge": merge}
    of_split = {"--split": split is not options.Split.grouped, "--seed": seed, "--test-group": test_group}
    if not files:
        options.refuse(of_files, "is for files of spectra, and none is given")
    if files or model:
        options.refuse(of_split, "is for the dataset's own test part")
    options.check_output(output, options.CSV)
    if files and list_:
        measurement.list_files(CONSOLE, files, output, column, scan)
        return

    from sikpdos.common import tables
    from sikpdos.dataset.dataset import read_dataset
    from sikpdos.model import shipped
    from sikpdos.prediction import matching
    from sikpdos.prediction.predict import preprocessing_for

    known = read_dataset(templates)
    if not files:
        if model:
            table = matching.model_table(known, shipped.load(model), k)
        else:
            table = matching.test_table(known, split.value, seed, test_group or (), k)
        tables.write_csv(output, table)
        return
    preprocessing = preprocessing_for(
        known,
        sigma_eV=sigma,
        background=window,
        smooth=smoothing,
        onset=energy_eV,
        allow_partial=allow_partial,
        corrections=measurement.corrections(
            e0_shift=e0_shift,
            despike=despike,
            any_edge=any_edge,
            low_loss=low_loss,
            angles=angles,
            composition=composition,
        ),
    )
    failures = measurement.Failures(CONSOLE)
    reading = measurement.reading(column, scan, merge)
    found = [
        matching.neighbour_table(known, names, matched) if neighbours else matching.pdos_table(names, matched)
        for names, matched in matching.match_files(known, files, preprocessing, k, failures, reading)
    ]
    if found:
        tables.write_csv(output, tables.concatenate(found))
    failures.end()
