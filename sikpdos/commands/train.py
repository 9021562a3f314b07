"""sikpdos train"""

from __future__ import annotations

import typer

from sikpdos.commands.options import pair


def train(
    dataset: str = typer.Argument(..., help="Dataset from assemble (NPZ), or -."),
    output: str = typer.Option(..., "-o", "--output", help="Model to write (NPZ)."),
    config: str = typer.Option(None, "--config", help="Settings file (TOML); options below override it."),
    split: str = typer.Option(None, "--split", help="grouped (by family of structures) or random (by site)."),
    seed: int = typer.Option(None, "--seed", help="Seed of the split, the weights and the noise."),
    members: int = typer.Option(None, "--members", min=1, help="Networks in the ensemble."),
    epochs: int = typer.Option(None, "--epochs", min=1, help="Passes over the training part at most."),
    test_group: list[str] = typer.Option(None, "--test-group", help="Family to put in the test part (repeatable)."),
    measured: bool = typer.Option(
        None, "--measured/--computed", help="Train on simulated measurements of many sigmas."
    ),
    sigma: str = typer.Option(None, "--sigma", metavar="LO,HI", help="Their range of resolution (sigma in eV)."),
    device: str = typer.Option(None, "--device", help="cpu, cuda, ... [default: a GPU if there is one]."),
    threads: int = typer.Option(None, "--threads", min=1, help="CPU threads [default: all cores]."),
    log: str = typer.Option(None, "--log", help="CSV of training and validation errors, an epoch a row."),
) -> None:
    """Train an ensemble of 1D CNNs on a dataset and score it on the test part.

    An interrupted training goes on where it was when the same command is given again.

    \b
    Example: sikpdos train dataset.npz --split grouped --seed 0 -o model.npz
    """
    sigmas = pair(sigma, float, "--sigma")

    import torch

    from sikpdos.commands import training_log
    from sikpdos.common import config as configuration
    from sikpdos.common import files
    from sikpdos.dataset.dataset import read_dataset
    from sikpdos.model.model_file import write_model
    from sikpdos.model.settings import Settings
    from sikpdos.model.training import train as run

    flags = {"split": split, "seed": seed, "members": members, "epochs": epochs, "measured": measured}
    flags |= {"test_groups": tuple(test_group) if test_group else None, "sigma_eV": sigmas}
    settings = configuration.load(Settings, config, flags)
    if threads:
        torch.set_num_threads(threads)
    files.check_writable(output)
    checkpoint = None if output == files.STDIO else f"{output}.checkpoint"
    with training_log.reporter(settings.epochs, log) as report:
        trained = run(read_dataset(dataset), settings, report, checkpoint, device)
    write_model(output, trained)
    if checkpoint:
        files.remove(checkpoint)
    training_log.tell_scores(trained)
