"""Structures from the Crystallography Open Database (wiki.crystallography.net/RESTful_API)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from sikpdos.common.errors import SikpdosError
from sikpdos.common.ids import check_id
from sikpdos.structures.entry import Entry, Fetched
from sikpdos.structures.formats import cif
from sikpdos.structures.reading import usable
from sikpdos.structures.web import Kept, PatientSession, host_of, json_of, plain

URL = "https://www.crystallography.net/cod"


def fetch(elements: Sequence[str], ids: Sequence[str], session: PatientSession, kept: Kept, url: str = URL) -> Fetched:
    """Structures with exactly these elements, or with these COD numbers; `url` may be a mirror.

    A file that fails is reported; the others are returned.
    """
    fetched = Fetched()
    wanted = {"id": ",".join(check_id(i) for i in ids)} if ids else _composition(elements)
    question = f"{url.rstrip('/')}/result?{urlencode({**wanted, 'format': 'json'})}"
    try:
        records = kept.get(question, lambda: _records(session, question))
    except SikpdosError as error:
        fetched.failures.append(f"COD: {error}")
        return fetched
    for record in records:
        _add(fetched, record, session, kept, url.rstrip("/"))
    return fetched


def _composition(elements: Sequence[str]) -> dict[str, object]:
    return {**{f"el{i}": e for i, e in enumerate(elements, 1)}, "strictmin": len(elements), "strictmax": len(elements)}


def _records(session: PatientSession, question: str) -> list:
    data = json_of(session.get(question))
    if not isinstance(data, list):
        raise SikpdosError(f"{host_of(question)}: JSON without a list of entries")
    return data


def _add(fetched: Fetched, record: Any, session: PatientSession, kept: Kept, url: str) -> None:
    try:
        number = check_id(str(record.get("file")) if isinstance(record, dict) else None)
        address = f"{url}/{number}.cif"
        text = str(kept.get(address, lambda: session.get(address).content.decode("utf-8", "replace")))
    except SikpdosError as error:
        fetched.failures.append(f"COD: {error}")
        return
    try:
        crystal = cif.crystal_of(cif.atom_blocks(text)[0])
        structure = usable(crystal)
    except SikpdosError as error:
        fetched.left_out.append(f"cod-{number}: {error}")
        return
    fetched.notes += [f"cod-{number}: {note}" for note in crystal.notes]
    fetched.entries.append(
        Entry(
            structure_id=f"cod-{number}",
            structure=structure,
            source=f"COD {number}",
            status="experimental",
            name=plain(record.get("title") or ""),
            numbers="publication",
            literature=" ".join(plain(record[key]) for key in ("authors", "journal", "year") if record.get(key)),
            doi=plain(record.get("doi") or ""),
            doi_basis="COD" if record.get("doi") else "",
            licence="CC0",
        )
    )
