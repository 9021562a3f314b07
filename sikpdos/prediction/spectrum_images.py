"""What is done to a spectrum image before its spectra are prepared: a look at all, and pixels summed in rectangles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from sikpdos.common.constants import SI_K_EDGE_EV
from sikpdos.common.errors import SikpdosError
from sikpdos.formats.spectrum_image import lines
from sikpdos.formats.spectrum_set import NavigationAxis, SpectrumSet
from sikpdos.spectra import saturation
from sikpdos.spectra.edge_search import is_absolute

BATCH = 2048  # pixels at a time
USED_EV = (-105.0, 60.0)  # from silicon's K-edge: what backgrounds, onsets and windows need


@dataclass(frozen=True)
class Totals:
    """What one pass over an image tells."""

    mean: np.ndarray  # (n,) of the pixels that are finite
    largest: float  # intensity in the image
    saturated: np.ndarray  # (pixels,) whether the detector was full


def is_image(spectra: SpectrumSet) -> bool:
    """Whether a set is a spectrum image: a line of pixels, or a map, were it of one."""
    return len(spectra.navigation) > 1 or (bool(spectra.navigation) and len(spectra) > 1)


def rows(spectra: SpectrumSet, channels: slice) -> Iterator[np.ndarray]:
    """All pixels in order (k, n), BATCH at a time, of these channels."""
    for block in lines(spectra, BATCH):
        yield block[:, channels]


def used_channels(spectra: SpectrumSet, low_eV: float | None = None, shift_eV: float = 0.0) -> slice:
    """The channels around silicon's K-edge, and those down to the background's window; all of a relative axis."""
    energy_eV = spectra.energy_eV + shift_eV
    if not is_absolute(energy_eV):
        return slice(None)
    first_eV = min(SI_K_EDGE_EV + USED_EV[0], np.inf if low_eV is None else low_eV)
    first, last = np.searchsorted(energy_eV, [first_eV - 1e-6, SI_K_EDGE_EV + USED_EV[1]])
    return slice(int(first), int(last)) if last - first > 1 else slice(None)


def totals(spectra: SpectrumSet, channels: slice) -> Totals:
    """Mean spectrum of the finite pixels, and which are saturated. Raises SikpdosError where none is finite."""
    total, pixels, tops = np.zeros(()), 0, []
    for block in rows(spectra, channels):
        finite = np.isfinite(block).all(axis=1)
        total = total + block[finite].sum(axis=0, dtype=float)
        pixels += int(finite.sum())
        tops.append(saturation.tops(block))
    if not pixels or not np.any(total):
        raise SikpdosError("no pixel holds a spectrum of finite numbers that are not all zero")
    found = saturation.joined(tops)
    return Totals(total / pixels, float(np.nanmax(found.value)), saturation.saturated(found))


@dataclass(frozen=True)
class BinnedRows:
    """An image's pixels summed in rectangles; what does not fill one at the ends is left out."""

    spectra: SpectrumSet
    steps: tuple[int, ...]  # pixels along each axis

    @property
    def shape(self) -> tuple[int, int]:
        sizes = [size // step for size, step in zip(self.spectra.shape, self.steps, strict=True)]
        return int(np.prod(sizes)), self.spectra.energy_eV.size

    def chunks(self, size: int) -> Iterator[np.ndarray]:
        """All rectangles in order, (k, n) with k <= size at a time."""
        first, inner = self.steps[0], self.spectra.shape[1:]
        pixels = int(np.prod(inner, dtype=int))
        at_once = max(BATCH // pixels, 1)
        together = max(step for step in range(1, first + 1) if first % step == 0 and step <= at_once)
        summed, count = np.zeros(()), 0  # of lines that are not a whole row of rectangles yet
        for block in lines(self.spectra, together * pixels):
            if len(block) < together * pixels:
                return
            image = block.astype(float).reshape(together, *inner, -1)
            summed = summed + in_rectangles(image, (together, *self.steps[1:])).reshape(-1, block.shape[1])
            count += together
            if count == first:
                for start in range(0, len(summed), size):
                    yield summed[start : start + size]
                summed, count = np.zeros(()), 0


def in_rectangles(image: np.ndarray, steps: Sequence[int]) -> np.ndarray:
    """Sums (y // steps, x // steps, n) of an image's pixels (y, x, n); what does not fill a rectangle is left out."""
    for axis, step in enumerate(steps):
        count = image.shape[axis] // step
        image = image[(slice(None),) * axis + (slice(step * count),)]
        image = image.reshape(*image.shape[:axis], count, step, *image.shape[axis + 1 :]).sum(axis=axis + 1)
    return image


def binned(spectra: SpectrumSet, steps: Sequence[int]) -> SpectrumSet:
    """The image with pixels summed in rectangles of so many along each axis, slowest first; counts are added.

    Raises SikpdosError where the numbers do not fit the axes.
    """
    if isinstance(steps, int) or not all(isinstance(step, (int, np.integer)) for step in steps):
        raise SikpdosError(f"--bin {steps!r}: expected a whole number for each axis of the image")
    if len(steps) != len(spectra.navigation):
        raise SikpdosError(f"--bin of {len(steps)} numbers for an image of {len(spectra.navigation)} axes")
    if any(not 1 <= step <= size for step, size in zip(steps, spectra.shape, strict=True)):
        raise SikpdosError(f"--bin {','.join(map(str, steps))} for an image of {by(spectra.shape)} pixels")
    axes = tuple(_coarser(axis, step) for axis, step in zip(spectra.navigation, steps, strict=True))
    return replace(
        spectra,
        names=["_".join(map(str, index)) for index in np.ndindex(*(axis.size for axis in axes))],
        intensity=BinnedRows(spectra, tuple(steps)),
        navigation=axes,
        decreasing=False,
    )


def _coarser(axis: NavigationAxis, step: int) -> NavigationAxis:
    """An axis whose pixels lie at the middle of those that were summed."""
    offset = axis.offset + 0.5 * (step - 1) * axis.scale
    return replace(axis, size=axis.size // step, scale=axis.scale * step, offset=offset)


def by(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape))
