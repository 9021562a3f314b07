"""Training, validation and test parts, 6:2:2, by site or by family of structures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sikpdos.common.errors import SikpdosError

KINDS = ("grouped", "random")
FOLDS = 5  # fold 0 is the test part; the others take turns as validation part
TEST = 0


def folds(groups: np.ndarray, kind: str, seed: int, test_groups: Sequence[str] = ()) -> np.ndarray:
    """Fold of every site (n,), 0 to 4, of nearly equal size; fold 0 is the test part.

    kind "grouped" keeps a family in one fold (the honest split), "random" divides the sites as the paper
    does. Families in test_groups go to the test part whole, whatever the kind. Raises SikpdosError for an
    unknown kind or family, or fewer than five families (sites).
    """
    if kind not in KINDS:
        raise SikpdosError(f"unknown split '{kind}'; known: {', '.join(KINDS)}")
    missing = [g for g in test_groups if g not in set(groups)]
    if missing:
        raise SikpdosError(f"no family '{missing[0]}' in the dataset")
    units = groups if kind == "grouped" else np.arange(len(groups)).astype(str)
    names = np.unique(units)
    if len(names) < FOLDS:
        raise SikpdosError(f"{len(names)} families are too few for a 6:2:2 split")
    forced = np.isin(groups, list(test_groups))
    fold = np.full(len(groups), -1)
    fold[forced] = TEST
    size = np.bincount(fold[forced], minlength=FOLDS).astype(float)
    for name in np.random.default_rng(seed).permutation(names):
        mine = (units == name) & ~forced
        if mine.any():
            smallest = size.argmin()
            fold[mine] = smallest
            size[smallest] += mine.sum()
    return fold


def validation_fold(member: int) -> int:
    """The fold (1 to 4) that an ensemble member keeps for validation; it trains on the other three."""
    return 1 + member % (FOLDS - 1)
