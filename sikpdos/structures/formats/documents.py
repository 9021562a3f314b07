"""Crystals in JSON: structures of pymatgen and ASE, documents and entries of the Materials Project, OPTIMADE."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from sikpdos.common.errors import SikpdosError
from sikpdos.structures import elements
from sikpdos.structures.formats.crystal import (
    Crystal,
    check_count,
    from_cartesian,
    from_fractional,
    lattice_of_parameters,
)

DEEPEST = 6  # levels of lists and documents around a structure
_AROUND = ("structure", "data", "structures", "entries", "final_structure")
_NOT_PLAIN = frozenset(("assemblies", "unknown_positions", "implicit_atoms", "site_attachments"))
_WHOLE = 1e-3  # occupancies this near to one are one


def parse(text: str) -> object:
    """Any JSON, or one document a line. Raises SikpdosError for what is none, or is nested too deeply."""
    try:
        return json.loads(text)
    except ValueError as error:
        if getattr(error, "msg", "") != "Extra data":
            raise SikpdosError(f"not JSON ({error})") from None
    except RecursionError:
        raise SikpdosError("JSON nested too deeply") from None
    try:
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    except (ValueError, RecursionError) as error:
        raise SikpdosError(f"not JSON, nor one document a line ({error})") from None


def structures_in(data: object, depth: int = 0) -> Iterator[dict]:
    """The innermost documents that hold one structure each. Raises SikpdosError where there are none."""
    if depth > DEEPEST:
        raise SikpdosError("JSON nested too deeply")
    if isinstance(data, list) and data:
        for item in data:
            yield from structures_in(item, depth + 1)
    elif isinstance(data, dict) and _is_structure(data):
        yield data
    elif isinstance(data, dict) and isinstance(data.get("attributes"), dict):
        yield data["attributes"]
    elif isinstance(data, dict) and isinstance(data.get("ids"), list):  # ase.db
        yield from structures_in([data.get(str(number)) for number in data["ids"]], depth + 1)
    elif isinstance(data, dict) and (inner := [data[key] for key in _AROUND if isinstance(data.get(key), dict | list)]):
        yield from structures_in(inner[0], depth + 1)
    else:
        raise SikpdosError("JSON without lattice and sites: not a structure of pymatgen, ASE or OPTIMADE")


def _is_structure(item: dict) -> bool:
    kinds = ({"lattice", "sites"}, {"lattice_vectors", "cartesian_site_positions"}, {"cell", "numbers", "positions"})
    return any(keys <= set(item) for keys in kinds)


def crystal_of(item: dict) -> Crystal:
    """The crystal of one document. Raises SikpdosError with the reason why not."""
    if "sites" in item:
        return _guarded(_of_pymatgen, item)
    return _guarded(_of_optimade if "lattice_vectors" in item else _of_ase, item)


def crystal_of_optimade(attributes: object) -> Crystal:
    """The crystal of an OPTIMADE entry's attributes. Raises SikpdosError with the reason why not."""
    return _guarded(_of_optimade, attributes)


def crystal_of_pymatgen(item: object) -> Crystal:
    """The crystal of a pymatgen Structure as a document. Raises SikpdosError with the reason why not."""
    return _guarded(_of_pymatgen, item)


def _guarded(read: Callable[[Any], Crystal], item: object) -> Crystal:
    try:
        return read(item)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError) as error:
        raise SikpdosError(f"cannot be read ({type(error).__name__}: {str(error)[:80]})") from None


def _of_pymatgen(item: dict) -> Crystal:
    lattice, sites = item["lattice"], item["sites"]
    if not all((lattice.get("pbc") if isinstance(lattice, dict) else None) or (True,)):
        raise SikpdosError("not periodic in three dimensions")
    if isinstance(lattice, dict) and "matrix" not in lattice:
        names = ("a", "b", "c"), ("alpha", "beta", "gamma")
        lattice_A: Any = lattice_of_parameters(*([float(lattice[key]) for key in group] for group in names))
    else:
        lattice_A = lattice["matrix"] if isinstance(lattice, dict) else lattice
    check_count(len(sites))
    symbols = [_only(_shares(site["species"])) for site in sites]
    if all("abc" in site for site in sites):
        return from_fractional(lattice_A, symbols, [site["abc"] for site in sites])
    return from_cartesian(lattice_A, symbols, [site["xyz"] for site in sites])


def _shares(species: list[dict]) -> dict[str, float]:
    return {str(one["element"]): float(one["occu"]) for one in species}


def _only(shares: dict[str, float]) -> str:
    """The one element of a site. Raises SikpdosError for several, or a part of one."""
    present = {symbol: share for symbol, share in shares.items() if share != 0}
    if len(present) == 1 and abs(next(iter(present.values())) - 1) <= _WHOLE:
        return elements.of_symbol(next(iter(present)))
    words = ", ".join(f"{symbol[:20]}:{share:g}" for symbol, share in present.items())
    raise SikpdosError(f"{'disorder' if len(present) > 1 else 'partial occupancy'} ({words})")


def _of_optimade(attributes: dict) -> Crystal:
    """An entry of OPTIMADE (10.1038/s41597-021-00974-z)."""
    periodic = attributes.get("dimension_types") or [1, 1, 1]
    if attributes.get("nperiodic_dimensions", 3) not in (3, None) or list(periodic) != [1, 1, 1]:
        raise SikpdosError("not periodic in three dimensions")
    if any(x is None for vector in attributes["lattice_vectors"] or [None] for x in vector or [None]):
        raise SikpdosError("not periodic in three dimensions")
    if features := _NOT_PLAIN & set(attributes.get("structure_features") or ()):
        raise SikpdosError(f"disorder or atoms without positions ({sorted(features)[0]})")
    names = attributes["species_at_sites"]
    check_count(len(names))
    kinds = {kind["name"]: _occupant(kind) for kind in attributes.get("species") or [] if kind["name"] in names}
    symbols = [kinds.get(name) or elements.of_symbol(name) for name in names]
    return from_cartesian(attributes["lattice_vectors"], symbols, attributes["cartesian_site_positions"])


def _occupant(kind: dict) -> str:
    if kind.get("attached"):
        raise SikpdosError(f"attached atoms without positions ({str(kind['name'])[:20]})")
    if {"vacancy", "X"} & set(kind["chemical_symbols"]):
        raise SikpdosError(f"vacancies or unknown atoms ({str(kind['name'])[:20]})")
    shares = dict(zip(kind["chemical_symbols"], kind["concentration"], strict=True))
    return _only({symbol: float(share) for symbol, share in shares.items()})


def _of_ase(item: dict) -> Crystal:
    """A row of ase.db, or Atoms as ase.io.jsonio writes them."""
    cell, numbers, positions_A = (_array(item[key]) for key in ("cell", "numbers", "positions"))
    if not np.array(_array(item.get("pbc", True))).all():
        raise SikpdosError("not periodic in three dimensions")
    check_count(len(numbers))
    return from_cartesian(cell, [elements.of_number(int(number)) for number in numbers], positions_A)


def _array(value: Any) -> Any:
    """An array of ASE's JSON: {"__ndarray__": [shape, type, numbers]}, or nested lists."""
    if isinstance(value, dict) and "array" in value:
        value = value["array"]
    if isinstance(value, dict):
        shape, _, numbers = value["__ndarray__"]
        return np.array(numbers, float).reshape(shape)
    return value
