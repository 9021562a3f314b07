"""ablate on a tiny dataset: all rows, continued where a run stopped, never mixed."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from support import assert_one_line_failure

from sikpdos.common.errors import SikpdosError
from sikpdos.common.grid import SPECTRUM
from sikpdos.dataset.dataset import read_dataset
from sikpdos.model import ablation, ablation_table


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    path = tmp_path_factory.mktemp("tiny") / "tiny.toml"
    path.write_text("members = 1\nepochs = 1\nchannels = [4]\nhidden = 8\n")
    return path


@pytest.fixture(scope="module")
def table(cli, small_dataset, tiny, tmp_path_factory):
    path = tmp_path_factory.mktemp("ablation") / "a.csv"
    done = cli("ablate", small_dataset, "--config", tiny, "--seeds", 1, "-o", path)
    assert done.returncode == 0, done.stderr
    assert "-1 to   19" in done.stderr
    return path


def test_every_window_orbital_and_region(table):
    with open(table) as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 7 * 2 * 4
    windows = {(row["window_start_eV"], row["window_stop_eV"]) for row in rows}
    growing = {("-1", "4"), ("-1", "9"), ("-1", "14"), ("-1", "19")}
    assert windows == growing | {("4", "9"), ("9", "14"), ("14", "19")}
    assert {row["orbital"] for row in rows} == {"s", "p"}
    assert all(0 < float(row["mse"]) < 1 for row in rows)


def test_a_stopped_run_goes_on(cli, table, small_dataset, tiny, tmp_path):
    whole = table.read_text()
    lines = whole.splitlines(keepends=True)
    (tmp_path / "a.csv").write_text("".join(lines[: 1 + 5 * 8]))
    done = cli("ablate", small_dataset, "--config", tiny, "--seeds", 1, "-o", tmp_path / "a.csv")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "a.csv").read_text() == whole


def test_rows_of_other_settings_are_not_mixed_in(cli, table, small_dataset, tiny, tmp_path):
    (tmp_path / "a.csv").write_text(table.read_text())
    done = cli("ablate", small_dataset, "--config", tiny, "--epochs", 2, "-o", tmp_path / "a.csv")
    assert_one_line_failure(done, "other data or settings")
    assert (tmp_path / "a.csv").read_text() == table.read_text()


def test_measurements_have_no_windows(cli, small_dataset, tmp_path):
    (tmp_path / "measured.toml").write_text("measured = true\n")
    assert_one_line_failure(cli("ablate", small_dataset, "--config", tmp_path / "measured.toml"), "computed spectra")


def test_rows_are_read_as_they_were_written(table, tmp_path):
    rows = ablation_table.read_rows(table)
    ablation_table.write_rows(tmp_path / "again.csv", rows)
    assert (tmp_path / "again.csv").read_text() == table.read_text()
    assert ablation_table.summary(rows).count("\n") == len(ablation_table.windows())


@pytest.mark.parametrize(("cell", "words"), [("x", "could not convert"), ("", "could not convert")])
def test_damaged_rows_are_refused_naming_the_file(table, tmp_path, cell, words):
    header, row, *_ = table.read_text().splitlines()
    (tmp_path / "a.csv").write_text("\n".join([header, ",".join([*row.split(",")[:-1], cell])]) + "\n")
    with pytest.raises(SikpdosError, match=words) as caught:
        ablation_table.read_rows(tmp_path / "a.csv")
    assert "a.csv" in str(caught.value)


def test_a_window_hides_the_rest(small_dataset):
    known = read_dataset(small_dataset)
    cut = ablation.masked(known, 4.0, 9.0)
    inside = (SPECTRUM.energy_eV > 3.95) & (SPECTRUM.energy_eV < 8.95)
    assert inside.sum() == 50
    assert np.array_equal(cut.spectra[:, inside], known.spectra[:, inside])
    assert not cut.spectra[:, ~inside].any()
    assert known.spectra[:, ~inside].any()
