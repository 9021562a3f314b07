"""Template matching, the baseline: the density of states of the known sites with the nearest spectra."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sikpdos.errors import SikpdosError

_BLOCK = 4096  # templates compared at a time


@dataclass(frozen=True)
class Matched:
    """The k nearest templates of m spectra, nearest first."""

    index: np.ndarray  # (m, k) rows of the templates; equal distances in their order
    mse: np.ndarray  # (m, k) mean squared difference of the spectra
    pdos: np.ndarray  # (m, 2, 300) mean over the k templates


def match(templates: np.ndarray, pdos: np.ndarray, spectra: np.ndarray, k: int = 1) -> Matched:
    """Nearest of n templates (n, 200), by MSE, for m spectra (m, 200); pdos (n, 2, 300).

    |a - b|^2 = |a|^2 + |b|^2 - 2ab selects candidates block by block in single precision; the distances of the
    candidates are then computed directly, so ties and near-ties come out right. Raises SikpdosError if
    k is not between 1 and n.
    """
    if not 1 <= k <= len(templates):
        raise SikpdosError(f"cannot take {k} neighbours of {len(templates)} templates")
    candidates = _candidates(templates, spectra, min(k + 4, len(templates)))
    distance = ((templates[candidates] - spectra[:, None]) ** 2).mean(axis=2)
    order = np.lexsort((candidates, distance), axis=1)[:, :k]
    index = np.take_along_axis(candidates, order, axis=1)
    return Matched(index, np.take_along_axis(distance, order, axis=1), pdos[index].mean(axis=1))


def _candidates(templates: np.ndarray, spectra: np.ndarray, count: int) -> np.ndarray:
    """Rows of the `count` nearest templates of each spectrum (m, count), in no order."""
    centre = templates.mean(axis=0)
    half = np.asarray(spectra - centre, np.float32)
    best = np.empty((len(spectra), 0), np.float32)
    rows = np.empty((len(spectra), 0), int)
    for start in range(0, len(templates), _BLOCK):
        block = np.asarray(templates[start : start + _BLOCK] - centre, np.float32)
        distance = (block * block).sum(axis=1) - 2 * (half @ block.T)
        near = np.argpartition(distance, min(count, len(block)) - 1, axis=1)[:, :count]
        best = np.concatenate([best, np.take_along_axis(distance, near, axis=1)], axis=1)
        rows = np.concatenate([rows, near + start], axis=1)
        keep = np.argpartition(best, min(count, best.shape[1]) - 1, axis=1)[:, :count]
        best, rows = np.take_along_axis(best, keep, axis=1), np.take_along_axis(rows, keep, axis=1)
    return rows
