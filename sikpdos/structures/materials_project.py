"""Structures from the Materials Project (10.1063/1.4812323) through pymatgen's own client, with the user's key."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from sikpdos.common.errors import SikpdosError
from sikpdos.common.ids import check_id
from sikpdos.structures.entry import Entry, Fetched
from sikpdos.structures.formats.documents import crystal_of_pymatgen
from sikpdos.structures.reading import usable
from sikpdos.structures.web import Kept, PatientSession, plain

if TYPE_CHECKING:
    from pymatgen.ext.matproj import MPRester

KEY_VARIABLE = "MP_API_KEY"
CHUNK = 100  # structures asked for at a time
_STATUS: dict[object, str] = {True: "predicted", False: "experimental"}  # by `theoretical`


def fetch(elements: Sequence[str], ids: Sequence[str], session: PatientSession, kept: Kept) -> Fetched:
    """Entries with exactly these elements, or with these ids.

    The key is read from MP_API_KEY and goes nowhere but into the request header. Raises SikpdosError
    without a usable key; requests that fail are reported with what came before them.
    """
    client = _client(session)
    fetched = Fetched()
    try:
        wanted = [check_id(i) for i in ids] or _ids(client, elements)
        for start in range(0, len(wanted), CHUNK):
            chunk = ",".join(wanted[start : start + CHUNK])
            documents = kept.get(f"materials project {chunk}", partial(_documents, client, chunk))
            for document in documents:
                _add(fetched, document)
    except SikpdosError as error:
        fetched.failures.append(f"Materials Project: {error}")
    return fetched


def _client(session: PatientSession) -> MPRester:
    from pymatgen.ext.matproj import MPRester

    try:
        client = MPRester(os.environ.get(KEY_VARIABLE, "").strip())
    except ValueError:
        raise SikpdosError(
            f"{KEY_VARIABLE} is not set to a key of 32 characters (get one at https://materialsproject.org/dashboard)"
        ) from None
    session.headers.update(client.session.headers)
    session.secret = client.session.headers.get("x-api-key", "")
    client.session = session
    return client


def _ask(client: MPRester, fields: str, payload: dict[str, str]) -> list[dict]:
    from pymatgen.ext.matproj import MPRestError

    try:
        # Not decoded: pymatgen's decoder would import whatever class the answer names.
        answer = client.request(
            f"materials/summary/?_fields={fields}&_all_fields=False", payload=payload, mp_decode=False
        )
    except MPRestError as error:
        if isinstance(error.__context__, SikpdosError):
            raise error.__context__ from None
        if "Content:" in str(error):
            raise SikpdosError("sent HTML, half a page or an error instead of JSON") from None
        raise SikpdosError(f"sent an answer that is not understood: {plain(error, 100)}") from None
    if not all(isinstance(document, dict) and "material_id" in document for document in answer):
        raise SikpdosError("sent JSON without material ids")
    if client.session.secret in json.dumps(answer):
        raise SikpdosError("its answer repeats the key: not used")
    return answer


def _ids(client: MPRester, elements: Sequence[str]) -> list[str]:
    answer = _ask(client, "material_id", {"chemsys": "-".join(sorted(elements))})
    return sorted(check_id(item["material_id"]) for item in answer)


def _documents(client: MPRester, ids: str) -> list[dict]:
    return _ask(client, "material_id,structure,theoretical", {"material_ids": ids})


def _add(fetched: Fetched, document: dict) -> None:
    try:
        material_id = check_id(document.get("material_id"))
    except SikpdosError as error:
        fetched.failures.append(f"Materials Project: {error}")
        return
    try:
        structure = usable(crystal_of_pymatgen(document.get("structure")))
    except SikpdosError as error:
        fetched.left_out.append(f"{material_id}: {error}")
        return
    fetched.entries.append(
        Entry(
            structure_id=material_id,
            structure=structure,
            source=f"Materials Project {material_id}",
            status=_STATUS.get(document.get("theoretical"), ""),
            numbers="computed (PBE)",
            literature="Jain et al., APL Mater. 1, 011002 (2013)",
            doi="10.1063/1.4812323",
            doi_basis="memory",
            licence="CC BY 4.0",
        )
    )
