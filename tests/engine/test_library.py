"""The bundled pseudopotentials: all there, sound, and asked for what they need."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
from support.engine import PSEUDOS

from sikpdos.common.resources import PSEUDOPOTENTIALS
from sikpdos.engine.library import bundled, elements
from sikpdos.engine.settings import Settings


@pytest.mark.parametrize("element", sorted(elements()))
def test_every_listed_element_has_a_sound_file(element):
    pseudo = bundled(element)
    assert pseudo.element == element
    assert pseudo.orbitals
    electrons = sum(orbital.occupation for orbital in pseudo.orbitals)
    assert electrons == pytest.approx(pseudo.z_valence)
    assert pseudo.integrate(pseudo.density) == pytest.approx(pseudo.z_valence, abs=0.02)
    tail = pseudo.r > 8
    assert np.allclose(pseudo.local[tail] * pseudo.r[tail], -2 * pseudo.z_valence, atol=2e-3)


def test_no_file_without_an_entry():
    packed = {path.name.removesuffix(".UPF.gz") for path in PSEUDOPOTENTIALS.glob("*.UPF.gz")}
    assert packed == set(elements()) - {"Si"}
    for path in PSEUDOPOTENTIALS.glob("*.UPF.gz"):
        assert (PSEUDOPOTENTIALS / path.name.replace(".UPF.gz", ".in")).exists()
        assert gzip.decompress(path.read_bytes()).startswith(b"<UPF")


def test_a_structure_takes_what_its_elements_need():
    species = PSEUDOS.ground
    assert (Settings().resolved(["Si"], species).cutoff_eV, Settings().resolved(["Si"], species).box_k_max) == (220, 3)
    assert Settings().resolved(["Si", "C"], species).cutoff_eV == 500
    assert Settings().resolved(["Si", "O"], species).box_k_max > 3.5
    assert Settings(precision="double").resolved(["Si"], species).box_k_max == 4
    assert Settings(cutoff_eV=150).resolved(["Si", "O"], species).cutoff_eV == 150


def test_a_low_cutoff_is_warned_about_and_the_error_grows():
    species = PSEUDOS.ground
    assert Settings(cutoff_eV=500).cutoff_warning(["Si", "O"], species) is None
    assert "500 eV recommended for O" in Settings(cutoff_eV=300).cutoff_warning(["Si", "O"], species)
    errors = [bundled("O").level_error_eV(cutoff_Ry) for cutoff_Ry in (16, 25, 37)]
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] == pytest.approx(0.11, rel=0.1)


def test_open_shells_are_named():
    assert PSEUDOS.ground.spin(["Si", "O"]) == "none"
    assert "Ni" in PSEUDOS.ground.spin(["Si", "Ni"])
