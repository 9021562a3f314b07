"""Scans of one sample merged: weighted, with the scatter between them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sikpdos.common.errors import SikpdosError
from sikpdos.formats.columns import ColumnChoice
from sikpdos.formats.merge import merge, noise_variance
from sikpdos.formats.read import read_spectra
from sikpdos.formats.spectrum_set import SpectrumSet

MEASURED = Path(__file__).parents[1] / "fixtures" / "measured"
ENERGY_EV = np.arange(1800.0, 1900.0, 0.25)
EDGE = 2 - 0.002 * (ENERGY_EV - 1800) + 1 / (1 + np.exp(-(ENERGY_EV - 1840)))


def scans(sigmas, factor=1.0, offset=0.0, seed=0) -> list[SpectrumSet]:
    rng = np.random.default_rng(seed)
    rows = [EDGE + sigma * rng.normal(size=EDGE.size) for sigma in sigmas]
    rows[1:] = [factor * row + offset for row in rows[1:]]
    return [
        SpectrumSet(names=(f"scan {i}",), energy_eV=ENERGY_EV, intensity=row[None], kind="xas")
        for i, row in enumerate(rows)
    ]


def test_the_standard_deviation_is_that_of_the_mean():
    error, claimed = [], []
    for seed in range(30):
        merged = merge(scans([0.02] * 4, seed=seed), "x")
        shape = np.polyfit(EDGE, merged.intensity[0], 1)
        error.append(merged.intensity[0] - np.polyval(shape, EDGE))
        claimed.append(merged.intensity_std[0])
    assert np.sqrt(np.mean(np.square(error))) == pytest.approx(0.01, rel=0.05)
    assert np.sqrt(np.mean(np.square(claimed))) == pytest.approx(0.01, rel=0.1)


def test_noisy_scans_count_less_and_scales_do_not_matter():
    merged = merge(scans([0.01, 0.03], factor=50, offset=7), "x")
    alone = np.std(scans([0.01])[0].intensity[0] - EDGE)
    assert np.std(merged.intensity[0] - np.polyval(np.polyfit(EDGE, merged.intensity[0], 1), EDGE)) < 1.05 * alone
    assert "weighted by inverse variance, 9" in merged.warnings[-1]


def test_noise_is_told_from_neighbouring_channels():
    [spectra] = scans([0.02])
    assert np.sqrt(noise_variance(ENERGY_EV, spectra.intensity[0])) == pytest.approx(0.02, rel=0.2)
    assert np.sqrt(noise_variance(ENERGY_EV, EDGE)) < 2e-3


def test_other_grids_are_interpolated():
    first, second = scans([0, 0])
    other = np.arange(1790.0, 1880.0, 0.4)
    second = SpectrumSet(names=("b",), energy_eV=other, intensity=np.interp(other, ENERGY_EV, EDGE)[None], kind="xas")
    merged = merge([first, second], "x")
    np.testing.assert_array_equal(merged.energy_eV, ENERGY_EV[other[-1] >= ENERGY_EV])
    np.testing.assert_allclose(merged.intensity[0], EDGE[: merged.energy_eV.size], atol=0.01)


def test_what_is_not_one_sample_is_refused():
    first, second = scans([0.01, 0.01], factor=-1)
    with pytest.raises(SikpdosError, match="scan 1 is not like scan 0"):
        merge([first, second], "x")
    with pytest.raises(SikpdosError, match="only 1 spectrum to merge"):
        merge([first], "x")
    far = SpectrumSet(names=("far",), energy_eV=ENERGY_EV + 500, intensity=EDGE[None], kind="xas")
    with pytest.raises(SikpdosError, match="share only 0 eV"):
        merge([first, far], "x")


def test_measured_scans(cli, tmp_path):
    """Two scans of a silicon wafer, as one SPEC file and as two texts, give the same result."""
    sets = read_spectra(MEASURED / "pirx_si_two_scans.spec", choice=ColumnChoice(column="d1/im5"))
    merged = merge(sets, "x")
    assert merged.intensity_std.shape == merged.intensity.shape
    jump = np.ptp(merged.intensity[0][merged.energy_eV > 1836]) / 2
    assert 0.005 * jump < np.median(merged.intensity_std) < 0.2 * jump
    one = cli("predict", "pirx_si_two_scans.spec", "--column", "d1/im5", "--merge", cwd=MEASURED)
    two = cli("predict", "pirx_si_scan06.txt", "pirx_si_scan18.txt", "--merge", cwd=MEASURED)
    assert one.returncode == two.returncode == 0, one.stderr + two.stderr
    assert one.stdout == two.stdout
    assert "2 scans merged on the 216 energies of the first" in two.stderr
