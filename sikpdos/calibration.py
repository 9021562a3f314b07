"""From validation errors to honest uncertainty: every site outside the test part is judged by the members that
kept it for validation."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sikpdos import novelty, split
from sikpdos.examples import Drawn
from sikpdos.model import BAND_90, Model, combined_deviation, estimates, predict_members

_SMOOTH_POINTS = 21  # the error floor is averaged over 2 eV
_LEAST_FLOOR = 1e-6  # states/eV/atom, where neither a site nor an estimate of it has any states


def kernel_share(model: Model, drawn: Drawn, pdos: np.ndarray, fold: np.ndarray) -> float:
    """Share (0 to 1) of the kernel regression that makes the squared error of the validation parts smallest."""
    above = below = 0.0
    for rows, spectra, resolution, mine in _validation_parts(model, drawn, fold):
        networks, regression = (each.mean(axis=0) for each in estimates(model, spectra, resolution, mine))
        difference = regression - networks
        above += float((difference * (np.tile(pdos[rows], (len(drawn.spectra), 1, 1)) - networks)).sum())
        below += float((difference**2).sum())
    return float(np.clip(above / below, 0, 1)) if below else 0.0


def validation_predictions(model: Model, drawn: Drawn, fold: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each validation fold: its site rows (k,) and the predictions (members, variants * k, 2, 300)."""
    parts = _validation_parts(model, drawn, fold)
    return [(rows, predict_members(model, spectra, resolution, mine)) for rows, spectra, resolution, mine in parts]


def _validation_parts(model: Model, drawn: Drawn, fold: np.ndarray) -> Iterator[tuple]:
    """For each validation fold: its site rows (k,), their spectra and resolutions, and the members that kept it."""
    for number in range(1, split.FOLDS):
        rows = np.flatnonzero(fold == number)
        mine = [m for m in range(model.members) if split.validation_fold(m) == number]
        if mine and len(rows):
            yield rows, drawn.spectra[:, rows].reshape(-1, 200), drawn.resolution[:, rows].reshape(-1, 2), mine


def calibrate(model: Model, drawn: Drawn, pdos: np.ndarray, fold: np.ndarray) -> tuple[np.ndarray, float]:
    """Error floor (2, 300) and the factor that makes +-1.645 deviations hold 90 % of the validation points."""
    residuals, members = [], []
    for rows, each in validation_predictions(model, drawn, fold):
        residuals.append(each.mean(axis=0) - np.tile(pdos[rows], (len(drawn.spectra), 1, 1)))
        members.append(each)
    error = np.concatenate(residuals)
    floor = np.sqrt(_running_mean((error**2).mean(axis=0))).clip(_LEAST_FLOOR).astype(np.float32)
    deviation = np.concatenate([combined_deviation(each, floor) for each in members])
    factor = float(np.quantile(np.abs(error) / deviation, 0.9) / BAND_90)
    return floor, factor


def _running_mean(values: np.ndarray) -> np.ndarray:
    half = _SMOOTH_POINTS // 2
    padded = np.pad(values, [(0, 0), (half, half)], mode="edge")
    return np.lib.stride_tricks.sliding_window_view(padded, _SMOOTH_POINTS, axis=-1).mean(-1)


def group_mse(model: Model, drawn: Drawn, pdos: np.ndarray, fold: np.ndarray, groups: np.ndarray) -> dict[str, float]:
    """Mean validation error of every family outside the test part, (states/eV)^2."""
    errors: dict[str, list[float]] = {}
    for rows, each in validation_predictions(model, drawn, fold):
        error = each.mean(axis=0).reshape(len(drawn.spectra), len(rows), 2, -1) - pdos[rows]
        for row, mse in zip(rows, (error**2).mean(axis=(0, 2, 3)), strict=True):
            errors.setdefault(str(groups[row]), []).append(float(mse))
    return {group: float(np.mean(values)) for group, values in sorted(errors.items())}


def known_spectra(drawn: Drawn, fold: np.ndarray) -> novelty.Known:
    """What the spectra outside the test part look like; limits from folds left out in turn."""
    distances, noise = [], []
    for number in range(1, split.FOLDS):
        others = drawn.spectra[:, (fold != number) & (fold != split.TEST)].reshape(-1, 200)
        left_out = drawn.spectra[:, fold == number].reshape(-1, 200)
        distances.append(novelty.distances(novelty.fit(others), left_out))
        noise.append(novelty.noise(left_out))
    known = novelty.fit(drawn.spectra[:, fold != split.TEST].reshape(-1, 200))
    return novelty.with_limits(known, np.concatenate(distances), np.concatenate(noise))
