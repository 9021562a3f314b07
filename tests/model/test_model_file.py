"""Model files: written and read, of earlier versions, damaged; the model card."""

from __future__ import annotations

import numpy as np
import pytest
from support.npz_files import write_unchecked

from sikpdos.common import npz, resources
from sikpdos.common.errors import SikpdosError
from sikpdos.model.ensemble import REGRESSION_FOLDS
from sikpdos.model.mixture import predict
from sikpdos.model.model_file import SCHEMA, read_model, write_model


def test_round_trip(small_model, tmp_path):
    model = read_model(small_model)
    write_model(tmp_path / "again.npz", model)
    arrays, meta = npz.read(small_model, SCHEMA)
    again, meta_again = npz.read(tmp_path / "again.npz", SCHEMA)
    assert meta_again == meta
    assert list(again) == list(arrays)
    assert all(
        np.array_equal(again[name], array) and again[name].dtype == array.dtype for name, array in arrays.items()
    )


def test_files_without_folds_have_the_usual_ones(small_model, tmp_path):
    arrays, meta = npz.read(small_model, SCHEMA)
    earlier = {name: array for name, array in arrays.items() if name not in ("member_fold", "kernel_left_out")}
    npz.write(tmp_path / "earlier.npz", earlier, meta)
    model = read_model(tmp_path / "earlier.npz")
    assert model.experts[0].ensemble.member_fold.tolist() == [1, 2, 3, 4]
    assert model.experts[0].ensemble.regression.left_out.tolist() == list(REGRESSION_FOLDS)
    spectra = np.random.default_rng(0).random((3, 200), np.float32)
    assert np.array_equal(predict(model, spectra)[1], predict(read_model(small_model), spectra)[1])


def test_models_of_measured_spectra_of_earlier_versions_are_named_as_such(tmp_path):
    """Their networks have two numbers beside the features, today's five."""
    arrays, meta = npz.read(resources.MODELS / "measured.npz", SCHEMA)
    for orbital in "sp":
        arrays[f"{orbital}_hidden_w"] = arrays[f"{orbital}_hidden_w"][:, :-3]
    npz.write(tmp_path / "old.npz", arrays, meta)
    with pytest.raises(SikpdosError, match=r"old\.npz: trained with --measured by an earlier version.*train it again"):
        read_model(tmp_path / "old.npz")


def test_the_order_of_the_members_does_not_matter(small_model, tmp_path):
    """What belongs together is stored, not told by places."""
    arrays, meta = npz.read(small_model, SCHEMA)
    for name in [name for name in arrays if name.endswith(("_w", "_b"))] + ["member_fold"]:
        arrays[name] = arrays[name][[2, 0, 3, 1]]
    for name in ("kernel_alpha", "kernel_left_out"):
        arrays[name] = arrays[name][::-1]
    npz.write(tmp_path / "shuffled.npz", arrays, meta)
    spectra = np.random.default_rng(0).random((3, 200), np.float32)
    shuffled, stored = (predict(read_model(path), spectra) for path in (tmp_path / "shuffled.npz", small_model))
    for estimate, expected in zip(shuffled, stored, strict=True):
        assert np.allclose(estimate, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda arrays, meta: arrays.pop("known_mean"), "'known_mean' is missing"),
        (lambda arrays, meta: arrays.pop("kernel_share"), "'kernel_share' is missing.*earlier version; train it again"),
        (lambda arrays, meta: arrays.pop("kernel_rows"), "'kernel_rows' is missing"),
        (lambda arrays, meta: arrays.pop("error_floor"), "'error_floor' is missing"),
        (lambda arrays, meta: arrays.update(s_out_b=arrays["s_out_b"][:3]), "has shape"),
        (lambda arrays, meta: arrays.update(kernel_alpha=arrays["kernel_alpha"][:4]), "'kernel_alpha' has shape"),
        (lambda arrays, meta: arrays.update(known_limits=arrays["known_limits"][:, :2]), "'known_limits' has shape"),
        (lambda arrays, meta: arrays.update(kernel_share=np.float32(np.nan)), "'kernel_share' holds NaN"),
        (lambda arrays, meta: arrays.update(member_fold=np.full(4, 7)), "'member_fold' holds folds that are not there"),
        (lambda arrays, meta: arrays.update(member_fold=np.zeros(4, int)), "'member_fold' holds folds"),
        (lambda arrays, meta: arrays.update(kernel_left_out=np.full(5, 1)), "'kernel_left_out' holds a fold twice"),
        (lambda arrays, meta: arrays.update(member_fold=np.ones(2, int)), "'member_fold' has shape"),
        (lambda arrays, meta: arrays.update(member_fold=np.full(4, 1.5)), "'member_fold' holds folds"),
        (lambda arrays, meta: meta["architecture"].update(stride=0), "architecture"),
        (lambda arrays, meta: meta["architecture"].update(depth=2), "unknown setting 'depth'"),
        (lambda arrays, meta: meta.pop("onset_rule"), "no usable 'onset_rule'"),
    ],
)
def test_damaged_models_are_refused_naming_the_file(small_model, tmp_path, damage, words):
    arrays, meta = npz.read(small_model, SCHEMA)
    damage(arrays, meta)
    write_unchecked(tmp_path / "m.npz", arrays, meta)
    with pytest.raises(SikpdosError, match=words) as caught:
        read_model(tmp_path / "m.npz")
    assert "m.npz" in str(caught.value)


def test_a_database_is_no_model():
    with pytest.raises(SikpdosError, match="expected sikpdos-model-1"):
        read_model(resources.DATABASE)


def test_the_model_card(small_model):
    meta = read_model(small_model).meta
    assert meta["settings"]["members"] == 4
    assert set(meta["split"]) >= {"train", "test", "kind", "fold"}
    assert not set(meta["split"]["train"]) & set(meta["split"]["test"])
    assert {"mse", "mse_s", "mse_p", "coverage_90", "matching_mse"} <= set(meta["scores"])
    assert meta["command"].startswith("sikpdos train ")
