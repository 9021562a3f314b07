"""From validation errors to an honest uncertainty: every site outside the test part is judged by the members that
kept its fold for validation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sikpdos.dataset import split
from sikpdos.dataset.dataset import Dataset
from sikpdos.model import outliers, uncertainty
from sikpdos.model.ensemble import Ensemble, Estimates, estimate
from sikpdos.model.mixture import Expert
from sikpdos.model.outliers import OutlierModel
from sikpdos.model.training_spectra import SpectrumVariants


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """What validation says about an ensemble."""

    expert: Expert  # the ensemble with what makes its estimates honest
    group_mse: dict[str, float]  # mean validation error of every group outside the test part, (states/eV)^2


@dataclass(frozen=True, kw_only=True)
class ValidationFold:
    """A validation fold as the members see it that kept it: k sites, each with the same number of variants."""

    variants: SpectrumVariants  # (variants, k, ...)
    groups: np.ndarray  # (k,)
    true: np.ndarray  # (variants * k, 2, 300) density of states
    estimates: Estimates  # of the variants * k spectra

    def errors(self, stacking_weight: float) -> np.ndarray:
        """Errors (variants * k, 2, 300) of the mean estimates."""
        return self.estimates.mean(stacking_weight) - self.true


def calibrate(ensemble: Ensemble, variants: SpectrumVariants, dataset: Dataset, fold: np.ndarray) -> Calibration:
    """Calibrate on the held-out variants of a dataset whose sites are in these folds (n,).

    Their classes are as likely as the variants have it.
    """
    validation = validation_folds(ensemble, variants, dataset, fold)
    weight = stacking_weight(validation)
    expert = Expert(
        ensemble=ensemble,
        stacking_weight=weight,
        uncertainty=uncertainty.calibrate(
            [each.estimates.of_members(weight) for each in validation],
            [each.estimates.nearest for each in validation],
            [each.estimates.mean(weight) for each in validation],
            [each.errors(weight) for each in validation],
        ),
        outlier_model=outlier_model(variants, fold),
    )
    return Calibration(expert=expert, group_mse=group_mse(validation, weight))


def validation_folds(
    ensemble: Ensemble, variants: SpectrumVariants, dataset: Dataset, fold: np.ndarray
) -> list[ValidationFold]:
    """Every validation fold that a member kept and that has sites."""
    kept = sorted(set(ensemble.member_fold.tolist()) & set(fold.tolist()))
    return [_validation_fold(ensemble, variants, dataset, fold == number, number) for number in kept]


def _validation_fold(
    ensemble: Ensemble, variants: SpectrumVariants, dataset: Dataset, sites: np.ndarray, number: int
) -> ValidationFold:
    of_fold = variants.of_sites(sites)
    return ValidationFold(
        variants=of_fold,
        groups=dataset.groups[sites],
        true=of_fold.flat_copies(dataset.pdos[sites]),
        estimates=estimate(
            ensemble, of_fold.flat_spectra, of_fold.flat_resolution, of_fold.flat_likely, left_out=number
        ),
    )


def stacking_weight(validation: list[ValidationFold]) -> float:
    """Weight (0 to 1) of the kernel regression that makes the squared error of the validation folds smallest.

    Stacked regression of two estimates (Breiman, doi:10.1007/BF00117832).
    """
    covariance = variance = 0.0
    for fold in validation:
        networks = fold.estimates.networks.mean(axis=0)
        difference = fold.estimates.regression - networks
        covariance += float((difference * (fold.true - networks)).sum())
        variance += float((difference**2).sum())
    return float(np.clip(covariance / variance, 0, 1)) if variance else 0.0


def group_mse(validation: list[ValidationFold], weight: float) -> dict[str, float]:
    """Mean validation error of every group, (states/eV)^2."""
    site_mse: dict[str, list[float]] = {}
    for fold in validation:
        squared = fold.variants.by_variant(fold.errors(weight)) ** 2
        for group, mse in zip(fold.groups.tolist(), squared.mean(axis=(0, 2, 3)).tolist(), strict=True):
            site_mse.setdefault(group, []).append(mse)
    return {group: float(np.mean(values)) for group, values in sorted(site_mse.items())}


def outlier_model(variants: SpectrumVariants, fold: np.ndarray) -> OutlierModel:
    """What the spectra outside the test part look like; limits from folds left out in turn."""
    statistics, noise = [], []
    for number in split.VALIDATION_FOLDS:
        others = variants.of_sites((fold != number) & (fold != split.TEST)).flat_spectra
        left_out = variants.of_sites(fold == number).flat_spectra
        statistics.append(outliers.statistics(outliers.fit(others), left_out))
        noise.append(outliers.noise(left_out))
    fitted = outliers.fit(variants.of_sites(fold != split.TEST).flat_spectra)
    return outliers.with_limits(fitted, np.concatenate(statistics), np.concatenate(noise))
