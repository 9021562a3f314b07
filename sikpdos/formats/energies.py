"""Energy axes as measured: units, order, repeated points, encoder jitter, scans up and down again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sikpdos.common.constants import SI_K_EDGE_EV
from sikpdos.common.errors import SikpdosError

EV_PER_UNIT = {"ev": 1.0, "kev": 1e3, "mev": 1e-3}
NARROWEST_EV, HIGHEST_KEV = 3.0, 200.0  # positive numbers in a smaller range, and below this, must be keV
_LARGEST_EV = 1e3 * HIGHEST_KEV  # in either direction: no spectrometer's energy
_SHORTEST_EV = 0.1  # of a spectrum: one step of the grid
_JITTER_EV = 1.0  # that a reading, or the begin of a region, may fall back
_JITTER_STEPS = 3.0  # median steps that it may on the way up of a scan up and down
_BRANCH = 0.2  # of the channels, the least that is a way up or a way down


@dataclass(frozen=True)
class Axis:
    """Increasing energies, and how intensities come to them from the file's order."""

    energy_eV: np.ndarray  # (k,)
    arrange: Callable[[np.ndarray], np.ndarray]  # (m, n) -> (m, k)
    warnings: tuple[str, ...] = ()


def in_eV(energy: np.ndarray, unit: str | None) -> np.ndarray:
    """Energies in eV by their unit, or by what they can be. Raises SikpdosError for another unit."""
    return energy * _factor(energy, unit)[0]


def _factor(energy: np.ndarray, unit: str | None) -> tuple[float, tuple[str, ...]]:
    """eV per unit, and what to say where the unit had to be told from the values."""
    said = EV_PER_UNIT.get((unit or "eV").lower())
    if said is None:
        raise SikpdosError(f"energies in '{unit}', expected eV or keV")
    low, high = float(np.nanmin(energy)), float(np.nanmax(energy))
    if said != 1e3 and low > 0 and high < HIGHEST_KEV and high - low < NARROWEST_EV:
        words = "without a unit" if unit is None else f"in {unit}?"
        if unit is None or 1.5 < low < SI_K_EDGE_EV / 1e3 < high:
            return 1e3, (f"energies {low:g} to {high:g} {words}: taken as keV",)
    if said == 1e3 and low < SI_K_EDGE_EV < high and low > HIGHEST_KEV:
        return 1.0, (f"energies {low:g} to {high:g} in keV?: taken as eV",)
    return said, ()


def in_order(values: np.ndarray) -> bool:
    """Whether numbers go one way, or up and down again, but for jitter: what energies of a scan do."""
    finite = values[np.isfinite(values)]
    if finite.size < 2 or np.ptp(finite) == 0:
        return False
    step = np.diff(finite)
    moving = step[step != 0]
    backwards = min(np.count_nonzero(moving < 0), np.count_nonzero(moving > 0))
    if backwards <= 0.3 * moving.size and np.abs(moving).sum() <= 2 * np.ptp(finite):
        return True
    return _turn(finite) is not None


def axis(energy: np.ndarray, unit: str | None) -> Axis:
    """Energies (n,) of a file as an increasing axis in eV: turned round, sorted, repeated points averaged.

    Raises SikpdosError for another unit than eV, keV, meV, fewer than two channels, NaN, energies that no spectrum
    has, and large steps back.
    """
    energy = np.asarray(energy, float)
    if energy.size < 2:
        raise SikpdosError("only one energy channel" if energy.size else "no energy channels")
    if not np.isfinite(energy).all():
        channel = int(np.flatnonzero(~np.isfinite(energy))[0])
        raise SikpdosError(f"energy is {energy[channel]:g} in channel {channel + 1} of {energy.size}")
    factor, warnings = _factor(energy, unit)
    arranged = _arranged(energy)
    energy_eV = arranged.energy_eV if factor == 1 else arranged.energy_eV * factor
    _check_range(energy_eV)
    return Axis(np.ascontiguousarray(energy_eV), arranged.arrange, (*warnings, *arranged.warnings))


def _check_range(energy_eV: np.ndarray) -> None:
    low, high = float(energy_eV[0]), float(energy_eV[-1])
    if max(abs(low), abs(high)) > _LARGEST_EV:
        raise SikpdosError(f"energies from {low:g} to {high:g} eV: not those of a spectrum")
    if high - low < _SHORTEST_EV:
        raise SikpdosError(f"energies span {high - low:.3g} eV only")


