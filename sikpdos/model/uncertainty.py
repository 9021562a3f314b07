"""How far off an estimate is: the members' spread, and a floor that grows with the distance to the nearest spectrum."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

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

    def std(self, members: np.ndarray, nearest: np.ndarray) -> np.ndarray:
        """Standard deviation (B, 2, 300) of estimates (members, B, 2, 300) of spectra at these distances (B,)."""
        spread = members.var(axis=0, ddof=1) if len(members) > 1 else np.zeros_like(members[0])
        return self.factor * np.sqrt(spread + (self._remoteness(nearest)[:, None, None] * self.floor) ** 2)

    def _remoteness(self, nearest: np.ndarray) -> np.ndarray:
        return ((nearest + _NEAR) / self.distance) ** self.power


def calibrate(members: list[np.ndarray], nearest: list[np.ndarray], errors: list[np.ndarray]) -> Uncertainty:
    """From sites that their members did not know, in batches.

    Of each batch: the members' estimates (members, k, 2, 300), the distances (k,), and the errors (k, 2, 300) of the
    mean estimates.
    """
    error, shifted = np.concatenate(errors), np.concatenate(nearest) + _NEAR
    distance = float(np.exp(np.log(shifted).mean()))
    power = _power(shifted / distance, error)
    relative = error / ((shifted / distance) ** power)[:, None, None]
    floor = np.sqrt(_running_mean((relative**2).mean(axis=0))).clip(_LEAST_FLOOR).astype(np.float32)
    uncalibrated = Uncertainty(floor=floor, distance=distance, power=power, factor=1.0)
    std = np.concatenate([uncalibrated.std(*batch) for batch in zip(members, nearest, strict=True)])
    return replace(uncalibrated, factor=float(np.quantile(np.abs(error) / std, 0.9) / BAND_90))


def _power(distance: np.ndarray, error: np.ndarray) -> float:
    """Slope, 0 or more, of the logarithms of errors (m, 2, 300) along those of distances (m,) around 1."""
    log_error, log_distance = np.log((error**2).mean(axis=(1, 2)).clip(_LEAST_FLOOR**2)) / 2, np.log(distance)
    if not log_distance.any():
        return 0.0
    return max(0.0, float((log_distance * log_error).sum() / (log_distance**2).sum()))


def _running_mean(values: np.ndarray) -> np.ndarray:
    half = _SMOOTH_POINTS // 2
    padded = np.pad(values, [(0, 0), (half, half)], mode="edge")
    return np.lib.stride_tricks.sliding_window_view(padded, _SMOOTH_POINTS, axis=-1).mean(-1)
