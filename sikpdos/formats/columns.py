"""Columns of numbers with names: which is the energy, which the intensity, and absorption from raw detectors."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sikpdos.common.errors import SikpdosError

ENERGY = re.compile(
    r"^(photon |incident |absolute )?(energy|energies|omega|k?ev|e|eloss|x)\b|energy.?loss|^loss\b", re.I
)
ABSORPTION = ("mu", "xmu", "mutrans", "mufluor", "mu(e)", "norm", "normtrans", "normfluor", "flat")
INTENSITY = (*ABSORPTION, "intensity", "counts", "sigma", "signal", "y")
INCIDENT = ("i0",)
TRANSMITTED = ("itrans", "i1", "it", "i_trans")
FLUORESCENCE = ("ifluor", "if", "i_fluor", "iff")


@dataclass(frozen=True)
class Choice:
    """Energy and intensity picked from a table."""

    energy: np.ndarray  # (n,) in `unit`
    intensity: np.ndarray  # (n,)
    unit: str | None  # eV, keV, or None: not said
    kind: str
    warnings: tuple[str, ...] = ()


def label(name: str) -> str:
    """A column name without its unit, in lower case: "Energy_eV" and "energy (eV)" are "energy"."""
    bare = re.sub(r"[\s_]*([(\[]\s*[km]?ev\s*[)\]]|(?<![a-z])[km]?ev)$", "", name.strip().lower())
    return bare or name.lower()


def unit_of(name: str) -> str | None:
    """The energy unit named in a column's name."""
    found = re.search(r"(?<![a-z])[km]?ev(?![a-z])", name, re.I)
    return found[0] if found else None


def choose(names: Sequence[str] | None, table: np.ndarray, name: str) -> Choice:
    """Energy and intensity of a table (n, columns) by its column names, else columns 1 and 2 (warned of).

    Raises SikpdosError naming the file `name` if there are fewer than two columns.
    """
    if table.shape[1] < 2:
        raise SikpdosError(f"{name}: only one column of numbers; energy and intensity are needed")
    if names is None:
        more = table.shape[1] > 2
        warning = (f"{table.shape[1]} columns without names: 1 taken as energy, 2 as intensity",) if more else ()
        return Choice(table[:, 0], table[:, 1], None, "unknown", warning)
    energy = next((i for i, n in enumerate(names) if ENERGY.search(n.replace("_", " "))), 0)
    unit = unit_of(names[energy])
    kind = "eels" if "loss" in names[energy].lower() else "unknown"
    columns = {label(n): table[:, i] for i, n in reversed(list(enumerate(names))) if i != energy}
    found = absorption(columns)
    if found is not None:
        return Choice(table[:, energy], found[0], unit, "eels" if kind == "eels" else "xas", found[1])
    wanted = next((n for n in INTENSITY if n in columns), None)
    if wanted is None:
        wanted = label(names[1 if energy != 1 else 0])
        if len(names) > 2:
            warning = f"columns {', '.join(names)}: {names[energy]} taken as energy, {wanted} as intensity"
            return Choice(table[:, energy], columns[wanted], unit, kind, (warning,))
    return Choice(table[:, energy], columns[wanted], unit, kind)


def absorption(columns: dict[str, np.ndarray]) -> tuple[np.ndarray, tuple[str, ...]] | None:
    """Absorption coefficient (n,) from columns in lower-case names, and warnings; None where they hold none.

    Taken as given where a column is one; else ln(i0 / itrans) or ifluor / i0 (XDI specification 1.0, column names).
    """
    given = [n for n in ABSORPTION if n in columns]
    if given:
        others = f"{given[0]} taken, {', '.join(given[1:])} not"
        return columns[given[0]], (others,) if len(given) > 1 else ()
    incident, transmitted, fluorescence = (
        next((columns[n] for n in names if n in columns), None) for names in (INCIDENT, TRANSMITTED, FLUORESCENCE)
    )
    if incident is None or (transmitted is None and fluorescence is None):
        return None
    with np.errstate(all="ignore"):  # a dead detector gives NaN, which the reader reports with its channel
        if transmitted is not None:
            return np.log(incident / transmitted), ("absorption computed as ln(i0 / itrans)",)
        return fluorescence / incident, ("absorption computed as ifluor / i0",)
