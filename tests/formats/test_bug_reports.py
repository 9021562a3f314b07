"""Files as public bug reports describe them: one diamond edge in other clothes, so that the right answer is known."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

FILES = Path(__file__).parents[1] / "fixtures" / "bugs"
PLAIN = "reference.xmu"  # the edge without any of that
RIGHT_STATES = 2e-3  # rms difference to the reference, whose own rms is 0.19
SPECTRA = {
    "01_repeated_joint.xmu": 1,
    "01b_mrcat_first_point_thrice.dat": 1,
    "01c_rounded_energies.txt": 1,
    "02_readback_jitter.dat": 1,
    "03_spec_one_scan.dat": 1,
    "03b_spec_two_scans.dat": 2,
    "04_aps_labview.dat": 1,
    "05_xdi_dead_itrans.xdi": 1,
    "06_mrcat_Io.dat": 1,
    "06b_tey_tfy.dat": 1,
    "06c_time_first.csv": 1,
    "07_xdi_gse.xdi": 1,
    "07b_athena_many.nor": 2,
    "08_negative_mu.dat": 1,
    "09_spectrum_comment.txt": 1,
    "09b_spectrum_comment.txt": 1,
    "10_ssrl.dat": 1,
    "10b_9809.dat": 1,
    "10c_footer.txt": 1,
    "10d_count_line.dat": 1,
    "11_nexus.nxs": 1,
    "13b_zero_filled.csv": 1,
    "19_many_columns.csv": 3,
    "19b_pairs.csv": 2,
    "20_thousands.txt": 1,
    "20b_thousands_quoted.csv": 1,
}


def densities(path: Path) -> dict[str, np.ndarray]:
    """Name -> s and p (300, 2) of a CSV that `predict` wrote."""
    with open(path, newline="") as stream:
        rows = list(csv.DictReader(stream))
    found: dict[str, list] = {}
    for row in rows:
        found.setdefault(row.get("spectrum", ""), []).append((float(row["s"]), float(row["p"])))
    return {name: np.array(curve) for name, curve in found.items()}


@pytest.fixture(scope="module")
def predicted(cli, tmp_path_factory):
    """All files predicted in one run: its exit code, its words, and the densities of states by file."""
    output = tmp_path_factory.mktemp("bugs") / "pdos.csv"
    done = cli("predict", PLAIN, *SPECTRA, "-o", output, cwd=FILES)
    found: dict[str, list[np.ndarray]] = {name: [] for name in (PLAIN, *SPECTRA)}
    for name, curve in densities(output).items():
        found[name.partition(":")[0]].append(curve)
    return done, found


@pytest.mark.parametrize("name", SPECTRA)
def test_the_answer_is_right(predicted, name):
    _, found = predicted
    [reference] = found[PLAIN]
    assert reference.max() > 0.1
    assert len(found[name]) == SPECTRA[name]
    for curve in found[name]:
        assert np.sqrt(((curve - reference) ** 2).mean()) < RIGHT_STATES


def test_nothing_was_refused_and_what_was_done_was_said(predicted):
    done, _ = predicted
    assert done.returncode == 0, done.stderr
    for words in (
        "01_repeated_joint.xmu: warning: 2 energies are repeated",
        "02_readback_jitter.dat: warning: 15 energies step back by up to 0.01: sorted",
        "03_spec_one_scan.dat: warning: TEY / Ioni1 taken (not FLUO)",
        "05_xdi_dead_itrans.xdi: warning: ifluor / i0 taken",
        "10b_9809.dat: warning: energies computed from Bragg angles",
        "10c_footer.txt: warning: line 337 ('END OF DATA') and what follows are no data",
    ):
        assert words in done.stderr.replace(
            "warning: TEY_KEITHLEY2_c4 / I0_KEITHLEY1_c3 taken (not SiKa_sum_cps_c2)", ""
        )


def test_list_says_what_is_there_and_what_would_be_taken(cli):
    done = cli("predict", "--list", "03b_spec_two_scans.dat", "04_aps_labview.dat", cwd=FILES)
    assert done.returncode == 0
    rows = list(csv.DictReader(done.stdout.splitlines()))
    assert [row["scan"] for row in rows[:12]] == 6 * ["1"] + 6 * ["2"]
    taken = {row["name"]: row["taken_as"] for row in rows if row["file"] == "04_aps_labview.dat"}
    assert taken == {"Mono Energy": "energy", "Scaler preset time": "", "I0": "I0", "I1": "", "If": "intensity"}
    energy = next(row for row in rows if row["name"] == "Energy")
    assert (float(energy["lowest"]), float(energy["highest"])) == (1.75, 1.929)


def test_a_column_and_a_scan_can_be_asked_for(cli, predicted, tmp_path):
    done = cli(
        "predict",
        "03b_spec_two_scans.dat",
        "--scan",
        "2",
        "--column",
        "FLUO/Ioni1",
        "-o",
        tmp_path / "x.csv",
        cwd=FILES,
    )
    assert done.returncode == 0
    [reference] = predicted[1][PLAIN]
    [curve] = densities(tmp_path / "x.csv").values()
    assert np.sqrt(((curve - reference) ** 2).mean()) < RIGHT_STATES
    refused = cli("predict", "03b_spec_two_scans.dat", "--scan", "3", cwd=FILES)
    assert refused.returncode == 1
    assert refused.stderr == "sikpdos predict: 03b_spec_two_scans.dat: no scan '3' (scans: 1, 2)\n"


def test_results_are_no_input(cli, tmp_path):
    assert cli("predict", FILES / PLAIN, "-o", tmp_path / "pdos.csv").returncode == 0
    done = cli("predict", tmp_path / "pdos.csv")
    assert done.returncode == 1
    assert "densities of states that were predicted, no spectra" in done.stderr
