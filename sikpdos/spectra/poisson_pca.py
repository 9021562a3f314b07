"""Principal components of spectra that are counts: noise taken out of many spectra at once.

Counts scatter by the root of their mean, so they are first divided by the roots of each spectrum's and each channel's
mean, after which the noise is the same everywhere (Keenan and Kotula, Surf. Interface Anal. 36, 203 (2004),
doi:10.1002/sia.1657). Components are kept whose variance is more than noise alone would give: the edge of the
Marchenko-Pastur distribution and twice the width of its largest value's (Johnstone, Ann. Stat. 29, 295 (2001),
doi:10.1214/aos/1009210544). A detector that spreads an electron's light over channels makes their noise alike, so the
edge is that of noise of any spectrum along the channels (Silverstein and Choi, J. Multivar. Anal. 54, 295 (1995),
doi:10.1006/jmva.1995.1058), which is taken from the differences of neighbouring pixels.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

MOST_COMPONENTS = 24
_WIDTHS = 2.0  # of the distribution of noise's largest variance: beyond, one in a hundred
_MOST_CHANGES = 6  # by which the noise left is followed
_FEATURE_EV = 1.5  # what spectra and components differ in is at least so wide
_PAIRS = 128  # of neighbouring spectra, of a block, that tell how the noise of channels is correlated
_LEAST_PAIRS = 24  # with fewer it is taken not to be
_LAGS = 48  # channels over which it may be
_LEAST_POWER = 1e-3  # of its largest
_LEAST_NOISE = 1e-12  # of the largest variance: of noise-free spectra
_TURNS = 8
_MOST_ABOVE = 64  # components that can be more than noise
_LEFT_OVER = 3.72  # normal deviate of one in 10,000: what more a spectrum leaves over, components do not hold


@dataclass(frozen=True, kw_only=True)
class Components:
    """What m spectra of counts have in common."""

    vectors: np.ndarray  # (k, n) orthonormal, of scaled spectra
    channel_scale: np.ndarray  # (n,) root of each channel's mean, mean square 1
    variances: np.ndarray  # (n,) of scaled spectra along all components, falling: the scree plot
    noise: float  # variance of the noise of scaled spectra; 1 for counts
    noise_power: np.ndarray  # (n,) of that noise at the frequencies of a Fourier transform over channels, mean 1
    edge: float  # the largest variance that noise alone gives

    def denoised(self, spectra: np.ndarray) -> np.ndarray:
        """Spectra (m, n) as their components alone make them."""
        scale = self._scale(spectra)
        return ((spectra / scale) @ self.vectors.T) @ self.vectors * scale

    def shapes(self, spectra: np.ndarray) -> np.ndarray:
        """Scores (m, k) of spectra (m, n) over the first: alike where spectra differ in their counts alone."""
        scores = (spectra / self._scale(spectra)) @ self.vectors.T
        return np.asarray(scores / scores[:, :1])

    def deviations(self, spectra: np.ndarray) -> Iterator[np.ndarray]:
        """Changes (m, n) of denoised spectra (m, n): the sum of the squares of their effects is the variance of the
        noise that is left.

        One standard deviation of each component; of more than a few, sums of all with random signs.
        """
        kept = self.variances[: len(self.vectors)]
        along = self.noise * _noise_along(self.vectors, self.noise_power)
        curves = np.sqrt(np.where(kept > self.edge, along, kept))[:, None] * self.vectors  # some are but noise
        if len(curves) > _MOST_CHANGES:
            signs = np.random.default_rng(0).choice([-1.0, 1.0], (_MOST_CHANGES, len(curves)))
            curves = signs @ curves / np.sqrt(_MOST_CHANGES)
        return (curve * self._scale(spectra) for curve in curves)

    def unexplained(self, spectra: np.ndarray, denoised: np.ndarray, energy_eV: np.ndarray) -> np.ndarray:
        """Which spectra (m,) differ from what their components make of them by more than noise.

        Judged by the sums over bins 1.5 eV wide, so that broad features count and the noise of channels does not.
        """
        rest = (spectra - denoised) / self._scale(spectra)
        bins = np.floor((energy_eV - energy_eV[0]) / _FEATURE_EV).astype(int)
        starts = np.flatnonzero(np.diff(bins, prepend=-1))
        channels = np.diff(starts, append=len(energy_eV))
        variance = np.array([self._variance_of_sum(int(count)) for count in channels])
        chi2 = ((np.add.reduceat(rest, starts, axis=1) ** 2) / variance).sum(axis=1)
        d = len(starts)
        return chi2 > d * (1 - 2 / (9 * d) + _LEFT_OVER * np.sqrt(2 / (9 * d))) ** 3  # Wilson and Hilferty's chi square

    def _variance_of_sum(self, channels: int) -> float:
        """Of the noise of so many channels next to each other."""
        covariance = self.noise * np.fft.ifft(self.noise_power).real[:channels]
        return float(channels * covariance[0] + 2 * (np.arange(channels - 1, 0, -1) * covariance[1:]).sum())

    def _scale(self, spectra: np.ndarray) -> np.ndarray:
        return np.sqrt(np.maximum(spectra.mean(axis=1, keepdims=True), 1e-12)) * self.channel_scale


def components(blocks: Iterable[np.ndarray], mean: np.ndarray, count: int | None = None) -> Components:
    """Components of spectra that come in blocks (m, n) and have the mean (n,): `count`, or as many as noise allows.

    Spectra without counts are left out. At least one component is kept.
    """
    channel_scale = np.sqrt(np.maximum(mean, 1e-6 * max(float(mean.max()), 1e-300)))
    channel_scale = channel_scale / np.sqrt((channel_scale**2).mean())
    products, rows, differences = np.zeros((len(mean), len(mean))), 0, [np.zeros((0, len(mean)))]
    for block in blocks:
        own = block.mean(axis=1)
        scaled = block[own > 0] / (np.sqrt(own[own > 0])[:, None] * channel_scale)
        products += scaled.T @ scaled
        rows += len(scaled)
        differences.append(_neighbours(scaled))
    values, vectors = np.linalg.eigh(products / max(rows, 1))
    values, vectors = values[::-1].clip(0), vectors[:, ::-1].T
    noise, power, edge = _noise(values, vectors, np.concatenate(differences), rows)
    found = int((values > edge).sum()) if count is None else count
    kept = max(1, min(found, MOST_COMPONENTS if count is None else len(values), rows))
    return Components(
        vectors=vectors[:kept], channel_scale=channel_scale, variances=values, noise=noise, noise_power=power, edge=edge
    )


def _neighbours(scaled: np.ndarray) -> np.ndarray:
    """Differences (k, n) of some spectra next to each other, over root two: hardly more than noise."""
    pairs = len(scaled) // 2
    first = 2 * np.arange(pairs)[:: max(1, pairs // _PAIRS)]
    return np.asarray((scaled[first + 1] - scaled[first]) / np.sqrt(2))


def _noise(
    variances: np.ndarray, vectors: np.ndarray, differences: np.ndarray, rows: int
) -> tuple[float, np.ndarray, float]:
    """Variance of the noise, its power (n,), and the largest variance it alone gives, of falling variances (n,).

    What is no noise, the components above that edge, is left out of the differences; found in turn.
    """
    above, power, noise, edge = 1, np.ones(len(variances)), 0.0, 0.0
    for _ in range(_TURNS):
        power = _noise_power(differences, vectors[:above])
        noise, edge = _level(variances, vectors[:_MOST_ABOVE], power, rows)
        found = min(max(int((variances > edge).sum()), 1), MOST_COMPONENTS)
        if found == above:
            break
        above = found
    return noise, power, edge


def _noise_power(differences: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Power (n,) of the noise of differences (k, n) without some components: smooth, mean 1.

    The median over differences, so that those across an interface do not count; it is ln 2 of the mean of noise's.
    """
    n = differences.shape[1]
    if len(differences) < _LEAST_PAIRS:
        return np.ones(n)
    rest = differences - (differences @ vectors.T) @ vectors
    power = np.median(_power(rest), axis=0) / (np.log(2) * np.maximum(n - _power(vectors).sum(axis=0), n / 10))
    power[0], power[n // 2] = power[1], power[n // 2 - 1]  # real numbers: of another distribution
    lag = np.minimum(np.arange(n), n - np.arange(n))
    covariance = np.fft.ifft(power).real * np.where(lag < _LAGS, np.cos(0.5 * np.pi * lag / _LAGS) ** 2, 0)
    smooth = np.fft.fft(covariance).real
    if not smooth.max() > 0:
        return np.ones(n)
    smooth = smooth.clip(_LEAST_POWER * smooth.max())
    return np.asarray(smooth / smooth.mean())


def _power(curves: np.ndarray) -> np.ndarray:
    """Squares of the Fourier transforms of curves (m, n)."""
    return np.asarray(np.abs(np.fft.fft(curves, axis=1)) ** 2)


def _noise_along(vectors: np.ndarray, noise_power: np.ndarray) -> np.ndarray:
    """Variances (k,) of noise of this power (n,) and mean variance 1 along unit vectors (k, n)."""
    power = _power(vectors)
    return np.asarray((power * noise_power).sum(axis=1) / power.sum(axis=1))


def _level(variances: np.ndarray, vectors: np.ndarray, power: np.ndarray, rows: int) -> tuple[float, float]:
    """Variance of the noise, and the edge above it, of falling variances (n,) along vectors (k, n), the first of them.

    The noise is what the components below the edge leave over, found in turn with it, from above.
    """
    n, least = len(variances), max(1, min(len(variances), rows))
    largest = _largest_of_noise(power, rows)
    taken = np.cumsum(np.maximum(_noise_along(vectors, power) / n, 1 / least))  # share of the noise
    noise = float(variances[1:].sum() / n)
    for _ in range(100):
        above = min(int((variances > noise * largest).sum()), least - 1, len(vectors), int((taken < 0.9).sum()))
        found = float(variances[above:].sum() / n / (1 - taken[above - 1] if above else 1))
        if abs(found - noise) <= 1e-9 * noise:
            break
        noise = found
    noise = max(noise, _LEAST_NOISE * float(variances[0]))
    return noise, noise * largest


def _largest_of_noise(power: np.ndarray, rows: int) -> float:
    """Largest variance of some rows of noise of this power (n,) and mean variance 1: its edge, and _WIDTHS more.

    The widths are Johnstone's for as many channels as the noise is independent in.
    """
    ratio, largest, u = len(power) / max(rows, 1), power.max(), np.linspace(0, 1, 2002)[1:-1]
    edge = float((largest / u + ratio * (power / (1 - u[:, None] * power / largest)).mean(axis=1)).min())
    a, b = np.sqrt(max(rows - 1, 1)), np.sqrt(len(power) / (power**2).mean())
    return edge * float(1 + _WIDTHS * (1 / a + 1 / b) ** (1 / 3) / (a + b))
