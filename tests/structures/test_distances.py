"""Least distances by pairs of elements."""

from __future__ import annotations

import numpy as np
import pytest
from ase.data import chemical_symbols, covalent_radii
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.core import Lattice, Structure

from sikpdos.structures.distances import RADII_A, closest_allowed_A, too_close

BONDS_A = {"Si-H": 1.48, "H-H": 0.74, "O-H": 0.95, "N-N": 1.10, "C-O": 1.13, "C-C": 1.20, "Si-Si": 2.2, "U-O": 1.76}
BONDS_A |= {"Si-O": 1.55, "Si-C": 1.8, "V-O": 1.57, "Mn-Mn": 2.2, "W-W": 2.5, "Li-H": 1.6, "K-K": 3.0}


@pytest.mark.parametrize("pair", BONDS_A)
def test_bonds_are_allowed(pair):
    assert closest_allowed_A(*pair.split("-")) < 0.92 * BONDS_A[pair]


def test_no_bond_is_half_as_long_again_as_hydrogens_to_silicon():
    assert closest_allowed_A("Si", "Si") > 1.5
    assert closest_allowed_A("Si", "H") == closest_allowed_A("H", "Si") < 1.48


def test_radii_are_those_of_another_table_within_a_quarter():
    for number, element in enumerate(chemical_symbols[1:97], 1):
        assert RADII_A[element] == pytest.approx(covalent_radii[number], rel=0.7 if element == "He" else 0.26)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(*[st.floats(0, 1, exclude_max=True)] * 3), min_size=1, max_size=8),
    st.floats(1.4, 6.0),
    st.floats(60.0, 120.0),
    st.lists(st.sampled_from(["Si", "H", "O"]), min_size=8, max_size=8),
)
def test_too_close_is_what_an_exhaustive_search_says(positions, length_A, angle, elements):
    lattice = Lattice.from_parameters(length_A, 1.3 * length_A, 5.0, 90.0, angle, 90.0)
    crystal = Structure(lattice, elements[: len(positions)], positions)
    i, j, _, distance_A = crystal.get_neighbor_list(2.0)
    symbols = [site.specie.symbol for site in crystal]
    ratio = [d / closest_allowed_A(symbols[a], symbols[b]) for a, b, d in zip(i, j, distance_A, strict=True)]
    pair = too_close(lattice.matrix, np.array(positions), symbols)
    coincident = len({tuple(np.round(p, 9) % 1) for p in positions}) < len(positions)
    if min(ratio, default=2.0) < 1 or coincident:
        assert pair is not None
        assert coincident or pair.distance_A / closest_allowed_A(*pair.elements) == pytest.approx(min(ratio))
    else:
        assert pair is None
