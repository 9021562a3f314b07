"""What an HDF5 file holds: its data sets and attributes, within bounds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from sikpdos.common import limits
from sikpdos.common.errors import SikpdosError

if TYPE_CHECKING:
    import h5py

_MOST_OBJECTS = 20_000
_DEEPEST = 32


def datasets(group: h5py.Group) -> Iterator[tuple[str, h5py.Dataset]]:
    """All data sets below a group with their paths, each but once, however many links lead to it.

    Links to other files are not followed.
    """
    import h5py

    stack: list[tuple[h5py.Group, int]] = [(group, 0)]
    seen: set[int] = set()
    while stack and len(seen) < _MOST_OBJECTS:
        parent, depth = stack.pop()
        for key in parent:
            child = parent.get(key) if is_inside(parent, key) else None
            if child is None or (address := h5py.h5o.get_info(child.id).addr) in seen:
                continue
            seen.add(address)
            if isinstance(child, h5py.Dataset):
                yield f"{parent.name.rstrip('/')}/{key}", child
            elif isinstance(child, h5py.Group) and depth < _DEEPEST:
                stack.append((child, depth + 1))


def is_inside(parent: h5py.Group, key: str) -> bool:
    """Whether a link stays in its file."""
    import h5py

    return not isinstance(parent.get(key, getlink=True), h5py.ExternalLink)


def numbers(dataset: h5py.Dataset, name: str | None = None) -> np.ndarray:
    """A data set's content. Raises SikpdosError where it is no real numbers, or larger than the limit."""
    if dataset.dtype.kind not in "fiu":
        raise SikpdosError(f"intensities of type {dataset.dtype}, expected real numbers", name)
    limits.check(int(np.prod(dataset.shape, dtype=float)) * dataset.dtype.itemsize, name)
    return np.asarray(dataset[()])


def text(attributes: h5py.AttributeManager, key: str) -> str:
    """An attribute as text; "" where it is not there."""
    value = attributes.get(key, "")
    value = value.item() if isinstance(value, np.ndarray) and value.size == 1 else value
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value) if np.ndim(value) == 0 else ""
