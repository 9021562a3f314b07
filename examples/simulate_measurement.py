"""Make exp.msa, a SIMULATED measurement of a silicon site, and its true density of states, from DFT sticks.

    python simulate_measurement.py            # diamond silicon, sigma 1.2 eV, 1e4 counts: the files of this folder

The edge is that of the embedded database (computed, full core hole), broadened, put on 0.25 eV channels above
a power-law background, with Poisson noise.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from sikpdos import curves, database, measurement, store
from sikpdos.formats.msa import write_msa
from sikpdos.grid import PDOS
from sikpdos.spectrum import broaden

HERE = Path(__file__).parent


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--site", default="Si-I-0", help="site of the embedded database")
    options.add_argument("--sigma", type=float, default=1.2, help="resolution in eV")
    options.add_argument("--counts", type=float, default=1e4, help="counts per channel at the edge's maximum")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--out", type=Path, default=HERE, help="folder for exp.msa and exp_true_pdos.csv")
    chosen = options.parse_args()

    known = database.read_database(database.EMBEDDED)
    row = known.ids.tolist().index(chosen.site)
    rng = np.random.default_rng(chosen.seed)
    conditions = measurement.ideal(1, chosen.sigma, chosen.counts)
    axis_eV, counts = measurement.record(known.edge_energy_eV, known.edge[row : row + 1], conditions, rng)
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
    sigma = curves.remaining_sigma(0.5, known.pdos_sigma_eV[row])
    s, p = broaden(known.pdos_energy_eV, known.pdos[row], PDOS.energy_eV, sigma)
    store.write_csv(chosen.out / "exp_true_pdos.csv", {"energy_eV": PDOS.energy_eV, "s": s, "p": p})


if __name__ == "__main__":
    main()
