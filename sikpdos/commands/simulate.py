"""`sikpdos simulate`."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sikpdos.commands import options
from sikpdos.commands.console import Console
from sikpdos.common.errors import SikpdosError

if TYPE_CHECKING:
    from sikpdos.engine.campaign import PlannedSite, RunContext, RunSummary

CONSOLE = Console("simulate")


class Device(str, Enum):
    cpu = "cpu"
    cuda = "cuda"


class Precision(str, Enum):
    single = "single"
    double = "double"


def simulate(
    source: Path = typer.Argument(..., help="Table of sites (sites.csv), or one structure file with --site."),
    output: Annotated[Path | None, options.output("Folder of raw site files; with --site a file (NPZ), or -.")] = None,
    site: int | None = typer.Option(None, "--site", min=0, help="Atom of the structure file, counted from 0."),
    cutoff: float | None = typer.Option(
        None,
        "--cutoff",
        min=50,
        max=3000,
        help="Plane-wave cutoff, eV; by default the highest that a structure's elements need (220 for silicon alone).",
    ),
    k_spacing: float = typer.Option(0.034, "--k-spacing", min=0.005, max=1, help="k-point spacing, 2 pi/Angstrom."),
    image: float = typer.Option(
        10.0, "--image", min=0, max=16, help="Least distance of core holes to their images, Angstrom."
    ),
    electron: options.Electron = typer.Option(
        "removed", "--electron", help="The excited electron: removed (charge +1), or neutral: it stays."
    ),
    bin_width: float = typer.Option(0.05, "--bin", min=0.001, max=0.5, help="Histogram step, eV."),
    pseudo: list[Path] = typer.Option([], "--pseudo", help="UPF file in place of a bundled one; repeat for several."),
    hole_pseudo: Path | None = typer.Option(
        None, "--hole-pseudo", help="UPF file of Si with a 1s hole, with --pseudo Si."
    ),
    device: Device = typer.Option("cpu", "--device", help="Where to compute."),
    precision: Precision = typer.Option(
        "single", "--precision", help="Of wave functions; double also takes the full FFT box."
    ),
    threads: options.Threads = None,
    jobs: int | None = typer.Option(
        None,
        "--jobs",
        min=1,
        show_default="cores / threads",
        help="Processes that share a table's structures, one thread each.",
    ),
    shard: str | None = typer.Option(
        None, "--shard", show_default="by SLURM_ARRAY_TASK_ID, else 1/1", help="i/n: the i-th of n parts, from 1."
    ),
    pdos_only: bool = typer.Option(
        False,
        "--pdos-only",
        help="With --site: the ground-state density of states alone, of an atom of any element, as CSV (sigma 0.5 eV).",
    ),
    dry_run: bool = typer.Option(False, "--dry-run", help="Print what each site would cost, as CSV, and stop."),
    check: bool = typer.Option(
        False, "--check", help="Print what a run would do, its time and memory, and what it would refuse, and stop."
    ),
    check_convergence: bool = typer.Option(
        False,
        "--check-convergence",
        help="With --site: compute it at denser settings too, print the differences (CSV).",
    ),
) -> None:
    """Compute Si K-edges (full core hole) and ground-state s, p densities of states of crystals.

    Plane-wave PBE with norm-conserving pseudopotentials. Finished sites in the folder are kept, so a killed
    run goes on where it was, and several runs share a folder.

    \b
    Example:
      sikpdos simulate structures/sites.csv -o raw/
      sikpdos simulate si.cif --site 0 -o - > Si-I-0.npz
    """
    if output is None and not (dry_run or check or check_convergence):
        raise typer.BadParameter("missing", param_hint="--output")
    if check_convergence and site is None:
        raise typer.BadParameter("missing", param_hint="--site")
    if pdos_only and site is None:
        raise typer.BadParameter("needs one atom of a structure file: --site", param_hint="--pdos-only")
    part, parts = options.shard(shard)
    if site is not None and output is not None:
        options.check_output(str(output), options.CSV if pdos_only else options.NPZ)
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))

    import torch

    from sikpdos.engine import any_atom, campaign
    from sikpdos.engine.settings import Settings, available_backend, pseudopotentials

    if threads:
        torch.set_num_threads(threads)
    charge = 1 if electron is options.Electron.removed else 0
    settings = Settings(
        cutoff_eV=cutoff,
        k_spacing=k_spacing,
        min_image_A=image,
        charge=charge,
        bin_eV=bin_width,
        precision=precision.value,
    )
    context = campaign.RunContext(
        settings, pseudopotentials(pseudo, hole_pseudo), available_backend(device.value, precision.value), CONSOLE.say
    )
    if check_convergence and site is not None:
        _print_differences(source, site, context)
    elif dry_run or check or output is None:
        planned = campaign.dry_run(source, site, context, part, parts)
        if not _print_costs(planned, _jobs(jobs, threads), rows=dry_run, output=output):
            raise typer.Exit(1)
    elif site is None:
        processes = _jobs(jobs, threads) if device == "cpu" else 1
        _tell(campaign.run_table(source, output, context, part, parts, processes))
    elif pdos_only:
        any_atom.run_pdos(source, site, output, context)
    else:
        campaign.run_one(source, site, output, context)


def _tell(summary: RunSummary) -> None:
    """What became of a table's sites; exit 1 where one failed."""
    CONSOLE.say(
        f"{summary.done} sites done, {summary.there} were there, {summary.elsewhere} are another run's, "
        f"{summary.failed} failed"
    )
    if summary.failed:
        raise typer.Exit(1)


