"""How far off an estimate is: the members' spread, and a floor that grows with the distance from what is known."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields

import numpy as np

from sikpdos.common import npz
from sikpdos.common.grid import PDOS

BAND_90 = 1.6448536  # half width of a normal distribution's 90 % band, in standard deviations
_NEAR = 0.05  # distance within which two spectra are as good as the same
_LEAST_FLOOR = 1e-6  # states/eV/atom, where neither a site nor an estimate of it has any states
_SMOOTH_POINTS = 21  # the floor is averaged over 2 eV


@dataclass(frozen=True)
class Uncertainty:
    """Turns estimates into standard deviations of which +-1.645 hold 90 %."""

    floor: np.ndarray  # (2, 300) states/eV/atom: deviation where the members agree, at the usual distance
    distance: float  # usual distance of a spectrum to the nearest training spectrum
    power: float  # of the distance, with which the floor grows
    factor: float  # of spread and floor together

    def deviation(self, members: np.ndarray, nearest: np.ndarray) -> np.ndarray:
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
    error, near = np.concatenate(errors), np.concatenate(nearest) + _NEAR
    distance = float(np.exp(np.log(near).mean()))
    power = _power(near / distance, error)
    relative = error / ((near / distance) ** power)[:, None, None]
    floor = np.sqrt(_running_mean((relative**2).mean(axis=0))).clip(_LEAST_FLOOR).astype(np.float32)
    raw = Uncertainty(floor, distance, power, 1.0)
    deviation = np.concatenate([raw.deviation(*batch) for batch in zip(members, nearest, strict=True)])
    return Uncertainty(floor, distance, power, float(np.quantile(np.abs(error) / deviation, 0.9) / BAND_90))


def from_arrays(arrays: dict[str, np.ndarray], path: str | os.PathLike) -> Uncertainty:
    """The Uncertainty of a model file, from its arrays error_*. Raises SikpdosError if one is missing or misshapen."""
    npz.require(arrays, path, error_floor=(2, PDOS.size), error_distance=(), error_power=(), error_factor=())
    floor, *numbers = (arrays[f"error_{f.name}"] for f in fields(Uncertainty))
    return Uncertainty(floor, *map(float, numbers))


def _power(distance: np.ndarray, error: np.ndarray) -> float:
    """Slope, 0 or more, of the logarithms of errors (m, 2, 300) along those of distances (m,) around 1."""
    size, along = np.log((error**2).mean(axis=(1, 2)).clip(_LEAST_FLOOR**2)) / 2, np.log(distance)
    return max(0.0, float((along * size).sum() / (along**2).sum())) if along.any() else 0.0


def _running_mean(values: np.ndarray) -> np.ndarray:
    half = _SMOOTH_POINTS // 2
    padded = np.pad(values, [(0, 0), (half, half)], mode="edge")
    return np.lib.stride_tricks.sliding_window_view(padded, _SMOOTH_POINTS, axis=-1).mean(-1)
