"""Measured spectra in memory: one energy axis and the spectra on it, checked for what no measurement can be."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from sikpdos.common.errors import SikpdosError, naming
from sikpdos.formats import energies

KINDS = ("eels", "xas", "unknown")


class RowReader(Protocol):
    """Intensities (m, n) of a file, read a few rows at a time."""

    @property
    def shape(self) -> tuple[int, int]: ...

    def chunks(self, size: int) -> Iterator[np.ndarray]:
        """All rows in order, (k, n) with k <= size at a time."""
        ...


@dataclass(frozen=True)
class NavigationAxis:
    """One axis of the places that a spectrum image was recorded at: pixel i lies at offset + i scale."""

    name: str  # "x"
    size: int
    scale: float = 1.0
    offset: float = 0.0
    units: str = ""  # "nm"; "" where the file does not say


@dataclass(frozen=True)
class Block:
    """Some consecutive spectra of a set, without those that cannot be used."""

    names: list[str]  # (k,)
    intensity: np.ndarray  # (k, n) finite
    left_out: dict[str, str]  # name -> cause
    entries: tuple[tuple[str, int | None], ...] = ()  # every spectrum's name in order, and its row, if it can be used


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
    intensity_std: np.ndarray | None = None  # (m, n) standard deviation of each intensity, where scans were merged
    decreasing: bool = False  # `intensity` runs from the highest energy to the lowest; `blocks` turns it round
    navigation: tuple[NavigationAxis, ...] = ()  # of a spectrum image, slowest first: its pixels are the m spectra

    def __len__(self) -> int:
        return self.intensity.shape[0]

    @property
    def shape(self) -> tuple[int, ...]:
        """Pixels of a spectrum image along each axis; of a mere set, its number of spectra."""
        return tuple(axis.size for axis in self.navigation) or (len(self),)

    def rows(self, size: int = 4096) -> Iterator[np.ndarray]:
        """All spectra in order, energies increasing, at most `size` (k, n) at a time, the unusable ones too."""
        for chunk in chunks(self.intensity, size):
            yield floats(chunk[:, ::-1] if self.decreasing else chunk)

    def blocks(self, size: int = 4096) -> Iterator[Block]:
        """The spectra in order, at most `size` at a time: memory does not grow with their number.

        Spectra with NaN, infinity, nothing but zeros, or (unless XAS) no positive value are left out and named; the
        first block names those of the whole file that were left out at reading.
        """
        start, left_out = 0, dict(self.left_out)
        for intensity in self.rows(size):
            rows = range(start, start + len(intensity))
            start += len(intensity)
            names = [str(row) if self.names is None else self.names[row] for row in rows]
            causes = faults(intensity, self.kind)
            good = [row for row in range(len(names)) if row not in causes]
            place = {row: number for number, row in enumerate(good)}
            yield Block(
                names=[names[row] for row in good] if causes else names,
                intensity=intensity[good] if causes else intensity,
                left_out=left_out | {names[row]: cause for row, cause in causes.items()},
                entries=tuple((name, place.get(row)) for row, name in enumerate(names)),
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
    return values.astype(np.float32 if values.dtype.itemsize <= 2 else np.float64)  # exact in either


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
    """Energies (n,) in `unit` (eV, keV, meV; None: not said) as increasing eV, for spectra that stay in a file.

    Returns them, whether they had to be turned round, and warnings. Raises SikpdosError, which names the file
    `name`, for what `energies.axis` refuses, and for energies that would have to be sorted or averaged.
    """
    energy = np.asarray(energy, float)
    step = np.diff(energy)
    if energy.size > 1 and np.isfinite(energy).all() and not ((step > 0).all() or (step < 0).all()):
        at = int(np.argmin(step)) if step.any() else 0
        words = "is repeated" if step[at] == 0 else f"follows {energy[at]:.10g}: out of order"
        raise SikpdosError(f"energy {energy[at + 1]:.10g} {words}", name)
    with naming(name):
        axis = energies.axis(energy, unit)
    return axis.energy_eV, bool(energy[-1] < energy[0]), axis.warnings


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
    """One spectrum, checked, as a set of one that bears the file's name (see `arranged`)."""
    return arranged(
        (name,),
        energy,
        np.asarray(intensity)[None],
        unit=unit,
        kind=kind,
        title=title,
        source_format=source_format,
        warnings=warnings,
        source=name,
    )


def arranged(
    names: Sequence[str],
    energy: np.ndarray,
    intensity: np.ndarray,
    *,
    unit: str | None,
    kind: str,
    source: str,
    title: str = "",
    source_format: str,
    warnings: Sequence[str] = (),
) -> SpectrumSet:
    """Spectra (m, n) in the order of a file on energies (n,) in `unit`, put in order.

    Raises SikpdosError naming the file `source` for bad energies (see `energies.axis`) and, if there is but one
    spectrum, for NaN, nothing but zeros, or (unless XAS) no positive value. Negative values are warned of.
    """
    with naming(source):
        axis = energies.axis(energy, unit)
    intensity = np.ascontiguousarray(axis.arrange(floats(np.asarray(intensity))))
    warnings = (*warnings, *axis.warnings)
    if len(intensity) == 1:
        if causes := faults(intensity, kind):
            raise SikpdosError(f"{causes[0]}", source)
        negative = int(np.count_nonzero(intensity < 0))
        if negative and kind != "xas":
            words = f"{negative} of {intensity.size} intensities are negative (a background already removed?)"
            warnings = (*warnings, words)
    return SpectrumSet(
        names=tuple(names),
        energy_eV=axis.energy_eV,
        intensity=intensity,
        kind=kind,
        title=title,
        source_format=source_format,
        warnings=warnings,
    )
