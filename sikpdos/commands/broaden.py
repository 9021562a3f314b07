"""sikpdos broaden"""

from __future__ import annotations

import typer


def broaden(
    files: list[str] = typer.Argument(
        ..., help="Raw site files (NPZ), a database, or one CSV (energy_eV; edge, s, p); -."
    ),
    sigma: float = typer.Option(0.5, "--sigma", min=0.01, max=10, help="Gaussian standard deviation in eV."),
    lorentz: float = typer.Option(0.0, "--lorentz", min=0, max=10, help="Lorentzian FWHM in eV, for the edge."),
    input_sigma: float = typer.Option(0.0, "--input-sigma", min=0, help="Broadening that a CSV's curves have already."),
    onset_rule: str = typer.Option(
        None, "--onset-rule", help="Where 0 of the edge lies: P% (of the maximum), slope, area."
    ),
    output: str = typer.Option("-", "-o", "--output", help="NPZ or CSV file; - is CSV on stdout."),
) -> None:
    """Broaden raw sites to the two grids: edge on -1 to 19 eV, PDOS on -15 to 15 eV.

    Areas are kept: nothing is normalised. A CSV with an edge column gives the edge, one with s and p the PDOS.

    \b
    Example: sikpdos broaden raw/*.npz --sigma 0.5 -o curves.npz
    Example: sikpdos parse-odo si.pdos.dat | sikpdos broaden - --sigma 1.2 --input-sigma 0.5
    """
    from sikpdos.common import tables
    from sikpdos.dataset import curve_table, curves, curves_file, sources
    from sikpdos.spectra import processing

    rule = onset_rule or processing.ONSET_RULE
    source = sources.read_sources(files)
    if isinstance(source, curve_table.CurveTable):
        tables.write_csv(output, curve_table.broaden_table(source, sigma, lorentz, input_sigma, rule))
    else:
        curves_file.write_curves(output, curves.broaden_sites(source, sigma, lorentz, rule))
