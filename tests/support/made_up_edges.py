"""Made-up edges of two material classes, normalised spectra."""

from __future__ import annotations

import numpy as np

from sikpdos.common.grid import SPECTRUM


def shapes(labels: np.ndarray, seed: int) -> np.ndarray:
    """Spectra (n, 200): elemental ones rise slowly to a broad maximum, oxides to a sharp one."""
    rng, x = np.random.default_rng(seed), SPECTRUM.energy_eV
    edge = 1 / (1 + np.exp(-(x - 0.5) / 0.3))
    spectra = []
    for label in labels:
        width_eV = 6.0 if label == "elemental" else 1.5
        spectra.append(edge * (0.5 + np.exp(-0.5 * ((x - rng.normal(4, 0.4)) / width_eV) ** 2)))
    return np.array(spectra) / np.max(spectra, axis=1, keepdims=True)
