"""Supercells: smallest, far images, and the mesh rule."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sikpdos.common.errors import SikpdosError
from sikpdos.structures.supercell import kpoint_mesh, reduction, shortest_vector_A, smallest_supercell

DIAMOND = np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]]) * 5.43 / 2
lengths = st.floats(2.0, 12.0)
lattices = st.tuples(lengths, lengths, lengths, *[st.floats(-6.0, 6.0)] * 3).map(
    lambda p: np.array([[p[0], 0, 0], [p[3], p[1], 0], [p[4], p[5], p[2]]])
)


def brute_shortest(lattice: np.ndarray, reach: int = 6) -> float:
    grid = np.array([c for c in product(range(-reach, reach + 1), repeat=3) if any(c)])
    return np.linalg.norm(grid @ lattice, axis=1).min()


@settings(max_examples=40, deadline=None)
@given(lattices)
def test_shortest_vector_equals_exhaustive_search(lattice):
    assert shortest_vector_A(lattice) == pytest.approx(brute_shortest(lattice))
    assert round(np.linalg.det(reduction(lattice))) == 1


@settings(max_examples=30, deadline=None)
@given(lattices)
def test_images_are_far_in_any_lattice(lattice):
    matrix = smallest_supercell(lattice, 7.0)
    assert brute_shortest(reduction(matrix @ lattice) @ matrix @ lattice) > 7.0
    assert np.linalg.det(matrix) > 0.5


def test_no_smaller_supercell_exists():
    """Every triangular sublattice of fewer cells has an image within the distance (independent search)."""
    size = round(np.linalg.det(smallest_supercell(DIAMOND, 7.0)))
    for n in range(1, size):
        for a, c in product(range(1, n + 1), repeat=2):
            if n % (a * c):
                continue
            for b, d, e in product(range(a), range(a), range(c)):
                matrix = np.array([[a, 0, 0], [b, c, 0], [d, e, n // (a * c)]])
                assert shortest_vector_A(matrix @ DIAMOND) <= 7.0


def test_diamond_supercell_is_beyond_ten_angstrom_and_a_large_cell_is_kept():
    matrix = smallest_supercell(DIAMOND, 10.0)
    assert shortest_vector_A(matrix @ DIAMOND) > 10.0
    assert round(np.linalg.det(matrix)) <= 27  # the 3 x 3 x 3 cell of the primitive vectors would do
    assert np.array_equal(smallest_supercell(np.diag([11.0, 12, 30]), 10.0), np.eye(3))


def test_same_lattice_in_another_setting_gives_the_same_size():
    skewed = np.array([[1, 0, 0], [7, 1, 0], [-3, 5, 1]]) @ DIAMOND
    sizes = [round(np.linalg.det(smallest_supercell(c, 10.0))) for c in (DIAMOND, skewed)]
    assert sizes[0] == sizes[1]


def test_flat_lattice_is_refused():
    with pytest.raises(SikpdosError, match="no volume"):
        smallest_supercell(np.array([[1, 0, 0], [0, 1, 0], [1, 1, 0.0]]), 10.0)


def test_mesh_is_the_smallest_that_is_as_fine_as_asked():
    assert kpoint_mesh(np.diag([5.0, 10.0, 40.0]), 0.05) == (4, 2, 1)
    assert kpoint_mesh(DIAMOND, 0.03) == (11, 11, 11)  # |b| = sqrt(3)/a
