"""Oxidised silicon: two edges in one spectrum, Si0 and some 6.5 eV above it Si4+ with its white line."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from sikpdos.common import npz, resources
from sikpdos.common.grid import Grid

SCHEMA = "sikpdos-edge-templates-1"
TRAINED_SHARE = 0.25  # up to which the model for measured spectra is trained with an oxide's edge
TEMPLATE = Grid(-16.0, 30.0, 0.1)  # of the templates, from each one's onset
PLAIN_SHARE = 0.2  # from which on a second edge is plain; a smaller one may be silicon's own structure
_WINDOW = Grid(-12.0, 19.0, 0.1)  # compared, from the onset that was found
_SHIFTS_EV = np.arange(5.0, 9.01, 0.25)  # of the oxide's onset from silicon's
_JITTER_EV = np.arange(-1.0, 1.01, 0.25)  # error of the onset that was found
_LEAST_SHARE = 0.08  # of either edge: below it, silicon's own structure may look like it
_BETTER = 0.65  # of the squared misfit of one edge alone, that of two must be smaller


@dataclass(frozen=True)
class Edges:
    """Two edges in one spectrum."""

    silicon_eV: float
    oxide_eV: float
    share: float  # of the oxide's continuum in both

    def __str__(self) -> str:
        seen = f"{100 * self.share:.0f} % of the silicon seen is oxide"
        if self.share < PLAIN_SHARE:
            return f"an oxide's edge may stand near {self.oxide_eV:.1f} eV: about {seen}"
        return (
            f"two edges, silicon's near {self.silicon_eV:.1f} and its oxide's near {self.oxide_eV:.1f} eV: about {seen}"
        )


def edges(axis_eV: np.ndarray, intensity: np.ndarray, onset_eV: float) -> Edges | None:
    """Silicon's and its oxide's edges in a spectrum (n,) in steps of 0.1 eV whose onset was found; None if only one.

    Sums of the two templates, with silicon's or the oxide's onset where one was found, are fitted by least squares.
    """
    if axis_eV[-1] < onset_eV + 12 or axis_eV[0] > onset_eV - 1:
        return None
    here = _WINDOW.energy_eV
    here = here[(here >= axis_eV[0] - onset_eV) & (here <= axis_eV[-1] - onset_eV)]
    measured = np.interp(onset_eV + here, axis_eV, intensity)
    single = min(_fit(measured, [_template(name, here, jitter)])[0] for name in (0, 1) for jitter in _JITTER_EV)
    least: float = single * _BETTER
    best: Edges | None = None
    for jitter in _JITTER_EV:
        for shift in _SHIFTS_EV:
            for silicon in (jitter, jitter - shift):
                pair = [_template(0, here, silicon), _template(1, here, silicon + shift)]
                misfit, heights = _fit(measured, pair)
                share = heights[1] / heights.sum() if (heights > 0).all() else 0.0
                if misfit < least and _LEAST_SHARE <= share <= 1 - _LEAST_SHARE:
                    least, best = misfit, Edges(onset_eV + silicon, onset_eV + silicon + shift, float(share))
    return best


def _fit(measured: np.ndarray, templates: list[np.ndarray]) -> tuple[float, np.ndarray]:
    """Squared misfit and heights of the least-squares sum of templates."""
    matrix = np.stack(templates, axis=1)
    heights = np.linalg.lstsq(matrix, measured, rcond=None)[0]
    return float(((matrix @ heights - measured) ** 2).sum()), heights


def _template(number: int, energy_eV: np.ndarray, onset_eV: float) -> np.ndarray:
    """Silicon's (0) or the oxide's (1) edge, continuum 1, at energies (n,)."""
    return np.interp(energy_eV - onset_eV, TEMPLATE.energy_eV, _templates()[number])


@cache
def _templates() -> np.ndarray:
    """Edges (2, 460) of elemental silicon (mean of many structures) and of SiO2, onsets at 0, continua 1."""
    return npz.read(resources.EDGE_TEMPLATES, SCHEMA)[0]["edges"].astype(float)
