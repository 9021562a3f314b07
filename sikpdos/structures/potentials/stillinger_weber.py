"""The potential of Stillinger and Weber for silicon (10.1103/PhysRevB.31.5262), its dynamics and its minimum.

The sum over pairs of neighbours, f_j f_k (cos + 1/3)^2, is taken by the moments of the neighbours' directions u:
with T = sum f u u^T, V = sum f u, S = sum f it is half of T:T + 2/3 V.V + S^2/9 - 16/9 sum f^2. So the cost goes with
the pairs, not with the triplets.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SIGMA_A = 2.0951
REACH_A = 1.8 * SIGMA_A  # where all forces end
_A, _B, _GAMMA = 7.049556277, 0.6022245584, 1.2
SKIN_A = 0.8  # by which listed pairs may lie outside; the list is renewed when an atom moved half of it
MASS = 28.0855 * 103.6427  # eV fs^2/A^2
KB_EV = 8.617333e-5
STEP_FS = 2.0
DAMPING_FS = 200.0  # in which the thermostat takes up a velocity
RELAXATION = {"gtol": 0.01, "ftol": 1e-12, "maxiter": 1000}


@dataclass(frozen=True)
class Parameters:
    """What differs between the potential and its version for amorphous silicon."""

    epsilon_eV: float = 2.1683
    lambda_: float = 21.0  # weight of the angles


CRYSTAL = Parameters()  # the melt, and crystals with their defects
AMORPHOUS = Parameters(
    1.64833, 31.5
)  # Vink et al., 10.1016/S0022-3093(01)00342-8: networks, as measured spectra have them


@dataclass
class Pairs:
    """Ordered pairs of atoms nearer than the reach and the skin, by their first atom."""

    first: np.ndarray  # (p,)
    second: np.ndarray  # (p,)
    offset_A: np.ndarray  # (p, 3), added to the position of the second
    made_at_A: np.ndarray  # (n, 3)

    def outdated(self, positions_A: np.ndarray) -> bool:
        return bool(((positions_A - self.made_at_A) ** 2).sum(axis=1).max() > (SKIN_A / 2) ** 2)


def list_pairs(lattice_A: np.ndarray, positions_A: np.ndarray) -> Pairs:
    """Pairs with all images that are near enough, in any cell."""
    inverse = np.linalg.inv(lattice_A)
    reach_A = REACH_A + SKIN_A
    fractional = positions_A @ inverse
    apart = fractional[None] - fractional[:, None]  # (n, n, 3), from the first to the second
    nearest = -np.round(apart)
    most = np.ceil(reach_A * np.linalg.norm(inverse, axis=0) + 0.5 - 1e-9).astype(int) - 1
    images = np.stack(np.meshgrid(*(np.arange(-m, m + 1) for m in most), indexing="ij"), -1).reshape(-1, 3)
    found = []
    for image in images:
        vectors_A = (apart + nearest + image) @ lattice_A
        squared = (vectors_A**2).sum(axis=2)
        first, second = np.nonzero((squared < reach_A**2) & (squared > 1e-12))
        found.append((first, second, (nearest[first, second] + image) @ lattice_A))
    first, second, offset_A = (np.concatenate(column) for column in zip(*found, strict=True))
    return Pairs(first, second, offset_A, positions_A.copy())


def energy_and_forces(positions_A: np.ndarray, pairs: Pairs, of: Parameters = CRYSTAL) -> tuple[float, np.ndarray]:
    """Energy (eV) and the forces (n, 3) in eV/A."""
    n, first, second = len(positions_A), pairs.first, pairs.second
    vector = positions_A[second] + pairs.offset_A - positions_A[first]
    r = np.sqrt((vector * vector).sum(axis=1))
    inside = r < REACH_A * 0.9999
    first, second, vector, r = first[inside], second[inside], vector[inside], r[inside]
    u, x = vector / r[:, None], r / SIGMA_A
    gap = 1 / (x - REACH_A / SIGMA_A)
    tail = np.exp(gap)
    x4 = x**-4
    pair_eV = of.epsilon_eV * _A * (_B * x4 - 1) * tail
    pair_slope = of.epsilon_eV * _A * tail / SIGMA_A * (-4 * _B * x4 / x - (_B * x4 - 1) * gap**2)
    f = np.exp(_GAMMA * gap)
    f_slope = -_GAMMA * gap**2 * f / SIGMA_A
    s = np.bincount(first, f, n)
    v = _sums(first, f[:, None] * u, n)  # (n, 3)
    t = _sums(first, f[:, None] * (u[:, :, None] * u[:, None, :]).reshape(-1, 9), n)  # (n, 9)
    half = of.epsilon_eV * of.lambda_ / 2
    energy_eV = pair_eV.sum() / 2 + half * float(
        (t * t).sum() + 2 / 3 * (v * v).sum() + (s * s).sum() / 9 - 16 / 9 * (f * f).sum()
    )
    tu = np.matmul(t[first].reshape(-1, 3, 3), u[:, :, None])[:, :, 0]
    vf = v[first]
    utu, uv = (u * tu).sum(axis=1), (u * vf).sum(axis=1)
    along = pair_slope / 2 + half * f_slope * (2 * utu + 4 / 3 * uv + 2 / 9 * s[first] - 32 / 9 * f)
    across = half * f / r
    pull = along[:, None] * u + across[:, None] * (4 * (tu - utu[:, None] * u) + 4 / 3 * (vf - uv[:, None] * u))
    return energy_eV, _sums(first, pull, n) - _sums(second, pull, n)


def _sums(index: np.ndarray, values: np.ndarray, n: int) -> np.ndarray:
    """Sums of the rows of values (p, c) by their index: (n, c)."""
    c = values.shape[1]
    return np.bincount((index[:, None] * c + np.arange(c)).ravel(), values.ravel(), n * c).reshape(n, c)


def relax(
    lattice_A: np.ndarray, positions_A: np.ndarray, of: Parameters = CRYSTAL, fixed: np.ndarray | None = None
) -> np.ndarray:
    """Positions (n, 3) at the nearest minimum of energy, forces below 0.01 eV/A; `fixed` (n,) atoms stay."""
    from scipy.optimize import minimize

    free = np.ones(len(positions_A), bool) if fixed is None else ~fixed
    state = {"pairs": list_pairs(lattice_A, positions_A)}

    def value(moving):
        positions = positions_A.copy()
        positions[free] = moving.reshape(-1, 3)
        if state["pairs"].outdated(positions):
            state["pairs"] = list_pairs(lattice_A, positions)
        energy_eV, forces = energy_and_forces(positions, state["pairs"], of)
        return energy_eV, -forces[free].ravel()

    found = minimize(value, positions_A[free].ravel(), jac=True, method="L-BFGS-B", options=RELAXATION)
    relaxed = positions_A.copy()
    relaxed[free] = found.x.reshape(-1, 3)
    return relaxed


def dynamics(
    lattice_A: np.ndarray,
    positions_A: np.ndarray,
    temperatures_K: np.ndarray,
    rng: np.random.Generator,
    of: Parameters = CRYSTAL,
) -> np.ndarray:
    """Positions after as many steps of 2 fs as there are temperatures, the first for the velocities to begin with.

    Langevin dynamics in the BAOAB order (Leimkuhler and Matthews, 10.1093/amrx/abs010).
    """
    velocity = rng.normal(0, np.sqrt(KB_EV * temperatures_K[0] / MASS), positions_A.shape)
    keep = np.exp(-STEP_FS / DAMPING_FS)
    pairs = list_pairs(lattice_A, positions_A)
    forces = energy_and_forces(positions_A, pairs, of)[1]
    for temperature_K in temperatures_K:
        velocity = velocity + forces * (STEP_FS / 2 / MASS)
        positions_A = positions_A + velocity * (STEP_FS / 2)
        kick = np.sqrt((1 - keep**2) * KB_EV * temperature_K / MASS)
        velocity = keep * velocity + kick * rng.normal(size=velocity.shape)
        positions_A = positions_A + velocity * (STEP_FS / 2)
        if pairs.outdated(positions_A):
            pairs = list_pairs(lattice_A, positions_A)
        forces = energy_and_forces(positions_A, pairs, of)[1]
        velocity = velocity + forces * (STEP_FS / 2 / MASS)
    return positions_A
