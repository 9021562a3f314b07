"""Plural scattering taken out: as exspy does it, as the truth is, and refused without a zero-loss peak."""

from __future__ import annotations

import numpy as np
import pytest
from support import ROOT, assert_one_line_failure

from sikpdos.common import tables
from sikpdos.common.errors import SikpdosError
from sikpdos.spectra.low_loss import LowLoss, remove_plural_scattering, zero_loss

FIXTURES = ROOT / "tests" / "fixtures" / "spectra"


@pytest.fixture(scope="module")
def core():
    return np.genfromtxt(FIXTURES / "exspy_core.csv", delimiter=",", names=True)


@pytest.fixture(scope="module")
def low_loss():
    return LowLoss(*np.genfromtxt(FIXTURES / "exspy_low.csv", delimiter=",", skip_header=1).T)


def shape(curve: np.ndarray, core) -> np.ndarray:
    """From just below the edge to 40 eV above, maximum 1."""
    near = curve[(core["energy_eV"] > 1838) & (core["energy_eV"] < 1880)]
    return near / near.max()


def test_as_exspy_within_one_per_cent(core, low_loss):
    ours, _ = remove_plural_scattering(core["energy_eV"], core["measured"][None], low_loss)
    assert np.abs(shape(ours[0], core) - shape(core["exspy"], core)).max() < 0.01


def test_the_truth_comes_back(core, low_loss):
    ours, peak = remove_plural_scattering(core["energy_eV"], core["measured"][None], low_loss)
    truth = shape(core["single"], core)
    assert np.abs(shape(core["measured"], core) - truth).max() > 0.3
    assert np.abs(shape(ours[0], core) - truth).max() < 0.005
    assert peak.thickness == pytest.approx(0.7, abs=0.01)
    assert peak.fwhm_eV == pytest.approx(1.18, abs=0.03)


def test_an_error_of_the_low_loss_zero_does_not_move_the_edge(core, low_loss):
    moved = LowLoss(low_loss.energy_eV + 3.1, low_loss.intensity)
    ours, there = (
        remove_plural_scattering(core["energy_eV"], core["measured"][None], x)[0][0] for x in (low_loss, moved)
    )
    assert np.abs(ours - there).max() < 0.01 * ours.max()


@pytest.mark.parametrize(
    ("part", "words"),
    [(slice(120, None), "zero-loss peak"), (slice(0, 150), "are needed"), (slice(80, None), "no zero-loss peak")],
)
def test_a_spectrum_without_its_parts_is_refused(core, low_loss, part, words):
    cut = LowLoss(low_loss.energy_eV[part], low_loss.intensity[part])
    with pytest.raises(SikpdosError, match=words):
        remove_plural_scattering(core["energy_eV"], core["measured"][None], cut)


def test_a_peak_alone_has_no_thickness():
    energy_eV = np.arange(-10, 60, 0.25)
    assert zero_loss(LowLoss(energy_eV, np.exp(-0.5 * energy_eV**2))).thickness == pytest.approx(0, abs=1e-3)


def test_as_a_command(cli, tmp_path, core):
    tables.write_csv(tmp_path / "core.csv", {"energy_eV": core["energy_eV"], "counts": core["measured"] + 1.0})
    done = cli("predict", tmp_path / "core.csv", "--low-loss", FIXTURES / "exspy_low.csv", "--json")
    assert "plural scattering removed: t/lambda 0.70" in done.stderr
    wrong = cli("predict", tmp_path / "core.csv", "--low-loss", tmp_path / "core.csv")
    assert_one_line_failure(wrong, "core.csv", "zero-loss peak")
