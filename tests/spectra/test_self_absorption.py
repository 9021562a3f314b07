"""Self-absorption of fluorescence: there and back, limits of the geometry, compositions."""

from __future__ import annotations

import numpy as np
import pytest

from sikpdos.common.errors import SikpdosError
from sikpdos.spectra import self_absorption
from sikpdos.spectra.self_absorption import Geometry

ABSORPTION = np.array([[0.0, 0.1, 0.8, 1.7, 1.1, 0.9, 1.0]])


@pytest.mark.parametrize("geometry", [Geometry(45, 45), Geometry(90, 10), Geometry(20, 70, "SiO2")])
def test_there_and_back(geometry):
    measured = self_absorption.flattened(ABSORPTION, geometry)
    assert measured[0, 3] < ABSORPTION[0, 3]
    assert np.allclose(self_absorption.corrected(measured, geometry), ABSORPTION)


def test_nothing_and_the_step_stay():
    ends = self_absorption.flattened(np.array([[0.0, 1.0]]), Geometry(45, 45))
    assert ends == pytest.approx(np.array([[0.0, 1.0]]))


def test_silicon_is_flattened_most_and_grazing_exit_least():
    plain, grazing, dilute = (
        self_absorption.ratio(g) for g in (Geometry(45, 45), Geometry(90, 1), Geometry(45, 45, "SiC99"))
    )
    assert plain == pytest.approx((310.6 + 358.9) / (3162.9 - 310.6), rel=1e-3)  # of the table's cross-sections
    assert plain < dilute
    assert plain < grazing
    assert grazing > 5


def test_more_than_a_thick_sample_gives():
    too_much = np.array([[0.0, 1.0, 1.3], [0.0, 1.0, 1.1]])
    assert np.isnan(self_absorption.corrected(too_much, Geometry(45, 45))).all(axis=1).tolist() == [True, False]


@pytest.mark.parametrize(
    ("geometry", "words"),
    [(Geometry(0, 45), "angles"), (Geometry(45, 91), "angles"), (Geometry(45, 45, "C"), "no silicon"),
     (Geometry(45, 45, "Si(OH)4"), "cannot read"), (Geometry(45, 45, "SiXx"), "no element")],
)  # fmt: skip
def test_what_no_sample_can_be(geometry, words):
    with pytest.raises(SikpdosError, match=words):
        self_absorption.ratio(geometry)
