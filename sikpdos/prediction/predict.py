"""From files of spectra to densities of states: read, prepare, evaluate the model, block by block."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sikpdos.common.errors import SikpdosError
from sikpdos.common.grid import PDOS
from sikpdos.dataset.dataset import Dataset
from sikpdos.formats.read import Reading
from sikpdos.model import metrics
from sikpdos.model.classification import ELEMENTAL, likeliest
from sikpdos.model.mixture import Model, class_probabilities, novelty, predict
from sikpdos.model.network import recording
from sikpdos.prediction.batches import Input, PreparedBatch, convert_files
from sikpdos.spectra.background import Background
from sikpdos.spectra.prepared import Prepared, realign
from sikpdos.spectra.processing import missing_sigma
from sikpdos.spectra.refusal import Fault, Refusal
from sikpdos.spectra.settings import Corrections, Preprocessing

# Novelty of what is no silicon K-edge: 3,700 simulated measurements of silicon reach 3.1, of quartz 3.3; steps
# and single lines lie above 5
BEYOND_ALL = 4.0
_UNLIKELY = 0.01  # probability of a kind of material, below which being told it is worth a warning
SHIFT_EV = 0.25  # onset error whose effect on the prediction is told


@dataclass(frozen=True, kw_only=True)
class Predicted:
    """Densities of states of k spectra and what the user should know about them."""

    names: list[str]  # (k,)
    spectra: np.ndarray  # (k, 200) as the model saw them
    pdos: np.ndarray  # (k, 2, 300) states/eV/atom, both spins
    pdos_std: np.ndarray  # (k, 2, 300) standard deviation of pdos
    onset_eV: np.ndarray  # (k,) on the measurement's axis; NaN for a dataset's
    novelty: np.ndarray  # (k,) over 1: unlike the training spectra
    sensitivity: np.ndarray  # (k,) rms change of pdos if the onset were SHIFT_EV lower or higher; NaN if not measured
    sigma_eV: float  # broadening of pdos
    preprocessing: Preprocessing | None = None  # what was done to a measurement; None for a dataset's
    background: Background | None = None  # what was subtracted from it
    classes: tuple[str, ...] = ()  # material classes that the model tells from each other
    class_probabilities: np.ndarray | None = None  # (k, c) of them, from the shape and an absolute onset; None: no c
    material: str | None = None  # what the model was told that they are of
    oxide_share: np.ndarray | None = None  # (k,) of the silicon seen in a measurement; NaN where none was found
    remarks: tuple[str, ...] = ()  # what else was done to it
    warnings: tuple[str, ...] = ()
    title: str = ""  # what the file says that its spectra are
    part: str | None = None  # of a dataset: "all", or the model's "test" or "train" part
    entries: tuple[tuple[str, int | None], ...] = ()  # the file's spectra in order, those that cannot be used too

    @property
    def in_order(self) -> tuple[tuple[str, int | None], ...]:
        """Every spectrum of the file in its order, and which of these k it is; None where it could not be used."""
        return self.entries or tuple((name, row) for row, name in enumerate(self.names))

    def kinds(self, row: int) -> dict[str, float] | None:
        """Probability of each material class, the likeliest first; None where the model knows one class alone."""
        if self.class_probabilities is None:
            return None
        found = dict(zip(self.classes, self.class_probabilities[row].tolist(), strict=True))
        return {name: round(found[name], 4) for name in sorted(found, key=lambda name: -found[name])}

    def kind(self, row: int) -> str | None:
        """The likeliest material class: see classification.likeliest."""
        if self.class_probabilities is None:
            return None
        return str(likeliest(self.classes, self.class_probabilities[row : row + 1])[0])

    def contradiction(self, row: int) -> str | None:
        """What is odd about a spectrum of material that was told: it looks like silicon alone, or like a compound."""
        if self.material is None or self.class_probabilities is None or ELEMENTAL not in self.classes:
            return None
        elemental = float(self.class_probabilities[row, self.classes.index(ELEMENTAL)])
        told, share = ("silicon alone", elemental) if self.material == ELEMENTAL else ("a compound", 1 - elemental)
        return None if share >= _UNLIKELY else f"told {self.material}, but the edge does not look like {told}"

    def summary(self, row: int) -> dict[str, Any]:
        """Scalars of one spectrum, and the probabilities of its material classes."""
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
            "mean_std": _rounded(self.pdos_std[row].mean()),
            "onset_sensitivity": _rounded(self.sensitivity[row]),
            "novelty": _rounded(self.novelty[row]),
            "material": self.material,
            "material_class": self.kind(row),
            "class_probabilities": self.kinds(row),
            "oxide_share": None if self.oxide_share is None else _rounded(self.oxide_share[row]),
        }


def _rounded(value: float) -> float | None:
    return None if not np.isfinite(value) else round(float(value), 4)


def predict_files(
    paths: Sequence[str],
    *,
    choose: Callable[[Dataset | None], Model],
    preprocessing: Callable[[Model], Preprocessing],
    part: str,
    failed: Callable[[str], None],
    reading: Reading = Reading(),
    left_out: Callable[[str], None] | None = None,
    inputs: Mapping[str, Input] = {},
) -> Iterator[tuple[str, Model, Predicted]]:
    """Predictions for files of spectra or datasets; what cannot be used goes to `failed`, and the rest is done.

    left_out: is told of single spectra of a file that cannot be used (see convert_files).
    choose: gives the model for a dataset, or for measured spectra (None). preprocessing: see preprocessing_for.
    inputs: see convert_files.
    """

    def of_dataset(dataset: Dataset, names: list[str]) -> tuple[Model, Predicted]:
        model = choose(dataset)
        rows = part_rows(dataset, model, part)
        return model, replace(predict_dataset(dataset, model, rows), names=[names[row] for row in rows], part=part)

    def of_batch(batch: PreparedBatch) -> tuple[Model, Predicted]:
        model = choose(None)
        return model, predict_batch(batch, model)

    def refuse(prepared: Prepared) -> dict[int, Refusal]:
        return beyond_all(prepared, choose(None))

    batches = convert_files(
        paths,
        of_dataset=of_dataset,
        of_batch=of_batch,
        preprocessing=lambda: preprocessing(choose(None)),
        failed=failed,
        reading=reading,
        refuse=refuse,
        left_out=left_out,
        inputs=inputs,
    )
    yield from ((path, model, predicted) for path, (model, predicted) in batches)


def beyond_all(prepared: Prepared, model: Model) -> dict[int, Refusal]:
    """Usable spectra that are no silicon K-edge by their shape: row -> why; none where any edge is accepted."""
    if prepared.preprocessing.corrections.any_edge or not prepared.usable.any():
        return {}
    rows = np.flatnonzero(prepared.usable)
    how_unlike = novelty(model, prepared.spectra[rows])
    text = "no silicon K-edge: novelty {:.1f}, usual up to 1 (--any-edge goes on all the same)"
    found = [(int(row), text.format(value)) for row, value in zip(rows, how_unlike, strict=True) if value > BEYOND_ALL]
    return {row: Refusal(Fault.NOT_SILICON, words) for row, words in found}


def preprocessing_for(
    known: Model | Dataset,
    *,
    sigma_eV: float | None = None,
    background: str | tuple[float, float] = "auto",
    smooth: tuple[int, int] | None = None,
    onset: float | None = None,
    allow_partial: bool = False,
    corrections: Corrections = Corrections(),
) -> Preprocessing:
    """How to prepare measured spectra for a model or for templates: their onset rule if no onset is given, their sigma.

    sigma_eV is the measurement's, if known; a model that takes any resolution needs no broadening. Raises
    SikpdosError where the spectrum is broader than the model or the templates.
    """
    return Preprocessing(
        background=background,
        smooth=smooth,
        onset=known.meta["onset_rule"] if onset is None else onset,
        sigma_eV=sigma_eV,
        broadening_eV=0.0 if sigma_eV is None else _missing_eV(known, sigma_eV),
        allow_partial=allow_partial,
        corrections=corrections,
    )


def _missing_eV(known: Model | Dataset, sigma_eV: float) -> float:
    """Sigma of the Gaussian that brings a measurement of resolution sigma_eV to what is known."""
    whose = "the model's" if isinstance(known, Model) else "the templates'"
    if isinstance(known, Model) and known.architecture.resolution_input:
        low_eV, high_eV = known.meta["settings"]["sigma_eV"]
        if sigma_eV > high_eV:
            raise SikpdosError(f"sigma {sigma_eV:g} eV is beyond {whose} {low_eV:g} to {high_eV:g} eV")
        return missing_sigma(low_eV, sigma_eV)
    if sigma_eV > known.sigma_eV + 1e-9:
        raise SikpdosError(f"sigma {sigma_eV:g} eV is broader than {whose} {known.sigma_eV:g} eV")
    return missing_sigma(known.sigma_eV, sigma_eV)


def predict_batch(batch: PreparedBatch, model: Model) -> Predicted:
    """Predictions of the usable spectra of a batch."""
    prepared, rows = batch.prepared, np.flatnonzero(batch.prepared.usable)
    spectra, resolution_eV = prepared.spectra[rows], prepared.preprocessing.resolution_eV
    resolution = recording(spectra, resolution_eV, prepared.kind)
    onset_eV = prepared.onset_eV[rows]
    pdos, pdos_std = predict(model, spectra, resolution, onset_eV)
    place = {int(row): k for k, row in enumerate(rows)}
    if batch.noisy:
        pdos_std = np.hypot(pdos_std, _noise_std([batch.noisy[row] for row in rows], model, resolution, onset_eV))
    return Predicted(
        names=[batch.names[row] for row in rows],
        spectra=spectra,
        pdos=pdos,
        pdos_std=pdos_std,
        onset_eV=onset_eV,
        novelty=novelty(model, spectra),
        sensitivity=_sensitivity(model, prepared, rows, pdos, resolution),
        preprocessing=prepared.preprocessing,
        background=prepared.background,
        **_kinds(model, spectra, onset_eV),
        oxide_share=prepared.oxide_share[rows],
        remarks=prepared.remarks,
        warnings=(*batch.warnings, *_unsuited(model)),
        title=batch.title,
        entries=tuple((name, None if row is None else place.get(row)) for name, row in batch.entries),
        sigma_eV=model.sigma_eV,
    )


def _kinds(model: Model, spectra: np.ndarray, onset_eV: np.ndarray | None) -> dict[str, Any]:
    """What a model that knows several material classes says of spectra (k, 200)."""
    if not model.classes:
        return {}
    probabilities = class_probabilities(model, spectra, onset_eV)
    return {"classes": model.classes, "class_probabilities": probabilities, "material": model.material}


def _unsuited(model: Model) -> tuple[str, ...]:
    """A warning of a model that has seen no measurement."""
    if model.architecture.resolution_input:
        return ()
    return (
        f"this model was trained on {model.meta['trained_on']}, without noise and of one resolution: of a measurement "
        "its errors are several times larger and its bands too narrow; the default model, or one of "
        "`train --measured`, is made for it",
    )


def _noise_std(noisy: Sequence[np.ndarray], model: Model, resolution: np.ndarray, onset_eV: np.ndarray) -> np.ndarray:
    """Standard deviation (m, 2, 300) of the predictions of each spectrum's noisy copies (k, 200)."""
    copies = zip(noisy, resolution, onset_eV, strict=True)
    predictions = [
        predict(model, draws, np.tile(one, (len(draws), 1)), np.full(len(draws), onset))[0]
        for draws, one, onset in copies
    ]
    return np.array([pdos.std(axis=0, ddof=1) for pdos in predictions])


