"""Who learns from what: the networks of each expert, and their sites."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sikpdos.dataset import split
from sikpdos.dataset.dataset import Dataset
from sikpdos.model.classification import ELEMENTAL

_COMPOUND_MEMBERS = 4  # networks of the expert of compounds: they are few, and its regression counts most
_FAMILIES = 5  # that each fold must have of silicon, and of compounds, for experts of their own


@dataclass(frozen=True)
class Team:
    """The networks of an expert, what they learn from, and what they will be asked about."""

    sites: np.ndarray  # (n,) mask of what it learns from
    asked: np.ndarray  # (n,) mask, of these: what it is validated and calibrated on
    members: slice  # its networks among those of all teams
    member_fold: np.ndarray  # (members,) validation fold of each of them


def teams(dataset: Dataset, fold: np.ndarray, members: int) -> tuple[Team, ...]:
    """The networks of each expert: two where there are silicon and compounds enough in folds (n,), else one of all.

    The expert of compounds learns from silicon, too: compounds are few, some have edges like silicon's, and silicon
    that is taken for a compound is not lost.
    """
    everything = np.ones(len(dataset), bool)
    kinds: tuple[np.ndarray, ...] = (everything,)
    if dataset.material_class is not None:
        compound = ~np.isin(dataset.material_class, ("", ELEMENTAL))
        if all(_enough(dataset.groups[kind], fold[kind]) for kind in (~compound, compound)):
            kinds = (~compound, compound)
    made, first = [], 0
    counts = (members, min(members, _COMPOUND_MEMBERS))
    for learnt, kind, count in zip((kinds[0], everything), kinds, counts, strict=False):
        made.append(Team(learnt, kind, slice(first, first + count), split.member_folds(count)))
        first += count
    return tuple(made)


def _enough(groups: np.ndarray, fold: np.ndarray) -> bool:
    """Whether every fold (n,) has some of the families (n,)."""
    return all(len(set(groups[fold == number])) >= _FAMILIES for number in (*split.VALIDATION_FOLDS, split.TEST))
