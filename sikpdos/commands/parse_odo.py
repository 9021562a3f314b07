"""`sikpdos parse-odo`."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from sikpdos.commands import options
from sikpdos.commands.console import Console
from sikpdos.common.errors import SikpdosError

CONSOLE = Console("parse-odo")


class Source(str, Enum):
    auto = "auto"
    binaries = "binaries"
    optados = "optados"


def parse_odo(
    paths: list[str] = typer.Argument(..., help="A file (- is stdin), PDOS files of one run, or a folder of runs."),
    output: Annotated[str, options.output("Of files: CSV; - is stdout. Of runs: folder of raw sites.")] = "-",
    site: str = typer.Option("", "--site", help="One site: Si1, Si:ex1, or Si for the mean of a species."),
    edge: str = typer.Option("K1", "--edge", help="Edge to take from a core-loss file: K1, L1..."),
    fermi: float | None = typer.Option(
        None, "--fermi", show_default="that of the .odo", help="Fermi level to subtract, eV."
    ),
    absolute: bool = typer.Option(False, "--absolute", help="Leave energies as they are in the file."),
    source: Source = typer.Option("auto", "--source", help="Of runs: binaries of CASTEP, text of OptaDOS, or auto."),
    jobs: int | None = typer.Option(None, "--jobs", min=1, show_default="all cores", help="Of runs: processes."),
) -> None:
    """Read OptaDOS and CASTEP results: a file to CSV, or a folder of runs to raw site files.

    Files: .pdos*.dat, .fixed.dat and the like, _core_edge.dat, .odo, .pdos_bin, .elnes_bin, .eels_mat. The first
    column is energy_eV, from the Fermi level where it is known. Columns of one site are s, p (per atom) and edge;
    of several, Si1_s and so on. Of a folder (or runs.csv) a table of finished, aborted, missing and failed
    sites goes to stdout.

    \b
    Example:
      sikpdos parse-odo si.pdos.dat --site Si1 | sikpdos broaden - --sigma 1.2 --input-sigma 0.5
      sikpdos parse-odo runs/ -o raw/
    """
    if any(path.endswith("runs.csv") or Path(path).is_dir() for path in paths):
        _parse_runs(paths, output, source.value, jobs)
        return
    options.check_output(output, options.CSV)

    from sikpdos.castep.parse import Choice, parse
    from sikpdos.common import tables

    table = parse(paths, Choice(site, edge, fermi, absolute))
    for note in table.notes:
        CONSOLE.say(note)
    tables.write_csv(output, table.columns)


def _parse_runs(paths: list[str], output: str, source: str, jobs: int | None) -> None:
    from sikpdos.castep.collect import FINISHED, collect, find_runs, write_outcomes
    from sikpdos.castep.runs import HOLE

    if len(paths) != 1:
        raise typer.BadParameter("one folder of runs (or runs.csv) at a time")
    if output == "-":
        raise typer.BadParameter("of a folder of runs: needs a folder for raw site files", param_hint="--output")
    runs, root = find_runs(paths[0])
    outcomes = []
    with CONSOLE.progress("sites", sum(run.kind == HOLE for run in runs)) as show:
        for outcome in collect(runs, root, output, source, jobs):
            outcomes.append(outcome)
            show(len(outcomes))
    write_outcomes("-", outcomes)
    failed = [o for o in outcomes if o.status != FINISHED]
    if failed:
        raise SikpdosError(
            f"{len(failed)} of {len(outcomes)} sites are not finished, first {failed[0].site_id}: {failed[0].cause}"
        )
