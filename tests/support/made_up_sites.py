"""Synthetic raw sites: an edge of a few peaks above a step, and s and p bands that shift with them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sikpdos.dataset.binning import linear_binning
from sikpdos.dataset.raw_site import RawSite, write_raw

SETTINGS = {"xc": "PBE", "cutoff_eV": 500}


def site(number: int, settings: dict = SETTINGS) -> RawSite:
    """Site `number` of structure X<number // 2>: sticks whose places and strengths are drawn from the number."""
    rng = np.random.default_rng(number)
    peaks_eV = np.array([1.0, 4.0, 9.0, 14.0]) + rng.normal(0, 0.4, 4)
    strength = np.exp(rng.normal(0, 0.3, 4)) * (3, 2, 1.5, 1)
    continuum_eV = np.arange(0.3, 40, 0.05)
    energy_eV = np.concatenate([peaks_eV, continuum_eV])
    weight = np.concatenate([strength, np.full(len(continuum_eV), 0.03)])
    bands_eV = np.concatenate([-9 + peaks_eV[0] + np.zeros(1), -4 + 0.5 * peaks_eV[1:2] - 3, peaks_eV])
    s_weight, p_weight = np.array([1.2, 0.3, 0.1, 0.1, 0.1, 0.1]), np.array([0.5, 2.0, *(0.3 * strength)])
    edge_eV, edge = linear_binning(energy_eV, weight, -5, 60)
    pdos_eV, s = linear_binning(bands_eV, s_weight, -20, 30)
    meta = {"site_id": f"X{number // 2}-{number % 2}", "structure_id": f"X{number // 2}", "settings": settings}
    return RawSite(
        edge_energy_eV=edge_eV,
        edge_weight=edge,
        pdos_energy_eV=pdos_eV,
        pdos_s=s,
        pdos_p=linear_binning(bands_eV, p_weight, -20, 30)[1],
        meta=meta,
    )


def write_sites(folder: Path, count: int = 24) -> Path:
    """`count` raw files, two of each structure, in a new folder raw/."""
    raw = folder / "raw"
    raw.mkdir()
    for number in range(count):
        one = site(number)
        write_raw(raw / f"{one.site_id}.npz", one)
    return raw
