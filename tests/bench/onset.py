"""Which onset rule is best: grouped test error of networks on clean spectra and on simulated measurements.

    bin/bench onset

Measurements: sigma 1.2 eV, 0.25 eV channels, 1e3, 1e4 and 1e5 counts per channel at the edge, background fitted
and removed; the networks are trained on such. MSE in 1e-3 (states/eV)^2, mean and spread over seeds.
"""

from __future__ import annotations

import sys

import numpy as np

from sikpdos import curves, database, spectrum
from sikpdos.dataset import assemble
from sikpdos.train import Settings, train

SEEDS = range(4)
COUNTS = (1e3, 1e4, 1e5)


def main() -> None:
    embedded = database.read_database(database.EMBEDDED)
    columns = ["clean, 0.5 eV", *(f"{counts:.0e} counts".replace("e+0", "e") for counts in COUNTS)]
    print(f"| onset rule | {' | '.join(columns)} |\n|{' --- |' * (len(columns) + 1)}")
    for rule in spectrum.ONSET_RULES:
        cells = []
        for counts in (None, *COUNTS):
            dataset = assemble(curves.broaden_sites(embedded, 0.5, 0.0, rule), embedded)
            each = [train(dataset, settings(seed, counts)).meta["scores"]["mse"] for seed in SEEDS]
            cells.append(f"{1e3 * np.mean(each):.3f} +- {1e3 * np.std(each):.3f}")
            print(f"{rule}, {counts}: done", file=sys.stderr, flush=True)
        print(f"| {rule} | {' | '.join(cells)} |", flush=True)


def settings(seed: int, counts: float | None) -> Settings:
    if counts is None:
        return Settings(seed=seed, members=4, epochs=120)
    return Settings(
        seed=seed, members=4, epochs=120, measured=True, sigma_eV=(1.2, 1.2), counts=(counts, counts), patience=60
    )


if __name__ == "__main__":
    main()
