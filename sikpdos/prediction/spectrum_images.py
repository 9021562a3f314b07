"""What is done to a spectrum image before its spectra are prepared: pixels summed, binned, and told usable or not."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from sikpdos.common import files, npz
from sikpdos.common.constants import SI_K_EDGE_EV
from sikpdos.common.errors import SikpdosError
from sikpdos.formats.spectrum_image import lines
from sikpdos.formats.spectrum_set import NavigationAxis, SpectrumSet
from sikpdos.spectra.edge_search import is_absolute

BATCH = 2048  # pixels at a time
USED_EV = (-105.0, 60.0)  # from silicon's K-edge: what backgrounds, onsets and windows need
_SATURATED_CHANNELS = 3  # next to each other, at the largest value of the whole image
_LARGEST_REGIONS = 10_000


@dataclass(frozen=True)
class Totals:
    """What one pass over an image tells."""

    mean: np.ndarray  # (n,) of the pixels that are finite
    largest: float  # intensity in the image
    pixels: int  # that are finite


def is_image(spectra: SpectrumSet) -> bool:
    """Whether a set is a spectrum image of more than one pixel."""
    return bool(spectra.navigation) and len(spectra) > 1


def rows(spectra: SpectrumSet, channels: slice) -> Iterator[np.ndarray]:
    """All pixels in order (k, n), BATCH at a time, of these channels."""
    for block in lines(spectra, BATCH):
        yield block[:, channels]


def used_channels(spectra: SpectrumSet, low_eV: float | None, shift_eV: float) -> slice:
    """The channels around silicon's K-edge, and those down to the background's window; all of a relative axis."""
    energy_eV = spectra.energy_eV + shift_eV
    if not is_absolute(energy_eV):
        return slice(None)
    first_eV = min(SI_K_EDGE_EV + USED_EV[0], np.inf if low_eV is None else low_eV)
    first, last = np.searchsorted(energy_eV, [first_eV - 1e-6, SI_K_EDGE_EV + USED_EV[1]])
    return slice(int(first), int(last)) if last - first > 1 else slice(None)


def totals(spectra: SpectrumSet, channels: slice) -> Totals:
    """Mean spectrum and largest intensity of the finite pixels. Raises SikpdosError where there is none."""
    total, largest, pixels = 0.0, -np.inf, 0
    for block in rows(spectra, channels):
        finite = block[np.isfinite(block).all(axis=1)]
        total = total + finite.sum(axis=0, dtype=float)
        largest = max(largest, float(finite.max(initial=-np.inf)))
        pixels += len(finite)
    if not pixels or not np.any(total):
        raise SikpdosError("no pixel holds a spectrum of finite numbers that are not all zero")
    return Totals(np.asarray(total) / pixels, largest, pixels)


def saturated(block: np.ndarray, largest: float) -> np.ndarray:
    """Which spectra (m, n) of an image with this largest intensity stay at it over some channels: a full detector."""
    at_top = block >= largest
    adjacent = at_top[:, : 1 - _SATURATED_CHANNELS]
    for k in range(1, _SATURATED_CHANNELS):
        adjacent = adjacent & at_top[:, k : at_top.shape[1] + 1 - _SATURATED_CHANNELS + k]
    return np.asarray(adjacent.any(axis=1))


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
        first, *rest = self.steps
        inner = self.spectra.shape[1:]
        whole = [extent // step for extent, step in zip(inner, rest, strict=True)]
        for block in lines(self.spectra, first * int(np.prod(inner, dtype=int))):
            if len(block) < first * int(np.prod(inner, dtype=int)):
                return
            image = block.reshape(first, *inner, -1).sum(axis=0)
            for axis, (step, count) in enumerate(zip(rest, whole, strict=True)):
                image = np.take(image, range(step * count), axis=axis)
                image = image.reshape(*image.shape[:axis], count, step, *image.shape[axis + 1 :]).sum(axis=axis + 1)
            summed = image.reshape(-1, block.shape[1])
            for start in range(0, len(summed), size):
                yield summed[start : start + size]


def binned(spectra: SpectrumSet, steps: Sequence[int]) -> SpectrumSet:
    """The image with pixels summed in rectangles of so many along each axis, slowest first; counts are added.

    Raises SikpdosError where the numbers do not fit the axes.
    """
    if len(steps) != len(spectra.navigation):
        raise SikpdosError(f"--bin of {len(steps)} numbers for an image of {len(spectra.navigation)} axes")
    if any(not 1 <= step <= size for step, size in zip(steps, spectra.shape, strict=True)):
        raise SikpdosError(f"--bin {','.join(map(str, steps))} for an image of {_by(spectra.shape)} pixels")
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


def _by(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape))


def averaged(spectra: SpectrumSet, labels: np.ndarray, name: str) -> SpectrumSet:
    """The summed spectra of an image's regions, named by their numbers in `labels`; 0 is no region.

    Pixels that hold NaN or infinity are left out. Raises SikpdosError where labels do not fit the image or name none.
    """
    if labels.shape != spectra.shape:
        raise SikpdosError(f"a mask of {_by(labels.shape)} for an image of {_by(spectra.shape)} pixels", name)
    flat = labels.ravel()
    regions = np.unique(flat[flat != 0])
    if not 0 < len(regions) <= _LARGEST_REGIONS:
        raise SikpdosError("a mask without regions" if not len(regions) else f"a mask of {len(regions)} regions", name)
    sums, start = np.zeros((len(regions), spectra.energy_eV.size)), 0
    for block in lines(spectra, BATCH):
        wanted = np.isfinite(block).all(axis=1) & (flat[start : start + len(block)] != 0)
        where = np.searchsorted(regions, flat[start : start + len(block)][wanted])
        np.add.at(sums, where, block[wanted])
        start += len(block)
    return replace(
        spectra, names=[str(region) for region in regions.tolist()], intensity=sums, navigation=(), decreasing=False
    )


def read_labels(path: str | os.PathLike) -> np.ndarray:
    """Whole numbers of a mask: .npy, .npz (its array `labels` or `mask`, or the only one), or a CSV without a header.

    Raises SikpdosError naming the file for what is none.
    """
    name, data = files.display_name(path), files.read_bytes(path)
    labels = _from_csv(data, name) if data[:6] != b"\x93NUMPY" and data[:2] != b"PK" else _from_numpy(data, name)
    if labels.dtype.kind == "f" and np.array_equal(labels, np.rint(labels)):
        labels = labels.astype(np.int64)
    if labels.dtype.kind not in "biu" or labels.ndim == 0:
        raise SikpdosError(f"a mask of {labels.dtype}: expected a whole number for each pixel", name)
    return labels.astype(np.int64)


def _from_numpy(data: bytes, name: str) -> np.ndarray:
    with npz.failures(name):
        found = np.load(io.BytesIO(data), allow_pickle=False)
        if isinstance(found, np.ndarray):
            return found
        keys = [key for key in found.files if key != "meta"]
        key = next((key for key in ("labels", "mask") if key in keys), keys[0] if len(keys) == 1 else None)
        if key is None:
            raise SikpdosError(f"no array 'labels' among {', '.join(keys[:6])}", name)
        return found[key]


def _from_csv(data: bytes, name: str) -> np.ndarray:
    try:
        lines_ = [line for line in data.decode("utf-8-sig").splitlines() if line.strip()]
        return np.array([[float(cell) for cell in line.replace(";", ",").split(",")] for line in lines_])
    except ValueError as error:
        raise SikpdosError(f"a mask of numbers with commas is expected ({error})", name) from error
