"""Self-absorption of fluorescence: the white line of a thick sample is flattened, and how to undo it.

A thick, flat sample absorbs the beam and its own fluorescence on the way out, so that what is detected saturates where
the edge absorbs most. Troeger et al., Phys. Rev. B 46, 3283 (1992), doi:10.1103/PhysRevB.46.3283; the thick limit of
Booth and Bridges, Phys. Scr. T115, 202 (2005), doi:10.1238/Physica.Topical.115a00202; the same as Haskel's FLUO.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from functools import cache

import numpy as np

from sikpdos.common import resources
from sikpdos.common.errors import SikpdosError

_SATURATED = 0.98  # of the largest signal possible: above it the noise decides the correction
_FLAT = 0.06  # standard deviation over mean after the rise, below which a fluorescence spectrum looks flattened
_AFTER_RISE = 40  # points of the cut spectrum, 3 eV above the onset


@dataclass(frozen=True)
class Geometry:
    """A thick flat sample in the beam."""

    incidence_deg: float  # between the beam and the surface
    exit_deg: float  # between the way to the detector and the surface
    composition: str = "Si"  # formula of the sample


def corrected(edges: np.ndarray, geometry: Geometry) -> np.ndarray:
    """Absorption (m, n) from fluorescence (m, n), both without background and with the edge step at 1.

    With b = (background absorption + absorption of the fluorescence * sin in / sin out) / edge step, the fluorescence
    of absorption x is x (b + 1) / (b + x). Rows of NaN where a signal is more than such a sample can give.
    """
    b = ratio(geometry)
    absorption = edges * b / np.maximum(b + 1 - edges, (1 - _SATURATED) * (b + 1))
    return np.where((edges < _SATURATED * (b + 1)).all(axis=1, keepdims=True), absorption, np.nan)


def flattened(absorption: np.ndarray, geometry: Geometry) -> np.ndarray:
    """The fluorescence of a thick sample: the inverse of `corrected`."""
    b = ratio(geometry)
    return absorption * (b + 1) / (b + absorption)


def ratio(geometry: Geometry) -> float:
    """What absorbs beside the edge, over the edge's step; the smaller, the flatter the fluorescence.

    Raises SikpdosError for angles outside 0 to 90 degrees, or a composition that cannot be read or holds no silicon.
    """
    for angle in (geometry.incidence_deg, geometry.exit_deg):
        if not 0 < angle <= 90:
            raise SikpdosError(f"angles to the surface must be above 0 and at most 90 degrees, not {angle:g}")
    parts = formula(geometry.composition)
    if "Si" not in parts:
        raise SikpdosError(f"no silicon in the composition '{geometry.composition}'")
    at_line, below, above = np.array([amount * _absorption()[element] for element, amount in parts.items()]).T
    step = dict(zip(parts, above - below, strict=True))["Si"]
    inclination = np.sin(np.radians(geometry.incidence_deg)) / np.sin(np.radians(geometry.exit_deg))
    return float((below.sum() + at_line.sum() * inclination) / step)


def formula(text: str) -> dict[str, float]:
    """Atoms of each element in a formula without brackets, such as SiO2 or Si0.9Ge0.1."""
    parts = re.findall(r"([A-Z][a-z]?)(\d*\.?\d*)", text)
    if not parts or "".join(a + b for a, b in parts) != text:
        raise SikpdosError(f"cannot read the composition '{text}': expected a formula such as SiO2")
    amounts: dict[str, float] = {}
    for element, number in parts:
        if element not in _absorption():
            raise SikpdosError(f"composition '{text}': no element '{element}'")
        amounts[element] = amounts.get(element, 0.0) + (float(number) if number.strip(".") else 1.0)
    return amounts


@cache
def _absorption() -> dict[str, np.ndarray]:
    """Absorption of an atom of each element at silicon's K-alpha line, below and above its K-edge, any one unit."""
    lines = [line for line in resources.ABSORPTION.read_text().splitlines() if not line.startswith("#")]
    columns = ("at_1740_eV", "at_1836_eV", "at_1850_eV")
    return {
        row["element"]: float(row["mass"]) * np.array([float(row[c]) for c in columns]) for row in csv.DictReader(lines)
    }


def looks_flattened(spectra: np.ndarray) -> np.ndarray:
    """Whether spectra (m, 200), onset at 0, have hardly any structure above their rise (m,)."""
    after = spectra[:, _AFTER_RISE:]
    return after.std(axis=1) < _FLAT * after.mean(axis=1)
