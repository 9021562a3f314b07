"""Which onset rule is best: grouped test error of networks on clean spectra and on simulated measurements.

    bin/bench onset

Measurements: sigma 1.2 eV, 0.25 eV channels, 1e3, 1e4 and 1e5 counts per channel at the edge, background fitted
and removed; the networks are trained on such. MSE in 1e-3 (states/eV)^2, mean and spread over seeds. A second
table tells how far the onset found in a measurement lies from that of the noise-free spectrum.
"""

from __future__ import annotations

import sys

import numpy as np

from sikpdos.common import resources
from sikpdos.common.constants import SI_K_EDGE_EV
from sikpdos.dataset import curves, database
from sikpdos.dataset.assembly import assemble
from sikpdos.model.settings import Settings
from sikpdos.model.training import train
from sikpdos.spectra import preprocess, processing, simulated_measurement
from sikpdos.spectra.settings import Preprocessing

SEEDS = range(4)
COUNTS = (1e3, 1e4, 1e5)


def main() -> None:
    embedded = database.read_database(resources.DATABASE)
    print(stability(embedded))
    columns = ["clean, 0.5 eV", *(f"{counts:.0e} counts".replace("e+0", "e") for counts in COUNTS)]
    print(f"| onset rule | {' | '.join(columns)} |\n|{' --- |' * (len(columns) + 1)}")
    for rule in processing.ONSET_RULES:
        cells = []
        for counts in (None, *COUNTS):
            dataset = assemble(curves.broaden_sites(embedded, 0.5, 0.0, rule), embedded)
            each = [train(dataset, settings(seed, counts)).meta["scores"]["mse"] for seed in SEEDS]
            cells.append(f"{1e3 * np.mean(each):.3f} +- {1e3 * np.std(each):.3f}")
            print(f"{rule}, {counts}: done", file=sys.stderr, flush=True)
        print(f"| {rule} | {' | '.join(cells)} |", flush=True)


def stability(known: database.Database) -> str:
    """Median absolute error of the onset, and the share of measurements where it is off by over 1 eV or not found."""
    counts = (1e2, *COUNTS)
    lines = [f"| onset rule | {' | '.join(f'{c:.0e} counts'.replace('e+0', 'e') for c in counts)} |"]
    lines.append(f"|{' --- |' * (len(counts) + 1)}")
    for rule in processing.ONSET_RULES:
        true_eV = SI_K_EDGE_EV + curves.broaden_sites(known, 1.2, 0.0, rule).onset_eV
        cells = []
        for each in counts:
            conditions = simulated_measurement.ideal(len(known), 1.2, each)
            axis_eV, recorded = simulated_measurement.record(
                known.edge_energy_eV, known.edge, conditions, np.random.default_rng(0)
            )
            options = Preprocessing(onset=rule, allow_partial=True)
            error_eV = np.abs(preprocess.prepare(axis_eV, recorded, "eels", options).onset_eV - true_eV)
            lost = np.mean(~(error_eV <= 1.0))
            cells.append(f"{np.nanmedian(error_eV):.2f} eV, {100 * lost:.0f} % lost")
        lines.append(f"| {rule} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def settings(seed: int, counts: float | None) -> Settings:
    if counts is None:
        return Settings(seed=seed, members=4, epochs=120)
    return Settings(
        seed=seed, members=4, epochs=120, measured=True, sigma_eV=(1.2, 1.2), counts=(counts, counts), patience=60
    )


if __name__ == "__main__":
    main()
