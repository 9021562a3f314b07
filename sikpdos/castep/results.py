"""What one finished run gives: histograms relative to the run's own zero of energy.

From CASTEP's binaries (sticks), or from OptaDOS's text (curves of a fixed sigma).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from sikpdos.castep import folder, sticks
from sikpdos.castep.columns import mean_density
from sikpdos.castep.formats import binaries, optados_core
from sikpdos.castep.formats.bands import Bands, read_bands
from sikpdos.castep.formats.cell import Cell
from sikpdos.castep.formats.odo import OdoRun, read_odo
from sikpdos.common.errors import SikpdosError, naming
from sikpdos.dataset.binning import linear_binning

BINARIES, OPTADOS = "binaries", "optados"


class Unfinished(SikpdosError):
    """A run that has no results: `status` is missing or aborted."""

    def __init__(self, status: str, cause: str, source: str | os.PathLike):
        super().__init__(cause, source)
        self.status = status


@dataclass(frozen=True)
class Result:
    """Histograms of one run on one energy axis."""

    energy_eV: np.ndarray  # (n_bins,) centres, from the run's own zero
    weights: tuple[np.ndarray, ...]  # (n_bins,) each: the edge; or s, p
    unit: str
    spin_polarised: bool
    meta: dict  # source, sigma_eV, zero_eV (absolute), zero_is


def read_edge(seed: Path, source: str = "auto") -> Result:
    """K edge of the labelled atom of a core-hole run."""
    return _read(seed, source, _edge_file(seed), _edge_binary, _edge_text)


def read_pdos(seed: Path, atom: int, source: str = "auto") -> Result:
    """s and p of a silicon atom of a ground-state run, averaged over its orbit where symmetry reduced the k-points."""
    path = folder.beside(seed, ".pdos_bin")
    return _read(seed, source, path, partial(_pdos_binary, atom=atom), partial(_pdos_text, atom=atom))


def _read(
    seed: Path,
    source: str,
    path: Path,
    from_binary: Callable[[Path, Bands], Result],
    from_text: Callable[[Path, Bands], Result],
) -> Result:
    """From the binary at `path` or from text, as `source` says and what is there allows."""
    bands_path = folder.beside(seed, ".bands")
    if not bands_path.exists():
        raise _why_missing(seed, bands_path)
    bands = read_bands(bands_path)
    if source != OPTADOS and path.exists():
        return from_binary(seed, bands)
    if source == BINARIES or (source != OPTADOS and not folder.beside(seed, ".odo").exists()):
        raise _why_missing(seed, path)
    return from_text(seed, bands)


def _why_missing(seed: Path, wanted: Path) -> Unfinished:
    """Why a file is not there: never run, stopped with an error, or killed."""
    try:
        errors = sorted(seed.parent.glob(f"{seed.name}*.err"))
        log = folder.beside(seed, ".castep")
        if errors:
            lines = errors[0].read_text("latin-1").split("\n")
            return Unfinished("aborted", next((x.strip() for x in lines if x.strip()), "empty"), errors[0])
        if not log.exists():
            return Unfinished("missing", "not there: the run was not started", wanted)
        if "Total time" not in log.read_text("latin-1"):
            return Unfinished("aborted", "no 'Total time' at its end: running, or killed", log)
    except OSError as error:
        return Unfinished("failed", f"cannot be read: {error.strerror}", seed.parent)
    return Unfinished("missing", f"not there, though {log.name} is complete", wanted)


def _cell(seed: Path) -> Cell:
    cell = folder.find_cell(seed)
    if cell is None:
        raise SikpdosError("not there; it tells the order of the atoms", f"{seed}-out.cell")
    return cell


def _edge_binary(seed: Path, bands: Bands) -> Result:
    path = _edge_file(seed)
    cell, strengths = _cell(seed), binaries.read_core_strengths(path)
    with naming(path):
        species, atom = folder.labelled_atom(cell)
        edge = sticks.edge_sticks(bands, strengths, folder.species_number(cell, species), atom)
    return _from_sticks([edge], bands, "bohr^2", strengths.producer)


def _edge_file(seed: Path) -> Path:
    """Current CASTEP's matrix elements, or those of its older ELNES task where only they are there."""
    current, older = folder.beside(seed, ".elnes_bin"), folder.beside(seed, ".eels_mat")
    return older if older.exists() and not current.exists() else current


def _pdos_binary(seed: Path, bands: Bands, atom: int) -> Result:
    path = folder.beside(seed, ".pdos_bin")
    cell, weights = _cell(seed), binaries.read_pdos_bin(path)
    with naming(path):
        atoms = folder.equivalent_atoms(cell, "Si", atom)
        number = folder.species_number(cell, "Si")
        channels = [sticks.pdos_sticks(bands, weights, number, atoms, channel) for channel in "sp"]
    return _from_sticks(channels, bands, "electrons", weights.producer)


