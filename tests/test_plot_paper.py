"""The paper's figures: they show the numbers of the files they are drawn from, and refuse the wrong files."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from conftest import assert_one_line_failure
from matplotlib.figure import Figure
from plot_files import ERROR, TEST, ablation_rows, known, measured, predicted, write_all

from sikpdos import ablate, predictions, scores
from sikpdos.errors import SikpdosError
from sikpdos.model import BAND_90
from sikpdos.plot import matching, paper, simulated, sites, windows
from sikpdos.plot.read import read


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("paper")
    write_all(folder)
    return folder


@pytest.fixture
def source(files):
    return lambda name: read(str(files / name))


def line(axes, label):
    [found] = [line for line in axes.lines if line.get_label() == label]
    return found.get_ydata()


def words(figure) -> str:
    parts = [axes.get_title(loc) for axes in figure.axes for loc in ("left", "center", "right")]
    legends = [legend for part in [figure, *figure.subfigs] for legend in part.legends]
    return "\n".join(parts + [text.get_text() for legend in legends for text in [legend.get_title(), *legend.texts]])


def test_figure_1_shows_truth_prediction_and_the_90_percent_band(source):
    figure = Figure()
    sites.draw_site(figure, source("dataset.npz"), source("predictions.npz"), "site-3")
    truth, found = known(), predicted(known())
    edge, *both = figure.axes
    np.testing.assert_allclose(edge.lines[-1].get_ydata(), truth.spectra[3], atol=1e-6)
    for k, (orbital, axes) in enumerate(zip("sp", both, strict=True)):
        np.testing.assert_allclose(line(axes, "true"), truth.pdos[3, k], atol=1e-6)
        np.testing.assert_allclose(line(axes, f"predicted {orbital}"), found.pdos[3, k], atol=1e-6)
        band = axes.collections[-1].get_datalim(axes.transData)
        assert band.y1 == pytest.approx((found.pdos[3, k] + BAND_90 * 0.02).max(), abs=1e-5)
    assert "MSE 1.6 " in words(figure)  # (4 * 0.01)^2


def test_figure_1_shows_what_lies_beside_the_window_where_it_is_known(source):
    plain = source("dataset.npz")
    energy_eV = np.arange(-4.975, 60, 0.05)
    edge = np.tile(np.where(energy_eV > 1, 1.0, 0.0), (len(plain.content), 1))
    full = dataclasses.replace(plain, content=dataclasses.replace(plain.content, edge_energy_eV=energy_eV, edge=edge))
    narrow, wide = Figure(), Figure()
    sites.draw_site(narrow, plain, source("predictions.npz"), "site-3")
    sites.draw_site(wide, full, source("predictions.npz"), "site-3")
    assert narrow.axes[0].get_xlim() == (-1, 19)
    assert wide.axes[0].get_xlim()[1] > 25
    assert "seen by the model" in words(wide)


def test_figure_2_ranks_by_the_mean_error_of_s_and_p(source):
    figure = Figure()
    sites.draw_ranking(figure, source("dataset.npz"), source("predictions.npz"))
    expected = 1e3 * (ERROR * np.arange(1, 9)) ** 2
    np.testing.assert_allclose(line(figure.axes[0], "mean of s and p"), expected, rtol=1e-4)
    for heading in ("best: Si-I-0", "33 %: site-2", "67 %: site-5", "worst: site-7"):
        assert heading in words(figure)


def test_figure_3_and_4_show_mean_and_spread_over_seeds(source):
    seeds = 1e-4 * np.arange(3)
    cases = ((windows.draw_growing, [4, 9, 14, 19]), (windows.draw_single, [4, 9, 14, 19]))
    for draw, stops in cases:
        figure = Figure()
        draw(figure, source("ablation.csv"))
        for axes in figure.axes:
            assert len(axes.containers) == 4  # regions
            for bars in axes.containers:
                np.testing.assert_allclose(
                    bars[0].get_ydata(orig=False), [1e3 * (1e-3 * (30 - x) + seeds.mean()) for x in stops]
                )
                low, high = bars[2][0].get_segments()[0][:, 1]
                assert high - low == pytest.approx(2e3 * seeds.std(ddof=1))
        assert "over 3 seeds" in words(figure)


def test_an_unfinished_ablation_says_how_many_seeds_it_has(tmp_path):
    per_seed = len(ablation_rows(1))
    ablate.write_rows(tmp_path / "part.csv", ablation_rows(2)[: per_seed + 8])  # of seed 1 one window
    figure = Figure()
    windows.draw_growing(figure, read(str(tmp_path / "part.csv")))
    assert "over 1 to 2 seeds" in words(figure)


def test_figure_5_counts_where_the_model_is_better(source):
    figure = Figure()
    matching.draw_gain(figure, source("matches.csv"))
    assert [axes.get_title("right") for axes in figure.axes] == ["model better at 80 %", "model better at 60 %"]
    assert "model better at 70 % of 10 test sites" in words(figure)
    better, worse = figure.axes[0].collections
    assert (len(better.get_offsets()), len(worse.get_offsets())) == (8, 2)
    np.testing.assert_allclose(worse.get_offsets()[:, 1], -1.0)


def test_figure_6_marks_the_window_and_measures_the_error(source):
    figure = Figure()
    simulated.draw_measurement(figure, source("exp.msa"), [source("smoothed.npz")], source("true.csv"))
    record, _edge, s, _p = figure.axes
    assert record.patches[0].get_extents().transformed(record.transData.inverted()).intervalx == pytest.approx(
        [1839, 1859]
    )
    assert "SIMULATED, not measured" in words(figure)
    error = scores.mse(measured(known()).pdos[0], known().pdos[0])
    assert words(figure).count(f"MSE {1e3 * error[0]:.3g} ") == 2  # the same for s and p
    np.testing.assert_allclose(line(s, "true"), known().pdos[0, 0], atol=1e-6)


def test_figure_6_takes_several_predictions(source):
    figure = Figure()
    simulated.draw_measurement(figure, source("exp.msa"), [source("smoothed.npz")] * 3, source("true.csv"))
    assert len(figure.axes) == 1 + 3 * 3


@pytest.mark.parametrize(
    ("number", "names", "cause"),
    [
        (1, ["dataset.npz"], "predictions of its test part (NPZ) is missing"),
        (1, ["dataset.npz", "predictions.csv"], "predictions.csv: is not for this figure"),
        (2, ["dataset.npz", "dataset.npz", "predictions.npz"], "is one too many"),
        (3, ["matches.csv"], "Figure 3 needs an ablation"),
        (5, ["matching.csv"], "no errors of a model"),
        (6, ["exp.msa", "true.csv"], "predictions (NPZ) is missing"),
        (6, ["exp.msa", "predictions.npz", "true.csv"], "holds 8 spectra, expected one"),
        (6, ["exp.msa", "smoothed.npz", "predictions.csv"], "holds 8 spectra, expected one"),
    ],
)
def test_wrong_files_are_told_with_what_the_figure_needs(source, tmp_path, number, names, cause):
    with pytest.raises(SikpdosError) as raised:
        paper.draw(str(tmp_path / "figure.png"), number, [source(name) for name in names], "Si-I-0")
    assert cause in str(raised.value)
    assert not list(tmp_path.iterdir())


def test_predictions_of_another_dataset_are_refused(source, tmp_path):
    found = predicted(known())
    predictions.write_npz(tmp_path / "other.npz", [dataclasses.replace(found, spectra=known().spectra[TEST] * 0.9)])
    with pytest.raises(SikpdosError, match="its spectra are not those of"):
        sites.draw_ranking(Figure(), source("dataset.npz"), read(str(tmp_path / "other.npz")))
    with pytest.raises(SikpdosError, match="no prediction of site Si-II"):
        sites.draw_site(Figure(), source("dataset.npz"), source("predictions.npz"), "Si-II")
    predictions.write_npz(tmp_path / "site.npz", [dataclasses.replace(measured(known()), onset_eV=np.array([np.nan]))])
    site = read(str(tmp_path / "site.npz"))
    with pytest.raises(SikpdosError, match="not of a measured spectrum"):
        simulated.draw_measurement(Figure(), source("exp.msa"), [site], source("true.csv"))


def test_figures_through_the_public_command(cli, files, tmp_path):
    done = cli("plot", files / "matches.csv", "--figure", 5, "-o", tmp_path / "figure5.pdf")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "figure5.pdf").read_bytes().startswith(b"%PDF")
    failed = cli("plot", files / "log.csv", "--figure", 5, "-o", tmp_path / "other.pdf")
    assert_one_line_failure(failed, "log.csv", "Figure 5 needs matches")
    assert not (tmp_path / "other.pdf").exists()
