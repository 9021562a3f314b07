"""What `predict` and `match` take: datasets, and files of measured spectra prepared for the model batch by batch."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from sikpdos.common import files, npz
from sikpdos.common.errors import SikpdosError, naming
from sikpdos.dataset.dataset import SCHEMA, Dataset, read_dataset
from sikpdos.formats.columns import ColumnChoice
from sikpdos.formats.merge import merge
from sikpdos.formats.read import Reading, read_spectra
from sikpdos.formats.spectrum_set import Block, SpectrumSet
from sikpdos.spectra.low_loss import LowLoss, zero_loss
from sikpdos.spectra.prepared import Prepared
from sikpdos.spectra.preprocess import prepare, typical_of
from sikpdos.spectra.refusal import Fault, Refusal
from sikpdos.spectra.settings import Preprocessing

BATCH = 2048  # spectra at a time
_NAMED = 3  # spectra that a message names
_DRAWS = 24  # of the noise of a spectrum whose scatter is known
_SCATTERED = Refusal(
    Fault.SCATTERED, "the merged scans differ too much: most drawn with their scatter show no usable edge"
)
Refused = dict[int, Refusal]  # row -> why this spectrum is not used
Entries = tuple[tuple[str, int | None], ...]  # names of spectra, and where they are; None where they cannot be used
Input = Dataset | list[SpectrumSet]  # what a file may hold
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class PreparedBatch:
    """Some spectra of one file, prepared."""

    names: list[str]  # (m,)
    prepared: Prepared  # of these m
    noisy: list[np.ndarray] = field(default_factory=list)  # (k, 200) of each of these m, where their noise is known
    warnings: tuple[str, ...] = ()  # of the file's reader and of the preparation
    title: str = ""  # what the file says that its spectra are
    entries: Entries = ()  # the file's spectra in order, and which of these m they are

    def labelled(self, path: str | os.PathLike, several: bool) -> PreparedBatch:
        """The same with names that tell the spectra of several files apart."""
        names = _labels(path, [name for name, _ in self.entries], several)
        entries = tuple((name, row) for name, (_, row) in zip(names, self.entries, strict=True))
        return replace(self, names=_labels(path, self.names, several), entries=entries)


def convert_files(
    paths: Sequence[str],
    *,
    of_dataset: Callable[[Dataset, list[str]], T],
    of_batch: Callable[[PreparedBatch], T],
    preprocessing: Callable[[], Preprocessing],
    failed: Callable[[str], None],
    reading: Reading = Reading(),
    refuse: Callable[[Prepared], Refused] = lambda prepared: {},
    left_out: Callable[[str], None] | None = None,
    inputs: Mapping[str, Input] = {},
) -> Iterator[tuple[str, T]]:
    """Each file's path with what was made of its dataset, or of its spectra batch by batch.

    What cannot be used goes to `failed`, one line a cause, and the rest is done. Names, of the batches and those that
    come with a dataset, hold the file's name as well where there are several files. `preprocessing` is asked for only
    where there are spectra to prepare. `reading` says which columns and scans are taken, and whether all of them are
    merged into one spectrum, which then bears the first file's name. `refuse` says which prepared spectra are not
    wanted all the same. `left_out` is told of single spectra that cannot be used where others of their file can; they
    have failed, too, if it is not given. `inputs` holds the content of files that were read already, by their path.
    """
    several = len(paths) > 1 and not reading.merge
    for path, content in (_merged if reading.merge else _one_by_one)(paths, reading.choice, failed, inputs):
        try:
            if isinstance(content, Dataset):
                yield path, of_dataset(content, _labels(path, content.ids.tolist(), several))
                continue
            for batch in prepared_batches(path, content, preprocessing(), failed, refuse, left_out or failed):
                yield path, of_batch(batch.labelled(path, several))
        except SikpdosError as error:
            failed(_error_line(path, (), error))


def _one_by_one(
    paths: Sequence[str], choice: ColumnChoice, failed: Callable[[str], None], inputs: Mapping[str, Input]
) -> Iterator[tuple[str, Input]]:
    for path in paths:
        try:
            yield path, inputs[path] if path in inputs else read_input(path, choice)
        except SikpdosError as error:
            failed(_error_line(path, (), error))


def _merged(
    paths: Sequence[str], choice: ColumnChoice, failed: Callable[[str], None], inputs: Mapping[str, Input]
) -> Iterator[tuple[str, list[SpectrumSet]]]:
    """The spectra of all files as one."""
    scans: list[SpectrumSet] = []
    for path, content in _one_by_one(paths, choice, failed, inputs):
        if isinstance(content, Dataset):
            failed(_line(path, (), "a dataset: its spectra are not scans of one sample"))
        else:
            scans += content
    if scans:
        yield paths[0], [merge(scans, files.display_name(paths[0]))]


def read_input(path: str | os.PathLike, choice: ColumnChoice = ColumnChoice()) -> Input:
    """A dataset, or the spectra of any other file. Pipes are read once and recognised by their content."""
    data = None if Path(path).is_file() else files.read_bytes(path)
    if npz.schema_of(path if data is None else data) != SCHEMA:
        return read_spectra(path, data, choice)
    if choice != ColumnChoice():
        raise SikpdosError("a dataset: it holds no scans and columns to choose from", path)
    return read_dataset(path, data)


def read_low_loss(path: str | os.PathLike) -> LowLoss:
    """The low-loss spectrum in a file. Raises SikpdosError unless it holds one, and one with a zero-loss peak."""
    content = read_input(path)
    if isinstance(content, Dataset) or len(content) != 1 or len(content[0]) != 1:
        raise SikpdosError("expected one low-loss spectrum", path)
    blocks = [block for block in content[0].blocks(BATCH) if block.names]
    if not blocks:
        raise SikpdosError("its spectrum cannot be used", path)
    low_loss = LowLoss(content[0].energy_eV, blocks[0].intensity[0])
    with naming(path):
        zero_loss(low_loss)
    return low_loss


def prepared_batches(
    path: str | os.PathLike,
    sets: list[SpectrumSet],
    preprocessing: Preprocessing,
    failed: Callable[[str], None],
    refuse: Callable[[Prepared], Refused],
    left_out: Callable[[str], None],
) -> Iterator[PreparedBatch]:
    """The usable spectra of a file, a few thousand at a time.

    What does not fit, sets and single spectra, goes to `left_out` once the file is read, or to `failed` if nothing else
    of the file can be used. Those of them that are rows of a set are entries of the batch before or after them.
    """
    held: PreparedBatch | None = None  # the last usable batch
    before: Entries = ()  # of unusable blocks before the first
    lost: dict[str, list[str]] = {}
    unfit: list[str] = []  # lines about whole sets
    for spectra in sets:
        typical = None  # of the first block decides for all, so that no spectrum depends on the block that it is in
        try:
            for block in spectra.blocks(BATCH):
                if typical is None and block.names and len(spectra) > BATCH:
                    typical = typical_of(spectra.energy_eV, block.intensity, preprocessing)
                batch, causes = _prepared(spectra, block, preprocessing, refuse, typical)
                rows = {name for name, _ in block.entries}
                for name, cause in causes.items():
                    lost.setdefault(f"{cause}; left as NaN" if name in rows else cause, []).append(name)
                if batch is not None:
                    if held is not None:
                        yield held
                    held, before = replace(batch, entries=before + batch.entries), ()
                elif held is not None:
                    held = replace(held, entries=held.entries + _unusable(block.entries))
                else:
                    before += _unusable(block.entries)
        except SikpdosError as error:
            names = spectra.names if len(spectra) == 1 and spectra.names else ()
            unfit.append(_error_line(path, names, error))
    if held is not None:
        yield held
    lines = [
        _line(path, names, cause.removesuffix("; left as NaN" if held is None else "")) for cause, names in lost.items()
    ]
    tell = failed if held is None else left_out
    for line in unfit + lines:
        tell(line)


def _unusable(entries: Entries) -> Entries:
    return tuple((name, None) for name, _ in entries)


def _prepared(
    spectra: SpectrumSet,
    block: Block,
    preprocessing: Preprocessing,
    refuse: Callable[[Prepared], Refused],
    typical: np.ndarray | None,
) -> tuple[PreparedBatch | None, dict[str, str]]:
    """A block's usable spectra, None if there are none; and the causes why others are not, by name."""
    if not block.names:
        return None, block.left_out
    prepared = prepare(spectra.energy_eV, block.intensity, spectra.kind, preprocessing, typical)
    prepared = replace(prepared, refused=prepared.refused | refuse(prepared))
    noisy = [] if spectra.intensity_std is None else _noisy(spectra, spectra.intensity_std, block, preprocessing)
    lost = {row: _SCATTERED for row, draws in enumerate(noisy) if len(draws) < _DRAWS // 2}
    prepared = replace(prepared, refused=lost | prepared.refused)
    causes = {**block.left_out, **{block.names[row]: cause for row, cause in prepared.causes.items()}}
    if not prepared.usable.any():
        return None, causes
    warnings = spectra.warnings + prepared.warnings
    batch = PreparedBatch(
        names=block.names,
        prepared=prepared,
        noisy=noisy,
        warnings=warnings,
        title=spectra.title,
        entries=block.entries,
    )
    return batch, causes


def _noisy(
    spectra: SpectrumSet, intensity_std: np.ndarray, block: Block, preprocessing: Preprocessing
) -> list[np.ndarray]:
    """Each spectrum as it might have been measured as well (k, 200): drawn with its scatter (m, n), prepared anew."""
    rng = np.random.default_rng(0)
    noisy = []
    for intensity, std in zip(block.intensity, intensity_std, strict=True):
        draws = intensity + std * rng.standard_normal((_DRAWS, intensity.size))
        prepared = prepare(spectra.energy_eV, draws, spectra.kind, preprocessing)
        noisy.append(prepared.spectra[prepared.usable])
    return noisy


def _labels(path: str | os.PathLike, names: Sequence[str], several: bool) -> list[str]:
    """Names that tell the spectra of several files apart: with the file's name before them, unless they are it."""
    file = files.display_name(path)
    return [f"{file}:{name}" if several and name != file else str(name) for name in names]


def _error_line(path: str | os.PathLike, names: Sequence[str], error: SikpdosError) -> str:
    """An error of a file, or of one of its spectra: one that says itself which file it is of is told as it is."""
    return str(error) if error.source == files.display_name(path) else _line(path, names, str(error))


def _line(path: str | os.PathLike, names: Sequence[str], cause: str) -> str:
    file = files.display_name(path)
    who = ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
    return f"{file}: {cause}" if who in ("", file) else f"{file}: {who}: {cause}"
