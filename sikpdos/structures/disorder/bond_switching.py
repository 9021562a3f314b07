"""Continuous random networks by bond switching (Wooten, Winer and Weaire, 10.1103/PhysRevLett.54.1392).

As Barkema and Mousseau (10.1103/PhysRevB.62.4985) do it: the energy that a switch may cost is drawn
beforehand; the surroundings relax first, and a switch that cannot come below it is given up early. Switches that mostly
fail are tried many at a time; the first that succeeds is taken and the later ones are forgotten.
"""

from __future__ import annotations

from itertools import product

import numpy as np

from sikpdos.structures.disorder.network import bonded
from sikpdos.structures.potentials.keating import Networks, relax

BATCH = 48  # switches tried at a time
FIRST_STEPS = 2  # of relaxation, before most switches are given up
NEAR = 8  # atoms around a switch that move with it at first
FURTHER_EV = 2.0  # that more steps, and moves of the other atoms, may bring
GAIN_EV = 1e-3  # for which a quench takes a switch

Chain = tuple[int, int, int, int]  # atoms A-B-C-D, whose bonds A-B and C-D become A-C and B-D


def network_of(lattice_A: np.ndarray, positions_A: np.ndarray) -> Networks:
    """One relaxed fourfold network of these atoms (n, 3)."""
    network = bonded(lattice_A, positions_A)
    relax(network, _all(network))
    return network


def anneal(network: Networks, kT_eV: float, trials: int, rng: np.random.Generator) -> int:
    """Switches at random, accepted by Metropolis' rule; returns how many were."""
    accepted, done, energy_eV = 0, 0, float(network.energy_eV()[0])
    while done < trials:
        chains = chains_of(network)
        drawn = rng.integers(len(chains), size=BATCH)
        allowed_eV = energy_eV - kT_eV * np.log(1 - rng.random(BATCH))
        taken, energy_eV = _first_success(network, [chains[i] for i in drawn], allowed_eV, energy_eV)
        done += BATCH if taken is None else taken + 1
        accepted += taken is not None
    return accepted


def quench(network: Networks, rng: np.random.Generator) -> None:
    """Switches that lower the energy, until there is none."""
    energy_eV = float(network.energy_eV()[0])
    taken: int | None = 0
    while taken is not None:
        chains = chains_of(network)
        order = rng.permutation(len(chains))
        for start in range(0, len(order), BATCH):
            some = [chains[i] for i in order[start : start + BATCH]]
            taken, energy_eV = _first_success(network, some, np.full(len(some), energy_eV - GAIN_EV), energy_eV)
            if taken is not None:
                break


def chains_of(network: Networks) -> list[Chain]:
    """All chains A-B-C-D that can be switched, each in one direction."""
    neighbours = [set(row) for row in network.neighbours[0].tolist()]
    return [
        (a, b, c, d)
        for b, near in enumerate(neighbours)
        for c in near
        if b < c
        for a, d in product(near - {c}, neighbours[c] - {b})
        if a != d and a not in neighbours[c] and d not in near
    ]


def _first_success(
    network: Networks, chains: list[Chain], allowed_eV: np.ndarray, energy_eV: float
) -> tuple[int | None, float]:
    """Do the first of some switches that comes below what it is allowed; its number (None if none), and the energy."""
    trials = network.take(np.zeros(len(chains), int))
    for row, chain in enumerate(chains):
        _rewire(trials, row, chain)
    near = np.stack([_nearest(trials.neighbours[row], chain) for row, chain in enumerate(chains)])
    first_eV = relax(trials, near, allowed_eV + FURTHER_EV, FIRST_STEPS)
    for row in np.flatnonzero(first_eV < allowed_eV + FURTHER_EV).tolist():
        trial = trials.take(np.array([row]))
        new_eV = float(relax(trial, _all(trial), allowed_eV[[row]])[0])
        if new_eV <= allowed_eV[row]:
            network.positions_A, network.neighbours, network.shifts = trial.positions_A, trial.neighbours, trial.shifts
            return row, new_eV
    return None, energy_eV


def _all(networks: Networks) -> np.ndarray:  # (k, n)
    k, n = networks.neighbours.shape[:2]
    return np.broadcast_to(np.arange(n), (k, n))


def _rewire(networks: Networks, row: int, chain: Chain) -> None:
    """Bonds A-C and B-D in place of A-B and C-D, in one of the networks."""
    a, b, c, d = chain
    neighbours, shifts = networks.neighbours[row], networks.shifts[row]
    at_a, at_b, at_c, at_d = (
        int(np.flatnonzero(neighbours[atom] == end)[0]) for atom, end in ((a, b), (b, a), (c, d), (d, c))
    )
    b_c = shifts[b, np.flatnonzero(neighbours[b] == c)[0]].copy()
    a_b, c_d = shifts[a, at_a].copy(), shifts[c, at_c].copy()
    neighbours[a, at_a], shifts[a, at_a] = c, a_b + b_c
    neighbours[c, at_c], shifts[c, at_c] = a, -(a_b + b_c)
    neighbours[b, at_b], shifts[b, at_b] = d, b_c + c_d
    neighbours[d, at_d], shifts[d, at_d] = b, -(b_c + c_d)


def _nearest(neighbours: np.ndarray, chain: Chain) -> np.ndarray:
    """The atoms of a chain and those next to them, by bonds, up to a number."""
    atoms = list(dict.fromkeys(chain))
    for atom in atoms:  # grows while it is gone through
        if len(atoms) >= min(NEAR, len(neighbours)):
            break
        atoms += [end for end in neighbours[atom].tolist() if end not in atoms]
    return np.array(atoms[:NEAR])
