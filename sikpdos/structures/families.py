"""Families of near-identical structures, the unit of the grouped split, and exact duplicates.

Two structures are of one family if, scaled to equal volume, the shortest lattice vectors of their primitive
cells agree within 10 %, the distances around their atoms agree closely, and pymatgen's StructureMatcher, with
its own tolerances, maps them on each other; or if a chain of such pairs joins them. Polytypes differ by more
and stay apart; a phase and its compressed, slightly distorted or mirrored form fall together. The first two
conditions are quick, and spare most pairs the matcher.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sikpdos.common.errors import SikpdosError
from sikpdos.structures.inequivalent import primitive_cell

if TYPE_CHECKING:
    import numpy as np
    from pymatgen.core import Structure

LOOSE_SYMPREC_A = 0.1  # distortions up to this do not enlarge the primitive cell
N_SHELL = 24
SHELL_LIMIT = 0.07  # root mean square difference of the distances to 24 neighbours, units of (volume per atom)^(1/3)
LENGTH_LIMIT = 0.1  # greatest difference of the logarithms of the three lattice lengths
DUPLICATE = {"ltol": 0.005, "stol": 0.01, "angle_tol": 0.5}  # StructureMatcher tolerances without scaling


@dataclass(frozen=True)
class Reduced:
    """What two structures are compared by."""

    structure: Structure  # Niggli-reduced primitive cell
    content: tuple[int, str]  # number of atoms and formula
    lengths: np.ndarray  # (3,) logarithms of the lattice lengths for unit volume, sorted
    shells: np.ndarray  # (n_atoms, 24) distances to the n-th neighbour, scaled; each column sorted


def reduced(structure: Structure) -> Reduced:
    """Reduced form of a structure."""
    import numpy as np

    try:
        cell = primitive_cell(structure, LOOSE_SYMPREC_A)
    except SikpdosError:  # too loose for spglib, which found the symmetry of the structure as it is
        cell = structure
    cell = cell.get_reduced_structure()
    lengths = np.log(np.sort(cell.lattice.abc) / cell.volume ** (1 / 3))
    return Reduced(cell, (len(cell), cell.composition.reduced_formula), lengths, _shells(cell))


def _shells(cell: Structure) -> np.ndarray:  # (n_atoms, 24)
    import numpy as np

    unit_A = (cell.volume / len(cell)) ** (1 / 3)
    radius_A = 2.5 * unit_A
    while True:
        centres, _, _, distances_A = cell.get_neighbor_list(radius_A)
        if np.bincount(centres, minlength=len(cell)).min() >= N_SHELL:
            break
        radius_A *= 1.3
    order = np.lexsort((distances_A, centres))
    first = np.searchsorted(centres[order], np.arange(len(cell)))
    return np.sort(distances_A[order][first[:, None] + np.arange(N_SHELL)], axis=0) / unit_A


def group_families(
    structures: Sequence[Structure],
    ids: Sequence[str],
    known: Iterable[tuple[str, Structure]] = (),
    report: Callable[[int], None] = lambda done: None,
) -> list[str]:
    """Family of each structure, named after its first member.

    Whatever is like one of the `known` structures (family, structure) is of that family, so that names
    agree between runs; new structures never join two known families. `report` is told how many steps are
    done, two for each structure.
    """
    anchors = [(name, reduced(structure)) for name, structure in known]
    forms, names = [], []
    for structure in structures:
        forms.append(reduced(structure))
        names.append(_name_of(forms[-1], anchors))
        report(len(forms))
    family_of = {index: name for index, name in enumerate(names) if name is not None}
    named = [(name, forms[index]) for index, name in family_of.items()]
    others = [index for index, name in enumerate(names) if name is None]
    roots = _components([forms[i] for i in others], lambda done: report(len(forms) + len(named) + done))
    families: dict[int, list[int]] = {}
    for index, root in zip(others, roots, strict=True):
        families.setdefault(root, []).append(index)
    for family in families.values():
        chained = (_name_of(forms[index], named) for index in family)
        name = next((name for name in chained if name is not None), ids[family[0]])
        for index in family:
            family_of[index] = name
    return [family_of[index] for index in range(len(names))]


def _name_of(form: Reduced, named: Sequence[tuple[str, Reduced]]) -> str | None:
    """Name of the first of the forms that is like this one."""
    return next((name for name, other in named if _alike(form, other)), None)


def _components(forms: Sequence[Reduced], report: Callable[[int], None]) -> list[int]:
    """Index of the first member of each form's family."""
    roots = list(range(len(forms)))
    members: dict[tuple, list[int]] = {}
    for index, form in enumerate(forms):
        same_size = members.setdefault(form.content, [])
        met = {index}
        for other in same_size:
            if roots[other] not in met and _alike(form, forms[other]):
                met.add(roots[other])
        same_size.append(index)
        for other in same_size:
            if roots[other] in met:
                roots[other] = min(met)
        report(index + 1)
    return roots


def _alike(one: Reduced, other: Reduced) -> bool:
    import numpy as np
    from pymatgen.analysis.structure_matcher import StructureMatcher

    if one.content != other.content or np.abs(one.lengths - other.lengths).max() > LENGTH_LIMIT:
        return False
    if np.sqrt(np.mean((one.shells - other.shells) ** 2)) > SHELL_LIMIT:
        return False
    matcher = StructureMatcher(primitive_cell=False, scale=True)
    return matcher.fit(one.structure, other.structure, skip_structure_reduction=True)


def first_copies(cells: Sequence[Structure], groups: Sequence[str]) -> list[int]:
    """Index of the first structure that each one repeats (its own index if none).

    Repetitions are sought inside families; cells 0.5 % apart in length are different structures.
    """
    from pymatgen.analysis.structure_matcher import StructureMatcher

    matcher = StructureMatcher(**DUPLICATE, scale=False, primitive_cell=True)
    kept: dict[str, list[int]] = {}
    first = []
    for index, (cell, group) in enumerate(zip(cells, groups, strict=True)):
        earlier = kept.setdefault(group, [])
        match = next((i for i in earlier if len(cells[i]) == len(cell) and matcher.fit(cells[i], cell)), index)
        if match == index:
            earlier.append(index)
        first.append(match)
    return first
