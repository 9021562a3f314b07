"""sikpdos assemble"""

from __future__ import annotations

import sys

import typer

from sikpdos.common import resources


def assemble(
    files: list[str] = typer.Argument(None, help="Raw site files or folders, a database, or curves from broaden; -."),
    output: str = typer.Option(..., "-o", "--output", help="Dataset to write (NPZ), or - for stdout."),
    embedded: bool = typer.Option(False, "--embedded", help="Take the database that comes with the suite."),
    external: bool = typer.Option(False, "--external", help="Take the external test set that comes with the suite."),
    sigma: float = typer.Option(
        None, "--sigma", min=0.01, max=10, help="Gaussian standard deviation in eV [default: 0.5]."
    ),
    lorentz: float = typer.Option(None, "--lorentz", min=0, max=10, help="Lorentzian FWHM in eV, for the edge."),
    onset_rule: str = typer.Option(
        None, "--onset-rule", help="Where 0 of the edge lies: P% (of the maximum), slope, area."
    ),
    sites: str = typer.Option(None, "--sites", help="sites.csv: takes each structure's family from it."),
    database: str = typer.Option(
        None, "--database", help="Write the unbroadened histograms of all sites here, too (NPZ)."
    ),
) -> None:
    """Put sites together to a dataset: normalised spectra, PDOS, families, checks.

    Raw sites are broadened first; curves from broaden are taken as they are. A summary goes to stderr.

    \b
    Example: sikpdos assemble raw/ --sites structures/sites.csv --sigma 0.5 -o dataset.npz
    Example: sikpdos assemble --embedded --sigma 1.2 -o dataset.npz
    """
    if bool(files) + embedded + external != 1:
        raise typer.BadParameter("give files, --embedded or --external, one of them")

    from sikpdos.common.errors import SikpdosError
    from sikpdos.dataset import assembly, dataset
    from sikpdos.dataset import database as db
    from sikpdos.dataset.sources import assemble_sources

    asked = {"sigma_eV": sigma, "lorentz_fwhm_eV": lorentz, "onset_rule": onset_rule}
    broadening = {key: value for key, value in asked.items() if value is not None}
    paths = files or [str(resources.DATABASE if embedded else resources.EXTERNAL)]
    assembled, sources = assemble_sources(paths, sites, broadening)
    if database and sources is None:
        raise SikpdosError("--database needs raw sites; curves are broadened already")
    dataset.write_dataset(output, assembled)
    if database:
        db.write_database(database, sources)
    print(assembly.summary(assembled), file=sys.stderr)
