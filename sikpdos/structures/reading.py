"""Structures from the user's files: CIF, POSCAR, extended XYZ, pymatgen JSON, told apart by their content."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sikpdos.common import files
from sikpdos.common.errors import SikpdosError
from sikpdos.structures import extxyz
from sikpdos.structures.entry import Entry, Fetched
from sikpdos.structures.inequivalent import ELEMENT

if TYPE_CHECKING:
    from pymatgen.core import Structure

CLOSEST_A = 0.6  # nearer atoms are a mistake in the file
_SUFFIX = re.compile(r"(\.(cif|vasp|poscar|json|xyz|extxyz))?(\.gz)?$", re.IGNORECASE)


def read_file(path: str) -> Fetched:
    """All structures of a file ("-": stdin); those that cannot be used are failures with the reason.

    Raises SikpdosError if the file cannot be read at all.
    """
    name = files.display_name(path)
    try:
        text = files.read_bytes(path).decode()
    except UnicodeDecodeError:
        raise SikpdosError(f"{name}: not a text file") from None
    try:
        makers = list(_structures(text))
    except SikpdosError as error:
        raise SikpdosError(f"{name}: {error}") from error
    fetched = Fetched()
    stem = re.sub(r"[^A-Za-z0-9._+-]+|\.\.+", "_", _SUFFIX.sub("", Path(name).name)).lstrip("._+-")[:80] or "structure"
    for number, make in enumerate(makers, 1):
        which = name if len(makers) == 1 else f"{name}, structure {number}"
        try:
            structure = usable(parsed(make))
        except SikpdosError as error:
            fetched.failures.append(f"{which}: {error}")
            continue
        structure_id = stem if len(makers) == 1 else f"{stem}-{number}"
        fetched.entries.append(Entry(structure_id, structure, source=Path(name).name))
    return fetched


def _structures(text: str) -> Iterator[Callable[[], Structure]]:
    """A function for each structure of the file that makes it (and fails on its own)."""
    head = text.lstrip()[:1]
    second_line = text.split("\n", 2)[1] if text.count("\n") > 1 else ""
    if not head:
        raise SikpdosError("empty file")
    if head in "{[":
        for item in _json_items(text):
            yield lambda item=item: _from_dict(item)
    elif re.match(r"\s*\d+\s*\n", text) and "=" in second_line:
        for lines in extxyz.frames(text):
            yield lambda lines=lines: extxyz.parse_frame(lines)
    elif re.search(r"(?m)^data_", text):
        blocks = [block for block in re.split(r"(?m)^(?=data_)", text) if "_atom_site_" in block]
        if not blocks:
            raise SikpdosError("CIF without atoms")
        for block in blocks:
            yield lambda block=block: from_cif(block)
    else:
        yield lambda: _from_poscar(text)


def parsed(make: Callable[[], Structure]) -> Structure:
    """What a parser of pymatgen gives, its warnings silenced, its exceptions turned into SikpdosError."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return make()
        except SikpdosError:
            raise
        except Exception as error:  # pymatgen's parsers raise many kinds on wrong input
            raise SikpdosError(f"cannot be read ({error or type(error).__name__})") from error


def from_cif(block: str) -> Structure:
    """The structure of one CIF data block, symmetry written out, occupancies as they are."""
    from pymatgen.io.cif import CifParser

    parser = CifParser.from_str(block)
    symbols = next(iter(parser.as_dict().values())).get("_atom_site_type_symbol", [])
    isotopes = [symbol for symbol in symbols if symbol[:1].isdigit()]
    if isotopes:
        raise SikpdosError(f"isotopes ({isotopes[0]})")
    return parser.parse_structures(primitive=False, on_error="raise")[0]


def _json_items(text: str) -> list:
    try:
        data = json.loads(text)
    except ValueError as error:
        raise SikpdosError(f"not JSON ({error})") from error
    return data if isinstance(data, list) else [data]


def _from_dict(item: object) -> Structure:
    from pymatgen.core import Structure

    if not isinstance(item, dict) or not {"lattice", "sites"} <= set(item):
        raise SikpdosError("JSON without lattice and sites: not a pymatgen Structure")
    return Structure.from_dict(item)


def _from_poscar(text: str) -> Structure:
    from pymatgen.io.vasp import Poscar

    try:
        poscar = Poscar.from_str(text)
    except Exception as error:
        raise SikpdosError("not CIF, POSCAR, extended XYZ or pymatgen JSON") from error
    if not poscar.true_names:
        raise SikpdosError("POSCAR without element names (VASP 4)")
    return poscar.structure


def usable(structure: Structure) -> Structure:
    """Lattice, elements and positions alone. Raises SikpdosError with the reason if the suite cannot use them."""
    import numpy as np
    from pymatgen.core import DummySpecies, Structure

    _refuse_disorder(structure)
    elements = [site.specie for site in structure]
    dummies = {str(element) for element in elements if isinstance(element, DummySpecies)}
    symbols = [getattr(element, "symbol", str(element)) for element in elements]
    if dummies:
        raise SikpdosError(f"{sorted(dummies)[0]} is no element")
    if {"D", "T"} & {getattr(element, "element", element).name for element in elements}:
        raise SikpdosError("isotopes (deuterium or tritium)")
    if ELEMENT not in symbols:
        raise SikpdosError(f"no silicon ({structure.composition.reduced_formula})")
    if not (np.isfinite(structure.lattice.matrix).all() and np.isfinite(structure.frac_coords).all()):
        raise SikpdosError("a lattice vector or position is not a finite number")
    if structure.volume < len(structure):
        raise SikpdosError(f"a volume of {structure.volume:.3g} A^3 for {len(structure)} atoms")
    clean = Structure(structure.lattice, symbols, structure.frac_coords)
    if len(clean) > 1 and not clean.is_valid(tol=CLOSEST_A):
        raise SikpdosError(f"two atoms closer than {CLOSEST_A} A")
    return clean


def _refuse_disorder(structure: Structure) -> None:
    for site in structure:
        if not site.is_ordered:
            partial = len(site.species) == 1
            raise SikpdosError(f"{'partial occupancy' if partial else 'disorder'} ({site.species_string})")
