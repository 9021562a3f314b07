"""The suite's own catalogue of silicon in compounds, as crystallographic facts (compounds.toml)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from sikpdos.common import resources
from sikpdos.structures.catalogue import full_cell
from sikpdos.structures.entry import Entry
from sikpdos.structures.material_class import material_class


@dataclass(frozen=True)
class Compound:
    """One entry of compounds.toml, whose header says what the fields mean."""

    id: str
    name: str
    status: str
    space_group: str
    hall: int
    lattice: tuple[float, ...]  # a, b, c in angstrom, alpha, beta, gamma in degrees
    sites: tuple[tuple, ...]  # (element, Wyckoff position, x, y, z)
    numbers: str
    numbers_source: str
    family: str = ""  # its own id if empty
    literature: str = ""
    doi: str = ""
    spectrum: str = ""
    split: str = ""
    doubtful: str = ""
    note: str = ""

    @property
    def elements(self) -> frozenset[str]:
        return frozenset(element for element, *_ in self.sites)


@cache
def compounds() -> tuple[Compound, ...]:
    """The catalogue's entries in the order of the file."""
    return tuple(Compound(**item) for item in resources.entries(resources.COMPOUNDS, "compound"))


def entries(elements: frozenset[str] | None = None) -> list[Entry]:
    """Every compound of exactly these elements (all if None) as an Entry."""
    return [_entry(item) for item in compounds() if elements is None or item.elements == elements]


def _entry(item: Compound) -> Entry:
    doubt = f"doubtful: {item.doubtful}" if item.doubtful else ""
    spectrum = f"Si K-edge measured: {item.spectrum}" if item.spectrum else ""
    return Entry(
        structure_id=item.id,
        structure=full_cell(item.hall, item.lattice, [(element, *xyz) for element, _, *xyz in item.sites]),
        source="compounds",
        status=item.status,
        name=item.name,
        numbers=f"{item.numbers}: {item.numbers_source}",
        literature=item.literature,
        doi=item.doi,
        doi_basis="as the source gives it" if item.doi else "",
        licence="CC BY 4.0" if item.numbers == "computed" else "facts",
        note="; ".join(filter(None, (doubt, item.note, spectrum))),
        group=item.family or item.id,
        split=item.split,
    )


def table(elements: frozenset[str] | None = None) -> dict[str, list]:
    """Columns that describe the catalogue, one row a compound."""
    rows = [item for item in compounds() if elements is None or item.elements == elements]
    keys = ("id", "name", "status", "space_group")
    more = ("numbers", "numbers_source", "spectrum", "split", "doubtful", "literature", "doi", "note")
    return {
        **{key: [getattr(item, key) for item in rows] for key in keys},
        "class": [material_class(item.elements) for item in rows],
        "sites": [sum(element == "Si" for element, *_ in item.sites) for item in rows],
        **{key: [getattr(item, key) for item in rows] for key in more},
    }
