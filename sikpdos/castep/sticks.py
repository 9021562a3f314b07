"""Sticks of one site from CASTEP's binaries: what OptaDOS's fixed broadening turns into curves.

density(E) = sum over spins, k-points and bands of g w_k |weight| Gauss(E - e), g = 2 without spin, 1 with it
(OptaDOS: 10.1016/j.cpc.2014.02.013).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sikpdos.castep.formats.bands import Bands
from sikpdos.castep.formats.binaries import CoreStrengths, PdosWeights
from sikpdos.common.errors import SikpdosError

CHANNELS = "spdf"


@dataclass(frozen=True)
class Sticks:
    """Absolute energies and weights."""

    energy_eV: np.ndarray  # (n,)
    weight: np.ndarray  # (n,) electrons (density of states) or bohr^2 (edge)


def pdos_sticks(bands: Bands, weights: PdosWeights, species: int, atoms: Sequence[int], channel: str) -> Sticks:
    """States of one channel (s, p, d, f), mean over the atoms (numbers from 1 in their species), both spins.

    Raises SikpdosError where the two files don't belong together or the atoms have no such orbital.
    """
    if len(weights.kpoints) != len(bands.kpoints) or not _same_points(weights.kpoints, bands.kpoints):
        raise SikpdosError("its k-points are not those of the .bands file: they are of different runs")
    chosen = (weights.species == species) & np.isin(weights.atom, atoms)
    if len(set(weights.atom[chosen])) != len(set(atoms)):
        raise SikpdosError(f"it does not hold all of the atoms {', '.join(map(str, atoms))} of species {species}")
    chosen &= weights.angular_momentum == CHANNELS.index(channel)
    if not chosen.any():
        raise SikpdosError(f"no {channel} orbital on atom {atoms[0]} of species {species}")
    return _weighted(bands, [w[:, :, chosen].sum(axis=2) / len(set(atoms)) for w in weights.weight])


def edge_sticks(bands: Bands, strengths: CoreStrengths, species: int, atom: int) -> Sticks:
    """K edge of one atom: dipole strengths to the empty states (above the energy zero of the bands).

    Raises SikpdosError where the two files don't belong together or the atom has no 1s orbital.
    """
    chosen = (strengths.species == species) & (strengths.atom == atom)
    if not chosen.any():
        raise SikpdosError(f"no K edge of atom {atom} of species {species}")
    sticks = _weighted(bands, [s[:, :, chosen].sum(axis=2) for s in strengths.strength])
    empty = sticks.energy_eV > bands.reference_eV()[0] + 1e-6
    return Sticks(sticks.energy_eV[empty], sticks.weight[empty])


def _weighted(bands: Bands, weights: list[np.ndarray]) -> Sticks:
    """Energies and weights of all states, k-points weighted."""
    if [w.shape for w in weights] != [e.shape for e in bands.energy_eV]:
        raise SikpdosError("its spins, k-points or bands are not those of the .bands file")
    factor = bands.spin_degeneracy * bands.k_weights[:, None]  # (n_k, 1)
    return Sticks(
        np.concatenate([e.ravel() for e in bands.energy_eV]), np.concatenate([(factor * w).ravel() for w in weights])
    )


def _same_points(a: np.ndarray, b: np.ndarray) -> bool:
    difference = a - b
    return bool(np.abs(difference - np.round(difference)).max() < 1e-6)
