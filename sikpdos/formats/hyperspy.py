"""HyperSpy's files (.hspy, HDF5): hyperspy.org/rosettasciio, file specification 3."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sikpdos.common.errors import SikpdosError
from sikpdos.formats.energies import EV_PER_UNIT
from sikpdos.formats.hdf5_tree import numbers, text
from sikpdos.formats.spectrum_set import SpectrumSet, energy_axis, single

if TYPE_CHECKING:
    import h5py

FORMAT = "hspy"
KINDS = {"EELS": "eels", "XAS": "xas"}
_EXPERIMENTS = "Experiments"


def is_hyperspy(file: h5py.File) -> bool:
    """Whether an HDF5 file is HyperSpy's."""
    return "hyperspy" in text(file.attrs, "file_format").lower() or _EXPERIMENTS in file


def read_hyperspy(file: h5py.File, name: str) -> list[SpectrumSet]:
    """The spectra and spectrum images of a file, one set an experiment; pixels are named by their indices.

    Raises SikpdosError naming the file where none has an axis in eV, and for numbers that are no spectrum.
    """
    experiments = [group for group in file.get(_EXPERIMENTS, {}).values() if "data" in group]
    spectra = [(group, axis) for group in experiments if (axis := _energy_dimension(group)) is not None]
    if not spectra:
        raise SikpdosError("no spectrum in this hspy file (no axis in eV)", name)
    return [_spectra(group, axis, name) for group, axis in spectra]


def _energy_dimension(group: h5py.Group) -> int | None:
    """Which axis counts energy: the one in eV, whatever the file says about navigation."""
    units = [_unit(group, dimension).lower() for dimension in range(group["data"].ndim)]
    energies = [dimension for dimension, unit in enumerate(units) if unit in EV_PER_UNIT]
    return energies[-1] if energies else None


def _unit(group: h5py.Group, dimension: int) -> str:
    axis = group.get(f"axis-{dimension}")
    return "" if axis is None else text(axis.attrs, "units").strip()


def _spectra(group: h5py.Group, dimension: int, name: str) -> SpectrumSet:
    data = numbers(group["data"], name)
    energy, unit = _energies(group[f"axis-{dimension}"], data.shape[dimension], name), _unit(group, dimension)
    kind, title = KINDS.get(_said(group, "Signal", "signal_type"), "unknown"), _said(group, "General", "title")
    return image(energy, data, dimension, unit=unit, kind=kind, title=title, source_format=FORMAT, name=name)


def _energies(axis: h5py.Group, size: int, name: str) -> np.ndarray:
    """The axis' energies (size,): measured ones, or offset and scale."""
    if "axis" in axis:
        energy = numbers(axis["axis"], name).astype(float)
        if energy.shape != (size,):
            raise SikpdosError(f"{energy.size} energies, but {size} channels", name)
        return energy
    try:
        return float(axis.attrs["offset"]) + float(axis.attrs["scale"]) * np.arange(size)
    except (KeyError, TypeError, ValueError) as error:
        raise SikpdosError("its energy axis has no usable offset and scale", name) from error


def _said(group: h5py.Group, section: str, key: str) -> str:
    node = group.get(f"metadata/{section}")
    return "" if node is None else text(node.attrs, key)


def image(
    energy: np.ndarray,
    data: np.ndarray,
    dimension: int,
    *,
    unit: str,
    kind: str,
    title: str,
    source_format: str,
    name: str,
) -> SpectrumSet:
    """The spectra of an array whose `dimension` counts energy: one, or pixels named by their indices ("0_17")."""
    if data.size == data.shape[dimension]:
        return single(name, energy, data.ravel(), unit=unit, kind=kind, title=title, source_format=source_format)
    energy_eV, decreasing, warned = energy_axis(energy, unit, name)
    pixels = np.moveaxis(data, dimension, -1)
    return SpectrumSet(
        names=["_".join(map(str, index)) for index in np.ndindex(pixels.shape[:-1])],
        energy_eV=energy_eV,
        intensity=pixels.reshape(-1, energy_eV.size),  # a view: no copy of the image
        kind=kind,
        title=title,
        source_format=source_format,
        warnings=warned,
        decreasing=decreasing,
    )
