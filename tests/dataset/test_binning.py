"""Linear binning keeps weight and first moment."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sikpdos.dataset.binning import linear_binning


@given(
    st.lists(st.tuples(st.floats(-4.5, 9.5), st.floats(0, 10)), min_size=1, max_size=20),
    st.sampled_from([0.05, 0.1, 0.3, 1.0]),
)
def test_weight_and_first_moment_are_kept(sticks, bin_eV):
    energy_eV, weight = np.array(sticks).T
    centres_eV, bins = linear_binning(energy_eV, weight, -5, 5 + 5 * bin_eV, bin_eV)
    inside = (energy_eV >= -5 + bin_eV / 2) & (energy_eV <= centres_eV[-1])
    assert bins.sum() == pytest.approx(weight[inside].sum(), abs=1e-9)
    assert (bins * centres_eV).sum() == pytest.approx((weight * energy_eV)[inside].sum(), abs=1e-7)
    assert (bins >= 0).all()


def test_sticks_outside_are_dropped():
    centres_eV, bins = linear_binning(np.array([-1.0, 20.0]), np.ones(2), 0, 10, 1)
    assert centres_eV.tolist() == [0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 8.5, 9.5]
    assert not bins.any()
