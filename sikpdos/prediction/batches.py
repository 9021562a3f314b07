"""What `predict` and `match` take: datasets, and files of measured spectra prepared for the model block by block."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sikpdos.common import files, npz
from sikpdos.common.errors import SikpdosError
from sikpdos.dataset.dataset import SCHEMA, Dataset, read_dataset
from sikpdos.formats.read import read_spectra
from sikpdos.formats.spectrum_set import Block, SpectrumSet
from sikpdos.spectra import preprocess

BLOCK = 2048  # spectra at a time
_NAMED = 3  # spectra that a message names


@dataclass(frozen=True)
class Ready:
    """A block of spectra of one file, prepared."""

    names: list[str]  # (m,)
    prepared: preprocess.Prepared | None  # of these m; None if there are none
    warnings: tuple[str, ...]
    failures: tuple[str, ...]  # one line a cause: the file, the spectra that cannot be used, why
    title: str = ""  # what the file says that its spectra are


def read_input(path: str | os.PathLike) -> Dataset | list[SpectrumSet]:
    """A dataset, or the spectra of any other file. Pipes are read once and recognised by their content."""
    data = None if Path(path).is_file() else files.read_bytes(path)
    if npz.schema_of(path if data is None else data) == SCHEMA:
        return read_dataset(path, data)
    return read_spectra(path, data)


def prepared_blocks(path: str | os.PathLike, sets: list[SpectrumSet], options: preprocess.Options) -> Iterator[Ready]:
    """The spectra of a file, a few thousand at a time; a set that the options do not fit is told in `failures`."""
    for spectra in sets:
        try:
            for block in spectra.blocks(BLOCK):
                yield _ready(path, spectra, block, options)
        except SikpdosError as error:
            whose = spectra.names if len(spectra) == 1 and spectra.names else ()
            yield Ready([], None, (), (_line(path, whose, str(error)),))


def _ready(path: str | os.PathLike, spectra: SpectrumSet, block: Block, options: preprocess.Options) -> Ready:
    if not block.names:
        return Ready([], None, spectra.warnings, tuple(failure_lines(path, block.left_out)))
    prepared = preprocess.prepare(spectra.energy_eV, block.intensity, spectra.kind, options)
    causes = {**block.left_out, **{block.names[row]: cause for row, cause in prepared.causes.items()}}
    warnings, failures = spectra.warnings + prepared.warnings, tuple(failure_lines(path, causes))
    return Ready(block.names, prepared, warnings, failures, spectra.title)


def labels(path: str | os.PathLike, names: list[str], several: bool) -> list[str]:
    """Names that tell the spectra of several files apart: with the file's name before them, unless they are it."""
    file = files.display_name(path)
    return [f"{file}:{name}" if several and name != file else name for name in names]


def failure_lines(path: str | os.PathLike, causes: Mapping[str, str]) -> list[str]:
    """One line a cause, naming the file and the first of the spectra it holds for."""
    by_cause: dict[str, list[str]] = {}
    for name, cause in causes.items():
        by_cause.setdefault(cause, []).append(name)
    return [_line(path, names, cause) for cause, names in by_cause.items()]


def _line(path: str | os.PathLike, names: list[str] | tuple[str, ...], cause: str) -> str:
    file = files.display_name(path)
    if cause.startswith(f"{file}:"):
        return cause
    who = ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
    return f"{file}: {cause}" if who in ("", file) else f"{file}: {who}: {cause}"
