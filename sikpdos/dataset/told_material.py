"""What a user says the material is: a class, or a formula."""

from __future__ import annotations

from collections.abc import Collection

from sikpdos.common.errors import SikpdosError
from sikpdos.spectra.self_absorption import formula
from sikpdos.structures.material_class import material_class


def told_material(text: str, names: Collection[str]) -> str:
    """The name that is meant: one of `names` as it stands, or the material class of a formula such as Mg2Si.

    Raises SikpdosError for what is neither.
    """
    if text in names or not names:
        return text
    try:
        elements = formula(text)
    except SikpdosError as error:
        raise SikpdosError(f"material '{text}': expected a formula, or one of {', '.join(sorted(names))}") from error
    if "Si" not in elements:
        raise SikpdosError(f"material '{text}': a formula without silicon")
    return material_class(elements)
