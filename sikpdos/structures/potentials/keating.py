"""The Keating potential of fourfold networks whose bonds are given, and their relaxation.

E = 3/16 alpha/d^2 sum_bonds (r^2 - d^2)^2 + 3/8 beta/d^2 sum_angles (r_ij.r_ik + d^2/3)^2 (Keating,
10.1103/PhysRev.145.637), with the constants of Barkema and Mousseau (10.1103/PhysRevB.62.4985). It is a sum of squares,
so that a few damped Gauss-Newton (Levenberg-Marquardt) steps find its minimum. Several networks of one cell are relaxed
at a time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

ALPHA = 2.965  # eV/A^2
BETA = 0.285 * ALPHA
BOND_A = 2.35
STRETCH = np.sqrt(3 / 32 * ALPHA) / BOND_A  # of the residuals; a bond is counted at both its ends
BEND = np.sqrt(3 / 8 * BETA) / BOND_A

TOLERANCE_EV = 1e-4  # a step that gains less ends a relaxation
FIRST_DAMPING, LEAST_DAMPING, GREATEST_DAMPING = 1e-3, 1e-6, 1e2

_FIRST, _SECOND = np.triu_indices(4, 1)  # the six angles of four bonds
_SLOTS, _ANGLES = np.arange(4), 4 + np.arange(6)


@dataclass
class Networks:
    """Some networks (k) of as many atoms (n) in one cell; positions are not folded into it, shifts stay as they are."""

    lattice_A: np.ndarray  # (3, 3), vectors as rows
    positions_A: np.ndarray  # (k, n, 3)
    neighbours: np.ndarray  # (k, n, 4)
    shifts: np.ndarray  # (k, n, 4, 3), lattice vectors from an atom's own image to that of its neighbour

    def take(self, rows: np.ndarray) -> Networks:
        """Copies of some of them."""
        return Networks(self.lattice_A, self.positions_A[rows], self.neighbours[rows], self.shifts[rows])

    def bonds_A(self) -> np.ndarray:  # (k, n, 4, 3)
        """Vectors from atoms to their neighbours."""
        rows = np.arange(len(self.positions_A))[:, None, None]
        return self.positions_A[rows, self.neighbours] + self.shifts @ self.lattice_A - self.positions_A[:, :, None]

    def energy_eV(self) -> np.ndarray:  # (k,)
        return (_residuals(self.bonds_A()) ** 2).sum(axis=(1, 2))

    def angles_deg(self) -> np.ndarray:  # (k, n, 6)
        """Angles between the bonds of each atom."""
        vectors = self.bonds_A()
        unit = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
        return np.degrees(np.arccos(np.clip((unit[..., _FIRST, :] * unit[..., _SECOND, :]).sum(axis=-1), -1, 1)))


def relax(networks: Networks, movable: np.ndarray, limit_eV: np.ndarray | None = None, steps: int = 60) -> np.ndarray:
    """Move the atoms `movable` (k, m) of each network to the minimum; returns the energies of the networks (k,).

    Ends once each is there, or will certainly stay above its `limit_eV` (k,): by twice what the last step gained.
    """
    problem = _Problem(networks, movable)
    limit_eV = np.full(len(movable), np.inf) if limit_eV is None else limit_eV
    energy_eV, damping = problem.energy_eV(networks.positions_A), np.full(len(movable), FIRST_DAMPING)
    for number in range(steps):
        moved_A = networks.positions_A.copy()
        moved_A[np.arange(len(movable))[:, None], movable] -= problem.step_A(networks.positions_A, damping)
        new_eV = problem.energy_eV(moved_A)
        gain_eV = energy_eV - new_eV
        better = gain_eV > 0
        networks.positions_A[better], energy_eV[better] = moved_A[better], new_eV[better]
        damping = np.where(better, np.maximum(damping / 10, LEAST_DAMPING), damping * 10)
        ended = better & (gain_eV < TOLERANCE_EV) | (damping > GREATEST_DAMPING)
        hopeless = better & (new_eV - 2 * gain_eV > limit_eV) & (number > 0)
        if (ended | hopeless).all():
            break
    return energy_eV


class _Problem:
    """Least squares by the coordinates of some atoms: the terms they take part in, and the energy of the others."""

    def __init__(self, networks: Networks, movable: np.ndarray):
        (k, n), m = networks.neighbours.shape[:2], movable.shape[1]
        number = np.full((k, n), m)  # of an atom among the movable ones; m for those that stay
        np.put_along_axis(number, movable, np.broadcast_to(np.arange(m), movable.shape), axis=1)
        atoms = np.concatenate([networks.neighbours, np.broadcast_to(np.arange(n)[:, None], (k, n, 1))], axis=2)
        members = number[np.arange(k)[:, None, None], atoms]  # (k, n, 5)
        self.row, self.centre = np.nonzero((members < m).any(axis=2))  # (c,)
        self.ends = networks.neighbours[self.row, self.centre]  # (c, 4)
        self.offsets_A = networks.shifts[self.row, self.centre] @ networks.lattice_A  # (c, 4, 3)
        self.members = members[self.row, self.centre]  # (c, 5)
        self.k, self.m = k, m
        self.others_eV = np.zeros(k)
        self.others_eV = networks.energy_eV() - self.energy_eV(networks.positions_A)

    def vectors(self, positions_A: np.ndarray) -> np.ndarray:  # (c, 4, 3)
        ends_A = positions_A[self.row[:, None], self.ends] + self.offsets_A
        return ends_A - positions_A[self.row, self.centre][:, None]

    def energy_eV(self, positions_A: np.ndarray) -> np.ndarray:  # (k,)
        terms = (_residuals(self.vectors(positions_A)) ** 2).sum(axis=1)
        return self.others_eV + np.bincount(self.row, terms, self.k)

    def step_A(self, positions_A: np.ndarray, damping: np.ndarray) -> np.ndarray:  # (k, m, 3)
        """What a damped Gauss-Newton step takes from the positions of the movable atoms."""
        gradient, curvature = self._normal_equations(self.vectors(positions_A))
        diagonal = np.arange(3 * self.m)
        scale = curvature[:, diagonal, diagonal].mean(axis=1)
        curvature[:, diagonal, diagonal] += (damping * scale)[:, None]
        return np.linalg.solve(curvature, gradient[..., None]).reshape(self.k, self.m, 3)

    def _normal_equations(self, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Half the gradient (k, 3 m) and half of Gauss and Newton's Hessian (k, 3 m, 3 m)."""
        residuals, jacobian = _residuals(vectors), _jacobian(vectors)
        size = 3 * self.m + 3  # the last three take what belongs to atoms that stay
        own = (3 * self.members[..., None] + np.arange(3)).reshape(-1, 15)
        rows = self.row[:, None] * size + own
        gradient = np.bincount(rows.ravel(), np.matmul(residuals[:, None], jacobian).ravel(), self.k * size)
        places = rows[:, :, None] * size + own[:, None, :]
        blocks = np.matmul(jacobian.transpose(0, 2, 1), jacobian)
        curvature = np.bincount(places.ravel(), blocks.ravel(), self.k * size * size)
        return gradient.reshape(self.k, size)[:, :-3], curvature.reshape(self.k, size, size)[:, :-3, :-3].copy()


def _residuals(vectors: np.ndarray) -> np.ndarray:  # (..., 10)
    """Four of the bonds and six of the angles of each atom; their squares add up to its energy."""
    stretch = STRETCH * ((vectors**2).sum(axis=-1) - BOND_A**2)
    dots = (vectors[..., _FIRST, :] * vectors[..., _SECOND, :]).sum(axis=-1)
    return np.concatenate([stretch, BEND * (dots + BOND_A**2 / 3)], axis=-1)


def _jacobian(vectors: np.ndarray) -> np.ndarray:  # (c, 10, 15)
    """Derivatives of the residuals by the coordinates of the four neighbours and of the atom itself."""
    jacobian = np.zeros((len(vectors), 10, 5, 3))
    jacobian[:, _SLOTS, _SLOTS] = 2 * STRETCH * vectors
    jacobian[:, _ANGLES, _FIRST] = BEND * vectors[:, _SECOND]
    jacobian[:, _ANGLES, _SECOND] = BEND * vectors[:, _FIRST]
    jacobian[:, :, 4] = -jacobian[:, :, :4].sum(axis=2)
    return jacobian.reshape(-1, 10, 15)
