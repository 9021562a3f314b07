"""From files of spectra to densities of states: read, prepare, evaluate the model, block by block."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from sikpdos.common import files
from sikpdos.common.errors import SikpdosError
from sikpdos.common.grid import PDOS
from sikpdos.dataset.dataset import Dataset
from sikpdos.model import metrics, outliers
from sikpdos.model.ensemble import Model, predict
from sikpdos.model.network import known_resolution, unknown_resolution
from sikpdos.prediction.batches import Ready, labels, prepared_blocks, read_input
from sikpdos.spectra import preprocess

SHIFT_EV = 0.25  # onset error whose effect on the prediction is told


@dataclass(frozen=True)
class Predicted:
    """Densities of states of k spectra and what the user should know about them."""

    names: list[str]  # (k,)
    spectra: np.ndarray  # (k, 200) as the model saw them
    pdos: np.ndarray  # (k, 2, 300) states/eV/atom, both spins
    deviation: np.ndarray  # (k, 2, 300) standard deviation
    onset_eV: np.ndarray  # (k,) on the measurement's axis; NaN for a dataset's
    novelty: np.ndarray  # (k,) over 1: unlike the training spectra
    sensitivity: np.ndarray  # (k,) rms change of pdos if the onset were SHIFT_EV lower or higher; NaN if not measured
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    title: str = ""  # what the file says that its spectra are
    sigma_eV: float | None = None  # broadening of pdos
    part: str | None = None  # of a dataset: "all", or the model's "test" or "train" part

    def summary(self, row: int) -> dict[str, float | str]:
        """Scalars of one spectrum."""
        pdos = self.pdos[row : row + 1]
        centre = metrics.band_centre(pdos)[0]
        charge = pdos[0][:, PDOS.energy_eV < 0].sum(axis=1) * PDOS.step_eV
        return {
            "spectrum": self.names[row],
            "onset_eV": _rounded(self.onset_eV[row]),
            "s_electrons": _rounded(charge[0]),
            "p_electrons": _rounded(charge[1]),
            "s_band_centre_eV": _rounded(centre[0]),
            "p_band_centre_eV": _rounded(centre[1]),
            "mean_std": _rounded(self.deviation[row].mean()),
            "onset_sensitivity": _rounded(self.sensitivity[row]),
            "novelty": _rounded(self.novelty[row]),
        }


def _rounded(value: float) -> float | None:
    return None if not np.isfinite(value) else round(float(value), 4)


def predict_files(
    paths: Sequence[str],
    choose: Callable[[Dataset | None], Model],
    options: preprocess.Options,
    sigma_eV: float | None,
    part: str,
    failed: Callable[[str], None],
) -> Iterator[tuple[str, Model, Predicted]]:
    """Predictions for files of spectra or datasets; what cannot be used goes to `failed`, and the rest is done.

    choose: gives the model for a dataset, or for measured spectra (None).
    """
    for path in paths:
        try:
            found = read_input(path)
            if isinstance(found, Dataset):
                model = choose(found)
                predicted = predict_dataset(found, model, part_rows(found, model, part))
                yield path, model, replace(predicted, names=labels(path, predicted.names, len(paths) > 1), part=part)
                continue
            model = choose(None)
            for ready in prepared_blocks(path, found, fit_options(model, options, sigma_eV)):
                for failure in ready.failures:
                    failed(failure)
                if ready.prepared is not None and ready.prepared.usable.any():
                    predicted = predict_block(ready, model, sigma_eV)
                    yield path, model, replace(predicted, names=labels(path, predicted.names, len(paths) > 1))
        except SikpdosError as error:
            name, text = files.display_name(path), str(error)
            failed(text if text.startswith(f"{name}:") else f"{name}: {text}")


def fit_options(model: Model, options: preprocess.Options, sigma_eV: float | None) -> preprocess.Options:
    """Options with the model's onset rule, unless an onset is given, and the broadening to the model's resolution.

    sigma_eV is the measurement's, if known; a model that takes any resolution needs no broadening. Raises
    SikpdosError where the spectrum is broader than the model allows.
    """
    if options.onset is None:
        options = replace(options, onset=model.meta["onset_rule"])
    if sigma_eV is None:
        return options
    if model.architecture.resolution_input:
        low, high = model.meta["settings"]["sigma_eV"]
        if sigma_eV > high:
            raise SikpdosError(f"sigma {sigma_eV:g} eV is beyond the model's {low:g} to {high:g} eV")
        return replace(options, blur_eV=_missing_blur_eV(low, sigma_eV))
    if sigma_eV > model.sigma_eV + 1e-9:
        raise SikpdosError(
            f"sigma {sigma_eV:g} eV is broader than the model's {model.sigma_eV:g} eV; use another --model"
        )
    return replace(options, blur_eV=_missing_blur_eV(model.sigma_eV, sigma_eV))


def _missing_blur_eV(wanted_eV: float, present_eV: float) -> float:
    return float(np.sqrt(max(wanted_eV**2 - present_eV**2, 0.0)))


def predict_block(ready: Ready, model: Model, sigma_eV: float | None) -> Predicted:
    """Predictions of the usable spectra of a block; sigma_eV is the measurement's resolution, if known."""
    prepared, rows = ready.prepared, np.flatnonzero(ready.prepared.usable)
    spectra = prepared.spectra[rows]
    resolution = unknown_resolution(len(rows))
    if sigma_eV is not None:
        broadened_eV = float(np.hypot(sigma_eV, prepared.blur_eV))
        resolution = known_resolution(broadened_eV, len(rows))
    pdos, deviation = predict(model, spectra, resolution)
    return Predicted(
        [ready.names[row] for row in rows],
        spectra,
        pdos,
        deviation,
        prepared.onset_eV[rows],
        outliers.novelty(model.outlier_model, spectra),
        _sensitivity(model, prepared, rows, pdos, resolution),
        prepared.notes,
        ready.warnings,
        ready.title,
        model.sigma_eV,
    )


