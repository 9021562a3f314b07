"""Files of curves: written and read, damaged, through pipes."""

from __future__ import annotations

import numpy as np
import pytest
from support import assert_one_line_failure
from support.made_up_sites import site

from sikpdos.dataset import assembly, curves, curves_file, database
from sikpdos.spectra.lifetime import Lifetime


@pytest.fixture(scope="module")
def broadened() -> curves.Curves:
    return curves.broaden_sites(database.stack([site(number) for number in range(3)]), 0.5)


@pytest.mark.parametrize(("name", "tolerance"), [("c.npz", 0), ("c.csv", 1e-6), ("c.csv.gz", 1e-6)])
def test_round_trip(broadened, tmp_path, name, tolerance):
    curves_file.write_curves(tmp_path / name, broadened)
    again = curves_file.read_curves(tmp_path / name)
    assert again.ids.tolist() == broadened.ids.tolist()
    assert again.groups.tolist() == broadened.groups.tolist()
    for array in ("onset_eV", "spectra", "pdos"):
        assert np.allclose(getattr(again, array), getattr(broadened, array), rtol=tolerance, atol=tolerance)
    for key in ("sigma_eV", "lorentz_fwhm_eV", "onset_rule"):
        assert again.meta[key] == broadened.meta[key]


@pytest.mark.parametrize("name", ["c.npz", "c.csv"])
def test_a_lifetime_stays_with_its_curves(tmp_path, name):
    lifetime = Lifetime(maximum_eV=12.0)
    sites = database.stack([site(number) for number in range(2)])
    curves_file.write_curves(tmp_path / name, curves.broaden_sites(sites, 0.5, lifetime=lifetime))
    again = curves_file.read_curves(tmp_path / name)
    assert not np.allclose(again.spectra, curves.broaden_sites(sites, 0.5).spectra, rtol=0.05)
    assert Lifetime(**again.meta["lifetime"]) == Lifetime(**assembly.assemble(again).meta["lifetime"]) == lifetime


def test_damaged_tables_are_refused(cli, broadened, tmp_path):
    curves_file.write_curves(tmp_path / "c.csv", broadened)
    lines = (tmp_path / "c.csv").read_text().splitlines(keepends=True)
    other_sigma = [line.replace(",0.5,", ",0.6,") for line in lines[-800:]]
    for damaged, words in (
        (lines[:1], "cut short"),
        (lines[:900], "cut short"),
        ([*lines[:1], lines[900], *lines[2:]], "out of order"),
        ([*lines[:-800], *other_sigma], "different broadening"),
    ):
        done = cli("assemble", "-", "-o", tmp_path / "d.npz", stdin="".join(damaged).encode())
        assert_one_line_failure(done, "standard input", words)
    assert [path.name for path in tmp_path.iterdir()] == ["c.csv"]
