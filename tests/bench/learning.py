"""Learning curves: the error on unseen families against the number of families to learn from.

    bin/bench learning [--sigma 0.5] [--seeds 5] [--dataset FILE]

The kernel regression of the expert of each kind, which makes nine tenths of an estimate of computed spectra: silicon's
learns from silicon of any making, that of compounds from compounds. Silicon and compounds: a fifth of the families
(crystals as they were found) is the test, drawn anew with each seed, and the other families are taken in random order.
Amorphous: each cell in turn is the test, and of the other cells more and more are added to all crystals. MSE in 1e-3
(states/eV)^2, mean and spread over seeds (or cells); the last column is the mean density of states of all that is
learnt from.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

sys.path[:0] = [str(Path(__file__).resolve().parent)]

from accuracy import asked_for, kinds  # noqa: E402

from sikpdos.dataset import split  # noqa: E402
from sikpdos.dataset.dataset import Dataset  # noqa: E402
from sikpdos.model import kernel_regression, metrics  # noqa: E402

Errors = tuple[float, float]  # of the regression, and of the mean density of states


def errors(dataset: Dataset, known: np.ndarray, test: np.ndarray) -> Errors:
    """Errors on the rows `test` of what learnt from the rows `known`."""
    pdos = dataset.pdos[known]
    regression = kernel_regression.fit(
        dataset.spectra[known], pdos.reshape(len(pdos), -1), np.ones(len(pdos), int), left_out=[split.TEST]
    )
    estimate = kernel_regression.predict(regression, dataset.spectra[test], [split.TEST])[0][0]
    truth = dataset.pdos[test]
    mean = np.broadcast_to(pdos.mean(axis=0), truth.shape)
    return 1e3 * float(metrics.mse(estimate, truth).mean()), 1e3 * float(metrics.mse(mean, truth).mean())


def sizes(most: int) -> list[int]:
    """Numbers of families: halves of all there are, from ten on."""
    found = [most]
    while found[0] >= 20:
        found.insert(0, found[0] // 2)
    return found


def of_families(dataset: Dataset, expert: np.ndarray, tested: np.ndarray, seed: int) -> Iterator[tuple[int, Errors]]:
    """Errors on a fifth of the families of the rows `tested`, for more and more of the expert's others."""
    order = np.random.default_rng(seed).permutation(np.unique(dataset.groups[tested]))
    unseen, others = order[: len(order) // 5], np.setdiff1d(dataset.groups[expert], order[: len(order) // 5])
    others = np.random.default_rng(seed).permutation(others)
    test = tested & np.isin(dataset.groups, unseen)
    for size in sizes(len(others)):
        yield size, errors(dataset, expert & np.isin(dataset.groups, others[:size]), test)


def of_cells(dataset: Dataset, expert: np.ndarray, amorphous: np.ndarray, number: int) -> Iterator[tuple[int, Errors]]:
    """Errors on one amorphous cell, for none and more of the others beside all crystals."""
    cells = np.unique(dataset.groups[amorphous])
    others = np.roll(cells, -number)[1:]
    test = dataset.groups == cells[number]
    for count in range(len(cells)):
        left_out = np.isin(dataset.groups, others[count:]) | test
        yield count, errors(dataset, expert & ~left_out, test)


def table(title: str, runs: list[list[tuple[int, Errors]]]) -> str:
    lines = [f"\n| {title} | MSE | mean density of states |", "| --- | --- | --- |"]
    for row in zip(*runs, strict=True):
        found = np.array([each for _, each in row])
        numbers = sorted({number for number, _ in row})
        count = f"{numbers[0]}" if len(numbers) == 1 else f"{numbers[0]} to {numbers[-1]}"
        lines.append(
            f"| {count} | "
            + " | ".join(f"{m:.2f} ± {s:.2f}" for m, s in zip(found.mean(0), found.std(0), strict=True))
            + " |"
        )
    return "\n".join(lines)


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--sigma", type=float, default=0.5)
    options.add_argument("--seeds", type=int, default=5)
    options.add_argument("--dataset")
    chosen = options.parse_args()
    dataset = asked_for(chosen.dataset, chosen.sigma)
    found, amorphous, compounds = kinds(dataset).values()
    print(f"{len(dataset)} sites of {len(set(dataset.groups))} families, sigma {dataset.sigma_eV:g} eV")
    seeds = range(chosen.seeds)
    print(table("families of silicon", [list(of_families(dataset, ~compounds, found, seed)) for seed in seeds]))
    if compounds.any():
        print(table("of compounds", [list(of_families(dataset, compounds, compounds, seed)) for seed in seeds]))
    if amorphous.any():
        cells = range(len(np.unique(dataset.groups[amorphous])))
        print(table("amorphous cells", [list(of_cells(dataset, ~compounds, amorphous, cell)) for cell in cells]))


if __name__ == "__main__":
    main()
