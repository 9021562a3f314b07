"""Models with an expert each for silicon and for compounds: trained, stored, and mixed by what a spectrum shows."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from support import assert_one_line_failure
from support.made_up_edges import shapes

from sikpdos.common import npz
from sikpdos.common.grid import PDOS
from sikpdos.dataset import split
from sikpdos.dataset.dataset import Dataset, read_dataset, write_dataset
from sikpdos.model import mixture, outliers
from sikpdos.model.model_file import SCHEMA, read_model, write_model
from sikpdos.model.network import recording
from sikpdos.model.teams import teams

N = 60


@pytest.fixture(scope="module")
def folder(tmp_path_factory, small_dataset, cli, small_settings):
    """dataset.npz of 60 made-up sites, a family each, half of them oxides of far more states; model.npz of it."""
    labels = np.where(np.arange(N) % 2 == 0, "elemental", "oxide")
    rng = np.random.default_rng(2)
    usual = np.exp(-0.5 * ((PDOS.energy_eV + 5) / 3) ** 2)
    size = np.where(labels == "oxide", 2.0, 0.2) * rng.uniform(0.9, 1.1, N)
    known = Dataset(
        ids=np.array([f"X{n:02d}-0" for n in range(N)]),
        groups=np.array([f"X{n:02d}" for n in range(N)]),
        spectra=shapes(labels, 0).astype(np.float32),
        pdos=(size[:, None, None] * np.ones((2, 1)) * usual).astype(np.float32),
        meta=read_dataset(small_dataset).meta,
        material_class=labels,
        absolute_onset_eV=np.where(labels == "oxide", 1843.5, 1837.0),
    )
    folder = tmp_path_factory.mktemp("mixture")
    write_dataset(folder / "dataset.npz", known)
    done = cli("train", folder / "dataset.npz", "--config", small_settings, "-o", folder / "model.npz")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def model(folder):
    return read_model(folder / "model.npz")


@pytest.fixture(scope="module")
def known(folder):
    return read_dataset(folder / "dataset.npz")


def test_the_expert_of_silicon_learns_from_silicon_that_of_compounds_from_all(model, known):
    fold = np.array(model.meta["split"]["fold"])
    rest = fold != split.TEST
    for expert, learnt in zip(model.experts, (rest & (known.material_class == "elemental"), rest), strict=True):
        regression = expert.ensemble.regression
        assert len(regression.spectrum_scores) == learnt.sum()
        assert regression.pdos_mean.max() == pytest.approx(known.pdos[learnt].mean(axis=0).max(), rel=0.01)
    assert set(model.meta["group_mse"]) == set(known.groups[fold != split.TEST])
    assert {"mse_elemental", "mse_compound", "matching_mse_compound"} <= set(model.meta["scores"])


def test_a_class_that_is_told_has_a_calibration_of_its_own(model):
    silicon, compounds = model.experts
    assert silicon.when_told is None
    assert compounds.when_told.ensemble is compounds.ensemble
    assert not np.array_equal(compounds.when_told.uncertainty.floor, compounds.uncertainty.floor)
    told = model.of_material("oxide")
    spectra = shapes(np.array(["elemental", "oxide"] * 5), 9).astype(np.float32)
    certain = np.tile((np.array(model.classes) == "oxide").astype(float), (len(spectra), 1))
    of_expert = compounds.when_told.predict(spectra, recording(spectra), certain)
    for found, expected in zip(mixture.predict(told, spectra), of_expert, strict=True):
        assert np.allclose(found, expected, rtol=1e-3, atol=1e-6)


def test_few_compounds_get_no_expert(known):
    fold = split.folds(known.groups, "grouped", 0)
    few = replace(known, material_class=np.where(np.arange(N) < 20, known.material_class, "elemental"))
    assert [(team.sites.sum(), team.asked.sum()) for team in teams(known, fold, 8)] == [(30, 30), (60, 30)]
    (team,) = teams(few, fold, 8)
    assert team.sites.all()
    assert team.asked.all()
    assert len(team.member_fold) == 8


def asked(model, spectra):
    """What each expert says."""
    likely = mixture.class_probabilities(model, spectra)
    return [expert.predict(spectra, recording(spectra), likely) for expert in model.experts]


def test_a_clear_spectrum_is_its_experts_alone(model):
    spectra = shapes(np.array(["elemental", "oxide"] * 5), 9).astype(np.float32)
    sure = model.classifier.probabilities(spectra).max(axis=1) > 0.999
    assert sure.any()
    mean, std = mixture.predict(model, spectra)
    for row in np.flatnonzero(sure):
        for mixed, of_expert in zip((mean, std), asked(model, spectra)[row % 2], strict=True):
            assert np.allclose(mixed[row], of_expert[row], rtol=1e-3, atol=1e-6)


def test_a_doubtful_spectrum_is_a_mixture_with_wide_bands(model):
    """Its mean lies nearer to the expert that knows both kinds, and its variance holds their difference."""
    spectra = np.random.default_rng(5).random((3, 200), np.float32)
    share = mixture.class_probabilities(model, spectra)[:, 0, None, None] ** 2
    assert ((share > 0.1) & (share < 0.9)).all()
    each = asked(model, spectra)
    mean, std = mixture.predict(model, spectra)
    expected = share * each[0][0] + (1 - share) * each[1][0]
    assert np.allclose(mean, expected, atol=1e-5)
    spread = share * (1 - share) * (each[0][0] - each[1][0]) ** 2
    inner = share * each[0][1] ** 2 + (1 - share) * each[1][1] ** 2
    assert np.allclose(std**2, inner + spread, rtol=1e-3)
    in_blocks = mixture.predict(model, spectra, block=1)
    assert np.allclose(in_blocks[0], mean, atol=1e-6)


def test_no_estimate_jumps_where_an_expert_begins_to_count(model, monkeypatch):
    spectra = np.repeat(np.random.default_rng(5).random((1, 200), np.float32), 400, axis=0)
    silicon = np.linspace(0, 1, len(spectra))
    likely = np.stack([silicon, 1 - silicon], axis=1)
    monkeypatch.setattr(mixture, "class_probabilities", lambda *_: likely)
    each = asked(model, spectra)
    mean, std = mixture.predict(model, spectra)
    apart = np.abs(each[0][0] - each[1][0]).max() + np.abs(each[0][1] - each[1][1]).max()
    assert np.abs(np.diff(mean, axis=0)).max() < 0.02 * apart
    assert np.abs(np.diff(std, axis=0)).max() < 0.1 * apart


def test_an_absolute_onset_decides_which_expert_is_asked(model):
    spectra = np.random.default_rng(5).random((2, 200), np.float32)
    mean, _ = mixture.predict(model, spectra, onset_eV=np.array([1839.0, 1846.5]))
    by_shape, _ = mixture.predict(model, spectra)
    assert mean[0].sum() < by_shape[0].sum()  # as silicon alone
    assert mean[1].sum() > by_shape[1].sum()


def test_novelty_is_that_to_the_nearer_kind(model, known):
    both = mixture.novelty(model, known.spectra)
    alone = [outliers.novelty(expert.outlier_model, known.spectra) for expert in model.experts]
    assert np.array_equal(both, np.minimum(*alone))
    assert np.array_equal(both, mixture.novelty(model.of_material("oxide"), known.spectra))
    assert (both <= 1).mean() > 0.9
    assert (alone[0][known.material_class == "oxide"] > 1).mean() > 0.9


def test_files_hold_both_experts(model, tmp_path, known):
    write_model(tmp_path / "again.npz", model)
    again = read_model(tmp_path / "again.npz")
    for found, expected in zip(
        mixture.predict(again, known.spectra), mixture.predict(model, known.spectra), strict=True
    ):
        assert np.array_equal(found, expected)


@pytest.mark.parametrize(
    ("name", "words"), [("no_classes.npz", "two experts"), ("half.npz", "'error_floor' is missing")]
)
def test_half_a_file_is_refused(cli, folder, tmp_path, name, words):
    arrays, meta = npz.read(folder / "model.npz", SCHEMA)
    kept = {
        "no_classes.npz": {key: array for key, array in arrays.items() if not key.startswith("class")},
        "half.npz": {key: array for key, array in arrays.items() if key != "compounds_error_floor"},
    }
    npz.write(tmp_path / name, kept[name], meta)
    done = cli("predict", folder / "dataset.npz", "--model", tmp_path / name, "--json")
    assert_one_line_failure(done, name, words)


def test_the_command_says_the_kind_and_mixes(cli, folder, known):
    done = cli("predict", folder / "dataset.npz", "--model", folder / "model.npz", "--json")
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    labels = dict(zip(known.ids.tolist(), known.material_class.tolist(), strict=True))
    assert all(row["material_class"] == labels[row["spectrum"]] for row in rows)
    charge = {kind: [r["s_electrons"] for r in rows if r["material_class"] == kind] for kind in ("elemental", "oxide")}
    assert min(charge["oxide"]) > 3 * max(charge["elemental"])


def test_material_that_is_known_is_told(cli, folder, small_model, small_dataset):
    def charges(*options) -> list[float]:
        done = cli("predict", folder / "dataset.npz", "--model", folder / "model.npz", "--json", *options)
        assert done.returncode == 0, done.stderr
        return [json.loads(line)["s_electrons"] for line in done.stdout.splitlines()]

    assert max(charges("--material", "elemental")) < 2
    said = cli("predict", folder / "dataset.npz", "--model", folder / "model.npz", "--material", "oxide").stderr
    assert "taken as oxide, as told" in said
    assert "told oxide, but the edge does not look like a compound (30 of 60 spectra)" in said
    assert max(charges("--material", "compound")) > 10
    assert charges("--material", "SiO2") == charges("--material", "oxide")
    refused = cli("predict", small_dataset, "--model", small_model, "--material", "elemental")
    assert_one_line_failure(refused, "it knows one class alone")
    for wrong, said in (("glass", "expected a formula, or one of"), ("NaCl", "without silicon"), ("SiC", "it knows")):
        told = cli("predict", folder / "dataset.npz", "--model", folder / "model.npz", "--material", wrong)
        assert_one_line_failure(told, said)
