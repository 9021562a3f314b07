"""`sikpdos train`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from sikpdos.commands import options
from sikpdos.commands.console import Console

CONSOLE = Console("train")


def train(
    dataset: Annotated[str, typer.Argument(help="Dataset from assemble (NPZ), or -.")],
    output: Annotated[str, options.output("Model to write (NPZ), or - for stdout.")],
    config: options.Config = None,
    split: Annotated[
        options.Split | None,
        typer.Option(
            "--split", show_default="the settings'", help="By family of structures (grouped) or by site (random)."
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            "--seed", min=0, show_default="the settings'", help="Seed of the split, the weights and the noise."
        ),
    ] = None,
    members: options.Members = None,
    epochs: options.Epochs = None,
    test_group: options.TestGroup = None,
    measured: Annotated[
        bool | None,
        typer.Option(
            "--measured/--computed",
            show_default="the settings'",
            help="Train on simulated measurements of many sigmas, or on computed spectra.",
        ),
    ] = None,
    sigma: Annotated[
        str | None,
        typer.Option(
            "--sigma",
            metavar="LO,HI",
            show_default="the settings'",
            help="Range of the simulated resolution, sigma in eV.",
        ),
    ] = None,
    device: Annotated[
        str | None,
        typer.Option("--device", show_default="a GPU if there is one", help="cpu, cuda, cuda:N, mps or xpu."),
    ] = None,
    threads: options.Threads = None,
    log: Annotated[
        str | None, typer.Option("--log", help="CSV of training and validation errors, an epoch a row.")
    ] = None,
) -> None:
    """Train an ensemble of 1D CNNs on a dataset and score it on the test part.

    An interrupted training goes on where it was when the same command is given again.

    \b
    Example: sikpdos train dataset.npz --split grouped --seed 0 -o model.npz
    """
    sigmas = None if sigma is None else options.pair(sigma, float, "--sigma")
    device = options.device(device)
    options.check_output(output, options.NPZ)
    options.check_output(log, options.CSV, "--log")

    import torch

    from sikpdos.commands import training_log
    from sikpdos.common import config as configuration
    from sikpdos.common import files
    from sikpdos.dataset.dataset import read_dataset
    from sikpdos.model.model_file import write_model
    from sikpdos.model.settings import Settings
    from sikpdos.model.training import train as run

    flags: dict[str, Any] = {
        "split": split and split.value,
        "seed": seed,
        "members": members,
        "epochs": epochs,
        "measured": measured,
    }
    flags |= {"test_groups": tuple(test_group) if test_group else None, "sigma_eV": sigmas}
    settings = configuration.load(Settings, config, flags)
    if threads:
        torch.set_num_threads(threads)
    checkpoint = None if output == files.STDIO else f"{output}.checkpoint"
    with training_log.reporter(CONSOLE, settings.epochs, log) as report:
        trained = run(read_dataset(dataset), settings, report, checkpoint, device)
    write_model(output, trained)
    if checkpoint:
        files.remove(checkpoint)
    training_log.tell_scores(CONSOLE, trained)