def _sensitivity(model: Model, prepared: preprocess.Prepared, rows, pdos, resolution) -> np.ndarray:
    """Larger of the two rms changes on moving the onset; for a few spectra only, as it triples the work."""
    if len(pdos) > 16:
        return np.full(len(pdos), np.nan)
    moved = [predict(model, preprocess.recut(prepared, rows, shift), resolution)[0] for shift in (-SHIFT_EV, SHIFT_EV)]
    return np.sqrt(np.max([((other - pdos) ** 2).mean(axis=(1, 2)) for other in moved], axis=0))


def predict_dataset(dataset: Dataset, model: Model, rows: np.ndarray) -> Predicted:
    """Predictions for rows of a dataset, whose spectra are prepared already.

    Raises SikpdosError where its broadening or onset rule is not the model's.
    """
    _same_broadening(dataset, model)
    spectra = dataset.spectra[rows]
    resolution = known_resolution(dataset.sigma_eV, len(spectra))
    pdos, deviation = predict(model, spectra, resolution)
    unknown = np.full(len(spectra), np.nan)
    names = dataset.ids[rows].tolist()
    unusual = outliers.novelty(model.outlier_model, spectra)
    return Predicted(names, spectra, pdos, deviation, unknown, unusual, unknown, sigma_eV=model.sigma_eV)


def _same_broadening(dataset: Dataset, model: Model) -> None:
    """Raise SikpdosError where a dataset's broadening or onset rule is not the model's."""
    for key in ("sigma_eV", "onset_rule"):
        if dataset.meta[key] != model.meta[key]:
            raise SikpdosError(f"the dataset's {key} is {dataset.meta[key]}, the model's {model.meta[key]}")


def part_rows(dataset: Dataset, model: Model, part: str) -> np.ndarray:
    """Rows of a dataset in the model's "test" or "train" part, or "all"."""
    if part == "all":
        return np.arange(len(dataset))
    rows = np.flatnonzero(np.isin(dataset.ids, model.meta["split"][part]))
    if not len(rows):
        raise SikpdosError(f"none of the dataset's sites is in the model's {part} part")
    return rows
