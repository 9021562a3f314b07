"""sikpdos ablate"""

from __future__ import annotations

import sys

import typer


def ablate(
    dataset: str = typer.Argument(..., help="Dataset from assemble (NPZ), or -."),
    output: str = typer.Option(
        "-", "-o", "--output", help="CSV; written after every training and continued if it is there."
    ),
    config: str = typer.Option(None, "--config", help="Settings of the trainings (TOML)."),
    split: str = typer.Option(None, "--split", help="grouped (by family of structures) or random (by site)."),
    seeds: int = typer.Option(5, "--seeds", min=1, help="Trainings of every window, each with another split."),
    members: int = typer.Option(None, "--members", min=1, help="Networks in each ensemble."),
    epochs: int = typer.Option(None, "--epochs", min=1, help="Passes over the training part at most."),
    threads: int = typer.Option(None, "--threads", min=1, help="CPU threads [default: all cores]."),
) -> None:
    """Train on windows of the edge and compare the errors in four regions of the PDOS.

    Windows grow from the onset in steps of 5 eV, and stand alone; errors are those of the test part.

    \b
    Example: sikpdos ablate dataset.npz --seeds 5 -o ablation.csv
    """
    import torch

    from sikpdos.commands.progress import progress
    from sikpdos.common import config as configuration
    from sikpdos.dataset.dataset import read_dataset
    from sikpdos.model import ablation, ablation_table
    from sikpdos.model.settings import Settings

    settings = configuration.load(Settings, config, {"split": split, "members": members, "epochs": epochs})
    if threads:
        torch.set_num_threads(threads)
    with progress("windows trained", seeds * len(ablation_table.windows())) as report:
        rows = ablation.run(read_dataset(dataset), settings, range(seeds), output, report)
    print(ablation_table.summary(rows), file=sys.stderr)
