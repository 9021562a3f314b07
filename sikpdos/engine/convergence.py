"""How far one site's spectra are from converged: the site again at denser settings, one change at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from sikpdos.common.errors import naming
from sikpdos.dataset.raw_site import RawSite
from sikpdos.engine.campaign import RunContext, simulate_structure
from sikpdos.engine.settings import Settings
from sikpdos.engine.structure import read_structure
from sikpdos.spectra.processing import broaden

SIGMA_EV = 0.5
EDGE_EV, PDOS_EV = np.arange(-1.0, 19.0, 0.1), np.arange(-15.0, 15.0, 0.1)
SHIFTS_EV = np.arange(-0.5, 0.501, 0.01)


@dataclass(frozen=True)
class Difference:
    """What a change of the settings does to a site: relative L2 differences of the broadened spectra, in per cent."""

    change: str
    edge: float  # at the shift that fits best
    edge_shift_eV: float
    s: float
    p: float


def changes(settings: Settings) -> dict[str, Settings]:
    """The settings, each made better by itself; the cutoff must be resolved."""
    return {
        "denser k-points": replace(
            settings,
            k_spacing=0.75 * settings.k_spacing,
            edge_sampling_error=settings.edge_sampling_error / 4,
            pdos_sampling_error=settings.pdos_sampling_error / 4,
        ),
        "holes 2 A farther apart": replace(settings, min_image_A=settings.min_image_A + 2),
        "cutoff higher by a quarter": replace(settings, cutoff_eV=1.25 * settings.needed_cutoff_eV),
        "density converged ten times better": replace(settings, density_tolerance=settings.density_tolerance / 10),
    }


def differences(path: Path, atom_index: int, context: RunContext) -> Iterator[Difference]:
    """The effect of each change on one atom of a structure file. Raises SikpdosError for what cannot be computed."""
    crystal = read_structure(path, context.report)
    with naming(path):
        default = simulate_structure(crystal, path.stem, atom_index, context)
        resolved = replace(context.settings, cutoff_eV=default.meta["settings"]["cutoff_eV"])
        for name, better in changes(resolved).items():
            context.report(f"{path.name}: {name}")
            site = simulate_structure(crystal, path.stem, atom_index, replace(context, settings=better))
            yield difference(name, default, site)


def difference(name: str, default: RawSite, better: RawSite) -> Difference:
    """The default's distance from the better result."""
    edge, shift_eV = _aligned_edge(default, better)
    s, p = (_relative(_pdos(default, orbital), _pdos(better, orbital)) for orbital in ("pdos_s", "pdos_p"))
    return Difference(name, edge, shift_eV, s, p)


def _aligned_edge(default: RawSite, better: RawSite) -> tuple[float, float]:
    """Difference of two edges at the shift of the first that makes it smallest, and that shift (eV)."""
    target = broaden(better.edge_energy_eV, better.edge_weight, EDGE_EV, SIGMA_EV)
    trials = [
        _relative(broaden(default.edge_energy_eV + shift, default.edge_weight, EDGE_EV, SIGMA_EV), target)
        for shift in SHIFTS_EV
    ]
    best = int(np.argmin(trials))
    return trials[best], float(SHIFTS_EV[best])


def _pdos(site: RawSite, orbital: str) -> np.ndarray:
    return broaden(site.pdos_energy_eV, getattr(site, orbital), PDOS_EV, SIGMA_EV)


def _relative(curve: np.ndarray, target: np.ndarray) -> float:
    """Relative L2 difference, per cent."""
    return 100 * float(np.linalg.norm(curve - target) / np.linalg.norm(target))
