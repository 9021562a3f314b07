"""How good is a predicted density of states: the errors that the field reports."""

from __future__ import annotations

import numpy as np

from sikpdos.common.grid import PDOS
from sikpdos.dataset import split
from sikpdos.dataset.dataset import Dataset
from sikpdos.model.network import Model, predict
from sikpdos.model.template_matching import match
from sikpdos.model.training_spectra import Drawn
from sikpdos.model.uncertainty import BAND_90

_OCCUPIED = PDOS.energy_eV < 0
_GAP_REGION = np.abs(PDOS.energy_eV) <= 2.0


def mse(predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Mean squared error of each site's s and p density of states (n, 2), (states/eV)^2."""
    return ((predicted - true) ** 2).mean(axis=-1)


def near_fermi(predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Mean squared error of each site within 2 eV of the Fermi level, s and p together (n,), (states/eV)^2."""
    return ((predicted - true)[..., _GAP_REGION] ** 2).mean(axis=(-2, -1))


def summary(predicted: np.ndarray, true: np.ndarray) -> dict[str, float]:
    """Mean errors over sites (n, 2, 300): MSE of s, p and both; the same over the variance of the true ones;
    valence charge (electrons), valence band centre (eV), and MSE within 2 eV of the Fermi level."""
    each = mse(predicted, true)
    variance = ((true - true.mean(axis=0)) ** 2).mean()
    charge = [pdos[..., _OCCUPIED].sum(axis=(1, 2)) * PDOS.step_eV for pdos in (predicted, true)]
    centre = [band_centre(pdos) for pdos in (predicted, true)]
    return {
        "mse": float(each.mean()),
        "mse_s": float(each[:, 0].mean()),
        "mse_p": float(each[:, 1].mean()),
        "relative_mse": float(each.mean() / variance),
        "charge_error": float(np.abs(charge[0] - charge[1]).mean()),
        "band_centre_error_eV": float(np.abs(centre[0] - centre[1]).mean()),
        "mse_near_fermi": float(near_fermi(predicted, true).mean()),
    }


def band_centre(pdos: np.ndarray) -> np.ndarray:
    """First moment of the occupied s and p states, each (n, 2), in eV."""
    weight = np.maximum(pdos[..., _OCCUPIED], 0)
    return (weight * PDOS.energy_eV[_OCCUPIED]).sum(-1) / np.maximum(weight.sum(-1), 1e-9)


def coverage(predicted: np.ndarray, deviation: np.ndarray, true: np.ndarray) -> float:
    """Share of the points inside the 90 % band."""
    return float((np.abs(predicted - true) <= BAND_90 * deviation).mean())


def of_model(model: Model, drawn: Drawn, dataset: Dataset, fold: np.ndarray) -> dict[str, float]:
    """Scores on the test part, with template matching over the rest beside them."""
    test, rest = fold == split.TEST, fold != split.TEST
    spectra, resolution = drawn.spectra[:, test].reshape(-1, 200), drawn.resolution[:, test].reshape(-1, 2)
    true = np.tile(dataset.pdos[test], (len(drawn.spectra), 1, 1))
    predicted, deviation = predict(model, spectra, resolution)
    matched = match(dataset.spectra[rest], dataset.pdos[rest], spectra).pdos
    own, other = mse(predicted, true).mean(axis=1), mse(matched, true).mean(axis=1)
    return {
        **summary(predicted, true),
        "matching_mse": float(other.mean()),
        "better_than_matching": float((own < other).mean()),
        "coverage_90": coverage(predicted, deviation, true),
        "test_sites": int(test.sum()),
    }
