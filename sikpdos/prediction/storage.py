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
    elif path.endswith(".npz"):
        write_npz(path, blocks)
    else:
        write_csv(path, blocks, named)


def write_csv(path: str | os.PathLike, blocks: Iterable[Predicted], named: bool) -> None:
    """One row an energy; `named` adds a leading column with the spectrum's name."""
    with files.output(path) as stream:
        header = (("spectrum",) if named else ()) + COLUMNS
        stream.write((",".join(header) + "\n").encode())
        for block in blocks:
            for row, name in enumerate(block.names):
                lead = _quoted(name) + "," if named else ""
                stream.write(_rows(block.pdos[row], block.pdos_std[row], lead).encode(errors="surrogateescape"))


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
            for row in range(len(block.names)):
                line = json.dumps(block.summary(row), ensure_ascii=False) + "\n"
                stream.write(line.encode(errors="backslashreplace"))  # a name that is not UTF-8 as JSON's escapes


def write_npz(path: str | os.PathLike, blocks: Iterable[Predicted]) -> None:
    """All predictions in one NPZ, written as they come; `sigma_eV` and `part` stay unknown where they differ."""
    folder = Path(tempfile.gettempdir()) if str(path) == files.STDIO else Path(path).resolve().parent
    spool, ids, sigmas, parts = npz.NpzStream(folder), [], set(), set()
    with files.output(path) as stream:
        for block in blocks:
            ids += block.names
            sigmas.add(block.sigma_eV)
            parts.add(block.part)
            spool.append(
                spectra=block.spectra.astype(np.float32),
                pdos=block.pdos,
                pdos_std=block.pdos_std,
                onset_eV=block.onset_eV,
                novelty=block.novelty,
            )
        arrays = {"ids": np.array(ids, str), "energy_eV": PDOS.energy_eV, "spectrum_energy_eV": SPECTRUM.energy_eV}
        spool.close_into(stream, arrays, npz.provenance(SCHEMA, sigma_eV=_only(sigmas), part=_only(parts)))


def _only(values: set):
    return next(iter(values)) if len(values) == 1 else None


def read_predictions(path: str | os.PathLike, data: bytes | None = None) -> Predictions:
    """Read a predictions NPZ. Raises SikpdosError for wrong schema or shapes."""
    arrays, meta = npz.read(path, SCHEMA, data)
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
