"""sikpdos match"""

from __future__ import annotations

import typer

from sikpdos.commands.options import pair, say


def match(
    templates: str = typer.Argument(..., help="Dataset (NPZ) whose spectra are the templates."),
    files: list[str] = typer.Argument(None, help="Spectra to match; without any, the dataset's own test part."),
    output: str = typer.Option("-", "-o", "--output", help="CSV file; - is stdout."),
    k: int = typer.Option(1, "-k", min=1, help="Average the PDOS of the k nearest templates."),
    neighbours: bool = typer.Option(False, "--neighbours", help="List the k nearest templates instead of the PDOS."),
    model: str = typer.Option(None, "--model", "-m", help="Compare with this model on its own split."),
    split: str = typer.Option("grouped", "--split", help="grouped or random, for the dataset's own test part."),
    seed: int = typer.Option(0, "--seed", help="Seed of that split."),
    test_group: list[str] = typer.Option(None, "--test-group", help="Family put in the test part (repeatable)."),
    smooth: str = typer.Option(
        None, "--smooth", metavar="W,P", help="Savitzky-Golay: window in points of 0.1 eV, order."
    ),
    background: str = typer.Option(
        "auto", "--background", metavar="LO,HI", help="Window in eV to fit over, auto, or none."
    ),
    allow_partial: bool = typer.Option(False, "--allow-partial", help="Accept spectra that lack part of -1 to 19 eV."),
) -> None:
    """Template matching: the PDOS of the nearest known spectrum, the baseline of the model.

    \b
    Example: sikpdos match dataset.npz exp.msa --smooth 40,3
    Example: sikpdos match dataset.npz --model model.npz > comparison.csv
    """
    window = background if background in ("auto", "none") else pair(background, float, "--background")
    smoothing = pair(smooth, int, "--smooth")
    if files and model:
        raise typer.BadParameter("compares on the dataset's own test part: give no files", param_hint="--model")
    if neighbours and not files:
        raise typer.BadParameter("lists templates of files: give some", param_hint="--neighbours")

    from sikpdos.common import tables
    from sikpdos.dataset.dataset import read_dataset
    from sikpdos.model import shipped
    from sikpdos.prediction import matching
    from sikpdos.spectra.preprocess import Preprocessing

    known = read_dataset(templates)
    if not files:
        if model:
            table = matching.model_table(known, shipped.load(model), k)
        else:
            table = matching.test_table(known, split, seed, test_group or (), k)
        tables.write_csv(output, table)
        return
    failures: list[str] = []

    def failed(message: str) -> None:
        failures.append(message)
        say("match", message)

    preprocessing = Preprocessing(
        background=window, smooth=smoothing, onset=known.onset_rule, allow_partial=allow_partial
    )
    found = [
        matching.neighbour_table(known, names, matched) if neighbours else matching.pdos_table(names, matched)
        for names, matched in matching.match_files(known, files, preprocessing, k, failed)
    ]
    if found:
        tables.write_csv(output, tables.concatenate(found))
    if failures:
        raise typer.Exit(1)
