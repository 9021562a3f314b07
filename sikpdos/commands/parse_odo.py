"""`sikpdos parse-odo`."""

from __future__ import annotations

import sys
from enum import Enum
from pathlib import Path

import typer

from sikpdos.common.errors import SikpdosError


class Source(str, Enum):
    auto = "auto"
    binaries = "binaries"
    optados = "optados"


def parse_odo(
    paths: list[str] = typer.Argument(..., help="A file (- is stdin), PDOS files of one run, or a folder of runs."),
    out: str = typer.Option(
        "", "-o", "--out", help="Of files: CSV (stdout if not given). Of runs: folder of raw sites."
    ),
    site: str = typer.Option("", "--site", help="One site: Si1, Si:ex1, or Si for the mean of a species."),
    edge: str = typer.Option("K1", "--edge", help="Edge to take from a core-loss file."),
    fermi: float | None = typer.Option(None, "--fermi", help="Fermi level to subtract, eV (else from the .odo)."),
    absolute: bool = typer.Option(False, "--absolute", help="Leave energies as they are in the file."),
    source: Source = typer.Option("auto", "--source", help="Of runs: binaries of CASTEP, text of OptaDOS, or auto."),
    jobs: int | None = typer.Option(None, "--jobs", min=1, help="Of runs: processes (all cores if not given)."),
) -> None:
    """Read OptaDOS and CASTEP results: a file to CSV, or a folder of runs to raw site files.

    Files: .pdos*.dat, .fixed.dat and the like, _core_edge.dat, .odo, .pdos_bin, .elnes_bin, .eels_mat. The first
    column is energy_eV, from the Fermi level where it is known. Columns of one site are s, p (per atom) and edge;
    of several, Si1_s and so on. Of a folder (or runs.csv) a table of finished, aborted, missing and failed
    sites goes to stdout.

    \b
    Example:
      sikpdos parse-odo si.pdos.dat --site Si1 | sikpdos broaden - --sigma 1.2 --input-sigma 0.5
      sikpdos parse-odo runs/ --out raw/
    """
    if any(path.endswith("runs.csv") or Path(path).is_dir() for path in paths):
        _parse_runs(paths, out, source.value, jobs)
        return
    from sikpdos.castep.parse import Choice, parse
    from sikpdos.common import files, tables

    table = parse(paths, Choice(site, edge, fermi, absolute))
    for note in table.notes:
        print(f"sikpdos parse-odo: {note}", file=sys.stderr)
    tables.write_csv(out or files.STDIO, table.columns)


def _parse_runs(paths: list[str], out: str, source: str, jobs: int | None) -> None:
    from sikpdos.castep.collect import FINISHED, collect, find_runs, write_outcomes
    from sikpdos.castep.runs import HOLE
    from sikpdos.commands.progress import progress

    if len(paths) != 1:
        raise typer.BadParameter("one folder of runs (or runs.csv) at a time")
    if not out:
        raise typer.BadParameter("a folder of runs needs --out, the folder for raw site files")
    runs, root = find_runs(paths[0])
    outcomes = []
    with progress("sites", sum(run.kind == HOLE for run in runs)) as show:
        for outcome in collect(runs, root, out, source, jobs):
            outcomes.append(outcome)
            show(len(outcomes))
    write_outcomes("-", outcomes)
    failed = [o for o in outcomes if o.status != FINISHED]
    if failed:
        raise SikpdosError(
            f"{len(failed)} of {len(outcomes)} sites are not finished, first {failed[0].site_id}: {failed[0].cause}"
        )
