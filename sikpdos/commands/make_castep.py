"""`sikpdos make-castep`."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from sikpdos.commands import options
from sikpdos.commands.console import Console
from sikpdos.common import resources

CONSOLE = Console("make-castep")


class Syntax(str, Enum):
    spectral = "spectral"
    elnes = "elnes"


def make_castep(
    sites: options.SitesTable,
    output: Annotated[Path, options.output("Folder of runs to write.")],
    templates: Path | None = typer.Option(
        None, "--templates", show_default="the suite's", help="Your copy of castep_templates."
    ),
    potential: str = typer.Option("C19", "--potential", help="On-the-fly string of Si, or a name in potentials.csv."),
    syntax: Syntax = typer.Option("spectral", "--syntax", help="spectral, or elnes for CASTEP without SPECTRAL tasks."),
    electron: options.Electron = typer.Option(
        "removed", "--electron", help="The excited electron: removed (charge +1), or neutral: in the conduction band."
    ),
    cutoff: float = typer.Option(500.0, "--cutoff", min=50, help="Plane-wave cutoff, eV."),
    k_spacing: float = typer.Option(0.03, "--k-spacing", min=0.001, help="k-point spacing, 2 pi/Angstrom."),
    image: float = typer.Option(10.0, "--image", min=0, help="Least distance of core holes to their images, Angstrom."),
    sigma: float = typer.Option(0.5, "--sigma", min=0.01, help="OptaDOS's fixed broadening, a standard deviation, eV."),
    force: bool = typer.Option(False, "--force", help="Overwrite files that are there with other content."),
) -> None:
    """Write CASTEP and OptaDOS inputs: each structure's ground state, each site's core hole.

    Core holes are in supercells. The folder gets runs.csv, run.sh, slurm.sh (a job array, one task a run) and a
    folder a run. Files that you edited are kept, unless --force.

    \b
    Example:
      sikpdos make-castep structures/sites.csv -o runs/
      cd runs && sbatch slurm.sh && cd .. && sikpdos parse-odo runs/ -o raw/
    """
    from sikpdos.castep.inputs import Settings, build
    from sikpdos.castep.write import write_inputs
    from sikpdos.structures.sites import read_sites

    folder = templates or resources.CASTEP_TEMPLATES
    charge = 1 if electron is options.Electron.removed else 0
    settings = Settings(
        min_image_A=image,
        k_spacing=k_spacing,
        cutoff_eV=cutoff,
        sigma_eV=sigma,
        charge=charge,
        syntax=syntax.value,
        potential=potential,
    )
    written = write_inputs(build(read_sites(sites), sites, settings, folder, CONSOLE.say), output, folder, force)
    CONSOLE.say(f"{written.n_runs} runs in {output}: {written.n_new} files written")
    for path in written.kept:
        CONSOLE.say(f"kept, it differs (--force replaces it): {path}")
