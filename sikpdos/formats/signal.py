"""Spectra that are in memory already: arrays with their energies, and HyperSpy's signals, which know theirs.

HyperSpy itself is not needed: its signals say all.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import numpy as np

from sikpdos.common.errors import SikpdosError
from sikpdos.formats.hyperspy import OURS, PREDICTED
from sikpdos.formats.spectrum_image import ImageRows, image, usual_names
from sikpdos.formats.spectrum_set import NavigationAxis, SpectrumSet

_NAME = "cube"  # of what has none, in messages


def is_signal(thing: Any) -> bool:
    """Whether something is a signal of HyperSpy."""
    return hasattr(thing, "axes_manager") and hasattr(thing, "data")


def from_signal(signal: Any, kind: str) -> SpectrumSet:
    """A signal's spectra; those of a lazy one are computed when they are needed, some lines at a time.

    Raises SikpdosError for a signal that is no spectrum at each pixel.
    """
    if signal.metadata.has_item(OURS):
        raise SikpdosError(PREDICTED, _NAME)
    signal_axes = signal.axes_manager.signal_axes
    if len(signal_axes) != 1:
        raise SikpdosError(f"a signal of {len(signal_axes)} signal axes, expected one, of energies", _NAME)
    [energies] = signal_axes
    others = sorted(signal.axes_manager.navigation_axes, key=lambda axis: axis.index_in_array)
    data = _checked(signal.data)
    whole = tuple(data.shape)
    return image(
        np.asarray(energies.axis, float),
        data if isinstance(data, np.ndarray) else ImageRows(lambda: nullcontext(data), energies.index_in_array, whole),
        energies.index_in_array,
        navigation=[_navigation(axis, name) for axis, name in zip(others, usual_names(len(others)), strict=True)],
        unit=_known(energies.units) or None,
        kind=kind,
        title=str(signal.metadata.get_item("General.title", "")),
        source_format="HyperSpy signal",
        name=_NAME,
    )


def from_array(data: Any, energy: Any, kind: str) -> SpectrumSet:
    """Counts (y, x, n), or (x, n), with their energies (n,) in eV. Raises SikpdosError for what is none."""
    hidden = isinstance(data, np.ma.MaskedArray)
    counts = _checked(data.astype(float).filled(np.nan) if hidden else np.asarray(data))
    energies = np.asarray(energy, float)
    if counts.ndim < 2 or energies.ndim != 1 or counts.shape[-1] != energies.size:
        raise SikpdosError(f"counts {counts.shape} and energies {energies.shape}: expected (y, x, n) and (n,)", _NAME)
    sizes = counts.shape[:-1]
    return image(
        energies,
        counts,
        counts.ndim - 1,
        navigation=[NavigationAxis(name, size) for name, size in zip(usual_names(len(sizes)), sizes, strict=True)],
        unit="eV",
        kind=kind,
        source_format="array",
        title="",
        name=_NAME,
    )


def _checked(data: Any) -> Any:
    """Data whose numbers are real. Raises SikpdosError for others."""
    if data.dtype.kind not in "fiu":
        raise SikpdosError(f"intensities of type {data.dtype}, expected real numbers", _NAME)
    return data


def _navigation(axis: Any, usual_name: str) -> NavigationAxis:
    """Where pixels lie; numbered from 0 where their positions are not evenly spaced."""
    uniform = hasattr(axis, "scale") and hasattr(axis, "offset")
    scale, offset = (float(axis.scale), float(axis.offset)) if uniform else (1.0, 0.0)
    units = _known(axis.units) if uniform else ""
    return NavigationAxis(_known(axis.name) or usual_name, axis.size, scale or 1.0, offset, units)


def _known(words: Any) -> str:
    """A name or units as text, "" where HyperSpy knows none (traits' Undefined)."""
    return words.strip() if isinstance(words, str) else ""
