"""What is in a file? Anything that the suite reads or writes, told by its content."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from sikpdos.common import files, npz, tables
from sikpdos.common.errors import SikpdosError
from sikpdos.dataset import curves, curves_file, database, dataset, raw_site
from sikpdos.formats.read import read_spectra
from sikpdos.formats.spectrum_set import SpectrumSet
from sikpdos.model import model_file
from sikpdos.prediction import maps_file, storage


@dataclass(frozen=True)
class Measured:
    """Spectra as recorded."""

    sets: list[SpectrumSet]

    @property
    def simulated(self) -> bool:
        """Whether a title in the file says so."""
        return any(says_simulated(found.title) for found in self.sets)


def says_simulated(title: str) -> bool:
    """Whether a spectrum's title tells that it was simulated."""
    return "simulated" in title.lower()


@dataclass(frozen=True)
class PdosTable:
    """Densities of states from a CSV, of k spectra on one energy axis."""

    names: list[str]  # (k,) "" where the table has no names
    energy_eV: np.ndarray  # (n,)
    pdos: np.ndarray  # (k, 2, n) s and p, states/eV/atom
    pdos_std: np.ndarray | None  # (k, 2, n) if the table has them
    sigma_eV: float | None = None  # where it is known: not of a CSV


@dataclass(frozen=True)
class TrainingLog:
    """Errors of a training, (states/eV)^2."""

    epoch: np.ndarray  # (n,)
    training_mse: np.ndarray  # (n,)
    validation_mse: np.ndarray  # (n,)


@dataclass(frozen=True)
class Matches:
    """Template matching of the test sites: distances and errors."""

    ids: list[str]  # (n,)
    spectrum_mse: np.ndarray  # (n,) to the nearest template's spectrum
    matched_mse: np.ndarray  # (n, 2) of the template's s and p density of states, (states/eV)^2
    model_mse: np.ndarray | None  # (n, 2) of the model's, if it was compared


@dataclass(frozen=True)
class Ablation:
    """Rows of an ablation (model.ablation.Row), all of one dataset and one set of settings."""

    rows: list


def check_sigma(predicted: Source, truth: Source) -> None:
    """Raise SikpdosError where predictions and what they are compared with are known to differ in broadening."""
    predicted_eV, true_eV = predicted.content.sigma_eV, truth.content.sigma_eV
    if None not in (predicted_eV, true_eV) and abs(predicted_eV - true_eV) > 1e-6:
        raise predicted.refuse(
            f"its densities of states have sigma {predicted_eV:g} eV, those of {truth.name} {true_eV:g} eV"
        )


@dataclass(frozen=True)
class Source:
    """A file and what is in it."""

    name: str
    content: Any

    def refuse(self, cause: str) -> SikpdosError:
        """The failure to raise where the content does not fit."""
        return SikpdosError(cause, self.name)


def read(path: str) -> Source:
    """Read a file or stdin ("-"), whatever it is.

    Raises SikpdosError as the readers do, for a file of the suite that has no picture, and for what is no
    spectrum either.
    """
    name, data = files.display_name(path), files.read_bytes(path)
    schema = npz.schema_of(data) if npz.is_npz(data) else None
    if schema is not None:
        if schema not in _CONTAINERS:
            raise SikpdosError(f"is {schema}, of which there is no picture", path)
        return Source(name, _CONTAINERS[schema](path, data))
    header = _header(data)
    for columns, reader in _TABLES:
        if header.issuperset(columns):
            return Source(name, reader(path, data))
    return Source(name, Measured(read_spectra(path, data)))


def _header(data: bytes) -> set[str]:
    lines = data[:4096].decode("utf-8-sig", errors="replace").splitlines()
    return {cell.strip() for cell in lines[0].split(",")} if lines else set()


def _pdos_table(path: str, data: bytes) -> PdosTable:
    table = tables.read_csv(path, ("energy_eV", "s", "p"), data)
    energies = tables.numbers(table, "energy_eV", path)
    owners = table.get("spectrum", [""] * len(energies))
    names = list(dict.fromkeys(owners))
    size = len(energies) // max(len(names), 1)
    axis = energies[:size]
    if size < 2 or owners != [name for name in names for _ in range(size)] or (np.diff(axis) <= 0).any():
        raise SikpdosError("cut short, or rows out of order", path)
    if not np.array_equal(energies, np.tile(axis, len(names))):
        raise SikpdosError("spectra on different energies", path)

    def pair(*keys: str) -> np.ndarray:
        return np.stack([tables.numbers(table, key, path).reshape(-1, size) for key in keys], axis=1)

    return PdosTable(names, axis, pair("s", "p"), pair("s_std", "p_std") if "s_std" in table else None)


def _training_log(path: str, data: bytes) -> TrainingLog:
    table = _filled(path, data)
    return TrainingLog(*(tables.numbers(table, key, path) for key in ("epoch", "training_mse", "validation_mse")))


def _matches(path: str, data: bytes) -> Matches:
    table = _filled(path, data)

    def pair(*keys: str) -> np.ndarray:
        return np.stack([tables.numbers(table, key, path) for key in keys], axis=1)

    compared = pair("model_s_mse", "model_p_mse") if "model_s_mse" in table else None
    return Matches(table["site_id"], pair("spectrum_mse")[:, 0], pair("s_mse", "p_mse"), compared)


def _ablation(path: str, data: bytes) -> Ablation:
    from sikpdos.model.ablation_table import read_rows

    tables.numbers(_filled(path, data), "mse", path)
    rows = read_rows(path, data)
    kinds = {(row.dataset, row.settings) for row in rows}
    if len(kinds) > 1:
        raise SikpdosError(f"rows of {len(kinds)} different datasets or settings", path)
    return Ablation(rows)


def _filled(path: str, data: bytes) -> dict[str, list[str]]:
    table = tables.read_csv(path, data=data)
    if not next(iter(table.values())):
        raise SikpdosError("a header without rows", path)
    return table


_CONTAINERS: dict[str, Callable] = {
    raw_site.SCHEMA: raw_site.read_raw,
    database.SCHEMA: database.read_database,
    curves.SCHEMA: curves_file.read_curves,
    dataset.SCHEMA: dataset.read_dataset,
    storage.SCHEMA: storage.read_predictions,
    maps_file.SCHEMA: maps_file.read_maps,
    model_file.SCHEMA: model_file.read_model,
}
_TABLES: tuple[tuple[tuple[str, ...], Callable], ...] = (
    (("site_id", "quantity", "energy_eV", "value"), curves_file.read_curves),
    (("window_start_eV", "region_start_eV", "orbital", "mse"), _ablation),
    (("site_id", "template_id", "spectrum_mse", "s_mse", "p_mse"), _matches),
    (("epoch", "training_mse", "validation_mse"), _training_log),
    (("energy_eV", "s", "p"), _pdos_table),
)
