"""Make exp.msa, a SIMULATED measurement of a silicon site, and its true density of states, from DFT sticks.

    python simulate_measurement.py            # diamond silicon, sigma 1.2 eV, 1e4 counts: the files of this folder

The edge is that of the embedded database (computed, full core hole), broadened, put on 0.25 eV channels above
a power-law background, with Poisson noise.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sikpdos.common import resources, tables
from sikpdos.common.grid import PDOS
from sikpdos.dataset import curves, database
from sikpdos.formats.emsa import write_msa
from sikpdos.spectra import simulated_measurement
from sikpdos.spectra.processing import broaden

HERE = Path(__file__).parent


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--site", default="Si-I-0", help="site of the embedded database")
    options.add_argument("--sigma", type=float, default=1.2, help="resolution in eV")
    options.add_argument("--counts", type=float, default=1e4, help="counts per channel at the edge's maximum")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--out", type=Path, default=HERE, help="folder for exp.msa and exp_true_pdos.csv")
    chosen = options.parse_args()

    known = database.read_database(resources.DATABASE)
    rows = [known.ids.tolist().index(chosen.site)]
    axis_eV, counts = recorded(known, rows, chosen.sigma, chosen.counts, chosen.seed)
    write_msa(
        chosen.out / "exp.msa",
        np.round(axis_eV, 4),
        counts[0],
        title=f"SIMULATED Si-K edge of {chosen.site}",
        comments=[
            "SIMULATED, not measured: DFT edge with a full core hole from the sikpdos database",
            f"Gaussian sigma {chosen.sigma:g} eV; 0.25 eV channels; power-law background; Poisson noise",
            f"{chosen.counts:g} counts per channel at the edge maximum; seed {chosen.seed}",
        ],
    )
    s, p = true_pdos(known, rows, 0.5)[0]
    tables.write_csv(chosen.out / "exp_true_pdos.csv", {"energy_eV": PDOS.energy_eV, "s": s, "p": p})


def recorded(
    known: database.Database, rows: Sequence[int], sigma_eV: float, counts: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Channels (k,) in eV and SIMULATED counts (m, k) of sites of a database; `counts` at the edge's maximum."""
    conditions = simulated_measurement.ideal(len(rows), sigma_eV, counts)
    return simulated_measurement.record(known.edge_energy_eV, known.edge[rows], conditions, np.random.default_rng(seed))


def true_pdos(known: database.Database, rows: Sequence[int], sigma_eV: float) -> np.ndarray:
    """The densities of states (m, 2, 300) behind them, broadened."""
    missing = [curves.remaining_sigma(sigma_eV, known.pdos_sigma_eV[row]) for row in rows]
    pairs = zip(rows, missing, strict=True)
    return np.array([broaden(known.pdos_energy_eV, known.pdos[row], PDOS.energy_eV, sigma) for row, sigma in pairs])


if __name__ == "__main__":
    main()