def _jobs(jobs: int | None, threads: int | None) -> int:
    """One process of one thread for each core, unless the user's threads are meant for one process."""
    return jobs or (1 if threads else len(os.sched_getaffinity(0)))


def _print_differences(path: Path, atom_index: int, context: RunContext) -> None:
    """One CSV row a change of the settings on stdout."""
    from sikpdos.engine import convergence

    print("change,edge_percent,edge_shift_eV,s_percent,p_percent")
    for row in convergence.differences(path, atom_index, context):
        print(f"{row.change},{row.edge:.2f},{row.edge_shift_eV:.2f},{row.s:.2f},{row.p:.2f}", flush=True)


COLUMNS = "site_id,atoms,supercell_atoms,edge_points,pdos_points,ground_state_s,site_s,memory_GiB"


def _print_costs(planned: Iterator[PlannedSite], jobs: int, rows: bool, output: Path | None) -> bool:
    """A CSV row a site on stdout if wanted, the sums and what cannot be done on stderr; whether all sites can be."""
    from sikpdos.engine.campaign import duration

    if rows:
        print(COLUMNS)
    total_s, memory_GiB, counted, there, refused, files = 0.0, 0.0, 0, 0, 0, set()
    for site in planned:
        e = site.outcome
        if isinstance(e, SikpdosError):
            CONSOLE.say(f"{site.site_id}: {e}")
            refused += 1
            continue
        if rows:
            print(
                f"{site.site_id},{e.atoms},{e.supercell_atoms},{e.edge_points},{e.pdos_points},"
                f"{e.ground_state_s:.0f},{e.site_s:.0f},{e.memory_GiB:.2f}",
                flush=True,
            )
        if output is not None and (output / f"{site.site_id}.npz").exists():
            there += 1
            continue
        total_s += e.site_s + (0 if site.file in files else e.ground_state_s)
        memory_GiB, counted = max(memory_GiB, e.memory_GiB), counted + 1
        files.add(site.file)
    CONSOLE.say(
        f"{counted} sites of {len(files)} structures to do, {there} are there; {duration(total_s)} on one thread, "
        f"{duration(total_s / jobs)} in {jobs} processes of up to {memory_GiB:.1f} GiB; {refused} cannot be done"
    )
    return not refused
