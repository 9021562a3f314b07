"""From curves to a dataset: normalised, checked, and of the same sites."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from support.made_up_sites import site

from sikpdos.common.errors import SikpdosError
from sikpdos.dataset import assembly, curves, database


def stacked(count: int) -> database.Database:
    return database.stack([site(number) for number in range(count)])


def test_spectra_are_normalised_and_densities_are_not():
    broadened = curves.broaden_sites(stacked(4), 0.5)
    dataset = assembly.assemble(broadened)
    assert np.allclose(dataset.spectra.max(axis=1), 1)
    assert np.array_equal(dataset.pdos, broadened.pdos)
    assert dataset.edge is None


def test_edges_before_broadening_are_those_of_the_same_sites():
    sites = stacked(4)
    dataset = assembly.assemble(curves.broaden_sites(sites, 0.5), sites)
    assert dataset.edge[2] == pytest.approx(sites.edge[sites.ids.tolist().index(str(dataset.ids[2]))])


@pytest.mark.parametrize("rows", [[0, 1, 2], [1, 0, 2, 3], [0, 1, 2, 2]])
def test_a_database_of_other_sites_is_refused(rows):
    sites = stacked(4)
    broadened = curves.broaden_sites(sites, 0.5)
    other = replace(sites, ids=sites.ids[rows])
    with pytest.raises(SikpdosError, match="not of the same sites"):
        assembly.assemble(broadened, other)


def test_edges_that_were_broadened_already_are_not_kept():
    sites = stacked(2)
    sites.site_meta[0]["edge_sigma_eV"] = 0.3
    assert assembly.assemble(curves.broaden_sites(sites, 0.5), sites).edge is None


@pytest.mark.parametrize("name", ["spectra", "pdos"])
def test_nan_is_refused(name):
    damaged = curves.broaden_sites(stacked(4), 0.5)
    getattr(damaged, name)[3].flat[7] = np.nan
    with pytest.raises(SikpdosError, match=rf"site X1-1: NaN in its {name}"):
        assembly.assemble(damaged)


def test_the_same_site_under_two_names_is_told():
    copy = site(2)
    copy.meta["site_id"] = "copy"
    sites = database.stack([*(site(number) for number in range(4)), copy])
    dataset = assembly.assemble(curves.broaden_sites(sites, 0.5), sites)
    assert dataset.meta["checks"]["duplicates"] == [["X1-0", "copy"]]
    assert "duplicates   1; X1-0 = copy" in assembly.summary(dataset)


def test_a_charge_far_from_4_electrons_is_told():
    broadened = curves.broaden_sites(stacked(3), 0.5)
    charge = broadened.pdos[..., :150].sum(axis=(1, 2)) * 0.1
    broadened.pdos[:] *= (np.array([4.0, 3.3, 4.5]) / charge)[:, None, None]
    assert assembly.odd_charge(broadened, np.ones(3, bool)) == ["X0-1", "X1-0"]
    assert assembly.odd_charge(broadened, np.array([True, False, True])) == ["X1-0"]


def test_deformed_crystals_are_known_and_amorphous_cells_are_none():
    sites = stacked(3)
    sites.site_meta[1]["source"] = "augment rattle"
    sites.site_meta[2]["source"] = "augment amorphous"
    dataset = assembly.assemble(curves.broaden_sites(sites, 0.5), sites)
    assert dataset.augmented.tolist() == [False, True, False]
