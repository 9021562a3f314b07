"""The simulated spectrum image of examples/spectrum_image, small, with faults put in, as files."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np

from support import ROOT

SIGMA_EV = 1.0


def example(name: str = "simulate_image") -> ModuleType:
    """examples/spectrum_image/simulate_image.py, or another of its scripts."""
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, ROOT / "examples" / "spectrum_image" / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


def cube(size: tuple[int, int], counts: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Energies (n,), counts (y, x, n), labels (y, x) and the true densities of states (4, 2, 300) of the labels."""
    module = example()
    true, labels = module.truth(), module.scene(*size)
    energy_eV, found = module.record(true, labels, SIGMA_EV, counts, seed)
    return energy_eV, found, labels, true.pdos


def write(path: Path, energy_eV: np.ndarray, spectra: np.ndarray, **more) -> None:
    """An image in the suite's own format, pixels 0.25 nm apart."""
    axes = spectra.ndim - 1
    np.savez(
        path,
        energy_eV=energy_eV,
        spectra=spectra,
        **{
            "kind": "eels",
            "title": "SIMULATED interface",
            "navigation_names": ["y", "x"][-axes:],
            "navigation_units": ["nm"] * axes,
            "navigation_scale": [0.25] * axes,
            "navigation_offset": [0.0] * axes,
            **more,
        },
    )
