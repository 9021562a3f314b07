"""Spectrum images: a spectrum at each pixel of a map or a line, and the axes that say where the pixels are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sikpdos.common.errors import SikpdosError
from sikpdos.formats.spectrum_set import NavigationAxis, SpectrumSet, energy_axis, single

IN_MEMORY_BYTES = 128 << 20  # images up to here are read at once, larger ones line by line


@dataclass(frozen=True)
class ImageRows:
    """The pixels of an array in a file, slowest axis first, read some lines at a time."""

    opened: Callable[[], AbstractContextManager[Any]]  # gives the array (h5py's, a memory map), any number of times
    dimension: int  # of the array that counts energy
    whole: tuple[int, ...]  # shape of the array

    @property
    def shape(self) -> tuple[int, int]:
        channels = self.whole[self.dimension]
        return int(np.prod(self.whole)) // channels, channels

    def chunks(self, size: int) -> Iterator[np.ndarray]:
        """All pixels in order, (k, n) with k <= size at a time."""
        slowest = 1 if self.dimension == 0 else 0
        pixels, channels = self.shape
        lines = max(1, size * self.whole[slowest] // pixels)
        with self.opened() as array:
            for start in range(0, self.whole[slowest], lines):
                piece: list[slice] = [slice(None)] * len(self.whole)
                piece[slowest] = slice(start, start + lines)
                rows = np.moveaxis(np.asarray(array[tuple(piece)]), self.dimension, -1).reshape(-1, channels)
                for first in range(0, len(rows), size):
                    yield rows[first : first + size]


def image(
    energy: np.ndarray,
    data: np.ndarray | ImageRows,
    dimension: int,
    *,
    navigation: Sequence[NavigationAxis],
    unit: str | None,
    kind: str,
    title: str,
    source_format: str,
    name: str,
) -> SpectrumSet:
    """The spectra of an array whose `dimension` counts energy: one named as its file, or pixels by indices ("0_17").

    navigation: the array's other axes in their order. Raises SikpdosError naming the file for bad energies and for
    axes that do not fit.
    """
    shape = data.whole if isinstance(data, ImageRows) else data.shape
    around = tuple(size for index, size in enumerate(shape) if index != dimension)
    if isinstance(data, np.ndarray) and data.size == shape[dimension]:
        only = single(name, energy, data.ravel(), unit=unit, kind=kind, title=title, source_format=source_format)
        return replace(only, navigation=tuple(navigation))
    if 0 in shape:
        raise SikpdosError(f"no spectrum in an array {shape}", name)
    if tuple(axis.size for axis in navigation) != around:
        raise SikpdosError(f"an image of {around} pixels, but axes of {tuple(a.size for a in navigation)}", name)
    energy_eV, decreasing, warned = energy_axis(energy, unit, name)
    rows = data
    if isinstance(data, np.ndarray):  # a view: no copy of the image
        rows = np.moveaxis(data, dimension, -1).reshape(-1, energy_eV.size)
    return SpectrumSet(
        names=["_".join(map(str, index)) for index in np.ndindex(around)],
        energy_eV=energy_eV,
        intensity=rows,
        kind=kind,
        title=title,
        source_format=source_format,
        warnings=warned,
        decreasing=decreasing,
        navigation=tuple(navigation),
    )


def usual_names(axes: int) -> tuple[str, ...]:
    """Of an image's axes, slowest first, where a file does not name them."""
    return ("y", "x")[-axes:] if axes in (1, 2) else tuple(f"axis {index}" for index in range(axes))


def lines(spectra: SpectrumSet, pixels: int) -> Iterator[np.ndarray]:
    """The pixels of an image in order (k, n), energies increasing, in groups of exactly `pixels` but for the last."""
    waiting: list[np.ndarray] = []
    count = 0
    for chunk in spectra.rows(pixels):
        waiting.append(chunk)
        count += len(chunk)
        while count >= pixels:
            joined = waiting[0] if len(waiting) == 1 else np.concatenate(waiting)
            yield joined[:pixels]
            waiting, count = [joined[pixels:]], count - pixels
    if count:
        yield np.concatenate(waiting)
