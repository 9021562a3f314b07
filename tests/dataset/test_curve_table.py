"""A theorist's own table, broadened in a pipe; bad tables."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import voigt_profile
from support import assert_one_line_failure

from sikpdos.dataset.curve_table import CurveTable, broaden_table
from sikpdos.spectra import processing


def test_broaden_a_csv_in_a_pipe(shell):
    table = "energy_eV,s,p\n" + "".join(f"{e / 20:g},{e == 0:d},{2 * (e == 20):d}\n" for e in range(-400, 401))
    done = shell(f"printf '{table}' | sikpdos broaden - --sigma 0.7")
    assert done.returncode == 0, done.stderr
    header, *rows = done.stdout.splitlines()
    assert header == "energy_eV,s,p"
    energy_eV, s, p = np.array([row.split(",") for row in rows], float).T
    assert energy_eV[[0, -1]].tolist() == [-15.0, 14.9]
    assert s.sum() * 0.1 == pytest.approx(0.05, rel=1e-3)
    assert (p * energy_eV).sum() / p.sum() == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("energy_eV,edge\n", "energies must increase"),
        ("energy_eV,edge\n1,2\n2,x\n3,4\n4,5\n", "edge"),
        ("energy_eV,edge\n1,2\n3,1\n2,4\n4,5\n", "energies must increase"),
        ("energy_eV,edge\n1,2\n2,1\n3,nan\n4,5\n", "NaN"),
        ("energy_eV,edge\n1,2\n2,1\n5,1\n9,5\n", "not equally spaced"),
        ("energy_eV,edge\n0,1\n1e10,2\n2e10,3\n3e10,4\n", "in steps of up to 2 eV"),
        ("energy_eV,s,p\n0,1,1\n100,2,2\n200,3,3\n300,4,4\n", "in steps of up to 2 eV"),
        ("energy_eV,edge\n1e9,1\n1000000001,2\n1000000002,3\n1000000003,4\n", "expected eV"),
        ("energy_eV,q\n1,2\n", "expected a column 'edge'"),
        ("", "empty"),
        ("energy_eV,edge\n" + "".join(f"{e / 10:g},1\n" for e in range(400)), "no onset"),
    ],
)
def test_broaden_refuses_bad_tables(cli, table, words):
    assert_one_line_failure(cli("broaden", "-", stdin=table.encode()), words)


def test_an_edge_is_aligned_to_its_onset():
    energy_eV = np.arange(1800, 1900, 0.05)
    table = CurveTable(energy_eV=energy_eV, columns={"edge": (energy_eV > 1840).astype(float)})
    columns = broaden_table(table, 0.5, 0.0, 0.0, "50%")
    assert columns["energy_eV"][10] == 0
    assert columns["edge"][10] == pytest.approx(0.5, abs=0.05)


def test_a_table_that_is_broad_enough_is_resampled_alone():
    energy_eV = np.arange(-20, 20, 0.1)
    table = CurveTable(energy_eV=energy_eV, columns={"s": np.sin(energy_eV)})
    columns = broaden_table(table, 0.5, 0.0, 0.5, "50%")
    assert np.allclose(columns["s"], np.sin(columns["energy_eV"]), atol=2e-3)


def direct_edge(at_eV, sigma_eV, core_hole_eV, maximum_eV, centre_eV, spread_eV):
    """A step with two peaks, each stick a Voigt line of its own width, added one by one; the step goes on for 2 keV."""
    total = np.zeros_like(at_eV)
    for stick_eV in np.arange(0.05, 2000, 0.05):
        e = stick_eV / centre_eV
        grown = maximum_eV * (0.5 + np.arctan(np.pi / 3 * maximum_eV / spread_eV * (e - 1 / e**2)) / np.pi)
        total += made_up_edge(stick_eV) * 0.05 * voigt_profile(at_eV - stick_eV, sigma_eV, (core_hole_eV + grown) / 2)
    return total


def made_up_edge(energy_eV):
    peaks = (3 * np.exp(-0.5 * ((energy_eV - at) / 0.4) ** 2) for at in (3.0, 12.0))
    return np.where(energy_eV > 0, 1.0 + sum(peaks), 0.0)


@pytest.mark.parametrize(("step_eV", "lorentz"), [(0.02, ()), (0.1, ("--lorentz", 1.0))])
def test_a_lifetime_that_grows_is_the_sum_of_lines_of_their_own_widths(cli, step_eV, lorentz):
    energy_eV = np.arange(-5, 70, step_eV)
    rows = "".join(f"{e:.3f},{y:.6f}\n" for e, y in zip(energy_eV, made_up_edge(energy_eV), strict=True))
    done = cli(
        "broaden", "-", "--lifetime", "12,25,20", "--sigma", 0.3, *lorentz, stdin=b"energy_eV,edge\n" + rows.encode()
    )
    assert done.returncode == 0, done.stderr
    found = np.loadtxt(done.stdout.splitlines(), delimiter=",", skiprows=1)
    axis_eV = np.arange(-5, 25, 0.1)
    direct = direct_edge(axis_eV, 0.3, 1.0 if lorentz else 0.48, 12, 25, 20)
    onset_eV = processing.find_onset(axis_eV, direct[None], "50%")[0]
    expected = np.interp(found[:, 0] + onset_eV, axis_eV, direct)
    assert np.abs(found[:, 1] - expected).max() < 0.03 * expected.max()
    assert expected[:60].max() > 1.25 * expected[100:].max()  # the second peak, as high in the table, has faded


def test_broadenings_that_are_none_are_refused(cli):
    absolute = b"energy_eV,edge\n" + b"".join(b"%d,%d\n" % (e, e > 1840) for e in range(1800, 1900))
    assert_one_line_failure(cli("broaden", "-", "--lifetime", "15,30,30", stdin=absolute), "count from the Fermi level")
    for words in (("--lifetime", "15,30"), ("--lifetime", "15,0,30"), ("--lifetime", "15,30,30", "--lorentz", 0)):
        assert cli("broaden", "-", *words, stdin=b"").returncode == 2
