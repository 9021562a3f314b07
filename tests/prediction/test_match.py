"""Template matching beside scikit-learn's brute-force nearest neighbours, and as a command."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors
from support import assert_one_line_failure

from sikpdos.common.errors import SikpdosError
from sikpdos.dataset.dataset import read_dataset
from sikpdos.model import template_matching as matching
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
    found = match(known, pdos, asked, k)
    distance, index = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(known.astype(float)).kneighbors(asked)
    assert np.array_equal(found.index, index)
    assert found.mse == pytest.approx(distance**2 / 200, rel=1e-4)
    assert np.allclose(found.pdos, pdos[index].mean(axis=1))


def test_ties_go_to_the_first_template_however_many():
    known, pdos, _ = arrays(9000, 1)
    known[[40, 77, 5000, 8999, *range(6000, 6030)]] = known[3]
    found = match(known, pdos, known[3:4], 20)
    assert found.index[0].tolist() == [3, 40, 77, 5000, *range(6000, 6016)]
    assert not found.mse.any()


def test_near_ties_on_a_large_offset_are_told_apart():
    known, pdos, asked = arrays(6000, 20)
    known, asked = known.astype(float) * 1e-3 + 500, asked.astype(float) * 1e-3 + 500
    index = NearestNeighbors(n_neighbors=3, algorithm="brute").fit(known - 500).kneighbors(asked - 500)[1]
    assert np.array_equal(match(known, pdos, asked, 3).index, index)


def test_blocks_do_not_matter(monkeypatch):
    known, pdos, asked = arrays(1000, 50)
    whole = match(known, pdos, asked, 3)
    monkeypatch.setattr(matching, "_TEMPLATES", 64)
    monkeypatch.setattr(matching, "_SPECTRA", 7)
    blocks = match(known, pdos, asked, 3)
    assert np.array_equal(whole.index, blocks.index)
    assert np.array_equal(whole.mse, blocks.mse)


@pytest.mark.parametrize("k", [0, 8])
def test_k_out_of_range_is_refused(k):
    known, pdos, asked = arrays(7, 2)
    with pytest.raises(SikpdosError, match="7 templates"):
        match(known, pdos, asked, k)


def rows(text: str) -> list[dict]:
    return list(csv.DictReader(io.StringIO(text)))


def test_a_datasets_own_sites_are_their_nearest(cli, small_dataset):
    done = cli("match", small_dataset, small_dataset, "--neighbours", "-k", 3)
    assert done.returncode == 0, done.stderr
    found = rows(done.stdout)
    assert len(found) == 3 * 24
    assert all(row["spectrum"] == row["template_id"] for row in found if row["rank"] == "1")
    assert all(float(row["spectrum_mse"]) == 0 for row in found if row["rank"] == "1")


def test_matched_densities_are_the_templates(cli, small_dataset):
    known = read_dataset(small_dataset)
    found = rows(cli("match", small_dataset, small_dataset).stdout)
    s = np.array([float(row["s"]) for row in found]).reshape(24, 300)
    assert np.allclose(s, known.pdos[:, 0], rtol=1e-5, atol=1e-9)


def test_the_test_part_against_the_rest(cli, small_dataset, small_model):
    own = rows(cli("match", small_dataset).stdout)
    known = read_dataset(small_dataset)
    group = dict(zip(known.ids.tolist(), known.groups.tolist(), strict=True))
    assert len(own) in (4, 5, 6)
    assert all(group[row["site_id"]] != group[row["template_id"]] for row in own)
    compared = rows(cli("match", small_dataset, "--model", small_model).stdout)
    assert [row["site_id"] for row in compared] == [row["site_id"] for row in own]
    for row in compared:
        matched, ours = (float(row[f"{who}s_mse"]) + float(row[f"{who}p_mse"]) for who in ("", "model_"))
        assert float(row["delta_mse"]) == pytest.approx((matched - ours) / 2, abs=1e-8)


def test_in_a_pipe(shell, small_dataset):
    done = shell(f"cat {small_dataset} | sikpdos match - | sort | head -1")
    assert done.stdout.startswith("X")
    assert not done.stderr


def test_a_dataset_of_other_broadening_is_refused(cli, small_dataset, tmp_path):
    assert cli("assemble", small_dataset.with_name("raw"), "--sigma", 1.2, "-o", tmp_path / "broad.npz").returncode == 0
    done = cli("match", small_dataset, tmp_path / "broad.npz")
    assert_one_line_failure(done, "broad.npz", "sigma or onset rule")
    assert cli("match", small_dataset, "x.msa", "--model", "m.npz").returncode == 2
