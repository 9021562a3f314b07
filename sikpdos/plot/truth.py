"""Predictions of a dataset's sites beside the truth, which the dataset holds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sikpdos.common.grid import PDOS
from sikpdos.dataset.dataset import Dataset
from sikpdos.plot.prediction import Row, Truth, stored_row
from sikpdos.plot.read import Source, check_sigma
from sikpdos.prediction.storage import Predictions


def match_sites(dataset: Source, predicted: Source) -> tuple[np.ndarray, np.ndarray]:
    """Row of each prediction (n,) in the dataset, and its true densities of states (n, 2, 300).

    Raises SikpdosError for predictions that are not of the dataset.
    """
    known: Dataset = dataset.content
    found: Predictions = predicted.content
    check_sigma(predicted, dataset)
    where = {name: row for row, name in enumerate(known.ids.tolist())}
    missing = [name for name in found.ids.tolist() if name not in where]
    if missing:
        raise predicted.refuse(f"site {missing[0]} is not in {dataset.name}")
    rows = np.array([where[name] for name in found.ids.tolist()], int)
    if not np.allclose(known.spectra[rows], found.spectra, atol=1e-4):
        raise predicted.refuse(f"its spectra are not those of {dataset.name}")
    return rows, known.pdos[rows]


def with_truth(found: Predictions, k: int, true: np.ndarray) -> Row:
    """Row k of a predictions file with its true densities of states (2, 300)."""
    return replace(stored_row(found, k), truth=Truth(PDOS.energy_eV, true))
