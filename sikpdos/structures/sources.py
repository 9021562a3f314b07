"""All sources of structures behind one function."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sikpdos.common.errors import SikpdosError
from sikpdos.structures import catalogue, cod, compounds, materials_project, optimade, reading
from sikpdos.structures.entry import Entry, Fetched
from sikpdos.structures.web import Kept, Limits, PatientSession

NAMES = ("catalogue", "compounds", "mp", "optimade", "cod")
KEPT_FOLDER = "fetched"  # answers of databases, inside the output folder


@dataclass(frozen=True)
class Query:
    """What to ask the databases for, and how."""

    elements: tuple[str, ...] = ()  # by default silicon alone, of the compounds all
    ids: tuple[str, ...] = ()  # these entries instead of all with the elements
    providers: tuple[str, ...] = ("mp",)  # of OPTIMADE: names or addresses
    cod_url: str = cod.URL
    limits: Limits = field(default_factory=Limits)


def fetch(sources: Sequence[str], query: Query, folder: Path | None = None) -> Fetched:
    """Structures of the sources (one of NAMES, or a file), asked one after the other.

    Answers of databases are kept in `folder`, and not asked for again. A source that fails is reported in
    the result; what the others gave is kept.
    """
    fetched = Fetched()
    kept = Kept(folder / KEPT_FOLDER if folder else None)
    for source in sources:
        try:
            _fetch_one(fetched, source, query, kept)
        except SikpdosError as error:
            fetched.failures.append(str(error))
    return fetched


def _fetch_one(fetched: Fetched, source: str, query: Query, kept: Kept) -> None:
    session, elements = PatientSession(query.limits), query.elements or ("Si",)
    if source == "catalogue":
        fetched.add(_chosen(catalogue.entries(), query.ids, "catalogue"))
    elif source == "compounds":
        of = frozenset(query.elements) or None
        fetched.add(_chosen(compounds.entries(of), query.ids, f"compounds{' of these elements' if of else ''}"))
    elif source == "mp":
        fetched.add(materials_project.fetch(elements, query.ids, session, kept))
    elif source == "cod":
        fetched.add(cod.fetch(elements, query.ids, session, kept, query.cod_url))
    elif source == "optimade":
        for provider in query.providers:
            fetched.add(optimade.fetch(provider, elements, query.ids, session, kept))
    else:
        fetched.add(reading.read_file(source))


def _chosen(entries: Sequence[Entry], ids: Sequence[str], catalogue_name: str) -> Fetched:
    """The entries of these ids, all if there are none."""
    if not entries:
        return Fetched(failures=[f"none in the {catalogue_name}"])
    unknown = sorted(set(ids) - {entry.structure_id for entry in entries})
    wanted = [entry for entry in entries if not ids or entry.structure_id in ids]
    return Fetched(wanted, failures=[f"{name}: not in the {catalogue_name}" for name in unknown])
