"""One crystal with where it came from: what every source of structures gives."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pymatgen.core import Structure

STATUSES = ("experimental", "predicted", "hypothetical", "augmented", "")


@dataclass(frozen=True)
class Entry:
    """A crystal and its provenance."""

    structure_id: str  # a safe file name
    structure: Structure  # ordered, all sites written out
    source: str  # in words: catalogue, Materials Project, a file name
    status: str = ""  # experimental, predicted, hypothetical, augmented; empty if unknown
    name: str = ""
    numbers: str = ""  # how the numbers are known
    literature: str = ""
    doi: str = ""
    doi_basis: str = ""  # how far the DOI can be trusted
    licence: str = ""
    note: str = ""
    group: str = ""  # family, where known beforehand (augmented structures keep their parent's)
    split: str = ""  # external: no model is trained on it
    material_class: str = ""  # one of material_class.CLASSES; by the elements if empty


@dataclass
class Fetched:
    """What a source gave: crystals, those that are of no use here, and what went wrong."""

    entries: list[Entry] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)  # "id: reason"
    failures: list[str] = field(default_factory=list)  # "what: cause"
    notes: list[str] = field(default_factory=list)  # "what: what was put right"

    def add(self, other: Fetched) -> None:
        self.entries += other.entries
        self.left_out += other.left_out
        self.failures += other.failures
        self.notes += other.notes
