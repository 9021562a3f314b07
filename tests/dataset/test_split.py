"""The split: sizes, groups kept together, test groups, who validates on what."""

from __future__ import annotations

import numpy as np
import pytest

from sikpdos.common.errors import SikpdosError
from sikpdos.dataset import split


@pytest.mark.parametrize("kind", split.KINDS)
@pytest.mark.parametrize("seed", [0, 1, 17])
def test_split_sizes_and_families(kind, seed):
    groups = np.array([f"g{i // 3}" for i in range(150)])
    fold = split.folds(groups, kind, seed)
    assert np.bincount(fold, minlength=5).tolist() == [30] * 5
    assert np.array_equal(fold, split.folds(groups, kind, seed))
    assert not np.array_equal(fold, split.folds(groups, kind, seed + 1))
    if kind == "grouped":
        assert all(len(set(fold[groups == g])) == 1 for g in set(groups))
    else:
        assert any(len(set(fold[groups == g])) > 1 for g in set(groups))


@pytest.mark.parametrize("kind", split.KINDS)
def test_a_test_group_is_in_the_test_part(kind):
    groups = np.array([f"g{i // 3}" for i in range(60)])
    for seed in range(5):
        assert (split.folds(groups, kind, seed, ["g7"])[groups == "g7"] == split.TEST).all()
    with pytest.raises(SikpdosError, match="no family 'nope'"):
        split.folds(groups, kind, 0, ["nope"])


def test_too_few_families_are_refused():
    with pytest.raises(SikpdosError, match="too few"):
        split.folds(np.array(["a", "b", "c"]), "grouped", 0)


def test_validation_folds_take_turns():
    assert split.member_folds(8).tolist() == [1, 2, 3, 4, 1, 2, 3, 4]
    assert split.member_folds(3).tolist() == [1, 2, 3]
