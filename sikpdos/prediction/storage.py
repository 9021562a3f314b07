"""Files of predictions: CSV for one or some spectra, NPZ for many, JSON lines for the scalars."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import NoneType

import numpy as np

from sikpdos.common import files, npz
from sikpdos.common.errors import SikpdosError
from sikpdos.common.grid import PDOS, SPECTRUM
from sikpdos.prediction.predict import Predicted

SCHEMA = "sikpdos-predictions-1"
_ROWS = 4096  # of a file that are put in order at a time
_UNKNOWN = np.full((2, PDOS.size), np.nan)  # the density of states of a spectrum that could not be used
COLUMNS = ("energy_eV", "s", "p", "total", "s_std", "p_std")


@dataclass(frozen=True)
class Predictions:
    """Content of a predictions file."""

    ids: np.ndarray  # (n,)
    spectra: np.ndarray  # (n, 200)
    pdos: np.ndarray  # (n, 2, 300)
    pdos_std: np.ndarray  # (n, 2, 300)
    onset_eV: np.ndarray  # (n,)
    novelty: np.ndarray  # (n,)
    meta: dict

    @property
    def sigma_eV(self) -> float | None:
        """Broadening of the densities of states, if the file knows it and it is one."""
        return self.meta.get("sigma_eV")

    @property
    def part(self) -> str | None:
        """Of a dataset: "all", "test" or "train"; None for measured spectra, or if the file does not know."""
        return self.meta.get("part")


def write(path: str, blocks: Iterable[Predicted], scalars: bool, named: bool) -> None:
    """Write predictions: scalars as JSON lines, or the curves as NPZ or CSV by the name of the file."""
    if scalars:
        write_json(path, blocks)
    elif files.suffix(path) == ".npz":
        write_npz(path, blocks)
    else:
        write_csv(path, blocks, named)


def write_csv(path: str | os.PathLike, blocks: Iterable[Predicted], named: bool) -> None:
    """One row an energy; `named` adds a leading column with the spectrum's name."""
    with files.output(path) as stream:
        header = (("spectrum",) if named else ()) + COLUMNS
        stream.write((",".join(header) + "\n").encode())
        for block in blocks:
            for name, row in block.in_order:
                lead = _quoted(name) + "," if named else ""
                pdos, pdos_std = (_UNKNOWN, _UNKNOWN) if row is None else (block.pdos[row], block.pdos_std[row])
                stream.write(_rows(pdos, pdos_std, lead).encode(errors="surrogateescape"))


def _rows(pdos: np.ndarray, pdos_std: np.ndarray, lead: str) -> str:
    table = np.column_stack([pdos.T, pdos.sum(axis=0), pdos_std.T])
    lines = zip(PDOS.energy_eV.tolist(), table.tolist(), strict=True)
    return "".join(f"{lead}{e:.1f},{','.join(f'{x:.6g}' for x in values)}\n" for e, values in lines)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"' if any(c in name for c in ',"\n\r') else name


def write_json(path: str | os.PathLike, blocks: Iterable[Predicted]) -> None:
    """One JSON object a spectrum and line: its scalars."""
    with files.output(path) as stream:
        for block in blocks:
            for name, row in block.in_order:
                scalars = dict.fromkeys(block.summary(0)) | {"spectrum": name} if row is None else block.summary(row)
                line = json.dumps(scalars, ensure_ascii=False) + "\n"
                stream.write(line.encode(errors="backslashreplace"))  # a name that is not UTF-8 as JSON's escapes