def _from_sticks(found: list[sticks.Sticks], bands: Bands, unit: str, producer: str) -> Result:
    zero, zero_is = bands.reference_eV()
    relative = [s.energy_eV - zero for s in found]
    start = np.floor(min(e.min() for e in relative)) - 1
    stop = np.ceil(max(e.max() for e in relative)) + 1
    bins = [linear_binning(e, s.weight, start, stop) for e, s in zip(relative, found, strict=True)]
    meta = {"source": BINARIES, "sigma_eV": 0.0, "zero_eV": zero, "zero_is": zero_is, "producer": producer}
    return Result(bins[0][0], tuple(b for _, b in bins), unit, len(bands.energy_eV) == 2, meta)


def _edge_text(seed: Path, bands: Bands) -> Result:
    paths = sorted(seed.parent.glob(f"{seed.name}_*core_edge.dat"))
    run = _finished_log(seed, "core", bool(paths))
    blocks = []
    for path in paths:
        with naming(path), open(path, "rb") as stream:
            blocks += [(block, path) for block in optados_core.find_blocks(stream)]
    with naming(paths[0]):
        chosen = optados_core.choose_block([block for block, _ in blocks])
    path = next(path for block, path in blocks if block is chosen)
    with naming(path), open(path, "rb") as stream:
        edge = optados_core.read_block(stream, chosen)
    return _from_curves(edge.energy_eV, [edge.strength], bands, run, "core", "OptaDOS epsilon_2")


def _pdos_text(seed: Path, bands: Bands, atom: int) -> Result:
    paths = sorted(seed.parent.glob(f"{seed.name}.pdos*.dat"))
    run = _finished_log(seed, "pdos", bool(paths))
    pdos = folder.read_pdos(paths)
    if pdos.spin_polarised != (len(bands.energy_eV) == 2):
        raise SikpdosError(f"mixed spin settings: {seed.name}.bands differs", paths[0])
    with naming(paths[0]):
        atoms = folder.equivalent_atoms(_cell(seed), "Si", atom)
        s, p = (mean_density(pdos, "Si", atoms, channel) for channel in "sp")
        if s is None or p is None:
            raise SikpdosError(f"no columns that give s and p of silicon atom {' and '.join(map(str, atoms))} alone")
    volume = (run.volume_A3 or np.nan) if run.per_volume else 1.0
    return _from_curves(pdos.energy_eV, [volume * s, volume * p], bands, run, "pdos", "electrons")


def _finished_log(seed: Path, task: str, has_files: bool) -> OdoRun:
    """The log of the run that wrote a task's files.

    Raises Unfinished where it is not complete, SikpdosError where its curves can't be a raw site's.
    """
    log, error = folder.beside(seed, ".odo"), folder.beside(seed, ".opt_err")
    if not log.exists():
        raise Unfinished("missing", "not there: OptaDOS was not run", log)
    run = read_odo(log, task)
    if not run.complete:
        reason = error.read_text("latin-1").split("\n") if error.exists() else []
        stated = " ".join(" ".join(line.split()) for line in reason[1:] if line.strip() and "Exiting" not in line)
        raise Unfinished("aborted", f"its last run has no 'Execution complete'{': ' + stated if stated else ''}", log)
    if not has_files:
        raise Unfinished("missing", f"no {task} file, though {log.name} is complete", seed)
    if run.broadening != "fixed" or not run.sigma_eV:
        raise SikpdosError(f"{run.broadening} broadening has no one sigma: use fixed, or CASTEP's binaries", log)
    if run.chemical_shift:
        raise SikpdosError("core_chemical_shift moved the energies: run it without", log)
    return run


def _from_curves(
    energy_eV: np.ndarray, curves: list[np.ndarray], bands: Bands, run: OdoRun, task: str, unit: str
) -> Result:
    """Curves of a known Gaussian sigma times the step, energies from the bands' own zero."""
    spin = len(bands.energy_eV) == 2
    zero, zero_is = bands.reference_eV()
    absolute = energy_eV
    if run.counts_from_fermi(task, spin):
        absolute = energy_eV + (bands.fermi_eV if run.fermi_eV is None else run.fermi_eV)
    step = (energy_eV[-1] - energy_eV[0]) / (len(energy_eV) - 1)
    axis = absolute[0] - zero + step * np.arange(len(energy_eV))  # the file rounds its energies
    meta = {
        "source": OPTADOS,
        "sigma_eV": run.sigma_eV,
        "zero_eV": zero,
        "zero_is": zero_is,
        "producer": f"OptaDOS {run.version}",
    }
    return Result(axis, tuple(curve * step for curve in curves), unit, spin, meta)
