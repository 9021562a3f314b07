"""From validation errors to honest uncertainty: every site outside the test part is judged by the members that
kept it for validation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sikpdos.dataset import split
from sikpdos.model import outliers, uncertainty
from sikpdos.model.network import Estimates, Model, estimates
from sikpdos.model.training_spectra import Drawn


@dataclass(frozen=True)
class Part:
    """A validation fold as the members see it that kept it."""

    rows: np.ndarray  # (k,) of the dataset
    true: np.ndarray  # (variants * k, 2, 300)
    found: Estimates


def kernel_share(parts: list[Part]) -> float:
    """Share (0 to 1) of the kernel regression that makes the squared error of the validation parts smallest."""
    above = below = 0.0
    for part in parts:
        networks = part.found.networks.mean(axis=0)
        difference = part.found.regression - networks
        above += float((difference * (part.true - networks)).sum())
        below += float((difference**2).sum())
    return float(np.clip(above / below, 0, 1)) if below else 0.0


def validation_parts(model: Model, drawn: Drawn, pdos: np.ndarray, fold: np.ndarray) -> list[Part]:
    """Every validation fold that a member kept."""
    parts = []
    for number in range(1, split.FOLDS):
        rows = np.flatnonzero(fold == number)
        mine = [m for m in range(model.members) if split.validation_fold(m) == number]
        if mine and len(rows):
            spectra, resolution = drawn.spectra[:, rows].reshape(-1, 200), drawn.resolution[:, rows].reshape(-1, 2)
            found = estimates(model, spectra, resolution, mine)
            parts.append(Part(rows, np.tile(pdos[rows], (len(drawn.spectra), 1, 1)), found))
    return parts


def calibrate(parts: list[Part], share: float) -> uncertainty.Uncertainty:
    """What makes +-1.645 deviations hold 90 % of the validation points."""
    members = [part.found.each(share) for part in parts]
    errors = [part.found.mean(share) - part.true for part in parts]
    return uncertainty.calibrate(members, [part.found.nearest for part in parts], errors)


def group_mse(parts: list[Part], share: float, groups: np.ndarray) -> dict[str, float]:
    """Mean validation error of every family outside the test part, (states/eV)^2."""
    errors: dict[str, list[float]] = {}
    for part in parts:
        error = (part.found.mean(share) - part.true).reshape(-1, len(part.rows), *part.true.shape[1:])
        for row, mse in zip(part.rows, (error**2).mean(axis=(0, 2, 3)), strict=True):
            errors.setdefault(str(groups[row]), []).append(float(mse))
    return {group: float(np.mean(values)) for group, values in sorted(errors.items())}


def known_spectra(drawn: Drawn, fold: np.ndarray) -> outliers.Known:
    """What the spectra outside the test part look like; limits from folds left out in turn."""
    distances, noise = [], []
    for number in range(1, split.FOLDS):
        others = drawn.spectra[:, (fold != number) & (fold != split.TEST)].reshape(-1, 200)
        left_out = drawn.spectra[:, fold == number].reshape(-1, 200)
        distances.append(outliers.distances(outliers.fit(others), left_out))
        noise.append(outliers.noise(left_out))
    known = outliers.fit(drawn.spectra[:, fold != split.TEST].reshape(-1, 200))
    return outliers.with_limits(known, np.concatenate(distances), np.concatenate(noise))
