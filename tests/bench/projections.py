"""How much the projection matters: Mulliken's weights, as CASTEP's, against Loewdin's, the engine's, in six compounds.

    bin/bench projections

Relative L2 of the s and p density of states of a silicon atom, sigma 0.5 eV, -30 to 15 eV, and the electrons it holds
below the zero; 350 eV, Gamma-centred meshes.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from support.engine import crystal, gaussian_sum, ground, relative_l2  # noqa: E402

from sikpdos.common.constants import RYDBERG_EV  # noqa: E402
from sikpdos.engine import kpoints, pdos  # noqa: E402
from sikpdos.engine.crystal import symmetry  # noqa: E402
from sikpdos.engine.ground_state import GroundState, hamiltonians  # noqa: E402
from sikpdos.engine.hamiltonian import orbital_functions  # noqa: E402
from sikpdos.engine.kpoints import KPoints  # noqa: E402
from sikpdos.engine.recursion import sticks  # noqa: E402

CUTOFF_RY, STEPS, ENERGY_EV = 350 / RYDBERG_EV, 180, np.arange(-30.0, 15.0, 0.05)
FCC = 0.5 * (1 - np.eye(3))
QUARTER, THREE_QUARTERS = [0.25] * 3, [0.75] * 3
SIX = {  # lattice, Angstrom; positions and elements, the silicon atom first; mesh
    "SiC": (4.36 * FCC, [[0] * 3, QUARTER], "Si C", 5),
    "SiGe (zinc blende)": (5.54 * FCC, [[0] * 3, QUARTER], "Si Ge", 5),
    "Mg2Si": (6.35 * FCC, [[0] * 3, QUARTER, THREE_QUARTERS], "Si Mg Mg", 5),
    "NiSi2": (5.406 * FCC, [QUARTER, THREE_QUARTERS, [0] * 3], "Si Si Ni", 5),
    "LiAlSi": (5.93 * FCC, [QUARTER, [0] * 3, [0.5] * 3], "Si Al Li", 5),
    "SiO2 (ideal cristobalite)": (
        7.16 * FCC,
        [[0.125] * 3, [0.875] * 3, [0] * 3, [0.5, 0, 0], [0, 0.5, 0], [0, 0, 0.5]],
        "Si Si O O O O",
        3,
    ),
}


def curves(state: GroundState, points: KPoints) -> dict[str, np.ndarray]:
    """s and p of atom 0 (2, n_energies) by Loewdin's and by Mulliken's weights."""
    values = state.solution.potential.values
    found = {"Loewdin": np.zeros((2, len(ENERGY_EV))), "Mulliken": np.zeros((2, len(ENERGY_EV)))}
    start = 0
    for hamiltonian in hamiltonians(state.crystal, state.basis, points.points, 8, values):
        functions, owner, momentum = orbital_functions(hamiltonian.basis, state.crystal)
        weights = points.weights[start : start + len(functions)]
        start += len(functions)
        chi = torch.as_tensor(functions).to(torch.complex128).flatten(2)
        own = torch.as_tensor(np.flatnonzero(owner == 0))
        dual = (torch.linalg.inv(chi.conj() @ chi.mT).mT @ chi)[:, own]
        loewdin, momentum = pdos.projection_vectors(hamiltonian.basis, state.crystal, 0)
        shape = loewdin.shape
        # <n|chi><dual|n>, its real part: a quarter of |<n|chi + dual>|^2 - |<n|chi - dual>|^2
        parts = [("Loewdin", loewdin, 1.0)]
        parts += [
            ("Mulliken", (chi[:, own] + sign * dual).to(loewdin.dtype).reshape(shape), sign / 4) for sign in (1, -1)
        ]
        for name, vectors, factor in parts:
            energies, strength = sticks(hamiltonian, vectors, STEPS)
            energies = energies - state.zero_Ry
            strength = 2 * factor * strength * weights[:, None, None]
            for l in (0, 1):
                of_l = momentum == l
                found[name][l] += gaussian_sum(ENERGY_EV, energies[:, of_l], strength[:, of_l], 0.5)
    return found


def main() -> None:
    print("| | Mulliken against Loewdin: s, p | electrons on Si: Loewdin, Mulliken |\n| --- | --- | --- |")
    for name, (lattice_A, positions, elements, mesh) in SIX.items():
        of = crystal(lattice_A, positions, elements.split())
        state = ground(of, CUTOFF_RY, (mesh,) * 3, tolerance=1e-4)
        rotations = symmetry(of).fixing(of.positions[0]).rotations
        found = curves(state, kpoints.irreducible((mesh,) * 3, kpoints.CENTRED, rotations))
        s, p = (relative_l2(found["Mulliken"][l], found["Loewdin"][l]) for l in (0, 1))
        filled = ENERGY_EV < 0
        held = [found[kind][:, filled].sum() * 0.05 for kind in ("Loewdin", "Mulliken")]
        print(f"| {name} | {100 * s:.0f}, {100 * p:.0f} % | {held[0]:.2f}, {held[1]:.2f} |", flush=True)


if __name__ == "__main__":
    main()
