"""predict as its users call it: a spectrum, several, a pipe, a matrix, a dataset; what it tells, what it refuses."""

from __future__ import annotations

import csv
import io
import json
import tracemalloc

import numpy as np
import pytest
from support import ROOT, assert_one_line_failure

from sikpdos.common import resources
from sikpdos.common.grid import PDOS
from sikpdos.dataset import database
from sikpdos.formats.emsa import write_msa
from sikpdos.formats.read import read_spectra
from sikpdos.prediction import batches, storage
from sikpdos.spectra import simulated_measurement

EXAMPLE = ROOT / "examples" / "exp.msa"


@pytest.fixture(scope="module")
def example():
    """Energies and counts of the example."""
    [spectrum] = read_spectra(EXAMPLE)
    return spectrum.energy_eV, spectrum.intensity[0].astype(float)


def table(text: str) -> dict[str, np.ndarray]:
    header, *rows = csv.reader(io.StringIO(text))
    return dict(zip(header, np.array(rows, float).T, strict=True))


def test_one_spectrum(cli):
    done = cli("predict", EXAMPLE, "--smooth", "40,3")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("energy_eV,s,p,total,s_std,p_std\n-15.0,")
    found = table(done.stdout)
    assert np.array_equal(found["energy_eV"], PDOS.energy_eV)
    assert np.allclose(found["s"] + found["p"], found["total"], rtol=1e-4, atol=1e-8)
    assert all((found[name] >= 0).all() for name in found if name != "energy_eV")
    assert (found["s_std"] > 0).all()
    for words in ("background power law", "over 4 eV (40 points)", "onset at 18", "0.25 eV off", "model trained on"):
        assert words in done.stderr
    assert "warning" not in done.stderr


def test_the_truth_of_the_example_lies_in_the_band(cli):
    found, truth = table(cli("predict", EXAMPLE).stdout), table(EXAMPLE.with_name("exp_true_pdos.csv").read_text())
    for name in ("s", "p"):
        inside = np.abs(found[name] - truth[name]) <= 1.645 * found[f"{name}_std"]
        assert inside.mean() > 0.75


def test_twice_gives_the_same_bytes(cli):
    assert cli("predict", EXAMPLE).stdout == cli("predict", EXAMPLE).stdout


def test_standard_input_and_process_substitution(cli, shell):
    plain = cli("predict", EXAMPLE).stdout
    assert shell(f"cat {EXAMPLE} | sikpdos predict -").stdout == plain
    assert shell(f"sikpdos predict <(cat {EXAMPLE})").stdout == plain


def test_the_good_one_of_two_files(cli, tmp_path):
    (tmp_path / "bad.msa").write_text("nonsense")
    (tmp_path / "a.msa").write_bytes(EXAMPLE.read_bytes())
    done = cli("predict", "a.msa", "bad.msa", cwd=tmp_path)
    assert done.returncode == 1
    header, *rows = done.stdout.splitlines()
    assert header == "spectrum,energy_eV,s,p,total,s_std,p_std"
    assert len(rows) == 300
    assert all(row.startswith("a.msa,") for row in rows)
    assert any(line.startswith("sikpdos predict: bad.msa: ") for line in done.stderr.splitlines())


def test_json_lines(cli, tmp_path):
    done = cli("predict", EXAMPLE, EXAMPLE, "--json")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(lines) == 2
    assert lines[0] == lines[1]
    assert 2 < lines[0]["s_electrons"] + lines[0]["p_electrons"] < 6
    assert lines[0]["onset_eV"] == pytest.approx(1840, abs=1)
    assert lines[0]["onset_sensitivity"] > 0


def test_a_given_onset_is_used(cli):
    done = cli("predict", EXAMPLE, "--onset", 1841.5, "--json")
    assert json.loads(done.stdout)["onset_eV"] == 1841.5
    assert "onset at 1841.50 eV (given)" in done.stderr
    assert_one_line_failure(cli("predict", EXAMPLE, "--onset", 5), "outside the measured")
    assert_one_line_failure(cli("predict", EXAMPLE, "--onset", 0), "outside the measured")


