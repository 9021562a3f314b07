"""Training, validation and test parts, 6:2:2, by site or by group (family of structures)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sikpdos.common.errors import SikpdosError

KINDS = ("grouped", "random")
FOLDS = 5
TEST = 0  # the fold that is the test part
VALIDATION_FOLDS = tuple(range(1, FOLDS))  # they take turns as validation part; a member trains on the other three


def folds(groups: np.ndarray, kind: str, seed: int, test_groups: Sequence[str] = ()) -> np.ndarray:
    """Fold of every site (n,), 0 to 4, of nearly equal size; fold 0 is the test part.

    kind "grouped" keeps the sites of a group in one fold (the honest split), "random" divides the sites as the paper
    does. Groups in test_groups go to the test part whole, whatever the kind. Raises SikpdosError for an
    unknown kind or group, or fewer than five groups (sites).
    """
    if kind not in KINDS:
        raise SikpdosError(f"unknown split '{kind}'; known: {', '.join(KINDS)}")
    missing = [group for group in test_groups if group not in set(groups)]
    if missing:
        raise SikpdosError(f"no family '{missing[0]}' in the dataset")
    units = groups if kind == "grouped" else np.arange(len(groups)).astype(str)
    names = np.unique(units)
    if len(names) < FOLDS:
        raise SikpdosError(f"{len(names)} families are too few for a 6:2:2 split")
    in_test = np.isin(groups, list(test_groups))
    fold = np.where(in_test, TEST, -1)
    size = np.bincount(fold[in_test], minlength=FOLDS).astype(float)
    for name in np.random.default_rng(seed).permutation(names):
        sites = (units == name) & ~in_test
        if sites.any():
            smallest = size.argmin()
            fold[sites] = smallest
            size[smallest] += sites.sum()
    return fold


def member_folds(members: int) -> np.ndarray:
    """Validation fold of each member of an ensemble (members,): 1 to 4, in turn."""
    return np.resize(VALIDATION_FOLDS, members)
