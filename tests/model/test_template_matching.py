"""Template matching beside scikit-learn's brute-force nearest neighbours."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from sikpdos.common.errors import SikpdosError
from sikpdos.model import template_matching
from sikpdos.model.template_matching import match


def arrays(templates: int, spectra: int, seed: int = 0):
    rng = np.random.default_rng(seed)
    known = np.cumsum(rng.normal(size=(templates, 200)), axis=1).astype(np.float32)
    asked = known[rng.integers(templates, size=spectra)] + rng.normal(0, 0.5, (spectra, 200)).astype(np.float32)
    return known, rng.random((templates, 2, 300)), asked


@pytest.mark.parametrize("k", [1, 2, 5])
@pytest.mark.parametrize("templates", [7, 300, 9000])
def test_the_same_as_scikit_learn(k, templates):
    known, pdos, asked = arrays(templates, 60)
    matched = match(known, pdos, asked, k)
    distance, index = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(known.astype(float)).kneighbors(asked)
    assert np.array_equal(matched.index, index)
    assert matched.mse == pytest.approx(distance**2 / 200, rel=1e-4)
    assert np.allclose(matched.pdos, pdos[index].mean(axis=1))


def test_ties_go_to_the_first_template_however_many():
    known, pdos, _ = arrays(9000, 1)
    known[[40, 77, 5000, 8999, *range(6000, 6030)]] = known[3]
    matched = match(known, pdos, known[3:4], 20)
    assert matched.index[0].tolist() == [3, 40, 77, 5000, *range(6000, 6016)]
    assert not matched.mse.any()


def test_near_ties_on_a_large_offset_are_told_apart():
    known, pdos, asked = arrays(6000, 20)
    known, asked = known.astype(float) * 1e-3 + 500, asked.astype(float) * 1e-3 + 500
    index = NearestNeighbors(n_neighbors=3, algorithm="brute").fit(known - 500).kneighbors(asked - 500)[1]
    assert np.array_equal(match(known, pdos, asked, 3).index, index)


def test_blocks_do_not_matter(monkeypatch):
    known, pdos, asked = arrays(1000, 50)
    whole = match(known, pdos, asked, 3)
    monkeypatch.setattr(template_matching, "_TEMPLATES", 64)
    monkeypatch.setattr(template_matching, "_SPECTRA", 7)
    blocks = match(known, pdos, asked, 3)
    assert np.array_equal(whole.index, blocks.index)
    assert np.array_equal(whole.mse, blocks.mse)


@pytest.mark.parametrize("k", [0, 8])
def test_k_out_of_range_is_refused(k):
    known, pdos, asked = arrays(7, 2)
    with pytest.raises(SikpdosError, match="7 templates"):
        match(known, pdos, asked, k)
