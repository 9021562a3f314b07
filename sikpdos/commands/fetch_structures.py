"""sikpdos fetch-structures"""

from __future__ import annotations

from pathlib import Path

import typer


def fetch_structures(
    out: Path = typer.Option(None, "--out", "-o", help="Folder for the CIF files, sites.csv and structures.csv."),
    list_catalogue: bool = typer.Option(False, "--list", help="Print the catalogue as a table and stop."),
    summary: bool = typer.Option(False, "--summary", help="Print the number of sites of each structure."),
    symprec_A: float = typer.Option(0.01, "--symprec", min=1e-5, max=0.5, help="Symmetry tolerance in angstrom."),
) -> None:
    """Collect silicon crystals: primitive cells, inequivalent sites, families.

    \b
    sikpdos fetch-structures --out structures/
    """
    from sikpdos.progress import progress
    from sikpdos.structures import catalogue
    from sikpdos.structures.collection import analyse_entries, collect, write_collection

    entries = catalogue.entries()
    pairs, _ = analyse_entries(entries, symprec_A)
    with progress("families", len(pairs)) as report:
        crystals = collect(pairs, report=report)
    out.mkdir(parents=True, exist_ok=True)
    write_collection(out, crystals)
