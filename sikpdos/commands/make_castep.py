"""`sikpdos make-castep`."""

from __future__ import annotations

import sys
from enum import Enum
from pathlib import Path

import typer

from sikpdos.common import resources


class Syntax(str, Enum):
    spectral = "spectral"
    elnes = "elnes"


class HoleCharge(str, Enum):
    removed = "removed"
    neutral = "neutral"


def make_castep(
    sites: Path = typer.Argument(..., help="Table of sites (sites.csv), its structure files beside it."),
    out: Path = typer.Option(..., "-o", "--out", help="Folder of runs to write."),
    templates: Path | None = typer.Option(None, "--templates", help="Your copy of castep_templates."),
    potential: str = typer.Option("C19", "--potential", help="On-the-fly string of Si, or a name in potentials.csv."),
    syntax: Syntax = typer.Option("spectral", "--syntax", help="spectral, or elnes for CASTEP without SPECTRAL tasks."),
    electron: HoleCharge = typer.Option(
        "removed", "--electron", help="The excited electron: removed (charge +1), or neutral: in the conduction band."
    ),
    cutoff: float = typer.Option(500.0, "--cutoff", min=50, help="Plane-wave cutoff, eV."),
    k_spacing: float = typer.Option(0.03, "--k-spacing", min=0.001, help="k-point spacing, 2 pi/Angstrom."),
    image: float = typer.Option(10.0, "--image", min=0, help="Least distance of core holes to their images, Angstrom."),
    sigma: float = typer.Option(0.5, "--sigma", min=0.01, help="OptaDOS's fixed broadening, a standard deviation, eV."),
    force: bool = typer.Option(False, "--force", help="Overwrite files that are there with other content."),
) -> None:
    """Write CASTEP and OptaDOS inputs: each structure's ground state, each site's core hole in a supercell.

    The folder gets runs.csv, run.sh, slurm.sh (a job array, one task a run) and a folder a run.
    Files that you edited are kept, unless --force.

    \b
    Example:
      sikpdos make-castep structures/sites.csv --out runs/
      cd runs && sbatch slurm.sh && cd .. && sikpdos parse-odo runs/ --out raw/
    """
    from sikpdos.castep.inputs import Settings, build
    from sikpdos.castep.write import write_inputs
    from sikpdos.structures.sites import read_sites

    folder = templates or resources.CASTEP_TEMPLATES
    charge = 1 if electron is HoleCharge.removed else 0
    settings = Settings(image, k_spacing, cutoff, sigma, charge, syntax.value, potential)
    written = write_inputs(build(read_sites(sites), sites, settings, folder), out, folder, force)
    print(f"{written.n_runs} runs in {out}: {written.n_new} files written", file=sys.stderr)
    for path in written.kept:
        print(f"kept, it differs (--force replaces it): {path}", file=sys.stderr)
