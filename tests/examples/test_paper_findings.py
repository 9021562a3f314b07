"""examples/paper/findings.py on small made-up tables: its verdicts follow the numbers."""

from __future__ import annotations

import itertools
import re
import subprocess

import numpy as np
import pytest
from support import ROOT, runs
from support.plot_files import known, matches, predicted

from sikpdos.common import tables
from sikpdos.dataset import dataset
from sikpdos.model import ablation_table
from sikpdos.prediction import storage

SEEDS = range(5)
JITTER = 0.01  # relative spread over seeds


def wobble(seed: int) -> float:
    return 1 + JITTER * np.sin(7.0 * seed)


def script(name: str, *arguments) -> subprocess.CompletedProcess:
    return runs.script(ROOT / "examples" / "paper" / name, *arguments)


def gains(model_wins: bool) -> list[dict]:
    """Matches of five splits: ΔMSE rises with the distance of the nearest edge, and is mostly positive, or is not."""
    rows = []
    for seed in SEEDS:
        for k in range(20):
            delta = 1e-3 * (k - 5 + 0.1 * seed) * (1 if model_wins else -1)
            rows.append(
                {"seed": seed, "site_id": f"site-{k}", "template_id": "other", "spectrum_mse": 1e-4 * (k + 1)}
                | {"s_mse": 0.05, "p_mse": 0.05, "model_s_mse": 0.05 - delta, "model_p_mse": 0.05 - delta}
                | {"delta_mse": delta}
            )
    return rows


def windows(growing: list[float], s: list[float], p: list[float]) -> list[dict]:
    """MSE (1e-3) of windows that grow to 4, 9, 14, 19 eV, s and p alike, and of single ones up to 9, 14, 19 eV."""
    alone = {"s": dict(zip((9, 14, 19), s, strict=True)), "p": dict(zip((9, 14, 19), p, strict=True))}
    wider = dict(zip((4, 9, 14, 19), growing, strict=True))
    rows = []
    for seed, (start, stop), orbital in itertools.product(SEEDS, ablation_table.windows(), "sp"):
        error = 1e-3 * (wider if start == -1 else alone[orbital])[stop] * wobble(seed + stop)
        window = {"seed": seed, "window_start_eV": start, "window_stop_eV": stop, "orbital": orbital}
        rows += [
            window | {"region_start_eV": low, "region_stop_eV": up, "mse": error}
            for low, up in ablation_table.REGIONS_EV
        ]
    return rows


def noise(lost: bool, growth: float, ours: float) -> list[dict]:
    """SIMULATED: noise makes the error `growth` times as large; the resolution-aware model has `ours` of it."""

    def row(resolution: float, counts: str, smoothing: str, seed: int, peak: float, error: float) -> dict:
        found = {"sites": "Si-I-0", "resolution_eV": resolution, "counts": counts, "smoothing": smoothing}
        found |= {"draw": seed, "second_peak": peak}
        for sigma in (0.5, 1.2):
            found |= {f"mse_1.2_at_{sigma}": error, f"mse_measured_at_{sigma}": ours * error}
        return found

    rows = [row(eV, "noise-free", way, 0, 0.1, 1e-3) for eV in (0.5, 1.2) for way in ("raw", "40,3")]
    peak = 0.01 if lost else 0.09
    for seed in range(10):
        rows += [row(1.2, "10000", way, seed, peak, 1e-3 * growth * wobble(seed)) for way in ("raw", "40,3")]
    return rows


def table(path, rows: list[dict]) -> None:
    tables.write_csv(path, {key: [row[key] for row in rows] for key in rows[0]})


PAPER = {  # numbers that are as the paper says
    "gains": gains(True),
    "windows": windows([8, 6, 4, 4], s=[9, 2, 9], p=[2, 9, 9]),
    "noise": noise(True, 3, 0.5),
}
ALL = {"F1, grouped": "confirmed", "F1, random": "confirmed", "F2": "confirmed", "F3": "confirmed", "F4": "confirmed"}


@pytest.fixture
def report(tmp_path):
    def run(**tables) -> tuple[str, dict[str, str]]:
        used = PAPER | tables
        for kind in ("grouped", "random"):
            table(tmp_path / f"matches-{kind}.csv", used["gains"])
        table(tmp_path / "ablation.csv", used["windows"])
        table(tmp_path / "near_fermi.csv", used["noise"])
        if "compounds" in used:
            (tmp_path / "compounds").mkdir()
            for kind in ("grouped", "random"):
                table(tmp_path / "compounds" / f"matches-{kind}.csv", used["compounds"])
            table(tmp_path / "compounds" / "ablation.csv", used["windows"])
        done = script("findings.py", tmp_path, tmp_path / "findings.md")
        assert done.returncode == 0, done.stderr
        text = (tmp_path / "findings.md").read_text()
        return text, dict(re.findall(r"^## (F.*?)(?: split)?: ([^;\n]*)", text, re.M))

    return run


