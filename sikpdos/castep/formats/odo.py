"""OptaDOS log files (.odo): what the run was, and whether it ended."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from sikpdos.common import files
from sikpdos.common.errors import SikpdosError

STARTED = "OptaDOS: Execution started"
_COMPLETE = "OptaDOS: Execution complete"


@dataclass(frozen=True)
class OdoRun:
    """One run of a log."""

    version: str  # e.g. "1.3"
    runs_in_file: int  # OptaDOS appends; only the last counts
    complete: bool  # False: aborted or cut
    tasks: tuple[str, ...]  # of dos, pdos, core
    broadening: str  # fixed, adaptive or linear
    sigma_eV: float | None  # of fixed broadening
    efermi_zero: bool  # energies of the .dat files count from the Fermi level
    fermi_eV: float | None  # absolute; None where the log does not tell (aborted, or not needed by the task)
    fermi_source: str  # OptaDOS's own tag: EfD from the DOS, EfC from CASTEP, EfI insulator, EfU user
    per_volume: bool  # densities are per A^3, not per cell
    volume_A3: float | None
    spin_polarised: bool
    gaussian_fwhm_eV: float  # instrument broadening of core spectra, 0 without
    lorentzian: bool  # lifetime broadening of core spectra
    chemical_shift: bool  # core spectra moved by core_chemical_shift

    def counts_from_fermi(self, task: str, spin: bool) -> bool:
        """Whether a task's energies count from the Fermi level: up to 1.2 the setting is ignored for PDOS with spin."""
        ignored = task == "pdos" and spin and self.version in ("1.0", "1.1", "1.2")
        return self.efermi_zero and not ignored


def read_odo(path: str | os.PathLike, task: str = "", data: bytes | None = None) -> OdoRun:
    """Read an OptaDOS log: its last run, or the last that had a task (it wrote that task's files).

    Raises SikpdosError where the file holds no run, or none of that task.
    """
    texts = (files.read_bytes(path) if data is None else data).decode("latin-1").split(STARTED)[1:]
    if not texts:
        raise SikpdosError(f"line 1: not an OptaDOS log (no '{STARTED}')", path)
    runs = [_parse_run(text, len(texts)) for text in texts]
    chosen = [run for run in runs if not task or task in run.tasks]
    if not chosen:
        others = " ".join(runs[-1].tasks) or "cut before its tasks are listed"
        raise SikpdosError(f"no run of task {task}: it is {others}", path)
    return chosen[-1]


def _parse_run(text: str, runs_in_file: int) -> OdoRun:
    version = re.search(r"Welcome to OptaDOS version\s+(\S+)", text)
    tasks = [("dos", "Density of States"), ("pdos", "Partial Density of States"), ("core", "Core-level Spectra")]
    fermi, source = _fermi(text)
    broadening = _broadening(text)
    return OdoRun(
        version=version[1] if version else "",
        runs_in_file=runs_in_file,
        complete=_COMPLETE in text,
        tasks=tuple(task for task, words in tasks if _setting(text, f"Output {words}") == "True"),
        broadening=broadening,
        sigma_eV=_number(text, "Smearing Width") if broadening == "fixed" else None,
        efermi_zero=_setting(text, "Shift energy scale so fermi_energy=0") == "True",
        fermi_eV=fermi,
        fermi_source=source,
        per_volume="Ang^-3" in _setting(text, "J/P/DOS units"),
        volume_A3=_number(text, "Unit Cell Volume"),
        spin_polarised=_setting(text, "Spin-Polarised Calculation") == "True",
        gaussian_fwhm_eV=_number(text, "Gaussian Width") or 0.0,
        lorentzian=bool(_number(text, "Lorentzian Width") or _number(text, "Lorentzian Scale")),
        chemical_shift=_setting(text, "Core chemical shift") not in ("", "None"),
    )


def _setting(text: str, key: str) -> str:
    """The word after the first ` |  KEY   :  VALUE   |`, or nothing."""
    found = re.search(rf"\|\s+{re.escape(key)}\s*:\s*(.*?)\s*\|", text)
    return found[1] if found else ""


def _number(text: str, key: str) -> float | None:
    found = re.search(rf"{re.escape(key)}\s*:\s*(-?\d+\.?\d*(?:[Ee][-+]?\d+)?)", text)
    return float(found[1]) if found else None


def _broadening(text: str) -> str:
    if _setting(text, "Fixed Width Smearing") == "True":
        return "fixed"
    return "adaptive" if _setting(text, "Adaptive Width Smearing") == "True" else "linear"


def _fermi(text: str) -> tuple[float | None, str]:
    """Fermi level that the run used: the one it set, else the first `Fermi energy used`."""
    found = re.search(r"Fermi energy.*?:\s*(-?\d+\.\d+) eV\s+<- (Ef[DCIU])\b", text)
    if found:
        return float(found[1]), found[2]
    used = re.search(r"Fermi energy used :\s*(-?\d+\.\d+) eV", text)
    return (float(used[1]), "used") if used else (None, "")
