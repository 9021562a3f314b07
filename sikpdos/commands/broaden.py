"""`sikpdos broaden`."""

from __future__ import annotations

from typing import Annotated

import typer

from sikpdos.commands import options

SIGMA_EV = 0.5


def broaden(
    files: Annotated[
        list[str], typer.Argument(help="Raw site files (NPZ), a database, or one CSV (energy_eV; edge, s, p); -.")
    ],
    output: Annotated[str, options.output("NPZ or CSV file; - is CSV on stdout.")] = "-",
    sigma: options.Broadening = None,
    lorentz: options.Lorentz = None,
    input_sigma: Annotated[
        float,
        typer.Option("--input-sigma", min=0, max=10, help="Gaussian sigma that a CSV's curves have already, eV."),
    ] = 0.0,
    onset_rule: options.OnsetRule = None,
) -> None:
    """Broaden raw sites to the two grids: edge on -1 to 19 eV, PDOS on -15 to 15 eV.

    Areas are kept: nothing is normalised. A CSV with an edge column gives the edge, one with s and p the PDOS.

    \b
    Example: sikpdos broaden raw/*.npz --sigma 0.5 -o curves.npz
    Example: sikpdos parse-odo si.pdos.dat | sikpdos broaden - --sigma 1.2 --input-sigma 0.5
    """
    rule = options.onset_rule(onset_rule)
    sigma_eV, lorentz_fwhm_eV = SIGMA_EV if sigma is None else sigma, lorentz or 0.0
    options.check_output(output, options.NPZ + options.CSV)

    from sikpdos.common import tables
    from sikpdos.dataset import curve_table, curves, curves_file, sources
    from sikpdos.spectra import processing

    rule = rule or processing.ONSET_RULE
    source = sources.read_sources(files)
    if isinstance(source, curve_table.CurveTable):
        tables.write_csv(output, curve_table.broaden_table(source, sigma_eV, lorentz_fwhm_eV, input_sigma, rule))
    else:
        curves_file.write_curves(output, curves.broaden_sites(source, sigma_eV, lorentz_fwhm_eV, rule))