def test_an_unfinished_measurement(cli, tmp_path, example):
    energy_eV, counts = example
    short = energy_eV < 1852
    write_msa(tmp_path / "short.msa", energy_eV[short], counts[short], title="short")
    refused = cli("predict", "short.msa", cwd=tmp_path)
    assert_one_line_failure(refused, "short.msa", "to 19 eV around the onset not measured", "--allow-partial")
    allowed = cli("predict", "short.msa", "--allow-partial", cwd=tmp_path)
    assert allowed.returncode == 0
    assert "warning: 1" in allowed.stderr
    assert len(allowed.stdout.splitlines()) == 301


def test_resolution_is_brought_to_the_models(cli):
    sharper = cli("predict", EXAMPLE, "--model", "1.2", "--sigma", 1.0)
    assert "broadened further with sigma 0.66 eV" in sharper.stderr
    broader = cli("predict", EXAMPLE, "--model", "0.5", "--sigma", 1.2)
    assert_one_line_failure(broader, "exp.msa", "sigma 1.2 eV is broader than the model's 0.5 eV")
    beyond = cli("predict", EXAMPLE, "--sigma", 4)
    assert_one_line_failure(beyond, "beyond the model's")


def unlike(kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Spectra that are no silicon K-edge."""
    energy_eV, rng = np.arange(1740, 1871, 0.25), np.random.default_rng(0)
    x = energy_eV - 1840
    edge = {
        "constant after a step": 1.0 * (x > 0),
        "noise after a step": (x > 0) * rng.random(x.size),
        "white line": np.exp(-0.5 * (x / 0.7) ** 2) + 0.05 * (x > 0),
        "slow rise": np.clip(x / 30, 0, None),
    }[kind]
    return energy_eV, np.round(1e4 * (energy_eV / 1740) ** -3 + 1e4 * edge)


@pytest.mark.parametrize("kind", ["constant after a step", "noise after a step", "white line", "slow rise"])
def test_a_spectrum_unlike_silicon_is_warned_of(cli, tmp_path, kind):
    write_msa(tmp_path / "odd.msa", *unlike(kind), title=kind)
    done = cli("predict", "odd.msa", "--allow-partial", cwd=tmp_path)
    told = ("unlike any in the training set", "no onset", "no silicon K-edge", "no edge but a peak", "spike")
    assert any(words in done.stderr for words in told)


def simulated(count: int) -> tuple[np.ndarray, np.ndarray]:
    known, rng = database.read_database(resources.DATABASE), np.random.default_rng(1)
    rows = np.arange(count) % len(known)
    conditions = simulated_measurement.draw(count, (0.5, 1.2), (1e4, 1e6), rng)
    return simulated_measurement.record(known.edge_energy_eV, known.edge[rows], conditions, rng)


def test_white_lines_of_oxides_are_no_peaks(cli, tmp_path):
    """Of nearly all oxides the line at the onset is many times higher than what follows."""
    known, rng = database.read_database(resources.DATABASE), np.random.default_rng(1)
    oxides = [k for k, meta in enumerate(known.site_meta) if meta["material_class"] in ("oxide", "silicate")]
    assert len(oxides) > 15
    conditions = simulated_measurement.ideal(len(oxides), 0.5, 1e5)
    energy_eV, counts = simulated_measurement.record(known.edge_energy_eV, known.edge[oxides], conditions, rng)
    np.savez(tmp_path / "oxides.npz", energy_eV=energy_eV, spectra=counts)
    done = cli("predict", "oxides.npz", "--strict", "-o", "p.npz", cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_a_matrix_in_one_pass_with_flat_memory(cli, tmp_path, small_model, monkeypatch):
    monkeypatch.setattr(batches, "BATCH", 100)
    energy_eV, counts = simulated(150)
    for name, repeats in (("few.npz", 4), ("many.npz", 10)):
        np.savez(tmp_path / name, energy_eV=energy_eV, spectra=np.tile(counts.astype(np.float32), (repeats, 1)))

    def peak_bytes(source: str) -> int:
        tracemalloc.start()
        # a model of nine families of silicon takes some zeolites for no silicon at all
        done = cli("predict", source, "-m", small_model, "--any-edge", "-o", f"out_{source}", cwd=tmp_path)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert done.returncode == 0, done.stderr
        assert done.stderr.count("model trained on") == 1
        return peak

    cli("predict", "few.npz", "-m", small_model, cwd=tmp_path)  # what is loaded once
    few, many = peak_bytes("few.npz"), peak_bytes("many.npz")
    kept_bytes = 900 * 4 * (energy_eV.size + 200 + 2 * 600)  # spectra and results of 900 more
    assert many - few < 0.15 * kept_bytes
    found = storage.read_predictions(tmp_path / "out_many.npz")
    assert found.pdos.shape == (1500, 2, 300)
    assert found.ids.tolist() == [str(i) for i in range(1500)]
    assert np.abs(found.pdos[:150] - found.pdos[-150:]).max() < 1e-5  # whatever block a spectrum is in
    assert np.isfinite(found.pdos_std).all()


@pytest.mark.parametrize("ends_eV", [(100, 200), (280, 300), (5000, 5100), (1700, 1800)])
def test_many_spectra_without_a_silicon_edge_are_refused_in_one_line(cli, tmp_path, monkeypatch, ends_eV):
    monkeypatch.setattr(batches, "BATCH", 10)
    spectra = np.random.default_rng(0).random((25, 300)) + 1
    np.savez(tmp_path / "m.npz", energy_eV=np.linspace(*ends_eV, 300), spectra=spectra)
    done = cli("predict", "m.npz", "-o", "p.npz", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.count("m.npz") == done.stderr.count("no silicon K-edge") == 1
    assert not (tmp_path / "p.npz").exists()


def test_bad_spectra_of_a_matrix_stay_in_their_places_and_are_told_together(cli, tmp_path):
    energy_eV, counts = simulated(8)
    counts[[1, 2, 3, 4]] = 7.0
    counts[5] = np.nan
    np.savez(tmp_path / "m.npz", energy_eV=energy_eV, spectra=counts)
    done = cli("predict", "m.npz", "--json", "--strict", cwd=tmp_path)
    assert done.returncode == 1
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["spectrum"] for line in lines] == list("01234567")
    assert [line["novelty"] is None for line in lines] == [0 < i < 6 for i in range(8)]
    assert "m.npz: 1, 2, 3 and 1 more: no onset" in done.stderr
    assert "m.npz: 5: intensity is nan" in done.stderr
    done = cli("predict", "m.npz", "-o", "p.npz", cwd=tmp_path)
    assert done.returncode == 0
    with np.load(tmp_path / "p.npz") as arrays:
        assert np.isnan(arrays["pdos"]).all(axis=(1, 2)).tolist() == [0 < i < 6 for i in range(8)]
    assert storage.read_predictions(tmp_path / "p.npz").ids.tolist() == ["0", "6", "7"]
    assert "is sikpdos-predictions-1" in cli("predict", "p.npz", cwd=tmp_path).stderr


def test_an_aborted_scan_is_told_and_the_others_are_predicted(cli, tmp_path):
    energy_eV, counts = simulated(2)
    (tmp_path / "scans.dat").write_text(
        "#F scans.dat\n"
        + "".join(
            f"\n#S {number} escan\n#N 2\n#L energy_eV  counts\n"
            + "".join(f"{e:.2f} {n:.0f}\n" for e, n in zip(energy_eV[:length], scan, strict=False))
            for number, (scan, length) in enumerate([(counts[0], None), (counts[0], 3), (counts[1], None)], 1)
        )
    )
    done = cli("predict", "scans.dat", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert [json.loads(line)["spectrum"] for line in done.stdout.splitlines()] == ["scan 1", "scan 3"]
    assert "scans.dat: scan 2: " in done.stderr
    assert cli("predict", "scans.dat", "--json", "--strict", cwd=tmp_path).returncode == 1
    assert_one_line_failure(cli("predict", "scans.dat", "--scan", 2, "--json", cwd=tmp_path), "scans.dat")


def test_options_that_do_not_apply_are_refused(cli, small_dataset, tmp_path):
    done = cli("predict", small_dataset, "--despike", "--sigma", 1, "--json")
    assert (done.returncode, done.stdout) == (1, "")
    assert "--sigma, --despike are for measured spectra only" in done.stderr
    done = cli("predict", EXAMPLE, "--part", "test", "--json")
    assert (done.returncode, done.stdout) == (1, "")
    assert "--part is for datasets only" in done.stderr


def test_a_model_of_computed_spectra_warns_of_a_measurement(cli):
    done = cli("predict", EXAMPLE, "--model", "0.5", "--json")
    assert done.returncode == 0
    assert "warning: this model was trained on computed spectra" in done.stderr


def test_files_whose_spectra_have_the_same_names(cli, tmp_path):
    energy_eV, counts = simulated(2)
    for name in ("a.npz", "b.npz"):
        np.savez(tmp_path / name, energy_eV=energy_eV, spectra=counts)
    done = cli("predict", "a.npz", "b.npz", "--json", cwd=tmp_path)
    names = [json.loads(line)["spectrum"] for line in done.stdout.splitlines()]
    assert names == ["a.npz:0", "a.npz:1", "b.npz:0", "b.npz:1"]


def test_a_dataset_and_its_parts(cli, shell, small_dataset, small_model):
    everything = cli("predict", small_dataset, "--model", small_model, "--json").stdout.splitlines()
    parts = [
        cli("predict", small_dataset, "--model", small_model, "--json", "--part", part).stdout.splitlines()
        for part in ("test", "train")
    ]
    assert len(everything) == 24
    assert sorted(parts[0] + parts[1]) == sorted(everything)
    piped = shell(f"cat {small_dataset} | sikpdos predict - --model {small_model} --json")
    assert piped.stdout.splitlines() == everything


def test_a_dataset_of_other_broadening_is_refused(cli, small_dataset, small_model, tmp_path):
    assert cli("assemble", small_dataset.with_name("raw"), "--sigma", 0.8, "-o", tmp_path / "b.npz").returncode == 0
    done = cli("predict", tmp_path / "b.npz", "--model", small_model)
    assert_one_line_failure(done, "sigma_eV is 0.8, the model's 0.5")
    assert_one_line_failure(cli("predict", tmp_path / "b.npz"), "no model of sigma 0.8 eV", "--model")


def test_a_closed_pipe(shell, small_dataset, small_model):
    done = shell(f"sikpdos predict {small_dataset} --model {small_model} | head -1")
    assert done.returncode == 141
    assert done.stdout == "spectrum,energy_eV,s,p,total,s_std,p_std\n"
    assert "Traceback" not in done.stderr
    assert "Broken" not in done.stderr


@pytest.mark.parametrize(
    "flags",
    [
        ("--smooth", "40"),
        ("--smooth", "a,b"),
        ("--background", "1,2,3"),
        ("--onset", "x"),
        ("--part", "x"),
        ("--sigma", -1),
    ],
)
def test_usage_errors(cli, flags):
    done = cli("predict", EXAMPLE, *flags)
    assert done.returncode == 2
    assert flags[0].strip("-") in done.stderr
    assert not done.stdout


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--smooth", "0,0"), "cannot smooth"),
        (("--smooth", "5000,3"), "longer than the spectrum"),
        (("--background", "1800,1800.5"), "fewer than 5 points"),
        (("--background", "none"), "no onset"),
        (("--model", "nope.npz"), "no such file, nor a shipped model"),
        (("--onset", "3000"), "outside the measured"),
    ],
)
def test_options_that_do_not_fit(cli, flags, words):
    assert_one_line_failure(cli("predict", EXAMPLE, *flags), words)
