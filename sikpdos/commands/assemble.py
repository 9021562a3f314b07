"""`sikpdos assemble`."""

from __future__ import annotations

from typing import Annotated

import typer

from sikpdos.commands import options
from sikpdos.commands.console import Console
from sikpdos.common import resources

CONSOLE = Console("assemble")


def assemble(
    output: Annotated[str, options.output("Dataset to write (NPZ), or - for stdout.")],
    files: Annotated[
        list[str] | None, typer.Argument(help="Raw site files or folders, a database, or curves from broaden; -.")
    ] = None,
    embedded: Annotated[bool, typer.Option("--embedded", help="Take the database that comes with the suite.")] = False,
    external: Annotated[
        bool, typer.Option("--external", help="Take the external test set that comes with the suite.")
    ] = False,
    sigma: options.Broadening = None,
    lorentz: options.Lorentz = None,
    onset_rule: options.OnsetRule = None,
    sites: Annotated[
        str | None, typer.Option("--sites", help="sites.csv: takes each structure's family from it.")
    ] = None,
    classes: Annotated[
        str | None,
        typer.Option(
            "--classes",
            metavar="NAME,...",
            show_default="all",
            help="Sites of these material classes alone: elemental, oxide, silicide...; compounds: all but elemental.",
        ),
    ] = None,
    mixed_settings: Annotated[
        bool,
        typer.Option("--mixed-settings", help="Raw sites may be calculated with different settings."),
    ] = False,
    database: Annotated[
        str | None, typer.Option("--database", help="Write the unbroadened histograms of all sites here, too (NPZ).")
    ] = None,
) -> None:
    """Put sites together to a dataset: normalised spectra, PDOS, families, checks.

    Raw sites are broadened first; curves from broaden are taken as they are. A summary goes to stderr.

    \b
    Example: sikpdos assemble raw/ --sites structures/sites.csv --sigma 0.5 -o dataset.npz
    Example: sikpdos assemble --embedded --sigma 1.2 -o dataset.npz
    """
    if bool(files) + embedded + external != 1:
        raise typer.BadParameter("give files, --embedded or --external, one of them")
    asked = {"sigma_eV": sigma, "lorentz_fwhm_eV": lorentz, "onset_rule": options.onset_rule(onset_rule)}
    options.check_output(output, options.NPZ)
    options.check_output(database, options.NPZ, "--database")

    from sikpdos.common.errors import SikpdosError
    from sikpdos.dataset import assembly, dataset
    from sikpdos.dataset import database as db
    from sikpdos.dataset.sources import assemble_sources

    broadening = {key: value for key, value in asked.items() if value is not None}
    paths = files or [str(resources.DATABASE if embedded else resources.EXTERNAL)]
    wanted = tuple(dict.fromkeys(name.strip() for name in (classes or "").split(",") if name.strip()))
    assembled, sources = assemble_sources(paths, sites, broadening, wanted, mixed_settings)
    if database and sources is None:
        raise SikpdosError("--database needs raw sites; curves are broadened already")
    dataset.write_dataset(output, assembled)
    if database and sources is not None:
        db.write_database(database, sources)
    CONSOLE.lines(assembly.summary(assembled))
