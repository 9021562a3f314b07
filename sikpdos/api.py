"""The Python interface: what `import sikpdos` offers. The commands stand on the same functions.

Prediction needs neither PyTorch nor pymatgen; they are imported by the functions that use them.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from sikpdos.common.errors import SikpdosError
from sikpdos.formats.read import read_spectra
from sikpdos.formats.spectrum_set import SpectrumSet
from sikpdos.model.ensemble import Model
from sikpdos.model.shipped import MEASURED
from sikpdos.model.shipped import load as load_model
from sikpdos.prediction.batches import PreparedBatch
from sikpdos.prediction.predict import predict_batch, preprocessing_for
from sikpdos.prediction.result import Prediction, of_row
from sikpdos.spectra.preprocess import prepare

if TYPE_CHECKING:
    pass

__all__ = ["Model", "Prediction", "SikpdosError", "SpectrumSet", "load_model", "predict", "read_spectra"]


def predict(
    energy_eV: Sequence[float] | np.ndarray,
    intensity: Sequence[float] | np.ndarray,
    *,
    model: Model | str | os.PathLike = MEASURED,
    sigma_eV: float | None = None,
    smooth: tuple[int, int] | None = None,
    background: str | tuple[float, float] = "auto",
    onset: float | None = None,
    kind: str = "eels",
    allow_partial: bool = False,
) -> Prediction | list[Prediction]:
    """Density of states from a measured Si K-edge; the same steps as `sikpdos predict`.

    energy_eV (n,): increasing energies. intensity (n,): one spectrum, gives one Prediction; (m, n): m spectra, give a
    list. model: from `load_model`, or its name or file. sigma_eV: resolution of the measurement (Gaussian sigma), if
    known. smooth: Savitzky-Golay window (points of 0.1 eV) and order. background: window (eV) of the background fit,
    "auto" or "none". onset: its energy in eV; found by the model's rule if not given. kind: "eels" (power-law
    background) or "xas" (line). Raises SikpdosError for spectra that cannot be used.
    """
    energy_eV, curves = np.asarray(energy_eV, float), np.asarray(intensity, float)
    rows = np.atleast_2d(curves)
    _check(energy_eV, rows)
    chosen = model if isinstance(model, Model) else load_model(model)
    preprocessing = preprocessing_for(
        chosen, sigma_eV=sigma_eV, background=background, smooth=smooth, onset=onset, allow_partial=allow_partial
    )
    prepared = prepare(energy_eV, rows, kind, preprocessing)
    if prepared.causes:
        row, cause = next(iter(sorted(prepared.causes.items())))
        raise SikpdosError(cause if curves.ndim == 1 else f"spectrum {row}: {cause}")
    names = [str(row) for row in range(len(rows))]
    predicted = predict_batch(PreparedBatch(names=names, prepared=prepared, warnings=prepared.warnings), chosen)
    results = [of_row(predicted, row) for row in range(len(rows))]
    return results[0] if curves.ndim == 1 else results


def _check(energy_eV: np.ndarray, intensity: np.ndarray) -> None:
    if energy_eV.ndim != 1 or intensity.ndim != 2 or intensity.shape[1:] != energy_eV.shape:
        raise SikpdosError(f"energies {energy_eV.shape} and intensities {intensity.shape} do not fit each other")
    if not (np.isfinite(energy_eV).all() and np.isfinite(intensity).all()):
        raise SikpdosError("energies or intensities hold NaN or infinity")
    if (np.diff(energy_eV) <= 0).any():
        raise SikpdosError("energies must increase")
