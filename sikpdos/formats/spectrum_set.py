"""Measured spectra in memory: one energy axis and the spectra on it, checked for what no measurement can be."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from sikpdos.common.errors import SikpdosError

KINDS = ("eels", "xas", "unknown")
EV_PER_UNIT = {"ev": 1.0, "kev": 1e3, "mev": 1e-3}
NARROWEST_EV, HIGHEST_KEV = 3.0, 200.0  # positive numbers in a smaller range, and below this, must be keV


class RowReader(Protocol):
    """Intensities (m, n) of a file, read a few rows at a time."""

    shape: tuple[int, int]

    def chunks(self, size: int) -> Iterator[np.ndarray]:
        """All rows in order, (k, n) with k <= size at a time."""
        ...


@dataclass(frozen=True)
class Block:
    """Some consecutive spectra of a set, without those that cannot be used."""

    names: list[str]  # (k,)
    intensity: np.ndarray  # (k, n) finite
    left_out: dict[str, str]  # name -> cause


@dataclass(frozen=True)
class SpectrumSet:
    """Spectra on one energy axis. A file with one spectrum gives a set of one."""

    names: Sequence[str] | None  # (m,); None: numbered from 0
    energy_eV: np.ndarray  # (n,) increasing
    intensity: np.ndarray | RowReader  # (m, n)
    kind: str  # one of KINDS
    title: str = ""
    source_format: str = ""
    warnings: tuple[str, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)  # other spectra of the file that cannot be used -> cause
    decreasing: bool = False  # `intensity` runs from the highest energy to the lowest; `blocks` turns it round

    def __len__(self) -> int:
        return self.intensity.shape[0]

    def blocks(self, size: int = 4096) -> Iterator[Block]:
        """The spectra in order, at most `size` at a time: memory does not grow with their number.

        Spectra with NaN, infinity, nothing but zeros, or (unless XAS) no positive value are left out and named; the
        first block names those of the whole file that were left out at reading.
        """
        start, left_out = 0, dict(self.left_out)
        for chunk in chunks(self.intensity, size):
            intensity = floats(chunk[:, ::-1] if self.decreasing else chunk)
            rows = range(start, start + len(chunk))
            start += len(chunk)
            names = [str(row) if self.names is None else self.names[row] for row in rows]
            causes = faults(intensity, self.kind)
            good = [row for row in range(len(names)) if row not in causes]
            yield Block(
                names=[names[row] for row in good] if causes else names,
                intensity=intensity[good] if causes else intensity,
                left_out=left_out | {names[row]: cause for row, cause in causes.items()},
            )
            left_out = {}


def chunks(rows: np.ndarray | RowReader, size: int) -> Iterator[np.ndarray]:
    """Rows of an array (views) or of a file, at most `size` at a time."""
    if not isinstance(rows, np.ndarray):
        yield from rows.chunks(size)
        return
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def floats(values: np.ndarray) -> np.ndarray:
    """Values as float32 or float64; those that are so already are not copied."""
    if values.dtype in (np.float32, np.float64) and values.dtype.isnative:
        return values
    return values.astype(np.float32 if values.dtype == np.float16 else np.float64)


def faults(intensity: np.ndarray, kind: str) -> dict[int, str]:
    """Row -> cause for the rows of intensity (m, n) that hold no spectrum."""
    with np.errstate(invalid="ignore"):
        low, high = intensity.min(axis=1), intensity.max(axis=1)  # NaN where a row holds one
    tests: tuple[tuple[np.ndarray, Callable[[int], str]], ...] = (
        (~(np.isfinite(low) & np.isfinite(high)), lambda row: _not_finite(intensity[row])),
        ((low == 0) & (high == 0), lambda row: "all intensities are zero"),
        # XAS is the logarithm of a ratio with an arbitrary factor, and may lie below zero altogether
        ((high <= 0) & (kind != "xas"), lambda row: "no intensity is above zero"),
    )
    causes: dict[int, str] = {}
    for failed, cause in tests:
        for row in np.flatnonzero(failed).tolist():
            causes.setdefault(row, cause(row))
    return dict(sorted(causes.items()))


def _not_finite(values: np.ndarray) -> str:
    channel = int(np.flatnonzero(~np.isfinite(values))[0])
    return f"intensity is {values[channel]:g} in channel {channel + 1} of {values.size}"


def energy_axis(energy: np.ndarray, unit: str | None, name: str) -> tuple[np.ndarray, bool, tuple[str, ...]]:
    """Energies (n,) in `unit` (eV, keV, meV; None: not said) as increasing eV.

    Returns them, whether they had to be turned round, and warnings. Raises SikpdosError, which names the file
    `name`, for another unit, fewer than two channels, NaN, repeated energies, or energies in no order.
    """
    energy = np.asarray(energy, float)
    warnings = []
    if energy.size < 2:
        raise SikpdosError(f"{name}: {'only one energy channel' if energy.size else 'no energy channels'}")
    if not np.isfinite(energy).all():
        raise SikpdosError(f"{name}: energy is {_not_finite(energy)[13:]}")
    if unit is None and energy.min() > 0 and energy.max() < HIGHEST_KEV and np.ptp(energy) < NARROWEST_EV:
        unit = "keV"
        warnings.append(f"energies {energy.min():g} to {energy.max():g} without a unit: taken as keV")
    factor = EV_PER_UNIT.get((unit or "eV").lower())
    if factor is None:
        raise SikpdosError(f"{name}: energies in '{unit}', expected eV or keV")
    decreasing = bool(energy[-1] < energy[0])
    if decreasing:
        energy = energy[::-1]
        warnings.append("energies decrease: the spectrum was turned round")
    _check_increasing(energy, name)
    return np.ascontiguousarray(energy if factor == 1 else energy * factor), decreasing, tuple(warnings)


def _check_increasing(energy: np.ndarray, name: str) -> None:
    step = np.diff(energy)
    if step.min() > 0:
        return
    channel = int(np.argmin(step > 0))
    if step.min() == 0 or step[channel] == 0:
        raise SikpdosError(f"{name}: energy {energy[channel]:.10g} is repeated")
    raise SikpdosError(
        f"{name}: energies neither increase nor decrease: {energy[channel + 1]:.10g} follows {energy[channel]:.10g}"
    )


def single(
    name: str,
    energy: np.ndarray,
    intensity: np.ndarray,
    *,
    unit: str | None,
    kind: str,
    title: str = "",
    source_format: str,
    warnings: Sequence[str] = (),
) -> SpectrumSet:
    """One spectrum, checked, as a set of one.

    Raises SikpdosError naming the file `name` for bad energies (see `energy_axis`), NaN, nothing but zeros, or
    (unless XAS) no positive value. Negative values are warned of.
    """
    energy_eV, decreasing, more = energy_axis(energy, unit, name)
    intensity = floats(np.asarray(intensity))
    causes = faults(intensity[None], kind)
    if causes:
        raise SikpdosError(f"{name}: {causes[0]}")
    negative = int(np.count_nonzero(intensity < 0))
    if negative and kind != "xas":
        more = (*more, f"{negative} of {intensity.size} intensities are negative (a background already removed?)")
    if decreasing:
        intensity = intensity[::-1]
    return SpectrumSet(
        names=(name,),
        energy_eV=energy_eV,
        intensity=np.ascontiguousarray(intensity)[None],
        kind=kind,
        title=title,
        source_format=source_format,
        warnings=(*warnings, *more),
    )
