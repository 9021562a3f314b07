"""Amorphous silicon by cooling its melt, with the potential of Stillinger and Weber: with defects."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sikpdos.structures.disorder.network import scattered
from sikpdos.structures.potentials import stillinger_weber
from sikpdos.structures.potentials.stillinger_weber import Parameters


@dataclass(frozen=True)
class Cooling:
    """A melt, and how it is cooled."""

    melt_K: float = 3000.0
    melt_ps: float = 5.0
    hot_K: float = 3000.0  # where the cooling begins
    cold_K: float = 300.0  # where it ends
    cooling_ps: float = 30.0
    potential: Parameters = stillinger_weber.CRYSTAL


def melt_quenched(
    lattice_A: np.ndarray, n_atoms: int, rng: np.random.Generator, cooling: Cooling | None = None
) -> np.ndarray:
    """Positions (n, 3) of the relaxed glass in this cell."""
    cooling = cooling or Cooling()
    steps = [round(1000 * time_ps / stillinger_weber.STEP_FS) for time_ps in (cooling.melt_ps, cooling.cooling_ps)]
    schedule = np.concatenate([np.full(steps[0], cooling.melt_K), np.linspace(cooling.hot_K, cooling.cold_K, steps[1])])
    start = stillinger_weber.relax(lattice_A, scattered(lattice_A, n_atoms, rng), cooling.potential)
    glass = stillinger_weber.dynamics(lattice_A, start, schedule, rng, cooling.potential)
    return stillinger_weber.relax(lattice_A, glass, cooling.potential)
