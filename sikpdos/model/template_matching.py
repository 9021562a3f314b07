"""Template matching, the baseline: the density of states of the known sites with the nearest spectra."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sikpdos.common.errors import SikpdosError

_TEMPLATES, _SPECTRA = 4096, 1024  # compared at a time
_SPARE = 4  # candidates beyond the k wanted
_BUCKET = 16  # columns of which one minimum is taken
_ROUNDING = 1e-5  # of the squared norms: more than single precision loses


@dataclass(frozen=True, kw_only=True)
class Matched:
    """The k nearest templates of m spectra, nearest first."""

    index: np.ndarray  # (m, k) rows of the templates; equal distances in their order
    mse: np.ndarray  # (m, k) mean squared difference of the spectra
    pdos: np.ndarray  # (m, 2, 300) mean over the k templates


def match(templates: np.ndarray, pdos: np.ndarray, spectra: np.ndarray, k: int = 1) -> Matched:
    """Nearest of n templates (n, 200), by MSE, for m spectra (m, 200); pdos (n, 2, 300).

    |a - b|^2 = |a|^2 + |b|^2 - 2ab selects candidates block by block in single precision; the distances of the
    candidates are then computed directly. Where rounding could hide a nearer or equally near template, all are
    compared directly. Raises SikpdosError if k is not between 1 and n.
    """
    if not 1 <= k <= len(templates):
        raise SikpdosError(f"cannot take {k} neighbours of {len(templates)} templates")
    blocks = [_nearest(templates, spectra[i : i + _SPECTRA], k) for i in range(0, len(spectra), _SPECTRA)]
    index, distance = (np.concatenate(column) for column in zip(*blocks, strict=True))
    return Matched(index=index, mse=distance, pdos=pdos[index].mean(axis=1))


def _nearest(templates: np.ndarray, spectra: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows and mean squared differences of the k nearest templates of each spectrum, both (m, k)."""
    rows, doubtful_from = _candidates(templates, spectra, min(k + _SPARE, len(templates)))
    index, distance = _ranked(templates[rows] - spectra[:, None], rows, k)
    for i in np.flatnonzero(distance[:, -1] >= doubtful_from):
        index[i], distance[i] = _ranked(templates - spectra[i], np.arange(len(templates)), k)
    return index, distance


def _ranked(difference: np.ndarray, rows: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The k rows of smallest mean square of `difference` (..., c, 200), nearest first; equal ones in their order."""
    distance = np.einsum("...ij,...ij->...i", difference, difference) / difference.shape[-1]
    order = np.lexsort((rows, distance), axis=-1)[..., :k]
    return np.take_along_axis(rows, order, axis=-1), np.take_along_axis(distance, order, axis=-1)


def _candidates(templates: np.ndarray, spectra: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the `count` nearest templates of each spectrum (m, count), in no order, and the mean squared
    difference (m,) from which on others might be as near."""
    centre = templates.mean(axis=0)
    centred = np.asarray(spectra - centre, np.float32)
    left = np.column_stack([-2 * centred, np.ones(len(spectra), np.float32)])
    best, rows, largest_norm = np.empty((len(spectra), 0), np.float32), np.empty((len(spectra), 0), int), 0.0
    for start in range(0, len(templates), _TEMPLATES):
        block = np.asarray(templates[start : start + _TEMPLATES] - centre, np.float32)
        norm = (block * block).sum(axis=1)
        largest_norm = max(largest_norm, float(norm.max()))
        distance = left @ np.column_stack([block, norm]).T  # less |spectrum|^2, the same for all
        near = _smallest(distance, min(count, len(block)))
        best = np.concatenate([best, np.take_along_axis(distance, near, axis=1)], axis=1)
        rows = np.concatenate([rows, near + start], axis=1)
        keep = np.argpartition(best, min(count, best.shape[1]) - 1, axis=1)[:, :count]
        best, rows = np.take_along_axis(best, keep, axis=1), np.take_along_axis(rows, keep, axis=1)
    if count == len(templates):
        return rows, np.full(len(spectra), np.inf)
    spectrum_norm = (centred * centred).sum(axis=1)
    rounding = _ROUNDING * (largest_norm + spectrum_norm)
    return rows, (best.max(axis=1) + spectrum_norm - rounding) / templates.shape[1]


def _smallest(values: np.ndarray, count: int) -> np.ndarray:
    """Columns of the `count` smallest values of each row (m, count), sought in the buckets of smallest minima."""
    m, n = values.shape
    buckets = n // _BUCKET
    if n % _BUCKET or buckets <= 2 * count:
        return np.argpartition(values, count - 1, axis=1)[:, :count]
    least = values.reshape(m, _BUCKET, buckets).min(axis=1)  # bucket b: columns b, b + buckets, ...
    chosen = np.argpartition(least, count - 1, axis=1)[:, :count]
    columns = (chosen[:, :, None] + buckets * np.arange(_BUCKET)).reshape(m, -1)
    inside = np.argpartition(np.take_along_axis(values, columns, axis=1), count - 1, axis=1)[:, :count]
    return np.take_along_axis(columns, inside, axis=1)
