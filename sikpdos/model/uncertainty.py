"""How far off an estimate is: the members' spread, and a floor that grows with the distance to the nearest spectrum;
both wider where estimates of its kind are hard."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from sikpdos.model import difficulty
from sikpdos.model.difficulty import Difficulty

BAND_90 = 1.6448536  # half width of a normal distribution's 90 % band, in standard deviations
_NEAR = 0.05  # distance within which two spectra are as good as the same
_LEAST_FLOOR = 1e-6  # states/eV/atom, where neither a site nor an estimate of it has any states
_SMOOTH_POINTS = 21  # the floor is averaged over 2 eV


@dataclass(frozen=True, kw_only=True)
class Uncertainty:
    """Turns estimates into standard deviations of which +-1.645 hold 90 %."""

    floor: np.ndarray  # (2, 300) states/eV/atom: standard deviation where the members agree, at the usual distance
    distance: float  # usual distance of a spectrum to the nearest training spectrum
    power: float  # of the distance, with which the floor grows
    factor: float  # of spread and floor together
    difficulty: Difficulty | None = None  # a further factor; None in models of earlier versions

    def std(self, members: np.ndarray, nearest: np.ndarray, mean: np.ndarray) -> np.ndarray:
        """Standard deviation (B, 2, 300) of mean estimates (B, 2, 300) of spectra at these distances (B,).

        members (members, B, 2, 300): what each member estimates.
        """
        std = self.factor * self._plain(members, nearest)
        return std if self.difficulty is None else std * self.difficulty.factor(mean)[:, None, None]

    def _plain(self, members: np.ndarray, nearest: np.ndarray) -> np.ndarray:
        """Spread and floor together."""
        spread = members.var(axis=0, ddof=1) if len(members) > 1 else np.zeros_like(members[0])
        return np.sqrt(spread + (self._remoteness(nearest)[:, None, None] * self.floor) ** 2)

    def _remoteness(self, nearest: np.ndarray) -> np.ndarray:
        return ((nearest + _NEAR) / self.distance) ** self.power


def calibrate(
    members: list[np.ndarray], nearest: list[np.ndarray], mean: list[np.ndarray], errors: list[np.ndarray]
) -> Uncertainty:
    """From sites that their members did not know, by folds.

    Of each fold: the members' estimates (members, k, 2, 300), the distances (k,), the mean estimates and their errors
    (k, 2, 300).
    """
    error, shifted = np.concatenate(errors), np.concatenate(nearest) + _NEAR
    distance = float(np.exp(np.log(shifted).mean()))
    power = _power(shifted / distance, error)
    relative = error / ((shifted / distance) ** power)[:, None, None]
    floor = np.sqrt(_running_mean((relative**2).mean(axis=0))).clip(_LEAST_FLOOR).astype(np.float32)
    uncalibrated = Uncertainty(floor=floor, distance=distance, power=power, factor=1.0)
    plain = [uncalibrated._plain(*fold) for fold in zip(members, nearest, strict=True)]
    relative_errors = [_log_rms(one / std) for one, std in zip(errors, plain, strict=True)]
    harder, factors = difficulty.fit(mean, relative_errors)
    std = np.concatenate(plain) * factors[:, None, None]
    return replace(uncalibrated, factor=float(np.quantile(np.abs(error) / std, 0.9) / BAND_90), difficulty=harder)


def _log_rms(values: np.ndarray) -> np.ndarray:
    """Logarithm of the root mean square of each of k (k, 2, 300)."""
    return np.log((values**2).mean(axis=(1, 2)).clip(_LEAST_FLOOR**2)) / 2


def _power(distance: np.ndarray, error: np.ndarray) -> float:
    """Slope, 0 or more, of the logarithms of errors (m, 2, 300) along those of distances (m,) around 1."""
    log_error, log_distance = _log_rms(error), np.log(distance)
    if not log_distance.any():
        return 0.0
    return max(0.0, float((log_distance * log_error).sum() / (log_distance**2).sum()))


def _running_mean(values: np.ndarray) -> np.ndarray:
    half = _SMOOTH_POINTS // 2
    padded = np.pad(values, [(0, 0), (half, half)], mode="edge")
    return np.lib.stride_tricks.sliding_window_view(padded, _SMOOTH_POINTS, axis=-1).mean(-1)
