"""The Python interface: what `import sikpdos` offers. The commands stand on the same functions.

Prediction needs neither PyTorch nor pymatgen; they are imported by the functions that use them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sikpdos.common.errors import SikpdosError
from sikpdos.dataset.told_material import told_material
from sikpdos.formats import signal
from sikpdos.formats.read import read_spectra
from sikpdos.formats.spectrum_set import KINDS, SpectrumSet
from sikpdos.model.mixture import Model
from sikpdos.model.shipped import MEASURED
from sikpdos.model.shipped import load as load_model
from sikpdos.prediction import maps
from sikpdos.prediction.batches import PreparedBatch
from sikpdos.prediction.maps_file import DensityMaps, collected
from sikpdos.prediction.predict import beyond_all, predict_batch, preprocessing_for
from sikpdos.prediction.result import Prediction, of_row
from sikpdos.simulation import Simulation
from sikpdos.spectra.preprocess import prepare
from sikpdos.spectra.settings import Corrections

if TYPE_CHECKING:
    from ase import Atoms
    from pymatgen.core import Structure

__all__ = [
    "Corrections",
    "DensityMaps",
    "Model",
    "Prediction",
    "SikpdosError",
    "Simulation",
    "SpectrumSet",
    "load_model",
    "predict",
    "predict_map",
    "read_spectra",
    "simulate",
]


def predict(
    energy_eV: Sequence[float] | np.ndarray,
    intensity: Sequence[float] | np.ndarray,
    *,
    model: Model | str | os.PathLike = MEASURED,
    sigma_eV: float | None = None,
    smooth: tuple[int, int] | None = None,
    background: str | tuple[float, float] = "auto",
    onset: float | None = None,
    kind: str = "unknown",
    material: str | None = None,
    allow_partial: bool = False,
    corrections: Corrections = Corrections(),
) -> Prediction | list[Prediction]:
    """Density of states from a measured Si K-edge; the same steps as `sikpdos predict`.

    energy_eV (n,): increasing energies. intensity (n,): one spectrum, gives one Prediction; (m, n): m spectra, give a
    list. model: from `load_model`, or its name or file. sigma_eV: resolution of the measurement (Gaussian sigma), if
    known. smooth: Savitzky-Golay window (points of 0.1 eV) and order. background: window (eV) of the background fit,
    "auto" or "none". onset: its energy in eV; found by the model's rule if not given. kind: "eels" (power-law
    background), "xas" (line), or "unknown" (what it looks like). material: what the silicon is known to be of:
    "elemental", "compound", a class such as "oxide", or a formula.
    corrections: of known errors of the measurement. Raises SikpdosError for spectra that cannot be used, and for what
    is no silicon K-edge.
    """
    energy_eV, curves = np.asarray(energy_eV, float), np.asarray(intensity, float)
    rows = np.atleast_2d(curves)
    _check(energy_eV, rows)
    chosen = _chosen(model, material)
    preprocessing = preprocessing_for(
        chosen,
        sigma_eV=sigma_eV,
        background=background,
        smooth=smooth,
        onset=onset,
        allow_partial=allow_partial,
        corrections=corrections,
    )
    prepared = prepare(energy_eV, rows, kind, preprocessing)
    if refused := prepared.refused | beyond_all(prepared, chosen):
        row = min(refused)
        cause = str(refused[row])
        raise SikpdosError(cause if curves.ndim == 1 else f"spectrum {row}: {cause}")
    names = [str(row) for row in range(len(rows))]
    predicted = predict_batch(PreparedBatch(names=names, prepared=prepared, warnings=prepared.warnings), chosen)
    results = [of_row(predicted, row) for row in range(len(rows))]
    return results[0] if curves.ndim == 1 else results


def predict_map(
    cube: Any,
    energy_eV: Sequence[float] | np.ndarray | None = None,
    *,
    model: Model | str | os.PathLike = MEASURED,
    sigma_eV: float | None = None,
    smooth: tuple[int, int] | None = None,
    background: str | tuple[float, float] = "auto",
    onset: float | str | None = None,
    kind: str = "eels",
    material: str | None = None,
    bin: tuple[int, ...] | None = None,
    pca: int | str | None = None,
    corrections: Corrections = Corrections(),
) -> DensityMaps:
    """Densities of states at every pixel of a spectrum image; as `sikpdos predict cube.hspy -o maps.npz`.

    cube: counts (y, x, n) or (x, n) with their energies energy_eV (n,); or a HyperSpy signal, lazy or not, or an image
    of `read_spectra`, which know their energies and axes; `to_hyperspy()` of the result gives signals. sigma_eV:
    resolution of the measurement, Gaussian sigma. onset: energy in eV, "common" (that of the mean spectrum for every
    pixel), or None (the model's rule for each). kind: "eels" or "xas". material: as for `predict`, of all pixels. bin:
    pixels to sum along each axis. pca: principal components to keep, or "auto". Pixels that cannot be used are NaN,
    with the reason in `mask`. Raises SikpdosError if none can.
    """
    chosen = _chosen(model, material)
    spectra = _image(cube, energy_eV, kind)
    common = onset == "common"
    if isinstance(onset, str) and not common:
        raise SikpdosError(f"an onset of {onset!r}: expected an energy in eV, 'common' or None")
    preprocessing = preprocessing_for(
        chosen,
        sigma_eV=sigma_eV,
        background=background,
        smooth=smooth,
        onset=onset if isinstance(onset, (int, float)) else None,
        allow_partial=False,
        corrections=corrections,
    )
    plan = maps.plan(spectra, chosen, preprocessing, maps.Wishes(common_onset=common, pca=pca, bin=bin))
    found = collected(plan, maps.predict_blocks(plan), spectra.source_format)
    if (found.mask != 0).all():
        raise SikpdosError(f"no pixel can be used: {maps.masked_in_words(maps.counted(found.mask), found.mask.size)}")
    return found


def _chosen(model: Model | str | os.PathLike, material: str | None) -> Model:
    """The model that is meant, told what the material is, if that is known."""
    chosen = model if isinstance(model, Model) else load_model(model)
    return chosen if material is None else chosen.of_material(told_material(material, chosen.materials))


def _image(cube: Any, energy_eV: Sequence[float] | np.ndarray | None, kind: str) -> SpectrumSet:
    """A spectrum image from what `predict_map` takes."""
    if kind not in KINDS:
        raise SikpdosError(f"a measurement of kind {kind!r}: expected one of {', '.join(KINDS)}")
    if isinstance(cube, list) and len(cube) == 1:  # as `read_spectra` gives it
        cube = cube[0]
    known = signal.is_signal(cube) or isinstance(cube, SpectrumSet)
    if known and energy_eV is not None:
        raise SikpdosError("energy_eV is for arrays: this image knows its energies")
    if signal.is_signal(cube):
        found = signal.from_signal(cube, kind)
    elif isinstance(cube, SpectrumSet):
        found = cube
    elif energy_eV is None or isinstance(cube, (str, os.PathLike)):
        raise SikpdosError("an array needs energy_eV, the energies of its last axis; read_spectra reads files")
    else:
        found = signal.from_array(cube, energy_eV, kind)
    if not found.navigation:
        raise SikpdosError("no spectrum image: one spectrum, or spectra of no place (predict takes them)")
    return found


def simulate(
    structure: Structure | Atoms,
    site: int = 0,
    *,
    settings: Mapping[str, float | str] | None = None,
    report: Callable[[str], None] = lambda line: None,
) -> Simulation:
    """Si K-edge (full core hole) and ground-state density of states of one silicon atom, by plane-wave DFT.

    structure: of pymatgen or ASE, periodic in three dimensions. site: the atom, counted from 0. settings: fields of
    `sikpdos.engine.settings.Settings` to change, such as {"cutoff_eV": 300.0}. report: is told of each step. Takes from
    seconds to minutes. Raises SikpdosError for what cannot be computed.
    """
    from sikpdos.common import config
    from sikpdos.engine import campaign
    from sikpdos.engine.settings import Settings, available_backend, pseudopotentials

    chosen = config.from_dict(Settings, dict(settings or {}))
    context = campaign.RunContext(
        settings=chosen,
        pseudos=pseudopotentials([], None),
        backend=available_backend("cpu", chosen.precision),
        report=report,
    )
    crystal = _as_pymatgen(structure)
    return Simulation(campaign.simulate_structure(crystal, crystal.formula.replace(" ", ""), site, context))


def _as_pymatgen(structure: Structure | Atoms) -> Structure:
    from pymatgen.core import Structure

    if isinstance(structure, Structure):
        return structure
    try:
        from pymatgen.io.ase import AseAtomsAdaptor

        return AseAtomsAdaptor.get_structure(structure)
    except Exception as error:  # of pymatgen or of whatever the object is
        kind = type(structure).__name__
        raise SikpdosError(f"a structure of pymatgen or ASE is needed, not {kind} ({error})") from error


def _check(energy_eV: np.ndarray, intensity: np.ndarray) -> None:
    if energy_eV.ndim != 1 or intensity.ndim != 2 or intensity.shape[1:] != energy_eV.shape:
        raise SikpdosError(f"energies {energy_eV.shape} and intensities {intensity.shape} do not fit each other")
    if not (np.isfinite(energy_eV).all() and np.isfinite(intensity).all()):
        raise SikpdosError("energies or intensities hold NaN or infinity")
    if (np.diff(energy_eV) <= 0).any():
        raise SikpdosError("energies must increase")
