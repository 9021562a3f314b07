"""Principal components of spectra that are counts: noise taken out of many spectra at once.

Counts scatter by the root of their mean, so they are first divided by the roots of each spectrum's and each channel's
mean, after which the noise is the same everywhere (Keenan and Kotula, Surf. Interface Anal. 36, 203 (2004),
doi:10.1002/sia.1657). Components are kept whose variance is more than noise alone would give: the edge of the
Marchenko-Pastur distribution and twice the width of its largest value's (Johnstone, Ann. Stat. 29, 295 (2001),
doi:10.1214/aos/1009210544).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

MOST_COMPONENTS = 24
_WIDTHS = 2.0  # of the distribution of noise's largest variance: beyond, one in a hundred
_FEATURE_EV = 1.5  # what spectra and components differ in is at least so wide
_LEFT_OVER = 3.72  # normal deviate of one in 10,000: what more a spectrum leaves over, components do not hold


@dataclass(frozen=True, kw_only=True)
class Components:
    """What m spectra of counts have in common."""

    vectors: np.ndarray  # (k, n) orthonormal, of scaled spectra
    channel_scale: np.ndarray  # (n,) root of each channel's mean, mean square 1
    variances: np.ndarray  # (n,) of scaled spectra along all components, falling: the scree plot
    noise: float  # variance of the noise of scaled spectra; 1 for counts
    edge: float  # the largest variance that noise alone gives

    def denoised(self, spectra: np.ndarray) -> np.ndarray:
        """Spectra (m, n) as their components alone make them."""
        scale = self._scale(spectra)
        return ((spectra / scale) @ self.vectors.T) @ self.vectors * scale

    def deviations(self, spectra: np.ndarray) -> np.ndarray:
        """Standard deviations (k, m, n) that the noise left in each component gives denoised spectra (m, n)."""
        return np.sqrt(self.noise) * self.vectors[:, None] * self._scale(spectra)

    def unexplained(self, spectra: np.ndarray, denoised: np.ndarray, energy_eV: np.ndarray) -> np.ndarray:
        """Which spectra (m,) differ from what their components make of them by more than noise.

        Judged by the sums over bins 1.5 eV wide, so that broad features count and the noise of channels does not.
        """
        rest = (spectra - denoised) / self._scale(spectra)
        bins = np.floor((energy_eV - energy_eV[0]) / _FEATURE_EV).astype(int)
        starts = np.flatnonzero(np.diff(bins, prepend=-1))
        channels = np.diff(starts, append=len(energy_eV))
        chi2 = ((np.add.reduceat(rest, starts, axis=1) ** 2) / channels).sum(axis=1) / self.noise
        d = len(starts)
        return chi2 > d * (1 - 2 / (9 * d) + _LEFT_OVER * np.sqrt(2 / (9 * d))) ** 3  # Wilson and Hilferty's chi square

    def _scale(self, spectra: np.ndarray) -> np.ndarray:
        return np.sqrt(np.maximum(spectra.mean(axis=1, keepdims=True), 1e-12)) * self.channel_scale


def components(blocks: Iterable[np.ndarray], mean: np.ndarray, count: int | None = None) -> Components:
    """Components of spectra that come in blocks (m, n) and have the mean (n,): `count`, or as many as noise allows.

    Spectra without counts are left out. At least one component is kept.
    """
    channel_scale = np.sqrt(np.maximum(mean, 1e-6 * max(float(mean.max()), 1e-300)))
    channel_scale = channel_scale / np.sqrt((channel_scale**2).mean())
    products, rows = np.zeros((len(mean), len(mean))), 0
    for block in blocks:
        own = block.mean(axis=1)
        scaled = block[own > 0] / (np.sqrt(own[own > 0])[:, None] * channel_scale)
        products += scaled.T @ scaled
        rows += len(scaled)
    values, vectors = np.linalg.eigh(products / max(rows, 1))
    values, vectors = values[::-1].clip(0), vectors[:, ::-1].T
    noise, edge = _noise_edge(values, rows)
    found = int((values > edge).sum()) if count is None else count
    kept = max(1, min(found, MOST_COMPONENTS if count is None else len(values), rows))
    return Components(vectors=vectors[:kept], channel_scale=channel_scale, variances=values, noise=noise, edge=edge)


def _noise_edge(variances: np.ndarray, rows: int) -> tuple[float, float]:
    """Variance of the noise, and the largest that noise alone gives, of falling variances (n,) of some rows.

    The noise is the mean of the variances below the edge, found in turn with it.
    """
    n = len(variances)
    largest = _largest_of_noise(n, rows)
    noise = float(np.median(variances[: max(1, min(n, rows))]))
    for _ in range(100):
        above = min(int((variances > noise * largest).sum()), min(n, rows) - 1)
        found = float(variances[above:].sum() / max(n - above, 1))
        if abs(found - noise) <= 1e-9 * noise:
            break
        noise = found
    return noise, noise * largest


def _largest_of_noise(channels: int, rows: int) -> float:
    """Largest variance of noise of variance 1: Johnstone's mu and _WIDTHS times his sigma."""
    a, b = np.sqrt(max(rows - 1, 1)), np.sqrt(channels)
    return float(((a + b) ** 2 + _WIDTHS * (a + b) * (1 / a + 1 / b) ** (1 / 3)) / max(rows, 1))
