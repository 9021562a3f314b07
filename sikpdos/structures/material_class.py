"""What kind of silicon a crystal holds, by the elements beside it."""

from __future__ import annotations

from collections.abc import Iterable

ELEMENTAL = "elemental"
CLASSES = (
    ELEMENTAL,
    "oxide",  # SiO2
    "silicate",  # oxygen and metals, whatever else
    "oxynitride",
    "nitride",  # also carbonitrides, where silicon has nitrogen about it
    "carbide",
    "silicide",  # of transition metals, whatever else
    "zintl",  # with metals of the main groups alone: silicides of Li, Na, Mg, Ca, Al
    "germanide",  # alloys with germanium
    "phosphide",
    "sulfide",
    "halide",
    "hydride",
)
_MAIN_GROUP_METALS = frozenset(
    ("Li", "Na", "K", "Rb", "Cs", "Be", "Mg", "Ca", "Sr", "Ba", "Al", "Ga", "In", "Tl", "Sn", "Pb", "Bi", "B")
)
_BY_ANION = (  # the first that a crystal holds decides
    ("halide", frozenset(("F", "Cl", "Br", "I"))),
    ("nitride", frozenset("N")),
    ("sulfide", frozenset(("S", "Se", "Te"))),
    ("phosphide", frozenset(("P", "As", "Sb"))),
    ("carbide", frozenset("C")),
    ("hydride", frozenset("H")),
)


def material_class(elements: Iterable[str]) -> str:
    """One of CLASSES for the elements of a crystal with silicon."""
    others = set(elements) - {"Si"}
    if not others:
        return ELEMENTAL
    if "O" in others:
        return "oxide" if others == {"O"} else "oxynitride" if "N" in others else "silicate"
    for name, anions in _BY_ANION:
        if others & anions:
            return name
    if others == {"Ge"}:
        return "germanide"
    return "zintl" if others <= _MAIN_GROUP_METALS else "silicide"
