"""Families of structures: what must fall together, and what must not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.core import Lattice, Structure

from sikpdos.common.errors import SikpdosError
from sikpdos.structures import catalogue
from sikpdos.structures.collection import analyse_entries
from sikpdos.structures.entry import Entry
from sikpdos.structures.families import first_copies, group_families
from sikpdos.structures.inequivalent import analyse

CELLS = {e.structure_id: analyse(e.structure).structure for e in catalogue.entries() if len(e.structure) <= 24}


def same_family(one: Structure, other: Structure) -> bool:
    first, second = group_families([one, other], ["one", "other"])
    return first == second


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(sorted(CELLS)), st.floats(0.8, 1.25), st.integers(0, 2**32 - 1))
def test_family_survives_scale_setting_mirror_and_small_moves(name, scale, seed):
    rng = np.random.default_rng(seed)
    cell = CELLS[name]
    rotation = np.linalg.qr(rng.normal(size=(3, 3)))[0]  # may be improper
    other = Structure(Lattice(cell.lattice.matrix @ rotation * scale), cell.species, cell.frac_coords)
    other = other.make_supercell([[1, 1, 0], [0, 1, 0], [0, 0, 1]], in_place=False)
    other.translate_sites(range(len(other)), rng.random(3))
    order = rng.permutation(len(other))
    other = Structure.from_sites([other[i] for i in order])
    other.perturb(0.01)
    assert same_family(cell, other)


def test_polytypes_stay_apart():
    names = ["Si-I", "Si-2H", "Si-4H", "Si-6H", "Si-9R", "Si-12R", "Si-5H", "Si-15R", "Si-15R-b"]
    cells = {e.structure_id: analyse(e.structure).structure for e in catalogue.entries() if e.structure_id in names}
    assert group_families([cells[n] for n in names], names) == names


def test_chain_is_one_family_and_known_names_win():
    ids = ["Si-III", "Si-XII", "Si-bt8"]
    cells = [CELLS[i] for i in ids]
    assert group_families(cells, ["a", "b", "c"]) == ["a", "a", "a"]
    assert group_families(cells, ids, known=[("bc8", CELLS["Si-III"])]) == ["bc8"] * 3
    assert group_families([CELLS["Si-I"]], ["x"], known=[("bc8", CELLS["Si-III"])]) == ["x"]


def test_other_elements_are_other_families():
    diamond = CELLS["Si-I"]
    assert not same_family(diamond, Structure(diamond.lattice, ["Ge", "Ge"], diamond.frac_coords))


def test_order_does_not_change_who_is_together():
    names = [n for n in CELLS if len(CELLS[n]) == 8]
    forward = dict(zip(names, group_families([CELLS[n] for n in names], names), strict=True))
    backward = dict(zip(names[::-1], group_families([CELLS[n] for n in names[::-1]], names[::-1]), strict=True))
    for one in names:
        assert {n for n in names if forward[n] == forward[one]} == {n for n in names if backward[n] == backward[one]}


@pytest.mark.parametrize(("scale", "copy"), [(1.0, True), (1.001, True), (1.02, False)])
def test_copies_have_the_same_size(scale, copy):
    cell = CELLS["Si-st12"]
    other = Structure(Lattice(cell.lattice.matrix * scale), cell.species, cell.frac_coords)
    assert first_copies([cell, other], ["g", "g"]) == ([0, 0] if copy else [0, 1])
    assert first_copies([cell, other], ["g", "h"]) == [0, 1]


def test_what_spglib_cannot_handle_is_said():
    coincident = Structure(Lattice.cubic(5), ["Si", "Si"], [[0, 0, 0], [0, 0, 0]])
    with pytest.raises(SikpdosError, match="spglib cannot tell the symmetry"):
        analyse(coincident)
    with pytest.raises(SikpdosError, match="no neighbour"):
        analyse(Structure(Lattice.cubic(30), ["Si"], [[0, 0, 0]]))


def test_a_bad_structure_does_not_lose_the_others():
    lone = Entry("lone", Structure(Lattice.cubic(30), ["Si"], [[0, 0, 0]]), "test")
    pairs, refused = analyse_entries(
        [lone, Entry("good", CELLS["Si-I"], "test"), Entry("good", CELLS["Si-II"], "test")]
    )
    assert [entry.structure_id for entry, _ in pairs] == ["good", "good-copy2"]
    assert refused == ["lone: atom 0 has no neighbour within 7 A"]
