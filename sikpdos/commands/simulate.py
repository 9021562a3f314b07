"""`sikpdos simulate`."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sikpdos.commands import options
from sikpdos.commands.console import Console
from sikpdos.common.errors import SikpdosError

if TYPE_CHECKING:
    from sikpdos.engine.cost import Estimate

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
    shard: str | None = typer.Option(
        None, "--shard", show_default="by SLURM_ARRAY_TASK_ID, else 1/1", help="i/n: the i-th of n parts, from 1."
    ),
    pdos_only: bool = typer.Option(
        False,
        "--pdos-only",
        help="With --site: the ground-state density of states alone, of an atom of any element, as CSV (sigma 0.5 eV).",
    ),
    dry_run: bool = typer.Option(False, "--dry-run", help="Print what each site would cost, as CSV, and stop."),
) -> None:
    """Compute Si K-edges (full core hole) and ground-state s, p densities of states of crystals.

    Plane-wave PBE with norm-conserving pseudopotentials. Finished sites in the folder are kept, so a killed
    run goes on where it was, and several runs share a folder.

    \b
    Example:
      sikpdos simulate structures/sites.csv -o raw/
      sikpdos simulate si.cif --site 0 -o - > Si-I-0.npz
    """
    if output is None and not dry_run:
        raise typer.BadParameter("missing", param_hint="--output")
    if pdos_only and site is None:
        raise typer.BadParameter("needs one atom of a structure file: --site", param_hint="--pdos-only")
    part, parts = options.shard(shard)
    if site is not None and output is not None:
        options.check_output(str(output), options.CSV if pdos_only else options.NPZ)

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
    if dry_run:
        if not _print_costs(campaign.dry_run(source, site, context, part, parts)):
            raise typer.Exit(1)
        return
    if pdos_only:
        any_atom.run_pdos(source, site, output, context)
        return
    if site is not None:
        campaign.run_one(source, site, output, context)
        return
    summary = campaign.run_table(source, output, context, part, parts)
    CONSOLE.say(
        f"{summary.done} sites done, {summary.there} were there, {summary.elsewhere} are another run's, "
        f"{summary.failed} failed"
    )
    if summary.failed:
        raise typer.Exit(1)


def _print_costs(estimates: Iterator[tuple[str, Estimate | SikpdosError]]) -> bool:
    """One CSV row a site on stdout, the sum and what cannot be done on stderr; whether all sites can be."""
    print("site_id,atoms,supercell_atoms,edge_points,pdos_points,ground_state_s,site_s,memory_GiB")
    total_s, counted, refused = 0.0, 0, 0
    for site_id, e in estimates:
        if isinstance(e, SikpdosError):
            CONSOLE.say(f"{site_id}: {e}")
            refused += 1
            continue
        print(
            f"{site_id},{e.atoms},{e.supercell_atoms},{e.edge_points},{e.pdos_points},"
            f"{e.ground_state_s:.0f},{e.site_s:.0f},{e.memory_GiB:.2f}",
            flush=True,
        )
        total_s, counted = total_s + e.site_s, counted + 1
    CONSOLE.say(
        f"{counted} sites, {total_s / 3600:.2f} h on one thread, ground states not counted; {refused} cannot be done"
    )
    return not refused
