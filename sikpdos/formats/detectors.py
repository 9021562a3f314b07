"""A beamline's detectors: which of them saw the edge, and absorption from their signals and the incident intensity."""

from __future__ import annotations

import re

import numpy as np

from sikpdos.formats.chosen import Chosen, undivided, xas_or_loss
from sikpdos.formats.columns import Table
from sikpdos.formats.edge_step import has_step
from sikpdos.formats.energy_column import energies_eV
from sikpdos.formats.roles import YIELDS, Role, role_of

MOST_LOST = 0.1  # of a spectrum's points, that may hold no number
_ORDINARY_LEVEL = 1e-4  # of I0: a transmission chamber that shows less is dark


def roles_of(table: Table, energy: int) -> list[Role]:
    """Roles by name; of numbered chambers without an I0 the first is it (ESRF's Ioni1, SSRL's IC1)."""
    roles = [Role.ENERGY if i == energy else role_of(column) for i, column in enumerate(table.columns)]
    if Role.INCIDENT in roles:
        return roles
    chambers = {
        i: int(m[1]) for i, c in enumerate(table.columns) if (m := re.match(r"(?:ioni?|ic)[\s_]?(\d)\b", c.name, re.I))
    }
    for index, role in zip(
        sorted(chambers, key=lambda i: chambers[i]), (Role.INCIDENT, Role.TRANSMITTED, Role.REFERENCE), strict=False
    ):
        roles[index] = role
    return roles


def best_yield(table: Table, energy: int, roles: list[Role]) -> Chosen | None:
    """The first yield that sees the edge, over I0: electrons (they are not self-absorbed), fluorescence, its total."""
    incident = _incident(table, roles)
    alive = [
        (role, group)
        for role in YIELDS
        for group in _groups(table, columns_with(roles, role))
        if _alive(table, energy, group, incident)
    ]
    if not alive:
        return None
    group = alive[0][1]
    summed = np.sum([table.columns[i].values for i in group], axis=0)
    label = " + ".join(table.label(i) for i in group)
    label = f"({label})" if incident is not None and len(group) > 1 else label
    others = ", ".join(table.label(i) for _, g in alive[1:] for i in g)
    used = [(energy, "energy"), *((i, "intensity") for i in group)]
    if incident is None:
        words = undivided(table, group[0]) if len(group) == 1 else f"{label} taken as it is: no I0 to divide it by"
    else:
        used.append((incident, "I0"))
        words = f"{label} / {table.label(incident)} taken" + (f" (not {others})" if others else "")
        summed = ratio(summed, table.columns[incident].values)
    return Chosen(energy, ("",), summed[None], xas_or_loss(table, energy), (words,), tuple(used))


def _groups(table: Table, indices: list[int]) -> list[list[int]]:
    """Columns gathered where their names differ by a number only: the elements of one detector."""
    stems: dict[str, list[int]] = {}
    for index in indices:
        stems.setdefault(re.sub(r"[\d_\s]+$", "", table.columns[index].name.lower()), []).append(index)
    return list(stems.values())


def transmission(table: Table, energy: int, roles: list[Role]) -> Chosen | None:
    """ln(I0 / It), where the chamber behind the sample sees light."""
    incident, behind = _incident(table, roles), columns_with(roles, Role.TRANSMITTED)
    if incident is None or not behind:
        return None
    before, after = table.columns[incident].values, table.columns[behind[0]].values
    if not (np.isfinite(after) & (after > 0) & (before > 0)).all() or np.ptp(after) == 0:
        return None
    absorption = np.log(before / after)
    if np.median(after / before) < _ORDINARY_LEVEL or has_step(energies_eV(table, energy), absorption) is False:
        return None
    words = f"absorption computed as ln({table.label(incident)} / {table.label(behind[0])})"
    used = ((energy, "energy"), (incident, "I0"), (behind[0], "It"))
    return Chosen(energy, ("",), absorption[None], xas_or_loss(table, energy), (words,), used)


def columns_with(roles: list[Role], role: Role) -> list[int]:
    """Indices of the columns of a role."""
    return [index for index, other in enumerate(roles) if other is role]


def _incident(table: Table, roles: list[Role]) -> int | None:
    """The first I0 that sees light; at a few points the beam may be lost."""
    return next((i for i in columns_with(roles, Role.INCIDENT) if _has_beam(table.columns[i].values)), None)


def _has_beam(values: np.ndarray) -> bool:
    return bool(np.count_nonzero(values == 0) <= MOST_LOST * values.size)


def _alive(table: Table, energy: int, group: list[int], incident: int | None) -> bool:
    """Whether a detector measured anything: not constant and, where the range tells, with a step at the edge.

    Drained currents may be negative, and the beam's with them: the step is one of their ratio then.
    """
    values = np.sum([table.columns[i].values for i in group], axis=0)
    if not np.isfinite(values).any() or np.nanmax(values) == np.nanmin(values):
        return False
    energy_eV = energies_eV(table, energy)
    if has_step(energy_eV, values) is not False:
        return True
    return incident is not None and has_step(energy_eV, ratio(values, table.columns[incident].values)) is True


def ratio(values: np.ndarray, incident: np.ndarray) -> np.ndarray:
    """Intensities over the incident ones (n,)."""
    with np.errstate(all="ignore"):  # a dead point gives NaN or infinity: the reader leaves it out, and says so
        return values / incident
