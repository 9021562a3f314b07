"""The table behind Figure 6: SIMULATED measurements of test sites, over many draws of the noise.

    python noise.py near_fermi.csv

Each row is one draw, of diamond silicon or of all test sites (their mean): the mean squared error within 2 eV of the
Fermi level, of the model for sigma 1.2 eV (the paper's way) and of the resolution-aware one, which predicts at sigma
0.5 eV. Errors of different sigma cannot be compared, so both are judged by both true densities of states; the
resolution-aware prediction is broadened for the 1.2 eV one.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence

import numpy as np
from scipy.signal import find_peaks
from simulate_measurement import recorded, true_pdos

from sikpdos.common import resources, tables
from sikpdos.common.grid import PDOS, SPECTRUM
from sikpdos.dataset import curves, database
from sikpdos.dataset.assembly import site_class
from sikpdos.model import metrics, shipped
from sikpdos.model.mixture import Model
from sikpdos.prediction.batches import PreparedBatch
from sikpdos.prediction.predict import predict_batch, preprocessing_for
from sikpdos.spectra import processing
from sikpdos.spectra.preprocess import prepare
from sikpdos.structures.material_class import ELEMENTAL

MODELS = ("1.2", "measured")
SIGMAS_EV = (0.5, 1.2)  # of the true densities of states, and of the resolutions
COUNTS = (1e4, 1e3, 1e2)  # per channel at the edge's maximum; the first are those of Figure 6
NOISE_FREE = 1e14  # counts whose noise is nothing
SMOOTHING = {"raw": None, "40,3": (40, 3)}
SECOND_PEAK_EV = (4.0, 9.0)  # above the onset


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("output")
    options.add_argument("--site", default="Si-I-0", help="the one that Figure 6 shows")
    options.add_argument("--draws", type=int, default=10, help="of the noise")
    chosen = options.parse_args()
    known = database.read_database(resources.DATABASE)
    models = {name: shipped.load(name) for name in MODELS}
    tested = set.intersection(*(set(model.meta["split"]["test"]) for model in models.values()))
    elemental = [site_class(meta) == ELEMENTAL for meta in known.site_meta]
    rows = [row for row, name in enumerate(known.ids.tolist()) if name in tested and elemental[row]]
    names = known.ids[rows].tolist()
    if chosen.site not in names:
        raise SystemExit(f"noise.py: {chosen.site} is not in the test part of the models {', '.join(MODELS)}")
    true = {sigma_eV: true_pdos(known, rows, sigma_eV) for sigma_eV in SIGMAS_EV}
    table = []
    for sigma_eV, counts, seed in conditions(chosen.draws):
        axis_eV, record = recorded(known, rows, sigma_eV, counts, seed)
        for smoothing in SMOOTHING:
            found = errors(models, names, axis_eV, record, sigma_eV, SMOOTHING[smoothing], true)
            noise = "noise-free" if counts == NOISE_FREE else f"{counts:g}"
            first = {"resolution_eV": sigma_eV, "counts": noise, "smoothing": smoothing, "draw": seed}
            table += list(summaries(first, found, names, chosen.site))
    tables.write_csv(chosen.output, {key: [row[key] for row in table] for key in table[0]})


def conditions(draws: int) -> Iterator[tuple[float, float, int]]:
    """Resolution, counts and seed of every simulated measurement."""
    yield from ((sigma_eV, NOISE_FREE, 0) for sigma_eV in SIGMAS_EV)
    yield from ((max(SIGMAS_EV), counts, seed) for counts in COUNTS for seed in range(draws))


def errors(
    models: dict[str, Model],
    names: list[str],
    axis_eV: np.ndarray,
    record: np.ndarray,
    sigma_eV: float,
    smooth: tuple[int, int] | None,
    true: dict[float, np.ndarray],
) -> dict[str, np.ndarray]:
    """Prominence of the second peak and the errors near the Fermi level, each (n,); NaN where no onset was found."""
    found: dict[str, np.ndarray] = {}
    for name, model in models.items():
        preprocessing = preprocessing_for(model, sigma_eV=sigma_eV, smooth=smooth, allow_partial=True)
        prepared = prepare(axis_eV, record, "eels", preprocessing)
        usable = prepared.usable
        pdos = np.full((len(names), 2, PDOS.size), np.nan)
        pdos[usable] = predict_batch(PreparedBatch(names=names, prepared=prepared), model).pdos
        found["second_peak"] = second_peak(prepared.spectra)  # the last model's, which broadens nothing
        for true_eV, target in true.items():
            found[f"mse_{name}_at_{true_eV:g}"] = metrics.near_fermi(broadened(pdos, model.sigma_eV, true_eV), target)
    return found


def broadened(pdos: np.ndarray, present_eV: float, wanted_eV: float) -> np.ndarray:
    """Densities of states (n, 2, 300) brought from one sigma to a larger one; left alone if it is smaller."""
    if wanted_eV <= present_eV:
        return pdos
    missing_eV = curves.remaining_sigma(wanted_eV, present_eV)
    return processing.blur(pdos.reshape(-1, PDOS.size), missing_eV, PDOS.step_eV).reshape(pdos.shape)


def second_peak(spectra: np.ndarray) -> np.ndarray:
    """Prominence of the most prominent maximum 4 to 9 eV above the onset (n,); the highest of all is 1 high."""
    inside = (SPECTRUM.energy_eV >= SECOND_PEAK_EV[0]) & (SPECTRUM.energy_eV < SECOND_PEAK_EV[1])
    found = []
    for curve in spectra:
        at, about = find_peaks(curve, prominence=0)
        found.append(about["prominences"][inside[at]].max(initial=0.0))
    return np.array(found)


def summaries(first: dict, found: dict[str, np.ndarray], names: Sequence[str], site: str) -> Iterator[dict]:
    """Rows of the one site and of the mean over all."""
    usable = np.isfinite(list(found.values())).all(axis=0)
    k = names.index(site)
    if usable[k]:
        yield {"sites": site, **first, **{key: values[k] for key, values in found.items()}}
    yield {"sites": f"all {usable.sum()}", **first, **{key: values[usable].mean() for key, values in found.items()}}


if __name__ == "__main__":
    main()
