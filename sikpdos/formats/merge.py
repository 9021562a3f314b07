"""Several scans of one sample merged: on one grid, scaled to each other, weighted, with the scatter between them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sikpdos.common.errors import SikpdosError
from sikpdos.formats.spectrum_set import SpectrumSet

_SMOOTHED = 11  # channels that the scatter's variance is averaged over: that of a few scans is itself uncertain
_LEAST_SHARED_EV = 20.0  # that all scans must have measured


def merge(sets: Sequence[SpectrumSet], name: str) -> SpectrumSet:
    """All spectra of some sets as one, with the standard deviation of its intensities from their scatter.

    Each scan is interpolated to the energies of the first that all measured, fitted to the first by a factor and a
    constant (which no background fit or normalisation minds), and weighted by the inverse of its own noise variance,
    told from neighbouring channels (the residual of a line through three). Raises SikpdosError for fewer than two
    spectra, for ranges that do not overlap, and for spectra of which one has no relation to the first.
    """
    scans = [
        (s.energy_eV, row, label)
        for s in sets
        for b in s.blocks()
        for label, row in zip(b.names, b.intensity, strict=True)
    ]
    if len(scans) < 2:
        raise SikpdosError(f"only {len(scans)} spectrum to merge", name)
    grid = _shared_grid([energy_eV for energy_eV, _, _ in scans], name)
    rows = np.stack([np.interp(grid, energy_eV, row) for energy_eV, row, _ in scans])  # (scans, n)
    fitted, factors = _fitted(rows, [label for _, _, label in scans], name)
    variances = np.array([noise_variance(energy_eV, row) for energy_eV, row, _ in scans]) * factors**2
    weights = _weights(variances)
    mean = weights @ fitted
    std = _std(fitted, mean, weights)
    shares = (
        "equally" if np.ptp(weights) < 1e-9 else "by inverse variance, " + ", ".join(f"{w:.0%}" for w in weights[:8])
    )
    words = f"{len(scans)} scans merged on the {grid.size} energies of the first (weighted {shares})"
    return SpectrumSet(
        names=(name,),
        energy_eV=grid,
        intensity=mean[None],
        kind=sets[0].kind,
        title=sets[0].title,
        source_format=sets[0].source_format,
        warnings=(*_warnings(sets), words),
        left_out={key: cause for s in sets for key, cause in s.left_out.items()},
        intensity_std=std[None],
    )


def _shared_grid(energies: list[np.ndarray], name: str) -> np.ndarray:
    """The first scan's energies that all scans measured."""
    low, high = max(e[0] for e in energies), min(e[-1] for e in energies)
    grid = energies[0][(energies[0] >= low) & (energies[0] <= high)]
    if grid.size < 2 or grid[-1] - grid[0] < _LEAST_SHARED_EV:
        raise SikpdosError(f"the scans share only {max(high - low, 0):.4g} eV: not of one edge", name)
    return grid


def _fitted(rows: np.ndarray, labels: list[str], name: str) -> tuple[np.ndarray, np.ndarray]:
    """Rows (m, n) fitted to the first by a factor and a constant, and the factors (m,)."""
    centred = rows - rows.mean(axis=1, keepdims=True)
    squares = (centred**2).sum(axis=1)
    if not squares.all():
        raise SikpdosError(f"{labels[int(np.argmin(squares))]} is constant", name)
    # the geometric mean of both regressions: noise in either does not shrink the factor
    signs = np.sign(centred @ centred[0])
    factors = np.sqrt(squares[0] / squares)
    correlation = centred @ centred[0] / np.sqrt(squares * squares[0])
    if (signs <= 0).any() or correlation.min() < 0.5:
        worst = int(np.argmin(correlation))
        raise SikpdosError(f"{labels[worst]} is not like {labels[0]} (correlation {correlation[worst]:.2f})", name)
    return rows[0].mean() + factors[:, None] * centred, factors


def noise_variance(energy_eV: np.ndarray, intensity: np.ndarray) -> float:
    """Variance of the noise of a channel, from what each differs from the line through its neighbours.

    The median is taken, so that spikes and the edge itself count little.
    """
    if intensity.size < 5:
        return 0.0
    share = (energy_eV[1:-1] - energy_eV[:-2]) / (energy_eV[2:] - energy_eV[:-2])
    residual = intensity[1:-1] - (1 - share) * intensity[:-2] - share * intensity[2:]
    scaled = residual / np.sqrt(1 + share**2 + (1 - share) ** 2)
    return float((np.median(np.abs(scaled)) / 0.6745) ** 2)


def _weights(variances: np.ndarray) -> np.ndarray:
    """Weights (m,) that sum to 1; equal where a scan shows no noise at all."""
    weights = np.ones_like(variances) if variances.min() <= 0 else 1 / variances
    return weights / weights.sum()


def _std(rows: np.ndarray, mean: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Standard deviation of the weighted mean (n,), from the scans' scatter, averaged over some channels."""
    freedom = 1 - (weights**2).sum()
    variance = weights @ (rows - mean) ** 2 / freedom * (weights**2).sum()
    window = np.ones(min(_SMOOTHED, variance.size))
    return np.sqrt(np.convolve(variance, window, "same") / np.convolve(np.ones_like(variance), window, "same"))


def _warnings(sets: Sequence[SpectrumSet]) -> tuple[str, ...]:
    """What the readers warned of, each once."""
    return tuple(dict.fromkeys(words for spectra in sets for words in spectra.warnings))
