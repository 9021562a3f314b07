"""What kind of silicon a spectrum shows, and compounds' densities of states: the shipped models on unseen families."""

from __future__ import annotations

import numpy as np
import pytest

from sikpdos.common import resources
from sikpdos.dataset import assembly, curves, database
from sikpdos.model import metrics, mixture, shipped
from sikpdos.model.template_matching import match
from sikpdos.spectra import simulated_measurement

OXIDES = ("oxide", "silicate")


@pytest.fixture(scope="module")
def external():
    known = database.read_database(resources.EXTERNAL)
    return assembly.assemble(curves.broaden_sites(known, 0.5), known)


@pytest.fixture(scope="module")
def compound(external):
    rows = external.material_class != "elemental"
    assert rows.sum() >= 10
    return rows


def of_elemental(model, spectra, onset_eV=None) -> np.ndarray:
    return mixture.class_probabilities(model, spectra, onset_eV)[:, model.classes.index("elemental")]


def test_silicon_alone_is_told_from_compounds_by_its_shape(external, compound):
    share = of_elemental(shipped.load("0.5"), external.spectra)
    assert (share[~compound] > 0.5).mean() >= 0.95


def test_oxides_whose_energy_is_hidden_are_not_taken_for_silicon(external, own):
    """Those of the external set and of the test part."""
    model = shipped.load("0.5")
    spectra = [external.spectra[np.isin(external.material_class, OXIDES)]]
    spectra.append(own.spectra[np.isin(own.material_class, OXIDES) & np.isin(own.ids, model.meta["split"]["test"])])
    unseen = np.concatenate(spectra)
    assert len(unseen) >= 4
    assert (of_elemental(model, unseen) < 0.5).mean() >= 0.95


@pytest.mark.parametrize("kind", ["eels", "xas"])
def test_noisy_oxides_are_told_by_their_energy(kind):
    known = database.read_database(resources.EXTERNAL)
    rows = np.isin([assembly.site_class(meta) for meta in known.site_meta], OXIDES)
    conditions = simulated_measurement.ideal(int(rows.sum()), 0.8, 1e4)
    found = simulated_measurement.measure(
        known.edge_energy_eV, known.edge[rows], conditions, np.random.default_rng(0), kind=kind
    )
    shifted = np.full(len(found), 1845.5)
    assert (of_elemental(shipped.load("measured"), found, shifted) < 0.5).mean() >= 0.95


def test_compounds_are_better_predicted_than_matched_and_bands_hold(external, compound, own):
    model = shipped.load("0.5")
    rest = np.isin(own.ids, model.meta["split"]["train"])
    true = external.pdos[compound]
    found, std = mixture.predict(model, external.spectra[compound])
    matched = match(own.spectra[rest], own.pdos[rest], external.spectra[compound]).pdos
    assert metrics.mse(found, true).mean() < 0.8 * metrics.mse(matched, true).mean()
    assert 0.82 <= metrics.coverage(found, std, true) <= 0.97


def test_compounds_whose_class_is_told_are_better_predicted(external, compound):
    model = shipped.load("0.5")
    found = {False: np.empty_like(external.pdos), True: np.empty_like(external.pdos)}
    for name in np.unique(external.material_class[compound]):
        rows = external.material_class == name
        found[False][rows] = mixture.predict(model, external.spectra[rows])[0]
        found[True][rows] = mixture.predict(model.of_material(name), external.spectra[rows])[0]
    errors = {told: metrics.mse(pdos[compound], external.pdos[compound]).mean() for told, pdos in found.items()}
    assert errors[True] < 0.95 * errors[False]
