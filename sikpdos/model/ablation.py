"""Which energies of the edge matter for which part of the density of states (the paper's Figures 3 and 4)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from sikpdos.common import files
from sikpdos.common.errors import SikpdosError
from sikpdos.common.grid import PDOS, SPECTRUM
from sikpdos.dataset.dataset import Dataset, digest
from sikpdos.model.ablation_table import REGIONS_EV, Row, read_rows, windows, write_rows
from sikpdos.model.mixture import predict
from sikpdos.model.network import ORBITALS
from sikpdos.model.settings import Settings
from sikpdos.model.training import train


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
    dataset_digest, settings_text = digest(dataset), repr(replace(settings, seed=0))
    if any((row.dataset, row.settings) != (dataset_digest, settings_text) for row in done):
        raise SikpdosError("the rows there are of other data or settings: write to another file")
    trained = {(row.seed, row.window_eV) for row in done}
    for seed in seeds:
        for start_eV, stop_eV in windows():
            if (seed, (start_eV, stop_eV)) not in trained:
                errors = _errors(masked(dataset, start_eV, stop_eV), replace(settings, seed=seed))
                yield [
                    Row(
                        dataset=dataset_digest,
                        settings=settings_text,
                        seed=seed,
                        window_start_eV=start_eV,
                        window_stop_eV=stop_eV,
                        **region,
                        mse=mse,
                    )
                    for region, mse in errors
                ]


def _errors(dataset: Dataset, settings: Settings) -> Iterator[tuple[dict[str, Any], float]]:
    """Orbital and region (fields of Row), and the test error there of a model trained on the dataset, (states/eV)^2."""
    model = train(dataset, settings)
    test = np.isin(dataset.ids, model.meta["split"]["test"])
    squared = (predict(model, dataset.spectra[test])[0] - dataset.pdos[test]) ** 2
    for index, orbital in enumerate(ORBITALS):
        for low_eV, high_eV in REGIONS_EV:
            inside = (PDOS.energy_eV >= low_eV) & (PDOS.energy_eV < high_eV)
            region = {"orbital": orbital, "region_start_eV": low_eV, "region_stop_eV": high_eV}
            yield region, float(squared[:, index, inside].mean())


def run(
    dataset: Dataset, settings: Settings, seeds: Sequence[int], path: str, report: Callable[[int], None]
) -> list[Row]:
    """All rows, written to `path` after every training; rows already there are kept, so a killed run goes on."""
    files.check_writable(path)
    rows = read_rows(path) if path != files.STDIO and Path(path).exists() else []
    for trained, new_rows in enumerate(ablate(dataset, settings, seeds, rows), 1):
        rows += new_rows
        report(trained)
        if path != files.STDIO:
            write_rows(path, rows)
    if path == files.STDIO:
        write_rows(path, rows)
    return rows
