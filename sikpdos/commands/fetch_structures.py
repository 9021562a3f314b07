"""`sikpdos fetch-structures`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sikpdos.commands import options
from sikpdos.commands.console import Console
from sikpdos.common.errors import SikpdosError

if TYPE_CHECKING:
    from sikpdos.structures.collection import Crystal
    from sikpdos.structures.entry import Fetched

CONSOLE = Console("fetch-structures")


def _elements(text: str) -> tuple[str, ...]:
    from pymatgen.core import Element

    elements = tuple(text.split("-"))
    if not all(Element.is_valid_symbol(e) for e in elements) or "Si" not in elements:
        raise typer.BadParameter(
            f"'{text}' is not a list of elements with silicon, such as Si-O", param_hint="--elements"
        )
    return elements


def fetch_structures(
    files: list[str] | None = typer.Argument(
        None, help="Structure files: CIF, POSCAR, extended XYZ, CASTEP, JSON, outputs."
    ),
    source: list[str] | None = typer.Option(
        None,
        "--source",
        show_default="catalogue",
        help="catalogue, compounds (both offline), mp, optimade, cod, or a file; repeatable.",
    ),
    output: Annotated[Path | None, options.output("Folder for the CIF files, sites.csv and structures.csv.")] = None,
    elements: str | None = typer.Option(
        None,
        "--elements",
        show_default="Si; of compounds all",
        help="Databases and compounds: all crystals of exactly these elements, such as Si-O.",
    ),
    ids: list[str] | None = typer.Option(None, "--id", help="Only the entry of this id, such as mp-149; repeatable."),
    providers: list[str] = typer.Option(
        ["mp"], "--provider", help="OPTIMADE provider (mp, cod, alexandria, oqmd...) or its address; repeatable."
    ),
    cod_url: str = typer.Option("https://www.crystallography.net/cod", "--cod-url", help="The COD, or a mirror of it."),
    retries: int = typer.Option(4, "--retries", min=0, max=20, help="Further attempts at each request."),
    timeout: float = typer.Option(30.0, "--timeout", min=0.1, help="Seconds to wait for an answer."),
    time_limit: float = typer.Option(3600.0, "--time-limit", min=0.1, help="Seconds for all requests to a database."),
    symprec: float = typer.Option(0.01, "--symprec", min=1e-5, max=0.5, help="Symmetry tolerance, Angstrom."),
    list_catalogue: bool = typer.Option(
        False, "--list", help="Print the catalogue (or compounds) as a table and stop."
    ),
    summary: bool = typer.Option(False, "--summary", help="Print the number of sites of each structure."),
) -> None:
    """Collect silicon crystals: primitive cells, inequivalent sites, families.

    Writes one CIF a structure, sites.csv (in the order in which to compute them) and structures.csv
    (where each comes from). Equal structures are merged. The Materials Project needs your key in the
    environment variable MP_API_KEY. Answers of databases are kept in the folder fetched of the output; the same command
    again goes on from there.

    \b
    Examples:
      sikpdos fetch-structures -o structures/
      sikpdos fetch-structures --source compounds --elements Si-O -o oxides/
      sikpdos fetch-structures --source optimade --provider alexandria -o alexandria/
      sikpdos fetch-structures my/*.cif run/CONTCAR -o mine/ --summary
    """
    from sikpdos.commands.table import print_table
    from sikpdos.structures import sources
    from sikpdos.structures.web import Limits

    chosen = () if elements is None else _elements(elements)
    if list_catalogue:
        print_table(_listed(source or ["catalogue"], chosen))
        return
    if output is None and not summary:
        raise typer.BadParameter("a folder is needed", param_hint="--output")
    limits = Limits(retries, timeout, total_s=time_limit)
    query = sources.Query(chosen, tuple(ids or ()), tuple(providers), cod_url, limits)
    wanted = [*(source or []), *(files or [])] or ["catalogue"]
    fetched = sources.fetch(wanted, query, output)
    crystals = _collect(fetched, symprec)
    if output is not None:
        _write(output, crystals)
    if summary:
        print_table(_summary(crystals))
    if fetched.failures:
        raise SikpdosError(f"{len(fetched.failures)} failed, {len(crystals)} structures kept; {fetched.failures[0]}")


def _listed(sources: list[str], elements: tuple[str, ...]) -> dict[str, list]:
    """The table of the one catalogue that was asked for."""
    from sikpdos.structures import catalogue, compounds

    if sources == ["compounds"]:
        return compounds.table(frozenset(elements) or None)
    if sources == ["catalogue"]:
        return catalogue.table()
    raise typer.BadParameter("catalogue or compounds can be listed, one at a time", param_hint="--source")


def _collect(fetched: Fetched, symprec_A: float) -> list[Crystal]:
    """Crystals of what was fetched; says what is left out. Raises SikpdosError if nothing is left."""
    from sikpdos.structures import catalogue
    from sikpdos.structures.collection import analyse_entries, collect

    pairs, refused = analyse_entries(fetched.entries, symprec_A)
    fetched.failures += refused
    reasons = [*fetched.failures, *fetched.left_out]
    if not pairs:
        first = reasons[0] if reasons else "the sources hold none"
        raise SikpdosError(first if len(reasons) == 1 else f"no structures, {len(reasons)} left out: {first}")
    for note in fetched.notes:
        CONSOLE.say(note)
    for reason in reasons:
        CONSOLE.say(f"left out: {reason}")
    with CONSOLE.progress("families", 2 * sum(not entry.group for entry, _ in pairs)) as report:
        return collect(pairs, catalogue.known(), report)


def _write(folder: Path, crystals: list[Crystal]) -> None:
    from sikpdos.structures.collection import write_collection

    folder.mkdir(parents=True, exist_ok=True)
    sites = write_collection(folder, crystals)
    families = len({crystal.group for crystal in crystals})
    CONSOLE.say(f"{folder}: {len(crystals)} structures of {families} families, {len(sites)} sites")


def _summary(crystals: list[Crystal]) -> dict[str, list]:
    return {
        "structure_id": [c.entry.structure_id for c in crystals],
        "space_group": [c.cell.space_group for c in crystals],
        "n_atoms": [len(c.cell.structure) for c in crystals],
        "n_sites": [len(c.cell.orbits) for c in crystals],
        "group": [c.group for c in crystals],
    }
