"""Structures from any OPTIMADE provider (www.optimade.org, 10.1038/s41597-021-00974-z)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urljoin, urlsplit

from sikpdos.common.errors import SikpdosError
from sikpdos.structures.entry import Entry, Fetched, check_id
from sikpdos.structures.reading import parsed, usable
from sikpdos.structures.web import Kept, PatientSession, json_of

if TYPE_CHECKING:
    from pymatgen.core import Structure

FIELDS = "lattice_vectors,cartesian_site_positions,species,species_at_sites"
LICENCES = {"mp": "CC BY 4.0", "alexandria": "CC BY 4.0", "oqmd": "CC BY 4.0", "cod": "CC0"}


def base_url(provider: str) -> str:
    """Address of a provider's OPTIMADE API, by pymatgen's list of names, or the address itself.

    Raises SikpdosError for an unknown name.
    """
    from pymatgen.ext.optimade import OptimadeRester

    if urlsplit(provider).scheme in ("http", "https"):
        return provider.rstrip("/")
    if provider not in OptimadeRester.aliases:
        raise SikpdosError(f"{provider}: no OPTIMADE provider; known: {', '.join(sorted(OptimadeRester.aliases))}")
    return OptimadeRester.aliases[provider].rstrip("/")


def fetch(provider: str, elements: Sequence[str], ids: Sequence[str], session: PatientSession, kept: Kept) -> Fetched:
    """Structures with exactly these elements, or with these ids, from one provider.

    A page that fails ends the search; what came before it is returned with the failure.
    """
    fetched = Fetched()
    url = f"{base_url(provider)}/v1/structures?" + urlencode(
        {"filter": _filter(elements, ids), "response_fields": FIELDS}
    )
    asked: set[str] = set()
    while url:
        asked.add(url)
        try:
            page = kept.get(url, lambda url=url: _page(session, url))
            following = _next_url(page, url)
            if following in asked:
                raise SikpdosError(f"{urlsplit(url).netloc}: its pages go round in circles")
        except SikpdosError as error:
            fetched.failures.append(f"{provider}, page {len(asked)}: {error}")
            break
        for item in page["data"]:
            _add(fetched, item, provider)
        url = following
    return fetched


def _filter(elements: Sequence[str], ids: Sequence[str]) -> str:
    if ids:
        return " OR ".join(f'id="{check_id(i)}"' for i in ids)
    return "elements HAS ALL {} AND nelements={}".format(", ".join(f'"{e}"' for e in elements), len(elements))


def _page(session: PatientSession, url: str) -> dict:
    data = json_of(session.get(url))
    if not isinstance(data, dict) or not isinstance(data.get("data"), list):
        raise SikpdosError(f"{urlsplit(url).netloc}: JSON without a list of data: no OPTIMADE answer")
    links = data.get("links")
    return {"data": data["data"], "links": links if isinstance(links, dict) else {}}


def _next_url(page: dict, url: str) -> str | None:
    """Address of the next page; only the same host is followed, and never from https to http."""
    link = page["links"].get("next")
    link = link.get("href") if isinstance(link, dict) else link
    if not link:
        return None
    here, there = urlsplit(url), urlsplit(urljoin(url, str(link)))
    if there.hostname != here.hostname or there.scheme not in ("http", "https"):
        raise SikpdosError(f"{here.netloc}: next page on another host ({there.netloc}): not followed")
    return there._replace(scheme=here.scheme, netloc=here.netloc).geturl()


def _add(fetched: Fetched, item: object, provider: str) -> None:
    name = urlsplit(provider).hostname or provider
    given = item.get("id") if isinstance(item, dict) else None
    try:
        item_id = check_id(given)
    except SikpdosError as error:
        fetched.failures.append(f"{name}: {error}")
        return
    try:
        structure = usable(parsed(lambda: _structure(item["attributes"])))
    except SikpdosError as error:
        fetched.left_out.append(f"{item_id}: {error}")
        return
    family = name.partition(".")[0]
    structure_id = item_id if item_id.startswith(f"{name}-") else f"{name}-{item_id}"
    fetched.entries.append(
        Entry(structure_id, structure, source=f"OPTIMADE {name} {item_id}", licence=LICENCES.get(family, ""))
    )


def _structure(attributes: dict) -> Structure:
    """The structure of one OPTIMADE entry. Raises SikpdosError for vacancies and non-periodic lattices."""
    from pymatgen.core import Lattice, Structure

    if any(x is None for vector in attributes["lattice_vectors"] for x in vector or [None]):
        raise SikpdosError("not periodic in three dimensions")
    kinds = {kind["name"]: kind for kind in attributes.get("species") or []}
    occupants = [_occupants(kinds[name]) if name in kinds else name for name in attributes["species_at_sites"]]
    return Structure(
        Lattice(attributes["lattice_vectors"]),
        occupants,
        attributes["cartesian_site_positions"],
        coords_are_cartesian=True,
    )


def _occupants(kind: dict) -> dict[str, float]:
    symbols, shares = kind["chemical_symbols"], kind["concentration"]
    if {"vacancy", "X"} & set(symbols):
        raise SikpdosError(f"vacancies or unknown atoms ({kind['name']})")
    return dict(zip(symbols, shares, strict=True))
