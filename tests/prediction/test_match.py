"""Template matching as a command."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest
from support import assert_one_line_failure

from sikpdos.dataset.dataset import read_dataset


def rows(text: str) -> list[dict]:
    return list(csv.DictReader(io.StringIO(text)))


def test_a_datasets_own_sites_are_their_nearest(cli, small_dataset):
    done = cli("match", small_dataset, small_dataset, "--neighbours", "-k", 3)
    assert done.returncode == 0, done.stderr
    found = rows(done.stdout)
    assert len(found) == 3 * 24
    assert all(row["spectrum"] == row["template_id"] for row in found if row["rank"] == "1")
    assert all(float(row["spectrum_mse"]) == 0 for row in found if row["rank"] == "1")


def test_matched_densities_are_the_templates(cli, small_dataset):
    known = read_dataset(small_dataset)
    found = rows(cli("match", small_dataset, small_dataset).stdout)
    s = np.array([float(row["s"]) for row in found]).reshape(24, 300)
    assert np.allclose(s, known.pdos[:, 0], rtol=1e-5, atol=1e-9)


def test_the_test_part_against_the_rest(cli, small_dataset, small_model):
    own = rows(cli("match", small_dataset).stdout)
    known = read_dataset(small_dataset)
    group = dict(zip(known.ids.tolist(), known.groups.tolist(), strict=True))
    assert len(own) in (4, 5, 6)
    assert all(group[row["site_id"]] != group[row["template_id"]] for row in own)
    compared = rows(cli("match", small_dataset, "--model", small_model).stdout)
    assert [row["site_id"] for row in compared] == [row["site_id"] for row in own]
    for row in compared:
        matched, ours = (float(row[f"{who}s_mse"]) + float(row[f"{who}p_mse"]) for who in ("", "model_"))
        assert float(row["delta_mse"]) == pytest.approx((matched - ours) / 2, abs=1e-8)


def test_in_a_pipe(shell, small_dataset):
    done = shell(f"cat {small_dataset} | sikpdos match - | sort | head -1")
    assert done.stdout.startswith("X")
    assert not done.stderr


def test_a_dataset_of_other_broadening_is_refused(cli, small_dataset, tmp_path):
    assert cli("assemble", small_dataset.with_name("raw"), "--sigma", 1.2, "-o", tmp_path / "broad.npz").returncode == 0
    done = cli("match", small_dataset, tmp_path / "broad.npz")
    assert_one_line_failure(done, "broad.npz", "sigma or onset rule")
    assert cli("match", small_dataset, "x.msa", "--model", "m.npz").returncode == 2


def test_measured_files_are_read_and_corrected_as_predict_does(cli, small_dataset, tmp_path):
    energy_eV = np.arange(1800, 1880, 0.25)
    edge = np.where(energy_eV > 1839, 1 + 0.5 * np.exp(-0.5 * ((energy_eV - 1845) / 2) ** 2), 0)
    signal = 100 + 300 * edge
    spiked = signal + 5000 * (np.arange(energy_eV.size) == np.searchsorted(energy_eV, 1848))

    def write(name, shift_eV, values):
        rows = zip(energy_eV + shift_eV, values, np.full(energy_eV.size, 2.0), strict=True)
        text = "Energy (eV),fluo,i0\n" + "".join(f"{e:.2f},{y:.4f},{i}\n" for e, y, i in rows)
        (tmp_path / name).write_text(text)
        return tmp_path / name

    clean, moved = write("clean.csv", 0, signal), write("moved.csv", -50, spiked)
    expected = cli("match", small_dataset, clean, "--neighbours")
    assert expected.returncode == 0, expected.stderr
    asked = ("--e0-shift", 50, "--despike", "--column", "fluo/i0")
    corrected = cli("match", small_dataset, moved, "--neighbours", *asked)
    assert [row["template_id"] for row in rows(corrected.stdout)] == [
        row["template_id"] for row in rows(expected.stdout)
    ]
    as_it_is = cli("match", small_dataset, moved)
    assert as_it_is.returncode == 1
    assert "moved.csv" in as_it_is.stderr
    assert "fluo" in cli("match", small_dataset, clean, "--list").stdout
    flattened = cli("match", small_dataset, clean, "--self-absorption", "45,45", "--neighbours")
    assert_one_line_failure(flattened, "more fluorescence than a thick sample of this composition gives")
    sharper = cli("match", small_dataset, clean, "--sigma", 0.9)
    assert_one_line_failure(sharper, "sigma 0.9 eV is broader than the templates' 0.5 eV")
