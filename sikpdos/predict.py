"""From files of spectra to densities of states: read, prepare, evaluate the model, block by block."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from sikpdos import novelty, prepare, scores, store
from sikpdos.dataset import Dataset, is_dataset, read_dataset
from sikpdos.errors import SikpdosError
from sikpdos.formats.spectra import read_spectra
from sikpdos.formats.spectrum_set import Block, SpectrumSet
from sikpdos.grid import PDOS, SPECTRUM
from sikpdos.model import Model, known_resolution, predict, unknown_resolution

SHIFT_EV = 0.25  # onset error whose effect on the prediction is told
_BLOCK = 2048  # spectra at a time


@dataclass(frozen=True)
class Predicted:
    """Densities of states of k spectra and what the user should know about them."""

    names: list[str]  # (k,)
    spectra: np.ndarray  # (k, 200) as the model saw them
    pdos: np.ndarray  # (k, 2, 300) states/eV/atom, both spins
    deviation: np.ndarray  # (k, 2, 300) standard deviation
    onset_eV: np.ndarray  # (k,)
    novelty: np.ndarray  # (k,) over 1: unlike the training spectra
    sensitivity: np.ndarray  # (k,) rms change of pdos if the onset were SHIFT_EV lower or higher; NaN if not measured
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()  # spectra of the file that could not be used, with the cause

    def summary(self, row: int) -> dict[str, float | str]:
        """Scalars of one spectrum."""
        pdos = self.pdos[row : row + 1]
        centre = scores.band_centre(pdos)[0]
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
    options: prepare.Options,
    sigma_eV: float | None,
    part: str,
    failed: Callable[[str], None],
) -> Iterator[tuple[str, Model, Predicted]]:
    """Predictions for files of spectra or datasets; what cannot be used goes to `failed`, and the rest is done.

    choose: gives the model for a dataset, or for measured spectra (None).
    """
    for path in paths:
        try:
            if is_dataset(path):
                dataset = read_dataset(path)
                model = choose(dataset)
                yield path, model, predict_dataset(dataset, model, part_rows(dataset, model, part))
                continue
            model = choose(None)
            rule = options.onset or model.meta["onset_rule"]
            for predicted in predict_file(path, model, replace(options, onset=rule), sigma_eV):
                for failure in predicted.failures:
                    failed(failure)
                if predicted.names:
                    yield path, model, predicted
        except SikpdosError as error:
            failed(str(error))


def predict_file(
    path: str, model: Model, options: prepare.Options, sigma_eV: float | None = None
) -> Iterator[Predicted]:
    """Predictions for all spectra of a file ("-": stdin), a few thousand at a time.

    sigma_eV is the measurement's resolution, if known. Spectra that cannot be used are in `failures`. Raises
    SikpdosError where the file cannot be read or sigma_eV does not fit the model.
    """
    options = fit_resolution(model, options, sigma_eV)
    for spectra in read_spectra(path):
        for block in spectra.blocks(_BLOCK):
            causes = dict(block.left_out)
            try:
                predicted = _predict_block(spectra, block, model, options, sigma_eV, causes)
            except SikpdosError as error:
                causes |= dict.fromkeys(block.names, str(error))
                predicted = _nothing()
            file = store.display_name(path)
            labels = {name: file if name == path else f"{file}: {name}" for name in causes}
            yield replace(predicted, failures=tuple(f"{labels[name]}: {cause}" for name, cause in causes.items()))


def _nothing() -> Predicted:
    """The prediction for no spectra."""
    none, curves = np.empty(0), np.empty((0, 2, PDOS.size), np.float32)
    return Predicted([], np.empty((0, SPECTRUM.size)), curves, curves, none, none, none)


def fit_resolution(model: Model, options: prepare.Options, sigma_eV: float | None) -> prepare.Options:
    """Options with the broadening that brings spectra of sigma_eV to the model's; a model that takes any needs none.

    Raises SikpdosError where the spectrum is broader than the model allows.
    """
    if sigma_eV is None:
        return options
    if model.architecture.resolution_input:
        low, high = model.meta["settings"]["sigma_eV"]
        if sigma_eV > high:
            raise SikpdosError(f"sigma {sigma_eV:g} eV is beyond the model's {low:g} to {high:g} eV")
        return options
    if sigma_eV > model.sigma_eV + 1e-9:
        raise SikpdosError(
            f"sigma {sigma_eV:g} eV is broader than the model's {model.sigma_eV:g} eV; use another --model"
        )
    return replace(options, blur_eV=float(np.sqrt(model.sigma_eV**2 - sigma_eV**2)))


def _predict_block(
    spectra: SpectrumSet, block: Block, model: Model, options: prepare.Options, sigma_eV: float | None, causes: dict
) -> Predicted:
    """Predictions of the usable spectra of a block; the causes of the others are added to `causes`."""
    if not block.names:
        return _nothing()
    prepared = prepare.prepare(spectra.energy_eV, block.intensity, spectra.kind, options)
    good = np.isfinite(prepared.spectra).all(axis=1)
    causes.update({block.names[row]: "no onset found" for row in np.flatnonzero(~good)})
    ready = prepared.spectra[good]
    resolution = unknown_resolution(len(ready)) if sigma_eV is None else known_resolution(sigma_eV, len(ready))
    pdos, deviation = predict(model, ready, resolution)
    return Predicted(
        [block.names[row] for row in np.flatnonzero(good)],
        ready,
        pdos,
        deviation,
        prepared.onset_eV[good],
        novelty.novelty(model.known, ready),
        _sensitivity(model, prepared, good, pdos, resolution),
        prepared.notes,
        spectra.warnings + prepared.warnings,
    )


def _sensitivity(model, prepared, good, pdos, resolution) -> np.ndarray:
    """Larger of the two rms changes on moving the onset; for a few spectra only, as it triples the work."""
    if len(pdos) > 16:
        return np.full(len(pdos), np.nan)
    moved = [predict(model, prepare.recut(prepared, shift)[good], resolution)[0] for shift in (-SHIFT_EV, SHIFT_EV)]
    return np.sqrt(np.max([((other - pdos) ** 2).mean(axis=(1, 2)) for other in moved], axis=0))


def predict_dataset(dataset: Dataset, model: Model, rows: np.ndarray) -> Predicted:
    """Predictions for rows of a dataset, whose spectra are prepared already.

    Raises SikpdosError where its broadening or onset rule is not the model's.
    """
    for key in ("sigma_eV", "onset_rule"):
        if dataset.meta[key] != model.meta[key]:
            raise SikpdosError(f"the dataset's {key} is {dataset.meta[key]}, the model's {model.meta[key]}")
    spectra = dataset.spectra[rows]
    resolution = known_resolution(dataset.sigma_eV, len(spectra))
    pdos, deviation = predict(model, spectra, resolution)
    unknown = np.full(len(spectra), np.nan)
    names = dataset.ids[rows].tolist()
    return Predicted(
        names, spectra, pdos, deviation, np.zeros(len(spectra)), novelty.novelty(model.known, spectra), unknown
    )


def part_rows(dataset: Dataset, model: Model, part: str) -> np.ndarray:
    """Rows of a dataset in the model's "test" or "train" part, or "all"."""
    if part == "all":
        return np.arange(len(dataset))
    rows = np.flatnonzero(np.isin(dataset.ids, model.meta["split"][part]))
    if not len(rows):
        raise SikpdosError(f"none of the dataset's sites is in the model's {part} part")
    return rows