def _sensitivity(model: Model, prepared: Prepared, rows, pdos, resolution) -> np.ndarray:
    """Larger of the two rms changes on moving the onset; for a few spectra only, as it triples the work."""
    if len(pdos) > 16:
        return np.full(len(pdos), np.nan)
    moved = [
        predict(model, realign(prepared, rows, shift), resolution, prepared.onset_eV[rows] + shift)[0]
        for shift in (-SHIFT_EV, SHIFT_EV)
    ]
    return np.sqrt(np.max([((other - pdos) ** 2).mean(axis=(1, 2)) for other in moved], axis=0))


def predict_dataset(dataset: Dataset, model: Model, rows: np.ndarray) -> Predicted:
    """Predictions for rows of a dataset, whose spectra are prepared already.

    Raises SikpdosError where its broadening or onset rule is not the model's.
    """
    _same_broadening(dataset, model)
    spectra = dataset.spectra[rows]
    resolution = recording(spectra, dataset.sigma_eV)
    pdos, pdos_std = predict(model, spectra, resolution)
    unknown = np.full(len(spectra), np.nan)
    return Predicted(
        names=dataset.ids[rows].tolist(),
        spectra=spectra,
        pdos=pdos,
        pdos_std=pdos_std,
        onset_eV=unknown,
        novelty=novelty(model, spectra),
        sensitivity=unknown,
        sigma_eV=model.sigma_eV,
        **_kinds(model, spectra, None),
    )


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
