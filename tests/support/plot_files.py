"""Small made-up files of every kind that `sikpdos plot` draws, with known errors in them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sikpdos.common import npz, tables
from sikpdos.common.grid import PDOS, SPECTRUM
from sikpdos.dataset import binning, curves, curves_file, dataset, raw_site
from sikpdos.formats.emsa import write_msa
from sikpdos.model import ablation_table
from sikpdos.prediction import storage
from sikpdos.prediction.predict import Predicted

SITES = 12
TEST = slice(0, 8)  # of the dataset's sites, those predicted
ERROR = 0.01  # states/eV/atom: test site k is predicted k + 1 times this too high


def bump(energy_eV: np.ndarray, centre_eV: float, sigma_eV: float) -> np.ndarray:
    return np.exp(-0.5 * ((energy_eV - centre_eV) / sigma_eV) ** 2)


def known() -> dataset.Dataset:
    """Twelve sites whose peaks move from one to the next."""
    shift = np.linspace(0, 3, SITES)
    spectra = np.array([bump(SPECTRUM.energy_eV, 3 + x, 2) + 0.3 * bump(SPECTRUM.energy_eV, 12, 1) for x in shift])
    s = np.array([0.2 * bump(PDOS.energy_eV, -9 + x, 1.5) for x in shift])
    p = np.array([0.5 * bump(PDOS.energy_eV, -3 - x, 2) for x in shift])
    ids = np.array(["Si-I-0", *(f"site-{k}" for k in range(1, SITES))])
    meta = {"sigma_eV": 0.5, "lorentz_fwhm_eV": 0.0, "onset_rule": "50%"}
    meta |= {**npz.provenance(dataset.SCHEMA), "checks": {}}
    spectra /= spectra.max(axis=1, keepdims=True)
    return dataset.Dataset(ids=ids, groups=ids, spectra=spectra, pdos=np.stack([s, p], axis=1), meta=meta)


def predicted(found: dataset.Dataset) -> Predicted:
    """Predictions of the test part, worse from site to site."""
    spectra, true = found.spectra[TEST], found.pdos[TEST]
    count = len(spectra)
    pdos = true + ERROR * np.arange(1, count + 1)[:, None, None]
    pdos_std = np.full_like(pdos, 0.02)
    nothing = np.full(count, np.nan)
    return Predicted(
        names=found.ids[TEST].tolist(),
        spectra=spectra,
        pdos=pdos,
        pdos_std=pdos_std,
        onset_eV=nothing,
        novelty=np.zeros(count),
        sensitivity=nothing,
        sigma_eV=0.5,
    )


def measured(found: dataset.Dataset) -> Predicted:
    """One prediction from a measurement, whose truth is that of Si-I-0."""
    first = slice(0, 1)
    pdos = found.pdos[first] + ERROR
    number = np.array([1840.0])
    return Predicted(
        names=["exp.msa"],
        spectra=found.spectra[first],
        pdos=pdos,
        pdos_std=np.full_like(pdos, 0.02),
        onset_eV=number,
        novelty=number * 0,
        sensitivity=number * 0,
        sigma_eV=0.5,
    )


def ablation_rows(seeds: int = 3) -> list[ablation_table.Row]:
    """Errors that fall with the upper end of the window, and differ by 1e-4 from seed to seed."""
    return [
        ablation_table.Row(
            dataset="data",
            settings="settings",
            seed=seed,
            window_start_eV=start,
            window_stop_eV=stop,
            orbital=orbital,
            region_start_eV=low,
            region_stop_eV=high,
            mse=1e-3 * (30 - stop) + 1e-4 * seed,
        )
        for seed in range(seeds)
        for start, stop in ablation_table.windows()
        for orbital in ("s", "p")
        for low, high in ablation_table.REGIONS_EV
    ]


def matches() -> dict[str, list]:
    """Ten test sites; the model is better at eight for s, at six for p, and at seven for both together."""
    gain_s, gain_p = np.full(10, 1e-3), np.full(10, 2e-3)
    gain_s[:2] = -1e-3
    gain_p[:4] = -2e-3
    gain_p[3] = -0.5e-3  # s makes up for it
    return {
        "site_id": [f"site-{k}" for k in range(10)],
        "template_id": ["other"] * 10,
        "spectrum_mse": np.geomspace(1e-4, 1e-2, 10),
        "s_mse": np.full(10, 5e-3),
        "p_mse": np.full(10, 5e-3),
        "model_s_mse": 5e-3 - gain_s,
        "model_p_mse": 5e-3 - gain_p,
        "delta_mse": (gain_s + gain_p) / 2,
    }


def write_all(folder: Path) -> None:
    """One file of every kind."""
    found = known()
    dataset.write_dataset(folder / "dataset.npz", found)
    storage.write_npz(folder / "predictions.npz", [predicted(found)])
    storage.write_csv(folder / "predictions.csv", [predicted(found)], named=True)
    storage.write_npz(folder / "smoothed.npz", [measured(found)])
    s, p = found.pdos[0]
    tables.write_csv(folder / "true.csv", {"energy_eV": PDOS.energy_eV, "s": s, "p": p})
    ablation_table.write_rows(folder / "ablation.csv", ablation_rows())
    tables.write_csv(folder / "matches.csv", matches())
    tables.write_csv(folder / "matching.csv", {k: v for k, v in matches().items() if "model" not in k})
    epochs = np.arange(1, 31)
    log = {"epoch": epochs, "training_mse": 1e-2 / epochs, "validation_mse": 1e-3 + 1e-5 * (epochs - 12.0) ** 2}
    tables.write_csv(folder / "log.csv", log)
    meta = {"sigma_eV": 0.5, "lorentz_fwhm_eV": 0.0, "onset_rule": "50%"}
    meta |= npz.provenance(curves.SCHEMA)
    few = curves.Curves(
        ids=found.ids[:4],
        groups=found.ids[:4],
        onset_eV=np.zeros(4),
        spectra=found.spectra[:4],
        pdos=found.pdos[:4],
        meta=meta,
    )
    curves_file.write_curves(folder / "curves.npz", few)
    curves_file.write_curves(folder / "curves.csv", few)
    energies, weights = binning.linear_binning(np.linspace(0.1, 30, 50), np.ones(50), -5, 60)
    site = raw_site.RawSite(
        edge_energy_eV=energies,
        edge_weight=weights,
        pdos_energy_eV=energies,
        pdos_s=weights,
        pdos_p=weights,
        meta={"site_id": "X-0"},
    )
    raw_site.write_raw(folder / "raw.npz", site)
    axis_eV = np.arange(1760.0, 1870.0, 0.25)
    counts = 2e4 - 20 * (axis_eV - 1760) + 1e4 * (axis_eV > 1840)
    write_msa(folder / "exp.msa", axis_eV, counts, title="SIMULATED Si-K edge")
    write_msa(folder / "real.msa", axis_eV, counts, title="Si-K edge")
