"""A theorist's own table, broadened in a pipe; bad tables."""

from __future__ import annotations

import numpy as np
import pytest
from support import assert_one_line_failure

from sikpdos.dataset.curve_table import CurveTable, broaden_table


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
