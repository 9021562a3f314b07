"""Errors of ablation trainings: which energies of the edge, which part of the density of states. Rows, in CSV files."""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from sikpdos.common import tables
from sikpdos.common.errors import SikpdosError
from sikpdos.common.grid import SPECTRUM

WINDOW_EV = 5.0
REGIONS_EV = ((-15.0, -7.5), (-7.5, 0.0), (0.0, 7.5), (7.5, 15.0))


@dataclass(frozen=True, kw_only=True)
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

    @property
    def window_eV(self) -> tuple[float, float]:
        return self.window_start_eV, self.window_stop_eV


def windows() -> list[tuple[float, float]]:
    """Growing windows from the onset, then single ones, in eV."""
    edges = np.arange(SPECTRUM.start_eV, SPECTRUM.stop_eV + 0.1, WINDOW_EV).tolist()
    growing = [(edges[0], stop) for stop in edges[1:]]
    return growing + [window for window in itertools.pairwise(edges) if window not in growing]


def write_rows(path: str | os.PathLike, rows: Sequence[Row]) -> None:
    """CSV with the fields of Row."""
    tables.write_csv(path, {field.name: [getattr(row, field.name) for row in rows] for field in fields(Row)})


def read_rows(path: str | os.PathLike, data: bytes | None = None) -> list[Row]:
    """Read what write_rows wrote. Raises SikpdosError for other tables."""
    kinds = {field.name: {"int": int, "float": float, "str": str}[str(field.type)] for field in fields(Row)}
    columns = tables.read_csv(path, list(kinds), data)
    try:
        values = {name: [kind(cell) for cell in columns[name]] for name, kind in kinds.items()}
    except ValueError as error:
        raise SikpdosError(str(error), path) from error
    return [Row(**dict(zip(values, cells, strict=True))) for cells in zip(*values.values(), strict=True)]


def summary(rows: Sequence[Row]) -> str:
    """Mean error and its spread over seeds for every window, s and p, all regions together."""
    lines = ["window (eV)      s MSE              p MSE              (mean and spread over seeds)"]
    for window_eV in dict.fromkeys(row.window_eV for row in rows):
        s, p = (_mean_and_spread([r for r in rows if (r.window_eV, r.orbital) == (window_eV, o)]) for o in ("s", "p"))
        lines.append(f"{window_eV[0]:4g} to {window_eV[1]:4g}     {s}   {p}")
    return "\n".join(lines)


def _mean_and_spread(rows: Sequence[Row]) -> str:
    seeds = dict.fromkeys(row.seed for row in rows)
    mse = [np.mean([row.mse for row in rows if row.seed == seed]) for seed in seeds]
    return f"{np.mean(mse):.3e} +- {np.std(mse):.1e}"
