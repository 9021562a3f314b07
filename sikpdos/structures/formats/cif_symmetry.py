"""The symmetry of a CIF: by operations, Hall symbol, Hermann-Mauguin symbol or number, in this order."""

from __future__ import annotations

import numpy as np

from sikpdos.common.errors import SikpdosError
from sikpdos.structures.formats.cif_syntax import Block
from sikpdos.structures.formats.crystal import Crystal, farthest_A
from sikpdos.structures.hall import operations_of
from sikpdos.structures.operations import SAME_ATOM_A, Operations, completed, from_texts
from sikpdos.structures.space_group import operations_of_symbol, settings_of_number

_OPERATIONS = ("_space_group_symop_operation_xyz", "_symmetry_equiv_pos_as_xyz")
_HALL = ("_space_group_name_hall", "_symmetry_space_group_name_hall")
_SYMBOLS = (
    "_space_group_name_h-m_alt",
    "_symmetry_space_group_name_h-m",
    "_space_group_name_h-m_full",
    "_space_group_name_h-m_ref",
)
_NUMBERS = ("_space_group_it_number", "_symmetry_int_tables_number")
STRAIN = 0.03  # the cell may depart from its symmetry by rounding
EXACT = 0.002  # settings that fit the cell so well come before others

Settings = list[tuple[str, Operations]]


def settings_of(block: Block, lattice_A: np.ndarray) -> Settings:
    """What the symmetry of a block can mean, as (name, operations), fit for its cell.

    Raises SikpdosError where it is not given, not understood, contradictory, or not that of the cell.
    """
    texts = _operation_texts(block)
    settings = [("of the operations", _of_operations(texts))] if texts else _claimed(block)
    strains = [operations.strain(lattice_A) for _, operations in settings]
    if min(strains) > STRAIN:
        raise SikpdosError(f"lengths and angles of the cell contradict the symmetry {settings[0][0]}")
    limit = EXACT if min(strains) <= EXACT else STRAIN
    fitting = [setting for setting, strain in zip(settings, strains, strict=True) if strain <= limit]
    return [setting for setting in fitting if _has_axis_b(setting[0])] or fitting


def check_claims(block: Block, crystal: Crystal, operations: Operations) -> None:
    """Raise SikpdosError where the operations are fewer than those of the space group that the block names, and the
    crystal does not have the others anyhow (all atoms of the cell may be listed)."""
    if not _operation_texts(block):
        return
    number = number_of_group(operations)
    for name, settings in _claims(block)[0]:
        fitting = [group for _, group in settings if group.strain(crystal.lattice_A) <= STRAIN]
        same = number in {number_of_group(group) for _, group in settings}
        if fitting and not same and not any(_has_symmetry(crystal, group) for group in fitting):
            raise SikpdosError(f"the operations given are not those of the space group '{name}'")


def number_of_group(operations: Operations) -> int | None:
    """Number (1 to 230) of the space group of some operations; None where spglib knows none."""
    import spglib

    kind = spglib.get_spacegroup_type_from_symmetry(operations.rotations, operations.translations)
    return None if kind is None else int(kind.number)


def _has_symmetry(crystal: Crystal, operations: Operations) -> bool:
    images = np.einsum("nij,aj->nai", operations.rotations, crystal.positions) + operations.translations[:, None]
    return farthest_A(crystal, crystal.elements * len(operations), images.reshape(-1, 3)) < SAME_ATOM_A


def _has_axis_b(name: str) -> bool:
    """Whether a name is that of a monoclinic setting with the unique axis b, which is meant if nothing tells it."""
    words = name.split()
    return len(words) == 4 and words[1] == words[3] == "1"


def _operation_texts(block: Block) -> list[str]:
    return [text for text in block.column(*_OPERATIONS) or [] if text]


def _of_operations(texts: list[str]) -> Operations:
    """The group of the operations. Raises SikpdosError where the list is cut short."""
    given = from_texts(texts)
    group = completed(given)
    n_given = len(np.unique(np.concatenate([given.rotations.reshape(-1, 9), given.translations], axis=1), axis=0))
    identity = (given.rotations == np.eye(3)).all(axis=(1, 2)) & ~given.translations.any(axis=1)
    if len(group) > n_given + (not identity.any()):
        raise SikpdosError(f"{n_given} symmetry operations are a part of {len(group)}: the list is not complete")
    return group


def _claimed(block: Block) -> Settings:
    """The settings of the first statement of the space group that is understood."""
    claims, reasons = _claims(block)
    if not claims:
        raise SikpdosError(f"{reasons[0]}, and there are no symmetry operations" if reasons else "CIF without symmetry")
    numbers = [{number_of_group(operations) for _, operations in settings} for _, settings in claims]
    for (name, _), number in zip(claims[1:], numbers[1:], strict=True):
        if not number & numbers[0]:
            raise SikpdosError(f"'{claims[0][0]}' and '{name}' are different space groups")
    return claims[0][1]


def _claims(block: Block) -> tuple[list[tuple[str, Settings]], list[str]]:
    """Statements of the space group that are understood, and why others are not."""
    claims, reasons = [], []
    for names, read in ((_HALL, _of_hall), (_SYMBOLS, operations_of_symbol), (_NUMBERS, _of_number)):
        if given := block.item(*names):
            try:
                claims.append((given, read(given)))
            except SikpdosError as error:
                reasons.append(str(error))
    return claims, reasons


def _of_hall(symbol: str) -> Settings:
    return [(symbol, operations_of(symbol))]


def _of_number(text: str) -> Settings:
    if not text.isdecimal() or len(text) > 3:
        raise SikpdosError(f"space group number '{text[:20]}' is not understood")
    return [(str(setting), setting.operations()) for setting in settings_of_number(int(text))]
