"""Tables of detectors in NeXus files (nexusformat.org, NXxas, NXdata) and HDF5 files laid out like them.

Each entry (a scan: ESRF's 1.1, SOLEIL's exp_0001) gives a table of its one-dimensional data sets as long as an
energy, named by what the file calls them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from sikpdos.formats.columns import Column, Table, clean, unique
from sikpdos.formats.hdf5_tree import datasets, is_inside, numbers, text
from sikpdos.formats.roles import Role, may_be_energy, role_of

if TYPE_CHECKING:
    import h5py

FORMAT = "NeXus"
_SPOKEN_NAMES = ("long_name", "alias", "label")
_GENERIC = {"data", "value", "values", "raw", "counts"}
_LONGEST_NAME = 60
_MOST_COLUMNS = 2000
_FEWEST_POINTS = 2


def tables(file: h5py.File) -> list[Table]:
    """The tables of all entries that hold energies."""
    found = []
    for label, entry in _entries(file):
        columns = _columns(entry)
        for size in sorted(
            {c.values.size for c in columns if may_be_energy(c) or role_of(c) is Role.ANGLE}, reverse=True
        ):
            same = tuple(column for column in columns if column.values.size == size)
            if len(same) > 1 and any(map(may_be_energy, same)):
                found.append((label, _table(entry, same)))
    several = len(found) > 1
    return [table if not several else _numbered(table, label) for label, table in found]


def _numbered(table: Table, label: str) -> Table:
    from dataclasses import replace

    return replace(table, scan=label)


def _entries(file: h5py.File) -> list[tuple[str, h5py.Group]]:
    """The groups of the first level, or the file itself where its data lie there."""
    import h5py

    groups = [(key, file[key]) for key in file if is_inside(file, key) and isinstance(file.get(key), h5py.Group)]
    lie_there = any(isinstance(file.get(key), h5py.Dataset) for key in file if is_inside(file, key))
    return [("", file)] if lie_there or not groups else groups


def _columns(entry: h5py.Group) -> list[Column]:
    """One-dimensional data sets with their names: those of a measurement or NXdata group first."""
    lines = [
        (path, d) for path, d in datasets(entry) if d.ndim == 1 and d.size >= _FEWEST_POINTS and d.dtype.kind in "fiu"
    ]
    lines.sort(key=lambda item: not _is_collected(item[1]))
    mode = _mode(entry)
    names = unique(_name(path, dataset, mode) for path, dataset in lines[:_MOST_COLUMNS])
    return [
        Column(name, text(dataset.attrs, "units") or None, numbers(dataset).astype(float))
        for name, (_, dataset) in zip(names, lines, strict=False)
    ]


def _is_collected(dataset: h5py.Dataset) -> bool:
    parent = dataset.parent
    return parent.name.rsplit("/", 1)[-1] == "measurement" or text(parent.attrs, "NX_class") == "NXdata"


def _name(path: str, dataset: h5py.Dataset, mode: str) -> str:
    """What the file calls a data set: its long name, else its own, or its group's where it is but "data"."""
    for key in _SPOKEN_NAMES:
        spoken = clean(text(dataset.attrs, key))
        if spoken and len(spoken) <= _LONGEST_NAME:
            return spoken
    *_, group, own = ["", *path.split("/")]
    name = group if own.lower() in _GENERIC and group and group.lower() not in _GENERIC else own
    return mode if mode and name == "absorbed_beam" else clean(name)


def _mode(entry: h5py.Group) -> str:
    """NXxas's mode where absorption was measured by a yield; "" for transmission, or unsaid."""
    for path, dataset in datasets(entry):
        if path.endswith("/mode") and dataset.shape in ((), (1,)) and dataset.dtype.kind in "OS":
            value = np.atleast_1d(dataset[()])[0]
            words = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
            return "" if "trans" in words.lower() else clean(words)
    return ""


def _table(entry: h5py.Group, columns: tuple[Column, ...]) -> Table:
    signal = next(_signals(entry), None)
    names = [column.name for column in columns]
    return Table(
        columns=columns,
        source_format=FORMAT,
        title=_title(entry),
        signal=signal if signal in names else None,
    )


def _title(entry: h5py.Group) -> str:
    title = entry.get("title") if is_inside(entry, "title") and "title" in entry else None
    if title is None or getattr(title, "shape", None) not in ((), (1,)) or title.dtype.kind not in "OS":
        return ""
    value = np.atleast_1d(title[()])[0]
    return clean(value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value))


def _signals(entry: h5py.Group) -> Iterator[str]:
    """Names of what NXdata groups call their signal."""
    for path, dataset in datasets(entry):
        if text(dataset.parent.attrs, "signal") == path.rsplit("/", 1)[-1] or text(dataset.attrs, "signal") == "1":
            yield _name(path, dataset, "")