def _arranged(energy: np.ndarray) -> Axis:
    """The axis in the file's unit."""
    step = np.diff(energy)
    if (step > 0).all():
        return Axis(energy, lambda rows: rows)
    if (step < 0).all():
        return Axis(energy[::-1], lambda rows: rows[:, ::-1], ("energies decrease: the spectrum was turned round",))
    if not step.any():
        raise SikpdosError(f"energy {energy[0]:.10g} is repeated")
    turn = _turn(energy)
    if turn is not None:
        return _there_and_back(energy, turn)
    return _sorted(energy)


def _sorted(energy: np.ndarray) -> Axis:
    """Sorted, equal energies averaged. Raises SikpdosError for steps back that are no jitter."""
    step = np.diff(energy)
    falls = np.count_nonzero(step < 0) > np.count_nonzero(step > 0)
    step = -step if falls else step
    back = float(-step.min())
    if back > _limit(energy):
        at = int(np.argmin(step))
        raise SikpdosError(f"energies neither increase nor decrease: {energy[at + 1]:.10g} follows {energy[at]:.10g}")
    order = np.argsort(energy, kind="stable")
    increasing, first, counts = np.unique(energy[order], return_index=True, return_counts=True)
    if increasing.size < 2:
        raise SikpdosError(f"energy {energy[0]:.10g} is repeated")
    warnings = ["energies decrease: the spectrum was turned round"] if falls else []
    if back > 0:
        warnings.append(f"{int((step < 0).sum())} energies step back by up to {back:.3g}: sorted")
    if repeated := int((counts > 1).sum()):
        plural = "energies are" if repeated > 1 else f"energy ({increasing[counts > 1][0]:.10g}) is"
        warnings.append(f"{repeated} {plural} repeated: the intensities there averaged")

    def arrange(rows: np.ndarray) -> np.ndarray:
        return np.add.reduceat(rows[:, order], first, axis=1, dtype=float) / counts

    return Axis(increasing, arrange, tuple(warnings))


def _limit(energy: np.ndarray) -> float:
    """The largest jitter in the file's unit: keV where all numbers are small."""
    return _JITTER_EV * (1e-3 if np.abs(energy).max() < HIGHEST_KEV and np.ptp(energy) < NARROWEST_EV else 1.0)


def _turn(energy: np.ndarray) -> int | None:
    """The channel where a scan turns back to where it came from; None for one that does not."""
    for sign in (1.0, -1.0):
        turn = int(np.argmax(sign * energy))
        ways = (sign * energy[: turn + 1], -sign * energy[turn:])
        least = max(3, int(_BRANCH * energy.size))
        if all(way.size >= least and _goes_up(way) and np.ptp(way) > 0.5 * np.ptp(energy) for way in ways):
            return turn
    return None


def _goes_up(way: np.ndarray) -> bool:
    step = np.diff(way)
    usual = float(np.median(np.abs(step)))
    return bool((step >= -_JITTER_STEPS * usual).all() and np.abs(step).sum() < 1.5 * (way[-1] - way[0]))


def _there_and_back(energy: np.ndarray, turn: int) -> Axis:
    """Both ways on the energies of the first, averaged where both were measured."""
    there, back = _one_way(energy[: turn + 1]), _one_way(energy[turn:])
    grid = there.energy_eV
    shared = (grid >= back.energy_eV[0]) & (grid <= back.energy_eV[-1])

    def arrange(rows: np.ndarray) -> np.ndarray:
        first = np.array(there.arrange(rows[:, : turn + 1]), float)
        second = np.stack([np.interp(grid, back.energy_eV, row) for row in back.arrange(rows[:, turn:])])
        return np.where(shared, (first + second) / 2, first)

    words = f"the scan goes to {energy[turn]:.6g} and back: both ways averaged"
    return Axis(grid, arrange, (words,))


def _one_way(energy: np.ndarray) -> Axis:
    step = np.diff(energy)
    if (step > 0).all():
        return Axis(energy, lambda rows: rows)
    if (step < 0).all():
        return Axis(energy[::-1], lambda rows: rows[:, ::-1])
    return _sorted(energy)
