"""`import sikpdos`: the Python interface, alone and against the command that stands on it."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys

import numpy as np
import pytest
from support import ROOT

import sikpdos

EXAMPLE = ROOT / "examples" / "exp.msa"


@pytest.fixture(scope="module")
def measured() -> sikpdos.SpectrumSet:
    (spectra,) = sikpdos.read_spectra(EXAMPLE)
    return spectra


@pytest.fixture(scope="module")
def result(measured) -> sikpdos.Prediction:
    return sikpdos.predict(measured.energy_eV, measured.intensity[0], sigma_eV=1.2, smooth=(40, 3))


def run(code: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_command_prints_what_the_interface_returns(cli, result):
    done = cli("predict", EXAMPLE, "--sigma", "1.2", "--smooth", "40,3")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    for name in ("energy_eV", "s", "p", "total", "s_std", "p_std"):
        printed = np.array([float(row[name]) for row in rows])
        np.testing.assert_allclose(printed, getattr(result, name), rtol=2e-5, atol=1e-9)


def test_prediction_loads_no_heavy_package():
    loaded = run(
        "import sys, sikpdos; light = set(sys.modules); (s,) = sikpdos.read_spectra('examples/exp.msa');"
        "sikpdos.predict(s.energy_eV, s.intensity[0]);"
        "print('numpy' in light, [m for m in ('torch', 'pymatgen', 'matplotlib', 'typer') if m in sys.modules])"
    )
    assert loaded.split(maxsplit=1) == ["False", "[]\n"]


def test_every_name_is_there_and_no_other():
    assert {name for name in sikpdos.__all__ if getattr(sikpdos, name, None) is None} == set()
    with pytest.raises(AttributeError, match="has no attribute 'predcit'"):
        sikpdos.predcit  # noqa: B018


def test_many_spectra_give_a_list_equal_to_each_alone(measured, result):
    both = sikpdos.predict(
        measured.energy_eV, np.repeat(measured.intensity, 2, axis=0), model="measured", sigma_eV=1.2, smooth=(40, 3)
    )
    assert len(both) == 2
    for one in both:
        np.testing.assert_allclose(one.s, result.s, rtol=1e-5, atol=1e-7)
        assert one.onset_eV == pytest.approx(result.onset_eV)


def test_bands_hold_the_estimate_and_stay_positive(result):
    for orbital in ("s", "p"):
        curve = getattr(result, orbital)
        assert (result.lower(orbital) <= curve).all()
        assert (curve <= result.upper(orbital)).all()
        assert (result.lower(orbital) >= 0).all()


def test_the_result_cannot_be_changed_by_accident(result):
    with pytest.raises(AttributeError):
        result.onset_eV = 0.0


def test_pymatgen_integrates_the_density_of_states(result):
    dos = result.to_dos("p")
    below = result.energy_eV <= dos.efermi
    (density,) = dos.densities.values()
    np.testing.assert_array_equal(density, result.p)
    assert np.trapezoid(density[below], dos.energies[below]) == pytest.approx(2.6, abs=0.6)  # valence p electrons


@pytest.mark.parametrize(
    ("energy_eV", "intensity", "words"),
    [
        (np.arange(5.0), np.ones(4), "do not fit each other"),
        (np.arange(5.0), np.array([1, 2, np.nan, 3, 4]), "NaN"),
        (np.array([1.0, 2.0, 2.0, 3.0]), np.ones(4), "must increase"),
        (np.linspace(1740, 1880, 561), np.ones(561), "no onset"),
    ],
)
def test_what_is_no_spectrum_is_an_error_of_the_suite(energy_eV, intensity, words):
    with pytest.raises(sikpdos.SikpdosError, match=words):
        sikpdos.predict(energy_eV, intensity)


def test_the_example_runs_and_its_bands_hold():
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / "api.py"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    share = int(done.stdout.split("inside the bands: ")[1].split("%")[0])
    assert 80 <= share <= 100
    assert "Dos of 300 energies" in done.stdout
