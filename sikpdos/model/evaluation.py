"""Scores of a model on the test part of its dataset, with template matching beside it."""

from __future__ import annotations

import numpy as np

from sikpdos.dataset import split
from sikpdos.dataset.dataset import Dataset
from sikpdos.model import metrics
from sikpdos.model.classification import ELEMENTAL, likeliest
from sikpdos.model.mixture import KINDS, Model, class_probabilities, predict
from sikpdos.model.template_matching import match
from sikpdos.model.training_spectra import SpectrumVariants


def test_scores(model: Model, variants: SpectrumVariants, dataset: Dataset, fold: np.ndarray) -> dict[str, float]:
    """Scores on the held-out variants of the test part; templates are the dataset's spectra of the other folds."""
    test, rest = fold == split.TEST, fold != split.TEST
    tested = variants.of_sites(test)
    true = tested.flat_copies(dataset.pdos[test])
    predicted, std = predict(model, tested.flat_spectra, tested.flat_resolution)
    matched = match(dataset.spectra[rest], dataset.pdos[rest], tested.flat_spectra).pdos
    model_mse, matching_mse = metrics.mse(predicted, true).mean(axis=1), metrics.mse(matched, true).mean(axis=1)
    return {
        **metrics.summary(predicted, true),
        "matching_mse": float(matching_mse.mean()),
        "better_than_matching": float((model_mse < matching_mse).mean()),
        "coverage_90": metrics.coverage(predicted, std, true),
        "test_sites": int(test.sum()),
        **_kind_scores(model, tested.flat_copies(_compounds(dataset)[test]), model_mse, matching_mse),
        **_class_scores(model, tested, dataset, test),
    }


def _compounds(dataset: Dataset) -> np.ndarray:
    """Sites (n,) of compounds."""
    if dataset.material_class is None:
        return np.zeros(len(dataset), bool)
    return ~np.isin(dataset.material_class, ("", ELEMENTAL))


def _kind_scores(model: Model, compound: np.ndarray, model_mse: np.ndarray, matching_mse: np.ndarray) -> dict:
    """Errors of silicon alone and of compounds (spectra by a mask), of a model that has an expert for each."""
    if len(model.experts) == 1:
        return {}
    return {
        f"{name}{what}": float(mse[rows].mean())
        for what, rows in zip(KINDS, (~compound, compound), strict=True)
        for name, mse in (("mse_", model_mse), ("matching_mse_", matching_mse))
    }


def _class_scores(model: Model, tested: SpectrumVariants, dataset: Dataset, test: np.ndarray) -> dict[str, float]:
    """Share of the test spectra whose class is the most probable one by their shape, and mean probability of the true
    one; nothing where classes are not known."""
    if dataset.material_class is None or not model.classes:
        return {}
    probabilities = class_probabilities(model, tested.flat_spectra)
    true = tested.flat_copies(dataset.material_class[test])[:, None] == np.array(model.classes)
    known = true.any(axis=1)
    if not known.any():
        return {}
    of_true = probabilities[known][true[known]]
    named = likeliest(model.classes, probabilities[known])
    return {
        "class_accuracy": float((named == np.array(model.classes)[true[known].argmax(axis=1)]).mean()),
        "class_probability": float(of_true.mean()),
    }