def test_all_is_confirmed_where_the_numbers_are_the_papers(report):
    text, verdicts = report()
    assert verdicts == ALL
    assert "the resolution-aware model: better\n" in text
    assert "SIMULATED" in text
    assert "100 cases, 20 sites in the test parts of 5 grouped splits" in text
    assert "nan" not in text


@pytest.mark.parametrize(
    ("tables", "changed"),
    [
        ({"gains": gains(False)}, {"F1, grouped": "not confirmed", "F1, random": "not confirmed"}),
        (
            {"windows": windows([4, 6, 8, 8], s=[50, 50, 2], p=[50, 50, 2])},
            {"F2": "not confirmed", "F3": "not confirmed"},
        ),
        ({"windows": windows([8, 6, 4, 2], s=[1, 2, 9], p=[1, 2, 9])}, {"F2": "partly", "F3": "partly"}),
        ({"noise": noise(True, 1.1, 0.5)}, {"F4": "partly"}),
        ({"noise": noise(False, 1.1, 0.5)}, {"F4": "not confirmed"}),
    ],
)
def test_verdicts_follow_the_numbers(report, tables, changed):
    assert report(**tables)[1] == ALL | changed


def test_what_differs_less_than_from_seed_to_seed_is_not_confirmed(report):
    flat = windows([5] * 4, s=[5] * 3, p=[5] * 3)
    text, verdicts = report(windows=flat)
    assert (verdicts["F2"], verdicts["F3"]) == ("not confirmed", "not confirmed")
    assert "| open |" in text


def test_amorphous_sites_and_compounds_are_told_apart(report):
    amorphous = [row | {"site_id": f"Si-quenched-17-0-{n}"} for n, row in enumerate(gains(False))]
    text, verdicts = report(gains=gains(True) + amorphous[:10], compounds=gains(False))
    assert "Of 10 cases with amorphous sites the model is better in" in text
    assert verdicts["F1, random"] == "confirmed"
    assert verdicts["F1 of compounds, grouped"] == "not confirmed"
    assert verdicts["F2 of compounds"] == "confirmed"


def test_a_worse_resolution_aware_model_is_said_to_be(report):
    assert "resolution-aware model: not better\n" in report(noise=noise(True, 3, 2.0))[0]


def test_one_seed_confirms_nothing(report):
    first = {name: [row for row in PAPER[name] if row["seed"] == 0] for name in ("gains", "windows")}
    verdicts = report(**first)[1]
    assert {verdicts[name] for name in ("F1, grouped", "F2", "F3")} == {"not confirmed"}


def test_the_tables_of_splits_and_of_test_sites(tmp_path):
    for seed in (0, 1):
        tables.write_csv(tmp_path / f"grouped-{seed}.csv", matches())
    done = script("tables.py", "splits", *(tmp_path / f"grouped-{k}.csv" for k in (0, 1)), tmp_path / "all.csv")
    assert done.returncode == 0, done.stderr
    found = tables.read_csv(tmp_path / "all.csv")
    assert found["seed"] == ["0"] * 10 + ["1"] * 10
    assert found["site_id"] == matches()["site_id"] * 2

    dataset.write_dataset(tmp_path / "dataset.npz", known())
    storage.write_npz(tmp_path / "test.npz", [predicted(known())])
    done = script("tables.py", "test", tmp_path / "dataset.npz", tmp_path / "test.npz", tmp_path / "test.csv")
    assert done.returncode == 0, done.stderr
    found = tables.read_csv(tmp_path / "test.csv")
    assert (found["site_id"][0], float(found["s_mse"][0])) == ("Si-I-0", pytest.approx(1e-4, rel=1e-3))


def test_the_table_of_simulated_measurements(tmp_path):
    done = script("noise.py", tmp_path / "near.csv", "--draws", 2)
    assert done.returncode == 0, done.stderr
    found = tables.read_csv(tmp_path / "near.csv")
    assert found["counts"].count("noise-free") == 2 * 2 * 2
    assert found["sites"].count("Si-I-0") >= 2 * (2 + 2 * 2)  # with few counts an onset may be lost
    errors = np.array([tables.numbers(found, name, "near.csv") for name in found if name.startswith("mse_")])
    assert errors.shape[0] == 4
    assert (errors > 0).all()
    refused = script("noise.py", tmp_path / "other.csv", "--site", "nowhere")
    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
