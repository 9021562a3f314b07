"""The density of states of an atom of any element, without an edge: silicon's partners."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sikpdos.common import tables
from sikpdos.common.errors import SikpdosError
from sikpdos.engine import plan, simulate
from sikpdos.engine.campaign import GroundStateCache, RunContext
from sikpdos.engine.eigensolver import NotConverged
from sikpdos.spectra.processing import broaden

SIGMA_EV = 0.5
STEP_EV = 0.1


def run_pdos(path: Path, atom_index: int, out: Path, context: RunContext) -> None:
    """Write energy_eV, s, p (states/eV/atom, both spins, Gaussian sigma 0.5 eV) of one atom as CSV.

    Energies count from the valence-band maximum if there is a gap, else from the Fermi level. Raises SikpdosError.
    """
    import torch

    opened = GroundStateCache(context).open(path)
    atom = opened.input.number(atom_index)
    points = plan.pdos_points(opened.plan, atom, opened.context.settings)
    try:
        energy_eV, s, p = simulate.site_pdos(opened.ground_state(), atom, points)
    except (NotConverged, MemoryError, torch.linalg.LinAlgError) as error:
        raise SikpdosError(f"{path}: atom {atom_index}: {error}") from error
    grid_eV = np.arange(round(energy_eV[0] / STEP_EV) + 1, round(energy_eV[-1] / STEP_EV)) * STEP_EV
    s, p = broaden(energy_eV, np.stack([s, p]), grid_eV, SIGMA_EV)
    tables.write_csv(out, {"energy_eV": grid_eV, "s": s, "p": p})