def write_npz(path: str | os.PathLike, blocks: Iterable[Predicted]) -> None:
    """All predictions in one NPZ, written as they come; `sigma_eV` and `part` stay unknown where they differ."""
    folder = Path(tempfile.gettempdir()) if str(path) == files.STDIO else Path(path).resolve().parent
    spool, ids, sigmas, parts = npz.NpzStream(folder), [], set(), set()
    classes = ClassColumns()
    with files.output(path) as stream:
        for block in blocks:
            ids += [name for name, _ in block.in_order]
            sigmas.add(block.sigma_eV)
            parts.add(block.part)
            rows = [row for _, row in block.in_order]
            for start in range(0, len(rows), _ROWS):
                some = rows[start : start + _ROWS]
                spool.append(
                    spectra=_spread(block.spectra.astype(np.float32), some),
                    pdos=_spread(block.pdos, some),
                    pdos_std=_spread(block.pdos_std, some),
                    onset_eV=_spread(block.onset_eV, some),
                    novelty=_spread(block.novelty, some),
                    **classes.rows(block, some),
                )
        arrays = {"ids": np.array(ids, str), "energy_eV": PDOS.energy_eV, "spectrum_energy_eV": SPECTRUM.energy_eV}
        spool.close_into(stream, arrays, npz.provenance(SCHEMA, sigma_eV=_only(sigmas), part=_only(parts)))


class ClassColumns:
    """The probability of each material class as a column of its own: NaN where a block's model does not know it."""

    def __init__(self) -> None:
        self._names: set[str] = set()
        self._written = 0

    def rows(self, block: Predicted, rows: list[int | None]) -> dict[str, np.ndarray]:
        """Some rows of a block; of a class met for the first time, all rows before them, too."""
        columns = {}
        for name in self._names | set(block.classes):
            column = np.full(len(rows), np.nan, np.float32)
            if block.class_probabilities is not None and name in block.classes:
                of_class = block.class_probabilities[:, block.classes.index(name)].astype(np.float32)
                column = _spread(of_class, rows)
            before = 0 if name in self._names else self._written
            columns[f"probability_{name}"] = np.concatenate([np.full(before, np.nan, np.float32), column])
        self._names |= set(block.classes)
        self._written += len(rows)
        return columns


def _spread(values: np.ndarray, rows: list[int | None]) -> np.ndarray:
    """Some rows of an array, NaN for those that are not there."""
    spread = np.full((len(rows), *values.shape[1:]), np.nan, values.dtype)
    there = {place: row for place, row in enumerate(rows) if row is not None}
    spread[list(there)] = values[list(there.values())]
    return spread


def _only(values: set):
    return next(iter(values)) if len(values) == 1 else None


def _usable(arrays: dict[str, np.ndarray], path: str | os.PathLike) -> dict[str, np.ndarray]:
    """The arrays without the rows whose novelty is NaN."""
    novelty = arrays.get("novelty")
    if novelty is None or novelty.ndim != 1 or novelty.dtype.kind != "f" or not np.isnan(novelty).any():
        return arrays
    rows = ~np.isnan(novelty)
    if not rows.any():
        raise SikpdosError("none of its spectra could be used", path)
    per_row = ("ids", "spectra", "pdos", "pdos_std", "onset_eV", "novelty")
    of_all = {key: array for key, array in arrays.items() if key not in per_row or array.shape[:1] != rows.shape}
    return of_all | {key: arrays[key][rows] for key in arrays.keys() - of_all.keys()}


def read_predictions(path: str | os.PathLike, data: bytes | None = None) -> Predictions:
    """Read a predictions NPZ, without the rows of NaN of spectra that could not be used.

    Raises SikpdosError for wrong schema or shapes, and where there is no other row.
    """
    arrays, meta = npz.read(path, SCHEMA, data)
    arrays = _usable(arrays, path)
    n = np.size(arrays.get("ids", ()))  # its shape is checked below
    npz.require(arrays, path, ids=(n,), spectra=(n, SPECTRUM.size), pdos=(n, 2, PDOS.size))
    npz.require(arrays, path, pdos_std=(n, 2, PDOS.size), novelty=(n,))
    if "onset_eV" not in arrays or arrays["onset_eV"].shape != (n,):  # NaN where there is none
        raise SikpdosError("array 'onset_eV' is missing or misshapen", path)
    known = {"sigma_eV": None, "part": None} | meta
    npz.require_meta(known, path, sigma_eV=(int, float, NoneType), part=(str, NoneType))
    return Predictions(
        ids=arrays["ids"],
        spectra=arrays["spectra"],
        pdos=arrays["pdos"],
        pdos_std=arrays["pdos_std"],
        onset_eV=arrays["onset_eV"],
        novelty=arrays["novelty"],
        meta=meta,
    )
