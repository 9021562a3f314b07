"""What `predict` and `match` take: datasets, and files of measured spectra prepared for the model batch by batch."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from sikpdos.common import files, npz
from sikpdos.common.errors import SikpdosError
from sikpdos.dataset.dataset import SCHEMA, Dataset, read_dataset
from sikpdos.formats.read import read_spectra
from sikpdos.formats.spectrum_set import Block, SpectrumSet
from sikpdos.spectra.low_loss import LowLoss, zero_loss
from sikpdos.spectra.preprocess import Prepared, Preprocessing, prepare

BATCH = 2048  # spectra at a time
_NAMED = 3  # spectra that a message names
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class PreparedBatch:
    """Some spectra of one file, prepared."""

    names: list[str]  # (m,)
    prepared: Prepared  # of these m
    warnings: tuple[str, ...] = ()  # of the file's reader and of the preparation
    title: str = ""  # what the file says that its spectra are


def convert_files(
    paths: Sequence[str],
    of_dataset: Callable[[Dataset, list[str]], T],
    of_batch: Callable[[PreparedBatch], T],
    preprocessing: Callable[[], Preprocessing],
    failed: Callable[[str], None],
) -> Iterator[tuple[str, T]]:
    """Each file's path with what was made of its dataset, or of its spectra batch by batch.

    What cannot be used goes to `failed`, one line a cause, and the rest is done. Names, of the batches and those that
    come with a dataset, hold the file's name as well where there are several files. `preprocessing` is asked for only
    where there are spectra to prepare.
    """
    for path in paths:
        try:
            content = read_input(path)
            if isinstance(content, Dataset):
                yield path, of_dataset(content, _labels(path, content.ids.tolist(), len(paths) > 1))
                continue
            for batch in prepared_batches(path, content, preprocessing(), failed):
                names = _labels(path, batch.names, len(paths) > 1)
                yield path, of_batch(replace(batch, names=names))
        except SikpdosError as error:
            failed(_line(path, (), str(error)))


def read_input(path: str | os.PathLike) -> Dataset | list[SpectrumSet]:
    """A dataset, or the spectra of any other file. Pipes are read once and recognised by their content."""
    data = None if Path(path).is_file() else files.read_bytes(path)
    if npz.schema_of(path if data is None else data) == SCHEMA:
        return read_dataset(path, data)
    return read_spectra(path, data)


def read_low_loss(path: str | os.PathLike) -> LowLoss:
    """The low-loss spectrum in a file. Raises SikpdosError unless it holds one, and one with a zero-loss peak."""
    content, name = read_input(path), files.display_name(path)
    if isinstance(content, Dataset) or len(content) != 1 or len(content[0]) != 1:
        raise SikpdosError(f"{name}: expected one low-loss spectrum")
    blocks = [block for block in content[0].blocks(BATCH) if block.names]
    if not blocks:
        raise SikpdosError(f"{name}: its spectrum cannot be used")
    low_loss = LowLoss(content[0].energy_eV, blocks[0].intensity[0])
    try:
        zero_loss(low_loss)
    except SikpdosError as error:
        raise SikpdosError(f"{name}: {error}") from error
    return low_loss


def prepared_batches(
    path: str | os.PathLike, sets: list[SpectrumSet], preprocessing: Preprocessing, failed: Callable[[str], None]
) -> Iterator[PreparedBatch]:
    """The usable spectra of a file, a few thousand at a time; the others, and sets that do not fit, go to `failed`."""
    for spectra in sets:
        try:
            for block in spectra.blocks(BATCH):
                batch, causes = _prepared(spectra, block, preprocessing)
                for line in _failure_lines(path, causes):
                    failed(line)
                if batch is not None:
                    yield batch
        except SikpdosError as error:
            names = spectra.names if len(spectra) == 1 and spectra.names else ()
            failed(_line(path, names, str(error)))


def _prepared(
    spectra: SpectrumSet, block: Block, preprocessing: Preprocessing
) -> tuple[PreparedBatch | None, dict[str, str]]:
    """A block's usable spectra, None if there are none; and the causes why others are not, by name."""
    if not block.names:
        return None, block.left_out
    prepared = prepare(spectra.energy_eV, block.intensity, spectra.kind, preprocessing)
    causes = {**block.left_out, **{block.names[row]: cause for row, cause in prepared.causes.items()}}
    if not prepared.usable.any():
        return None, causes
    warnings = spectra.warnings + prepared.warnings
    return PreparedBatch(names=block.names, prepared=prepared, warnings=warnings, title=spectra.title), causes


def _labels(path: str | os.PathLike, names: Sequence[str], several: bool) -> list[str]:
    """Names that tell the spectra of several files apart: with the file's name before them, unless they are it."""
    file = files.display_name(path)
    return [f"{file}:{name}" if several and name != file else str(name) for name in names]


def _failure_lines(path: str | os.PathLike, causes: Mapping[str, str]) -> list[str]:
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
