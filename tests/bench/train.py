"""Training with five members on the embedded database: seconds, and the error beside template matching."""

from __future__ import annotations

import time

from sikpdos.common import resources
from sikpdos.dataset import curves, database
from sikpdos.dataset.assembly import assemble
from sikpdos.model.optimization import Progress
from sikpdos.model.settings import Settings
from sikpdos.model.training import train


def main() -> None:
    embedded = database.read_database(resources.DATABASE)
    start = time.perf_counter()
    dataset = assemble(curves.broaden_sites(embedded), embedded)
    print(f"{len(dataset)} sites broadened and assembled: {time.perf_counter() - start:.1f} s")
    for measured in (False, True):
        done: list[Progress] = []
        start = time.perf_counter()
        model = train(dataset, Settings(members=5, measured=measured), done.append)
        seconds = time.perf_counter() - start
        what = "simulated measurements" if measured else "computed spectra"
        print(f"{what}: {seconds:.1f} s, {len(done)} epochs of {1e3 * seconds / len(done):.0f} ms,", end=" ")
        print(f"test MSE {model.meta['scores']['mse']:.2e} of {model.meta['scores']['matching_mse']:.2e} by matching")


if __name__ == "__main__":
    main()
