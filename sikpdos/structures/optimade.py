"""Structures from any OPTIMADE provider (www.optimade.org, 10.1038/s41597-021-00974-z)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

from sikpdos.common.errors import SikpdosError
from sikpdos.common.ids import check_id
from sikpdos.structures.entry import Entry, Fetched
from sikpdos.structures.formats.documents import crystal_of_optimade
from sikpdos.structures.reading import usable
from sikpdos.structures.web import Kept, PatientSession, host_of, json_of, plain

FIELDS = (
    "lattice_vectors,cartesian_site_positions,species,species_at_sites,nperiodic_dimensions,dimension_types,"
    "structure_features"
)
_VERSION = re.compile(r"/v\d+(?:\.\d+)*$")
LICENCES = {"mp": "CC BY 4.0", "alexandria": "CC BY 4.0", "oqmd": "CC BY 4.0", "cod": "CC0"}


def base_url(provider: str) -> str:
    """Address of a provider's OPTIMADE API with its version, by pymatgen's list of names, or from its address.

    Raises SikpdosError for an unknown name.
    """
    from pymatgen.ext.optimade import OptimadeRester

    if provider.startswith(("http://", "https://")):
        address = provider.rstrip("/").removesuffix("/structures")
    elif provider in OptimadeRester.aliases:
        address = OptimadeRester.aliases[provider].rstrip("/")
    else:
        raise SikpdosError(f"{provider}: no OPTIMADE provider; known: {', '.join(sorted(OptimadeRester.aliases))}")
    return address if _VERSION.search(address) else f"{address}/v1"


def fetch(provider: str, elements: Sequence[str], ids: Sequence[str], session: PatientSession, kept: Kept) -> Fetched:
    """Structures with exactly these elements, or with these ids, from one provider.

    A page that fails ends the search; what came before it is returned with the failure.
    """
    fetched = Fetched()
    url: str | None = f"{base_url(provider)}/structures?" + urlencode(
        {"filter": _filter(elements, ids), "response_fields": FIELDS}
    )
    asked: set[str] = set()
    while url:
        asked.add(url)
        try:
            page = kept.get(url, partial(_page, session, url))
            following = _next_url(page, url)
            _check_progress(url, following, page["data"], asked, session.limits.pages)
        except SikpdosError as error:
            fetched.failures.append(f"{provider}, page {len(asked)}: {error}")
            break
        for item in page["data"]:
            _add(fetched, item, provider)
        url = following
    return fetched


def _check_progress(url: str, following: str | None, items: list, asked: set[str], most: int) -> None:
    """Raise SikpdosError where the pages would never end."""
    if following in asked:
        raise SikpdosError(f"{host_of(url)}: its pages go round in circles")
    if following and not items:
        raise SikpdosError(f"{host_of(url)}: an empty page with a next one")
    if following and len(asked) >= most:
        raise SikpdosError(f"{host_of(url)}: more than {most} pages; ask for less")


def _filter(elements: Sequence[str], ids: Sequence[str]) -> str:
    if ids:
        return " OR ".join(f'id="{check_id(i)}"' for i in ids)
    return "elements HAS ALL {} AND nelements={}".format(", ".join(f'"{e}"' for e in elements), len(elements))


def _page(session: PatientSession, url: str) -> dict:
    data = json_of(session.get(url))
    if not isinstance(data, dict) or not isinstance(data.get("data"), list):
        raise SikpdosError(f"{host_of(url)}: JSON without a list of data: no OPTIMADE answer")
    links = data.get("links")
    return {"data": data["data"], "links": links if isinstance(links, dict) else {}}


def _next_url(page: dict, url: str) -> str | None:
    """Address of the next page; only the same host is followed, and never from https to http."""
    link = page["links"].get("next")
    link = link.get("href") if isinstance(link, dict) else link
    if not link:
        return None
    try:
        here, there = urlsplit(url), urlsplit(urljoin(url, str(link)))
    except ValueError:
        raise SikpdosError(f"{host_of(url)}: next page at no address ({plain(link, 60)})") from None
    if there.hostname != here.hostname or there.scheme not in ("http", "https"):
        raise SikpdosError(f"{host_of(url)}: next page on another host ({plain(there.netloc, 60)}): not followed")
    return there._replace(scheme=here.scheme, netloc=here.netloc).geturl()


def _add(fetched: Fetched, item: Any, provider: str) -> None:
    name = urlsplit(provider).hostname or provider
    given = item.get("id") if isinstance(item, dict) else None
    try:
        item_id = check_id(given)
    except SikpdosError as error:
        fetched.failures.append(f"{name}: {error}")
        return
    try:
        structure = usable(crystal_of_optimade(item.get("attributes")))
    except SikpdosError as error:
        fetched.left_out.append(f"{item_id}: {error}")
        return
    family = name.partition(".")[0]
    structure_id = item_id if item_id.startswith(f"{name}-") else f"{name}-{item_id}"
    fetched.entries.append(
        Entry(structure_id, structure, source=f"OPTIMADE {name} {item_id}", licence=LICENCES.get(family, ""))
    )
