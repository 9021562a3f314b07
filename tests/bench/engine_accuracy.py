"""How far the engine's labels are from a reference: holes 14 A apart, meshes of half the predicted error and less.

    bin/bench engine_accuracy                 beta-tin, simple hexagonal, hcp, bcc, fcc, simple cubic
    FILES="a.cif b.cif" bin/bench engine_accuracy

Relative L2 at sigma 0.5 eV: edge, -1 to 19 eV, at the shift that fits best, and that shift; s and p from -15 to 15 eV.
Pseudopotentials, cutoff and FFT box are the same, and so is the method. Hours in all: with TIMES=1 the estimates alone.
"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import replace
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT)]

from sikpdos.engine.basis import Backend  # noqa: E402
from sikpdos.engine.campaign import OpenStructure, RunContext, simulate_structure  # noqa: E402
from sikpdos.engine.convergence import difference  # noqa: E402
from sikpdos.engine.settings import Settings, pseudopotentials  # noqa: E402
from sikpdos.engine.structure import read_structure  # noqa: E402
from sikpdos.structures.catalogue import allotropes, conventional_cell  # noqa: E402

CATALOGUE = ("Si-II", "Si-V", "Si-VII", "Si-bcc", "Si-X", "Si-sc")


def reference(settings: Settings) -> Settings:
    """Denser in everything that k-points and the distance of the holes decide."""
    return replace(
        settings,
        min_image_A=14.0,
        k_spacing=0.7 * settings.k_spacing,
        edge_sampling_error=settings.edge_sampling_error / 4,
        pdos_sampling_error=settings.pdos_sampling_error / 4,
        density_tolerance=settings.density_tolerance / 2.5,
    )


def structures() -> dict:
    """Structures by name: the files of FILES, or those of the list."""
    if files := os.environ.get("FILES"):
        return {Path(file).stem: read_structure(Path(file), lambda line: None) for file in files.split()}
    known = {item.id: item for item in allotropes()}
    return {name: conventional_cell(known[name]).get_primitive_structure() for name in CATALOGUE if name in known}


def main() -> None:
    torch.set_num_threads(1)
    context = RunContext(Settings(), pseudopotentials([], None), Backend(), lambda line: None)
    print("| | atoms: cell, with the hole, the reference's | edge | shift, eV | s | p | CPU s |\n" + "| --- " * 7 + "|")
    for name, crystal in structures().items():
        better = replace(context, settings=reference(context.settings))
        atom = next(i for i, site in enumerate(crystal) if site.specie.symbol == "Si")
        sizes = [OpenStructure(crystal, name, each).plan_site(atom).estimate for each in (context, better)]
        atoms = f"{sizes[0].atoms}, {sizes[0].supercell_atoms}, {sizes[1].supercell_atoms}"
        if os.environ.get("TIMES"):
            print(f"| {name} | {atoms} | {sizes[0].site_s:.0f} s, {sizes[1].site_s:.0f} s estimated |", flush=True)
            continue
        start = time.process_time()
        found = difference(
            "", simulate_structure(crystal, name, 0, context), simulate_structure(crystal, name, 0, better)
        )
        seconds = time.process_time() - start
        print(
            f"| {name} | {atoms} | {found.edge:.1f} % | {found.edge_shift_eV:+.2f} | {found.s:.1f} % | {found.p:.1f} % "
            f"| {seconds:.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
