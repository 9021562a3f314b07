"""Which energies of the edge matter for which part of the density of states (the paper's Figures 3 and 4)."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np

from sikpdos.common import files, tables
from sikpdos.common.errors import SikpdosError
from sikpdos.common.grid import PDOS, SPECTRUM
from sikpdos.dataset.dataset import Dataset, digest
from sikpdos.model.network import predict
from sikpdos.model.training import Settings, train

WINDOW_EV = 5.0
REGIONS_EV = ((-15.0, -7.5), (-7.5, 0.0), (0.0, 7.5), (7.5, 15.0))


@dataclass(frozen=True)
class Row:
    """Test error of networks trained on one window of the edge, in one region of the density of states."""

    dataset: str  # digest
    settings: str
    seed: int
    window_start_eV: float
    window_stop_eV: float
    orbital: str  # "s" or "p"
    region_start_eV: float
    region_stop_eV: float
    mse: float  # (states/eV)^2, mean over the test part


def windows() -> list[tuple[float, float]]:
    """Growing windows from the onset, then single ones, in eV."""
    edges = np.arange(SPECTRUM.start_eV, SPECTRUM.stop_eV + 0.1, WINDOW_EV).tolist()
    growing = [(edges[0], stop) for stop in edges[1:]]
    return growing + [pair for pair in itertools.pairwise(edges) if pair not in growing]


def masked(dataset: Dataset, start_eV: float, stop_eV: float) -> Dataset:
    """The dataset with its spectra set to 0 outside [start, stop)."""
    outside = (SPECTRUM.energy_eV < start_eV - 1e-6) | (SPECTRUM.energy_eV >= stop_eV - 1e-6)
    spectra = dataset.spectra.copy()
    spectra[:, outside] = 0
    return replace(dataset, spectra=spectra)


def ablate(dataset: Dataset, settings: Settings, seeds: Sequence[int], done: Sequence[Row] = ()) -> Iterator[list[Row]]:
    """Rows of every window and seed, as they are trained; those in `done` are not repeated.

    Raises SikpdosError as `train` does, for rows of other data or settings, and for settings to train on simulated
    measurements, which have no windows.
    """
    if settings.measured:
        raise SikpdosError("windows are cut from computed spectra: setting 'measured' must be false")
    name, text = digest(dataset), repr(replace(settings, seed=0))
    if any((row.dataset, row.settings) != (name, text) for row in done):
        raise SikpdosError("the rows there are of other data or settings: write to another file")
    known = {(row.seed, row.window_start_eV, row.window_stop_eV) for row in done}
    for seed in seeds:
        for start_eV, stop_eV in windows():
            if (seed, start_eV, stop_eV) not in known:
                errors = _errors(masked(dataset, start_eV, stop_eV), replace(settings, seed=seed))
                yield [Row(name, text, seed, start_eV, stop_eV, *where, mse) for where, mse in errors.items()]


def _errors(dataset: Dataset, settings: Settings) -> dict[tuple[str, float, float], float]:
    model = train(dataset, settings)
    test = np.isin(dataset.ids, model.meta["split"]["test"])
    square = (predict(model, dataset.spectra[test])[0] - dataset.pdos[test]) ** 2
    found = {}
    for i, orbital in enumerate(("s", "p")):
        for low_eV, high_eV in REGIONS_EV:
            inside = (PDOS.energy_eV >= low_eV) & (PDOS.energy_eV < high_eV)
            found[orbital, low_eV, high_eV] = float(square[:, i, inside].mean())
    return found


def run(
    dataset: Dataset, settings: Settings, seeds: Sequence[int], path: str, report: Callable[[int], None]
) -> list[Row]:
    """All rows, written to `path` after every training; rows already there are kept, so a killed run goes on."""
    files.check_writable(path)
    rows = read_rows(path) if path != files.STDIO and Path(path).exists() else []
    for trained, new in enumerate(ablate(dataset, settings, seeds, rows), 1):
        rows += new
        report(trained)
        if path != files.STDIO:
            write_rows(path, rows)
    if path == files.STDIO:
        write_rows(path, rows)
    return rows


def write_rows(path: str | os.PathLike, rows: Sequence[Row]) -> None:
    """CSV with the fields of Row."""
    tables.write_csv(path, {f.name: [getattr(row, f.name) for row in rows] for f in fields(Row)})


def read_rows(path: str | os.PathLike, data: bytes | None = None) -> list[Row]:
    """Read what write_rows wrote. Raises SikpdosError for other tables."""
    names = [f.name for f in fields(Row)]
    columns = tables.read_csv(path, names, data)
    kinds = [{"int": int, "float": float, "str": str}[str(f.type)] for f in fields(Row)]
    try:
        return [
            Row(*(k(c) for k, c in zip(kinds, cells, strict=True)))
            for cells in zip(*(columns[n] for n in names), strict=True)
        ]
    except ValueError as error:
        raise SikpdosError(f"{files.display_name(path)}: {error}") from error


def table(rows: Sequence[Row]) -> str:
    """Mean error and its spread over seeds for every window, s and p, all regions together."""
    lines = ["window (eV)      s MSE              p MSE              (mean and spread over seeds)"]
    for start_eV, stop_eV in dict.fromkeys((row.window_start_eV, row.window_stop_eV) for row in rows):
        cells = []
        for orbital in ("s", "p"):
            mine = [r for r in rows if (r.window_start_eV, r.window_stop_eV, r.orbital) == (start_eV, stop_eV, orbital)]
            each = [np.mean([r.mse for r in mine if r.seed == seed]) for seed in dict.fromkeys(r.seed for r in mine)]
            cells.append(f"{np.mean(each):.3e} +- {np.std(each):.1e}")
        lines.append(f"{start_eV:4g} to {stop_eV:4g}     {cells[0]}   {cells[1]}")
    return "\n".join(lines)
