"""Compounds are told as such or warned of; the warning of what is unlike all that is known is rare for silicon."""

from __future__ import annotations

import json

import numpy as np
import pytest
from support import ROOT

from sikpdos.common import resources, tables
from sikpdos.dataset import assembly, curves, database, raw_site
from sikpdos.model import mixture, shipped
from sikpdos.spectra import simulated_measurement

COMPOUNDS = sorted((ROOT / "tests" / "fixtures" / "compounds").glob("*.npz"))
WARNING = "unlike any in the training set"


def assert_no_silicon_without_a_word(done):
    """A compound is told to be one, or a warning is raised."""
    assert done.returncode == 0, done.stderr
    row = json.loads(done.stdout)
    assert WARNING in done.stderr or row["class_probabilities"]["elemental"] < 0.5
    assert "kind of silicon, by the edge:" in done.stderr


@pytest.mark.parametrize("path", COMPOUNDS, ids=lambda path: path.stem)
@pytest.mark.parametrize("sigma", ["0.5", "1.2"])
def test_computed_compounds(cli, tmp_path, path, sigma):
    assert cli("assemble", path, "--sigma", sigma, "-o", tmp_path / "d.npz").returncode == 0
    assert_no_silicon_without_a_word(cli("predict", tmp_path / "d.npz", "--json"))


@pytest.mark.parametrize("path", COMPOUNDS, ids=lambda path: path.stem)
@pytest.mark.parametrize(("sigma_eV", "counts"), [(0.5, 1e4), (1.2, 1e4)])
def test_simulated_measurements_of_compounds(cli, tmp_path, path, sigma_eV, counts):
    site = raw_site.read_raw(path)
    conditions = simulated_measurement.ideal(1, sigma_eV, counts)
    axis, found = simulated_measurement.record(
        site.edge_energy_eV, site.edge_weight[None], conditions, np.random.default_rng(0)
    )
    tables.write_csv(tmp_path / "m.csv", {"energy_eV": axis, "counts": found[0]})
    assert_no_silicon_without_a_word(cli("predict", tmp_path / "m.csv", "--sigma", sigma_eV, "--json"))


@pytest.mark.parametrize(("shift_eV", "word"), [(20.0, "another edge"), (1.0, "")])
def test_an_edge_at_another_energy(cli, tmp_path, shift_eV, word):
    known = database.read_database(resources.DATABASE)
    axis, found = simulated_measurement.record(
        known.edge_energy_eV, known.edge[:1], simulated_measurement.ideal(1, 0.8, 1e5), np.random.default_rng(0)
    )
    tables.write_csv(tmp_path / "m.csv", {"energy_eV": axis + shift_eV, "counts": found[0]})
    done = cli("predict", tmp_path / "m.csv", "--background", f"{1745 + shift_eV},{1825 + shift_eV}", "--json")
    assert done.returncode == 0
    assert (word in done.stderr) if word else ("silicon's K-edge" not in done.stderr)


def test_silicon_that_no_model_has_seen_is_hardly_ever_warned_of():
    every = database.read_database(resources.EXTERNAL)
    alone = [assembly.site_class(meta) == "elemental" for meta in every.site_meta]
    external = database.some(every, np.flatnonzero(alone))
    assert len(external) >= 60
    spectra = assembly.assemble(curves.broaden_sites(external, 0.5), external).spectra
    assert (mixture.novelty(shipped.load("0.5"), spectra) > 1).mean() <= 0.05
    rng = np.random.default_rng(0)
    for sigma_eV, counts in ((0.5, 1e4), (1.2, 1e3), (1.2, 1e5)):
        conditions = simulated_measurement.ideal(len(external), sigma_eV, counts)
        found = simulated_measurement.measure(external.edge_energy_eV, external.edge, conditions, rng)
        found = found[np.isfinite(found).all(axis=1)]
        assert (mixture.novelty(shipped.load("measured"), found) > 1).mean() <= 0.05
