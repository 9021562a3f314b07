"""CASTEP `.bands` files: eigenvalues, k-point weights, Fermi level."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

import numpy as np

from sikpdos.common import files
from sikpdos.common.constants import BOHR_A, HARTREE_EV
from sikpdos.common.errors import SikpdosError, naming

_LARGEST = 1e4  # Hartree; what is larger was damaged
MIN_GAP_EV = 0.1  # below it a crystal counts as a metal


@dataclass(frozen=True)
class Bands:
    """Band energies of one calculation."""

    kpoints: np.ndarray  # (n_k, 3) fractional
    k_weights: np.ndarray  # (n_k,) sum 1
    energy_eV: tuple[np.ndarray, ...]  # one (n_k, n_bands) array a spin
    electrons: tuple[float, ...]  # one number a spin; both spins together where there is one
    fermi_eV: float
    lattice_A: np.ndarray  # (3, 3) rows

    @property
    def spin_degeneracy(self) -> float:
        return 2.0 / len(self.energy_eV)

    def reference_eV(self) -> tuple[float, str]:
        """Zero of energy and its name: valence-band maximum where there is a gap over 0.1 eV, else Fermi level."""
        occupied = [n / self.spin_degeneracy for n in self.electrons]
        if all(abs(n - round(n)) < 1e-6 for n in occupied):
            bands = list(zip(self.energy_eV, map(round, occupied), strict=True))
            top = max((e[:, n - 1].max() for e, n in bands if n), default=-np.inf)
            bottom = min((e[:, n].min() for e, n in bands if n < e.shape[1]), default=np.inf)
            if np.isfinite(top) and bottom - top > MIN_GAP_EV:
                return float(top), "valence-band maximum"
        return self.fermi_eV, "Fermi level"


def read_bands(path: str | os.PathLike) -> Bands:
    """Read a `.bands` file. Raises SikpdosError, with the line, for a damaged or cut one."""
    lines = files.read_bytes(path).decode("latin-1").splitlines()
    if not lines or not lines[0].startswith("Number of k-points"):
        raise SikpdosError("line 1: not a CASTEP .bands file", path)
    try:
        n_k, n_spins = (int(_numbers(lines[i])[0]) for i in (0, 1))
        electrons = tuple(_numbers(lines[2]))
        n_bands = [int(n) for n in _numbers(lines[3])]
        fermi_eV = max(_numbers(lines[4])) * HARTREE_EV
        lattice_A = np.array([_numbers(line) for line in lines[6:9]]) * BOHR_A  # (3, 3)
    except (IndexError, ValueError, OverflowError) as error:
        raise SikpdosError("damaged header of a .bands file", path) from error
    if len(n_bands) != n_spins or len(electrons) != n_spins or lattice_A.shape != (3, 3) or min(n_k, *n_bands) < 1:
        raise SikpdosError("damaged header of a .bands file", path)
    if any(not 0 <= n * n_spins <= 2 * bands for n, bands in zip(electrons, n_bands, strict=True)):
        raise SikpdosError("line 3: more electrons than the bands can hold, or fewer than none", path)
    if not (np.abs([fermi_eV, *lattice_A.ravel()]) < _LARGEST).all():
        raise SikpdosError("impossible numbers in the header of a .bands file", path)
    with naming(path):
        heads, energies_hartree = _kpoints(lines[9:], n_k, n_bands)
    order = np.argsort(heads[:, 0], kind="stable")  # parallel runs may write the k-points in another order
    energies_eV = tuple(e[order] * HARTREE_EV for e in energies_hartree)
    return Bands(
        kpoints=heads[order, 1:4],
        k_weights=heads[order, 4],
        energy_eV=energies_eV,
        electrons=electrons,
        fermi_eV=fermi_eV,
        lattice_A=lattice_A,
    )


def _numbers(line: str) -> list[float]:
    return [float(word) for word in line.split() if re.fullmatch(r"[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?", word)]


def _kpoints(lines: list[str], n_k: int, n_bands: list[int]) -> tuple[np.ndarray, list[np.ndarray]]:
    """Rows index, kx, ky, kz, weight (n_k, 5) and, for each spin, eigenvalues in Hartree (n_k, n_bands)."""
    size = 1 + sum(1 + n for n in n_bands)
    if len(lines) < n_k * size:
        raise SikpdosError(f"line {9 + len(lines)}: the file ends before its {n_k} k-points are complete")
    heads, energies = np.empty((n_k, 5)), [np.empty((n_k, n)) for n in n_bands]
    for k in range(n_k):
        block = lines[k * size : (k + 1) * size]
        try:
            heads[k] = block[0].split()[1:6]
            at = 1
            for spin, n in enumerate(n_bands):
                energies[spin][k] = block[at + 1 : at + 1 + n]
                at += 1 + n
        except (ValueError, IndexError) as error:
            raise SikpdosError(f"line {10 + k * size} and on: k-point {k + 1}: {error}") from error
    if not all((np.abs(a) < _LARGEST).all() for a in (heads[:, 1:], *energies)):  # NaN is not
        raise SikpdosError("NaN or impossible numbers among k-points and eigenvalues")
    return heads, energies
