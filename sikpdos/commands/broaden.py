"""`sikpdos broaden`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from sikpdos.commands import options

if TYPE_CHECKING:
    from sikpdos.spectra.lifetime import Lifetime

SIGMA_EV = 0.5
LEAST_WIDTH_EV = 0.1  # of a Lorentzian that grows, at the Fermi level: two bins of an edge


def broaden(
    files: Annotated[
        list[str], typer.Argument(help="Raw site files (NPZ), a database, or one CSV (energy_eV; edge, s, p); -.")
    ],
    output: Annotated[str, options.output("NPZ or CSV file; - is CSV on stdout.")] = "-",
    sigma: options.Broadening = None,
    lorentz: options.Lorentz = None,
    lifetime: options.LifetimeGrowth = None,
    input_sigma: Annotated[
        float,
        typer.Option("--input-sigma", min=0, max=10, help="Gaussian sigma that a CSV's curves have already, eV."),
    ] = 0.0,
    onset_rule: options.OnsetRule = None,
) -> None:
    """Broaden raw sites to the two grids: edge on -1 to 19 eV, PDOS on -15 to 15 eV.

    Areas are kept: nothing is normalised. A CSV with an edge column gives the edge, one with s and p the PDOS.
    --lifetime is for laying computed edges over measured ones; a CSV's energies count from the Fermi level then.

    \b
    Example: sikpdos broaden raw/*.npz --sigma 0.5 -o curves.npz
    Example: sikpdos broaden edge.csv --sigma 0.3 --lifetime 15,30,30 > as_measured.csv
    Example: sikpdos parse-odo si.pdos.dat | sikpdos broaden - --sigma 1.2 --input-sigma 0.5
    """
    rule, growth = options.onset_rule(onset_rule), options.lifetime_growth(lifetime)
    if growth and lorentz is not None and lorentz < LEAST_WIDTH_EV:
        raise typer.BadParameter(f"with --lifetime at least {LEAST_WIDTH_EV:g} eV", param_hint="--lorentz")
    options.check_output(output, options.NPZ + options.CSV)

    from sikpdos.common import tables
    from sikpdos.dataset import curve_table, curves, curves_file, sources
    from sikpdos.spectra import processing

    sigma_eV, rule = SIGMA_EV if sigma is None else sigma, rule or processing.ONSET_RULE
    of_energy = None if growth is None else _lifetime(growth, lorentz)
    constant_eV = 0.0 if growth or lorentz is None else lorentz
    source = sources.read_sources(files)
    if isinstance(source, curve_table.CurveTable):
        table = curve_table.broaden_table(source, sigma_eV, constant_eV, input_sigma, rule, of_energy)
        tables.write_csv(output, table)
    else:
        broadened = curves.broaden_sites(source, sigma_eV, constant_eV, rule, of_energy)
        curves_file.write_curves(output, broadened)


def _lifetime(growth: tuple[float, float, float], core_hole_eV: float | None) -> Lifetime:
    from sikpdos.spectra.lifetime import SI_1S_FWHM_EV, Lifetime

    maximum_eV, centre_eV, spread_eV = growth
    return Lifetime(maximum_eV, centre_eV, spread_eV, SI_1S_FWHM_EV if core_hole_eV is None else core_hole_eV)
