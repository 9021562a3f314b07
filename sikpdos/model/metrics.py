"""How good is a predicted density of states: the errors that the field reports, on plain arrays."""

from __future__ import annotations

import numpy as np

from sikpdos.common.grid import PDOS
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
    orbital_mse = mse(predicted, true)
    variance = ((true - true.mean(axis=0)) ** 2).mean()
    return {
        "mse": float(orbital_mse.mean()),
        "mse_s": float(orbital_mse[:, 0].mean()),
        "mse_p": float(orbital_mse[:, 1].mean()),
        "relative_mse": float(orbital_mse.mean() / variance),
        "charge_error": float(np.abs(valence_charge(predicted) - valence_charge(true)).mean()),
        "band_centre_error_eV": float(np.abs(band_centre(predicted) - band_centre(true)).mean()),
        "mse_near_fermi": float(near_fermi(predicted, true).mean()),
    }


def valence_charge(pdos: np.ndarray) -> np.ndarray:
    """Electrons in the occupied s and p states together (n,), of densities of states (n, 2, 300)."""
    return pdos[..., _OCCUPIED].sum(axis=(1, 2)) * PDOS.step_eV


def band_centre(pdos: np.ndarray) -> np.ndarray:
    """First moment of the occupied s and p states, each (n, 2), in eV."""
    weight = np.maximum(pdos[..., _OCCUPIED], 0)
    return (weight * PDOS.energy_eV[_OCCUPIED]).sum(-1) / np.maximum(weight.sum(-1), 1e-9)


def coverage(predicted: np.ndarray, std: np.ndarray, true: np.ndarray) -> float:
    """Share of the points inside the 90 % band of +-1.645 standard deviations; arrays (n, 2, 300)."""
    return float((np.abs(predicted - true) <= BAND_90 * std).mean())
