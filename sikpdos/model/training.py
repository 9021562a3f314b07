"""Training of a model on one dataset: networks (in PyTorch), kernel regression, calibration, scores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace

import numpy as np
import torch

from sikpdos.common import npz
from sikpdos.common.errors import SikpdosError
from sikpdos.dataset import split
from sikpdos.dataset.dataset import Dataset
from sikpdos.model import (
    checkpoint,
    classification,
    evaluation,
    kernel_regression,
    optimization,
    training_spectra,
)
from sikpdos.model import settings as training_settings
from sikpdos.model.calibration import Calibration, calibrate
from sikpdos.model.classification import Classifier
from sikpdos.model.ensemble import REGRESSION_FOLDS, Ensemble
from sikpdos.model.kernel_regression import KernelRegression
from sikpdos.model.mixture import Expert, Model
from sikpdos.model.model_file import SCHEMA
from sikpdos.model.network import scale
from sikpdos.model.optimization import Progress, State, TrainingData
from sikpdos.model.settings import Settings
from sikpdos.model.teams import Team, teams
from sikpdos.model.training_spectra import SpectrumSampler, SpectrumVariants

_CHECKPOINT_EPOCHS = 25  # between checkpoints
_AUGMENTED_NOISE = 3.0  # variance of the regression's noise at deformed and random crystals, in that of others


def train(
    dataset: Dataset,
    settings: Settings,
    report: Callable[[Progress], None] = lambda progress: None,
    checkpoint_path: str | None = None,
    device: str | None = None,
) -> Model:
    """Train, calibrate on the validation parts, and score once on the test part.

    checkpoint_path: file that an interrupted training continues from; it is left there at the end. device: PyTorch's
    name; by default a GPU if there is one. Same seed, same bytes on a CPU. Raises SikpdosError for a dataset too
    small to split, settings out of range, or a device that is not there.
    """
    training_settings.check(settings)
    torch_device = choose_device(device)
    fold = split.folds(dataset.groups, settings.split, settings.seed, settings.test_groups)
    sampler = training_spectra.sampler(dataset, settings)
    all_teams = teams(dataset, fold, settings.members)
    data = _training_data(dataset, sampler, fold, all_teams, torch_device)
    state = optimization.initial_state(data, settings)
    _run_epochs(state, data, settings, report, checkpoint_path, checkpoint.digest(dataset, settings, data.training))
    classifier, held_out = _classifier(sampler.held_out, dataset, fold)
    material = _material(dataset, classifier)
    experts: list[Expert] = []
    group_mse: dict[str, float] = {}
    for team in all_teams:
        regression = _regression(dataset, held_out, fold, team.sites, material)
        ensemble = _ensemble(team, state, data, settings, regression)
        calibrated = _calibrated(ensemble, held_out, dataset, fold, team.asked, material)
        experts.append(calibrated.expert)
        group_mse |= calibrated.group_mse
    card = {**_model_card(dataset, settings, fold, state), "group_mse": group_mse}
    model = Model(experts=tuple(experts), meta=card, classifier=classifier)
    scores = evaluation.test_scores(model, sampler.held_out, dataset, fold)
    return replace(model, meta={**model.meta, "scores": scores})


def choose_device(device: str | None) -> torch.device:
    """The named device, or a GPU if there is one, else the CPU. Raises SikpdosError if it is not there."""
    if device is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        torch.empty(0, device=device)
        return torch.device(device)
    except (RuntimeError, AssertionError) as error:
        raise SikpdosError(f"device '{device}' is not available") from error


def _training_data(
    dataset: Dataset, sampler: SpectrumSampler, fold: np.ndarray, all_teams: tuple[Team, ...], device: torch.device
) -> TrainingData:
    """Each member keeps its fold for validation and trains on three; inputs are standardised over all four."""
    members = [len(team.member_fold) for team in all_teams]
    learnt, asked = (
        np.repeat([getattr(team, name) for team in all_teams], members, axis=0) for name in ("sites", "asked")
    )
    kept = fold == np.concatenate([team.member_fold for team in all_teams])[:, None]  # (members, n)
    variants = sampler.draw(0).of_sites(fold != split.TEST)
    inputs = scale(variants.flat_spectra, 0.0, 1.0)
    mean = inputs.mean(axis=0)
    return TrainingData(
        sampler=sampler,
        pdos=torch.tensor(dataset.pdos, device=device),
        training=learnt & (fold != split.TEST) & ~kept,
        validation=asked & kept,
        input_mean=torch.tensor(mean.astype(np.float32), device=device),
        input_std=float((inputs - mean).std()),
    )


def _run_epochs(
    state: State,
    data: TrainingData,
    settings: Settings,
    report: Callable[[Progress], None],
    checkpoint_path: str | None,
    digest: str,
) -> None:
    """Epochs until all are done or no member has improved for long, with checkpoints if there is a path for them."""
    if checkpoint_path is not None:
        checkpoint.restore(checkpoint_path, state, settings, digest)
        for done in state.history:
            report(done)
    while state.epoch < settings.epochs and state.epoch - state.best_epoch.max() < settings.patience:
        report(optimization.run_epoch(state, data, settings))
        if checkpoint_path is not None and state.epoch % _CHECKPOINT_EPOCHS == 0:
            checkpoint.write_checkpoint(checkpoint_path, state, digest)


def _ensemble(
    team: Team, state: State, data: TrainingData, settings: Settings, regression: KernelRegression
) -> Ensemble:
    """The trained networks of a team, and its regression."""
    return Ensemble(
        architecture=settings.architecture(),
        weights={name: weight[team.members].cpu().numpy() for name, weight in state.best.items()},
        member_fold=team.member_fold,
        input_mean=data.input_mean.cpu().numpy(),
        input_std=data.input_std,
        regression=regression,
    )


def _classifier(
    variants: SpectrumVariants, dataset: Dataset, fold: np.ndarray
) -> tuple[Classifier | None, SpectrumVariants]:
    """What tells the dataset's material classes, and the variants with what it says of them without their folds.

    None where two classes are not known.
    """
    if dataset.material_class is None:
        return None, variants
    rest = fold != split.TEST
    trained = variants.of_sites(rest)
    onset_eV = np.zeros(len(dataset)) if dataset.absolute_onset_eV is None else dataset.absolute_onset_eV
    of_sites = (dataset.material_class, onset_eV, fold)
    fitted = classification.fit(trained.flat_spectra, *(trained.flat_copies(array[rest]) for array in of_sites))
    if fitted is None:
        return None, variants
    likely = np.zeros((*variants.spectra.shape[:2], len(fitted.classifier.classes)), np.float32)
    likely[:, rest] = trained.by_variant(fitted.left_out)
    return fitted.classifier, replace(variants, likely=likely)


def _material(dataset: Dataset, classifier: Classifier | None) -> np.ndarray | None:
    """The classes (n, c) of the sites, 1 or 0."""
    if classifier is None or dataset.material_class is None:
        return None
    return classification.indicators(dataset.material_class, classifier.classes)


def _regression(
    dataset: Dataset, variants: SpectrumVariants, fold: np.ndarray, sites: np.ndarray, material: np.ndarray | None
) -> KernelRegression:
    """The kernel regression on a team's spectra outside the test part, cross-fitted over the validation folds.

    It looks at their classes, if there are several of these; deformed and random crystals count less than others.
    """
    rest = sites & (fold != split.TEST)
    trained = variants.of_sites(rest)
    pdos = trained.flat_copies(dataset.pdos[rest].reshape(rest.sum(), -1))
    several = material is not None and len(np.unique(material[rest], axis=0)) > 1
    classes = trained.flat_copies(material[rest]) if material is not None and several else None
    noise_factor = trained.flat_copies(np.where(dataset.augmented[rest], _AUGMENTED_NOISE, 1.0))
    folds = trained.flat_copies(fold[rest])
    return kernel_regression.fit(trained.flat_spectra, pdos, folds, REGRESSION_FOLDS, classes, noise_factor)


def _calibrated(
    ensemble: Ensemble,
    variants: SpectrumVariants,
    dataset: Dataset,
    fold: np.ndarray,
    asked: np.ndarray,
    material: np.ndarray | None,
) -> Calibration:
    """An ensemble calibrated on the sites that it is asked about: by their shapes, and with their classes told."""
    of_asked, sites = variants.of_sites(asked), (dataset.of_sites(asked), fold[asked])
    calibrated = calibrate(ensemble, of_asked, *sites)
    if ensemble.regression.material is None or material is None:
        return calibrated
    told = np.broadcast_to(material[asked], (len(of_asked.spectra), *material[asked].shape))
    when_told = calibrate(ensemble, replace(of_asked, likely=told), *sites).expert
    return replace(calibrated, expert=replace(calibrated.expert, when_told=when_told))


def _model_card(dataset: Dataset, settings: Settings, fold: np.ndarray, state: State) -> dict:
    """What a model says of itself, but for its errors."""
    test = fold == split.TEST
    return {
        **npz.provenance(SCHEMA),
        **{key: dataset.meta[key] for key in ("sigma_eV", "lorentz_fwhm_eV", "onset_rule")},
        "settings": asdict(settings),
        "trained_on": "simulated measurements" if settings.measured else "computed spectra",
        "families": len(set(dataset.groups[~test])),
        "best_epoch": state.best_epoch.tolist(),
        "split": {
            "test": dataset.ids[test].tolist(),
            "train": dataset.ids[~test].tolist(),
            "kind": settings.split,
            "fold": fold.tolist(),
        },
    }
