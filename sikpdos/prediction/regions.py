"""Regions of a spectrum image: their summed spectra, and the files of masks that say which pixels they hold."""

from __future__ import annotations

import io
import os
from dataclasses import replace

import numpy as np

from sikpdos.common import files, npz
from sikpdos.common.errors import SikpdosError
from sikpdos.formats.spectrum_image import lines
from sikpdos.formats.spectrum_set import SpectrumSet
from sikpdos.prediction.spectrum_images import BATCH, by, totals, used_channels

_LARGEST_REGIONS = 10_000


def averaged(spectra: SpectrumSet, labels: np.ndarray, name: str) -> SpectrumSet:
    """The summed spectra of an image's regions, named by their numbers in `labels`; 0 is no region.

    Pixels that hold NaN or infinity, or that are saturated, are left out. Raises SikpdosError where labels do not fit
    the image or name none.
    """
    if labels.shape != spectra.shape:
        raise SikpdosError(f"a mask of {by(labels.shape)} for an image of {by(spectra.shape)} pixels", name)
    flat = labels.ravel()
    regions = np.unique(flat[flat != 0])
    if not 0 < len(regions) <= _LARGEST_REGIONS:
        raise SikpdosError("a mask without regions" if not len(regions) else f"a mask of {len(regions)} regions", name)
    good = ~totals(spectra, used_channels(spectra)).saturated
    sums, start = np.zeros((len(regions), spectra.energy_eV.size)), 0
    for block in lines(spectra, BATCH):
        these = slice(start, start + len(block))
        start = these.stop
        good[these] &= np.isfinite(block).all(axis=1)
        wanted = good[these] & (flat[these] != 0)
        np.add.at(sums, np.searchsorted(regions, flat[these][wanted]), block[wanted])
    lost = int((~good & (flat != 0)).sum())
    words = f"{lost} pixels of the regions left out, not finite or saturated"
    return replace(
        spectra,
        names=[str(region) for region in regions.tolist()],
        intensity=sums,
        navigation=(),
        decreasing=False,
        warnings=(*spectra.warnings, *([words] if lost else [])),
    )


def read_labels(path: str | os.PathLike) -> np.ndarray:
    """Whole numbers of a mask: .npy, .npz (its array `labels` or `mask`, or the only one), or a CSV without a header.

    Raises SikpdosError naming the file for what is none.
    """
    name, data = files.display_name(path), files.read_bytes(path)
    of_numpy = data.startswith(np.lib.format.MAGIC_PREFIX) or npz.is_npz(data)
    labels = _from_numpy(data, name) if of_numpy else _from_csv(data, name)
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
        text = [line for line in data.decode("utf-8-sig").splitlines() if line.strip()]
        table = [[float(cell) for cell in line.replace(";", ",").split(",")] for line in text]
    except ValueError as error:
        raise SikpdosError(f"a mask of numbers with commas is expected ({error})", name) from error
    if len({len(row) for row in table}) > 1:
        raise SikpdosError("a mask of as many numbers in every line is expected", name)
    return np.array(table)
