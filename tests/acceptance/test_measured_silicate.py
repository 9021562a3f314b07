"""A measured silicate, Na4SiO4 (CC-BY-4.0, doi:10.48505/nims.3332), whose family no shipped model is trained on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import sikpdos

MEASURED = Path(__file__).parents[1] / "fixtures" / "measured"
YIELDS = ("na4sio4_tey.txt", "na4sio4_pfy_17030605.pfy")


@pytest.fixture(scope="module")
def true(own):
    """DFT's density of states (2, 300) of its silicon."""
    return own.pdos[own.ids.tolist().index("Na4SiO4-0")]


def predicted(file: str, **options):
    (measured,) = sikpdos.read_spectra(MEASURED / file)
    return sikpdos.predict(measured.energy_eV, measured.intensity[0], kind="xas", **options)


@pytest.mark.parametrize("file", YIELDS)
def test_it_does_not_pass_for_silicon(file):
    assert predicted(file).class_probabilities["elemental"] < 0.1


@pytest.mark.parametrize("file", YIELDS)
def test_with_its_formula_told_it_is_near_dft(file, own, true):
    """Much nearer than without, and than silicon's mean; bands hold."""

    def error(found) -> float:
        return float(((np.stack([found.s, found.p]) - true) ** 2).mean())

    told, untold = predicted(file, material="Na4SiO4"), predicted(file)
    silicon = own.pdos[own.material_class == "elemental"].mean(axis=0)
    assert error(told) < 0.7 * error(untold)
    assert error(told) < 0.3 * float(((silicon - true) ** 2).mean())
    inside = [
        (told.lower(orbital) <= curve) & (curve <= told.upper(orbital))
        for orbital, curve in zip("sp", true, strict=True)
    ]
    assert np.mean(inside) > 0.8


def test_the_family_is_not_in_training():
    assert "Na4SiO4-0" in sikpdos.load_model("measured").meta["split"]["test"]
