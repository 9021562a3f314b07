"""`sikpdos ablate`."""

from __future__ import annotations

from typing import Annotated

import typer

from sikpdos.commands import options
from sikpdos.commands.console import Console

CONSOLE = Console("ablate")


def ablate(
    dataset: Annotated[str, typer.Argument(help="Dataset from assemble (NPZ), or -.")],
    output: Annotated[
        str, options.output("CSV; written after every training, and continued if it is there; - is stdout.")
    ] = "-",
    config: options.Config = None,
    split: Annotated[
        options.Split | None,
        typer.Option(
            "--split", show_default="the settings'", help="By family of structures (grouped) or by site (random)."
        ),
    ] = None,
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="Trainings of every window, each another split.")] = 5,
    members: options.Members = None,
    epochs: options.Epochs = None,
    threads: options.Threads = None,
) -> None:
    """Train on windows of the edge and compare the errors in four regions of the PDOS.

    Windows grow from the onset in steps of 5 eV, and stand alone; errors are those of the test part.

    \b
    Example: sikpdos ablate dataset.npz --seeds 5 -o ablation.csv
    """
    options.check_output(output, options.CSV)

    import torch

    from sikpdos.common import config as configuration
    from sikpdos.dataset.dataset import read_dataset
    from sikpdos.model import ablation, ablation_table
    from sikpdos.model.settings import Settings

    flags = {"split": split and split.value, "members": members, "epochs": epochs}
    settings = configuration.load(Settings, config, flags)
    if threads:
        torch.set_num_threads(threads)
    with CONSOLE.progress("windows trained", seeds * len(ablation_table.windows())) as report:
        rows = ablation.run(read_dataset(dataset), settings, range(seeds), output, report)
    CONSOLE.lines(ablation_table.summary(rows))
