"""What a simulation may choose, with the defaults that the convergence tables in README.md justify."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from sikpdos.common import resources
from sikpdos.common.constants import RYDBERG_EV
from sikpdos.common.errors import SikpdosError
from sikpdos.dataset.binning import BIN_EV
from sikpdos.engine.basis import Backend
from sikpdos.engine.library import Species, core_energy_eV
from sikpdos.engine.pseudopotential import Pseudopotential, read_upf

EDGE_STEPS_PER_RY = 15.0  # resolves 0.5 eV up to 40 eV, without a terminator
GAPLESS_EDGE_STEPS_PER_RY = 18.0  # the Fermi level of a metal cuts the spectrum where it is not zero
TERMINATED_SHARE = 0.65  # of these steps is enough with a terminator
PDOS_STEPS_PER_RY = 7.5  # the PDOS lies lower in the spectrum of H, where the recursion converges first
SMALL_CELL_SHARE, SHARE_AN_ATOM = 0.75, 0.025  # of these steps: cells of few atoms have few states to resolve
DEFAULT_CUTOFF_EV = 500.0  # for a pseudopotential of the user's that suggests none
FULL_BOX = 4.0  # largest wave vectors: no product of a wave function and the potential is folded back
RULES = 5  # of plan.py, kpoints.py, eigensolver.py and recursion.py: another number for each change of their results


@dataclass(frozen=True)
class Settings:
    """Physical and numerical choices that change the result; two files with equal settings can be compared."""

    cutoff_eV: float | None = None  # None: the highest that the elements of a structure need
    k_spacing: float = 0.034  # 2 pi/A, of the bands that give the Fermi level; meshes of edges are never finer
    edge_sampling_error: float = 0.016  # predicted for the mesh of the edge, see kpoints
    pdos_sampling_error: float = 0.005  # the same of the density of states, which costs little
    pdos_refinement: float = 0.6  # finest mesh of a small cell's density of states, in k_spacing; see plan.py
    density_coarsening: float = 2.0  # spacing of the meshes of both densities, in k_spacing
    min_image_A: float = 10.0
    charge: int = 1  # +1: the excited electron is removed; 0: it stays
    smearing_eV: float = 0.1
    density_tolerance: float = 5e-4
    bin_eV: float = BIN_EV
    precision: str = "single"
    box_k_max: float | None = None  # FFT box in largest wave vectors; None: what the elements of a structure need

    def resolved(self, elements: Sequence[str], species: Species) -> Settings:
        """These settings with the cutoff and the FFT box that the elements of a structure need."""
        needs = [species.needs(element) for element in set(elements)]
        cutoff_eV = self.cutoff_eV or max(need.cutoff_eV for need in needs) or DEFAULT_CUTOFF_EV
        box = max(need.box for need in needs) if self.precision == "single" else FULL_BOX
        return replace(self, cutoff_eV=cutoff_eV, box_k_max=self.box_k_max or box)

    def cutoff_warning(self, elements: Sequence[str], species: Species) -> str | None:
        """One line if the (resolved) cutoff is below what an element needs, with the error to expect."""
        below = [e for e in sorted(set(elements)) if species.needs(e).cutoff_eV > self.needed_cutoff_eV]
        if not below:
            return None
        errors = {element: species[element].level_error_eV(self.cutoff_Ry) for element in below}
        worst = max(errors, key=lambda element: errors[element])
        wanted = max(species.needs(element).cutoff_eV for element in below)
        return (
            f"cutoff {self.cutoff_eV:g} eV is below the {wanted:g} eV recommended for {', '.join(below)}: "
            f"valence levels of {worst} come out up to {errors[worst]:.1f} eV too high"
        )

    @property
    def needed_cutoff_eV(self) -> float:
        """The cutoff, known once the settings are `resolved`."""
        if self.cutoff_eV is None:
            raise ValueError("the cutoff depends on the elements: resolve the settings first")
        return self.cutoff_eV

    @property
    def needed_box(self) -> float:
        """The FFT box in largest wave vectors, known once the settings are `resolved`."""
        if self.box_k_max is None:
            raise ValueError("the FFT box depends on the elements: resolve the settings first")
        return self.box_k_max

    @property
    def cutoff_Ry(self) -> float:
        return self.needed_cutoff_eV / RYDBERG_EV

    def edge_recursion(self, is_gapped: bool) -> int:
        """Steps of the edge's recursion, which a terminator ends."""
        return round(TERMINATED_SHARE * self.edge_steps(is_gapped))

    def pdos_recursion(self, n_atoms: int) -> int:
        """Steps of the recursion for the density of states of a primitive cell."""
        return round(min(1.0, SMALL_CELL_SHARE + SHARE_AN_ATOM * n_atoms) * self.pdos_steps)

    def edge_steps(self, is_gapped: bool) -> int:
        """Length of a recursion as accurate without a terminator, in proportion to the width of the spectrum of H."""
        return round((EDGE_STEPS_PER_RY if is_gapped else GAPLESS_EDGE_STEPS_PER_RY) * self.cutoff_Ry)

    @property
    def pdos_steps(self) -> int:
        return round(PDOS_STEPS_PER_RY * self.cutoff_Ry)

    @property
    def smearing_Ry(self) -> float:
        return self.smearing_eV / RYDBERG_EV

    def as_dict(self) -> dict:
        """For the meta data, with what follows from the fields: the recursions (gapped, gapless)."""
        if self.cutoff_eV is None:
            return asdict(self)
        return asdict(self) | {
            "edge_steps": [self.edge_steps(is_gapped) for is_gapped in (True, False)],
            "pdos_steps": self.pdos_steps,
            "rules": RULES,
        }


