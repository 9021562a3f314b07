"""Material classes: told by shape, and by the onset where the scale is absolute; through train and predict, too."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from support.made_up_edges import shapes

from sikpdos.common.constants import SI_K_EDGE_EV
from sikpdos.common.grid import SPECTRUM
from sikpdos.dataset.dataset import read_dataset, write_dataset
from sikpdos.model import classification

N = 40
CLASSES = ("elemental", "oxide")


@pytest.fixture(scope="module")
def labels():
    return np.where(np.arange(N) % 4 == 0, "oxide", "elemental")


@pytest.fixture(scope="module")
def trained(labels):
    """A classifier; oxides' onsets lie 6.5 eV higher, and are not known of a third of the sites."""
    fold = np.arange(N) % 5
    rows = fold > 0
    spectra = shapes(labels, 0)[rows]
    onset_eV = np.where(labels == "oxide", 1843.5, 1837.0) * (np.arange(N) % 3 > 0)
    return classification.fit(spectra, labels[rows], onset_eV[rows], fold[rows]).classifier


def test_new_spectra_are_told_by_their_shape(trained, labels):
    classifier = trained
    found = classifier.probabilities(shapes(labels, 7))
    assert classifier.classes == CLASSES
    assert np.allclose(found.sum(axis=1), 1)
    assert (found[np.arange(N), [CLASSES.index(label) for label in labels]] > 0.9).all()


def test_an_absolute_onset_decides_where_the_shape_does_not(trained):
    classifier = trained
    strange = np.random.default_rng(3).random((1, SPECTRUM.size))
    by_shape = classifier.probabilities(strange)[0]
    assert by_shape.max() < 0.8
    elemental, oxide = (
        classifier.probabilities(strange, np.array([onset_eV]))[0] for onset_eV in (SI_K_EDGE_EV, SI_K_EDGE_EV + 6.5)
    )
    assert elemental[0] > 0.8 > 0.2 > oxide[0]
    for not_absolute in (np.nan, 0.3, SI_K_EDGE_EV + 40):
        found = classifier.probabilities(strange, np.array([not_absolute]))[0]
        assert np.allclose(found, by_shape)


def test_one_class_or_none_is_no_classifier(trained, labels):
    n, fold = len(trained.known.spectrum_scores), np.arange(N)[np.arange(N) % 5 > 0] % 5
    for known in ("elemental", ""):
        assert classification.fit(shapes(labels, 0)[:n], np.full(n, known), np.zeros(n), fold) is None


@pytest.fixture(scope="module")
def with_classes(small_dataset, tmp_path_factory):
    """The small dataset with two classes of other shapes, in a folder of its own."""
    known = read_dataset(small_dataset)
    labels = np.array(["oxide" if group[-1] in "147" else "elemental" for group in known.groups])
    folder = tmp_path_factory.mktemp("classes")
    spectra = shapes(labels, 0).astype(np.float32)
    write_dataset(folder / "dataset.npz", replace(known, spectra=spectra, material_class=labels))
    return folder


def test_train_and_predict_tell_the_class(cli, with_classes, small_settings):
    folder = with_classes
    done = cli("train", folder / "dataset.npz", "--config", small_settings, "-o", folder / "model.npz")
    assert done.returncode == 0, done.stderr
    done = cli("predict", folder / "dataset.npz", "--model", folder / "model.npz", "--json")
    assert "kind of silicon, by the edge: elemental" in done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    labels = dict(zip(*npz_columns(folder / "dataset.npz", "ids", "material_class"), strict=True))
    assert all(row["material_class"] == labels[row["spectrum"]] for row in rows)
    assert all(sum(row["class_probabilities"].values()) == pytest.approx(1, abs=1e-3) for row in rows)
    cli("predict", folder / "dataset.npz", "--model", folder / "model.npz", "-o", folder / "p.npz")
    elemental, oxide = npz_columns(folder / "p.npz", "probability_elemental", "probability_oxide")
    assert np.allclose(elemental + oxide, 1, atol=1e-5)


def test_models_of_one_class_say_nothing(cli, small_dataset, small_model):
    done = cli("predict", small_dataset, "--model", small_model, "--json")
    assert "kind of silicon" not in done.stderr
    row = json.loads(done.stdout.splitlines()[0])
    assert (row["material_class"], row["class_probabilities"]) == (None, None)


def npz_columns(path, *names: str) -> list[np.ndarray]:
    with np.load(path) as arrays:
        return [arrays[name] for name in names]


def test_how_many_there_are_of_a_kind_does_not_count(labels):
    """A spectrum between both kinds is told the same where one kind is there in plenty."""
    between = shapes(np.array(["elemental"]), 4) / 2 + shapes(np.array(["oxide"]), 4) / 2
    found = []
    for share in (0.5, 0.9):
        many = np.where(np.arange(200) < 200 * share, "elemental", "oxide")
        fold = np.arange(200) % 5
        found.append(
            classification.fit(shapes(many, 1), many, np.zeros(200), fold).classifier.probabilities(between)[0, 0]
        )
    assert found[1] == pytest.approx(found[0], abs=0.2)