@dataclass(frozen=True, eq=False)
class Pseudopotentials:
    """The species of a run: one for each element, and silicon with its core hole."""

    ground: Species
    hole: Pseudopotential
    core_energy_eV: float | None  # of a 1s excitation, see library.core_energy_eV; None for a pair of the user's

    def describe(self, elements: Sequence[str]) -> dict[str, dict[str, str]]:
        """Names and hashes of those that a structure uses, for the meta data."""
        used = {e: self.ground[e] for e in sorted(set(elements))} | {"Si, 1s hole": self.hole}
        return {role: {"file": pseudo.name, "sha256": pseudo.sha256} for role, pseudo in used.items()}


def pseudopotentials(files: Sequence[str | os.PathLike], hole: str | os.PathLike | None) -> Pseudopotentials:
    """The bundled silicon pair, with the user's files in place of or beside it.

    Raises SikpdosError for files that cannot be used, a silicon file without its core-hole partner, or a
    pair without the 1s state and the p partial waves.
    """
    given = [read_upf(path) for path in files]
    if any(p.element == "Si" for p in given) != (hole is not None):
        raise SikpdosError("a silicon pseudopotential and its core-hole partner (--hole-pseudo) go together")
    ground, partner = Species(given), read_upf(hole or resources.PSEUDOPOTENTIALS / "Si.fch.UPF")
    if ground["Si"].core_1s is None:
        raise SikpdosError(f"{ground['Si'].name}: no 1s state among the GIPAW core orbitals")
    if partner.element != "Si" or not partner.p_waves:
        raise SikpdosError(f"{partner.name}: not a silicon pseudopotential with GIPAW p waves")
    if partner.z_valence != ground["Si"].z_valence + 1:
        raise SikpdosError(f"{partner.name}: not the ion of {ground['Si'].name} with one core electron less")
    return Pseudopotentials(ground, partner, core_energy_eV() if hole is None else None)


def available_backend(device: str, precision: str) -> Backend:
    """Check that the device is there. Raises SikpdosError if not."""
    import torch

    if device.startswith("cuda") and not torch.cuda.is_available():
        raise SikpdosError("device cuda: no CUDA device is available")
    return Backend(device, precision)
