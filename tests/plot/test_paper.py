"""The paper's figures: they show the numbers of the files they are drawn from, and refuse the wrong files."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from matplotlib.figure import Figure
from support import ROOT, assert_one_line_failure
from support.plot_files import ERROR, TEST, ablation_rows, known, measured, predicted, write_all

from sikpdos.common.errors import SikpdosError
from sikpdos.model import ablation_table, metrics
from sikpdos.model.uncertainty import BAND_90
from sikpdos.plot import growing_windows, matching, paper, ranking, simulated, single_windows
from sikpdos.plot import site as site_figure
from sikpdos.plot.read import read
from sikpdos.prediction import storage


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
    site_figure.draw_site(figure, source("dataset.npz"), source("predictions.npz"), "site-3")
    truth, found = known(), predicted(known())
    edge, *both = figure.axes
    np.testing.assert_allclose(edge.lines[-1].get_ydata(), truth.spectra[3], atol=1e-6)
    for k, (orbital, axes) in enumerate(zip("sp", both, strict=True)):
        np.testing.assert_allclose(line(axes, "true"), truth.pdos[3, k], atol=1e-6)
        np.testing.assert_allclose(line(axes, f"predicted {orbital}"), found.pdos[3, k], atol=1e-6)
        band = axes.collections[-1].get_datalim(axes.transData)
        assert band.y1 == pytest.approx((found.pdos[3, k] + BAND_90 * 0.02).max(), abs=1e-5)
    assert "MSE 1.6 " in words(figure)  # (4 * 0.01)^2


@pytest.mark.parametrize(("ids", "shown"), [(["site-1", "Si-I-0"], "Si-I-0"), (["site-1", "site-2"], "site-1")])
def test_figure_1_without_a_site_shows_diamond_or_the_first_one_predicted(source, ids, shown):
    dataset, predictions = source("dataset.npz"), source("predictions.npz")
    rows = dataclasses.replace(known(), **{key: getattr(known(), key)[:2] for key in ("spectra", "pdos", "groups")})
    rows = dataclasses.replace(rows, ids=np.array(ids))
    found = predictions.content
    cut = {key: getattr(found, key)[:2] for key in ("spectra", "pdos", "pdos_std", "onset_eV", "novelty")}
    found = dataclasses.replace(found, ids=np.array(ids), **cut)
    figure = Figure()
    site_figure.draw_site(
        figure, dataclasses.replace(dataset, content=rows), dataclasses.replace(predictions, content=found), None
    )
    assert shown in words(figure)


def test_figure_1_shows_what_lies_beside_the_window_where_it_is_known(source):
    plain = source("dataset.npz")
    energy_eV = np.arange(-4.975, 60, 0.05)
    edge = np.tile(np.where(energy_eV > 1, 1.0, 0.0), (len(plain.content), 1))
    full = dataclasses.replace(plain, content=dataclasses.replace(plain.content, edge_energy_eV=energy_eV, edge=edge))
    narrow, wide = Figure(), Figure()
    site_figure.draw_site(narrow, plain, source("predictions.npz"), "site-3")
    site_figure.draw_site(wide, full, source("predictions.npz"), "site-3")
    assert narrow.axes[0].get_xlim() == (-1, 19)
    assert wide.axes[0].get_xlim()[1] > 25
    assert "seen by the model" in words(wide)


def test_figure_2_ranks_by_the_mean_error_of_s_and_p(source):
    figure = Figure()
    ranking.draw_ranking(figure, source("dataset.npz"), source("predictions.npz"))
    expected = 1e3 * (ERROR * np.arange(1, 9)) ** 2
    np.testing.assert_allclose(line(figure.axes[0], "mean of s and p"), expected, rtol=1e-4)
    for heading in ("best: Si-I-0", "33 %: site-2", "67 %: site-5", "worst: site-7"):
        assert heading in words(figure)


def test_figure_3_and_4_show_mean_and_spread_over_seeds(source):
    seeds = 1e-4 * np.arange(3)
    cases = ((growing_windows.draw_growing, [4, 9, 14, 19]), (single_windows.draw_single, [4, 9, 14, 19]))
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
    ablation_table.write_rows(tmp_path / "part.csv", ablation_rows(2)[: per_seed + 8])  # of seed 1 one window
    figure = Figure()
    growing_windows.draw_growing(figure, read(str(tmp_path / "part.csv")))
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
    error = metrics.mse(measured(known()).pdos[0], known().pdos[0])
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
    storage.write_npz(tmp_path / "other.npz", [dataclasses.replace(found, spectra=known().spectra[TEST] * 0.9)])
    with pytest.raises(SikpdosError, match="its spectra are not those of"):
        ranking.draw_ranking(Figure(), source("dataset.npz"), read(str(tmp_path / "other.npz")))
    with pytest.raises(SikpdosError, match="no prediction of site Si-II"):
        site_figure.draw_site(Figure(), source("dataset.npz"), source("predictions.npz"), "Si-II")
    storage.write_npz(tmp_path / "site.npz", [dataclasses.replace(measured(known()), onset_eV=np.array([np.nan]))])
    site = read(str(tmp_path / "site.npz"))
    with pytest.raises(SikpdosError, match="not of a measured spectrum"):
        simulated.draw_measurement(Figure(), source("exp.msa"), [site], source("true.csv"))


@pytest.fixture
def stored(tmp_path):
    """Write predictions whose sigma (and part) is known, and read them as `plot` does."""

    def write(name, found, **known_of_them):
        storage.write_npz(tmp_path / name, [dataclasses.replace(found, **known_of_them)])
        return read(str(tmp_path / name))

    return write


def test_densities_of_states_of_another_sigma_are_refused(source, stored):
    """The dataset has sigma 0.5 eV; what does not know its sigma is taken as it is."""
    for sigma_eV in (0.5, None):
        ranking.draw_ranking(Figure(), source("dataset.npz"), stored("p.npz", predicted(known()), sigma_eV=sigma_eV))
    other = stored("other.npz", predicted(known()), sigma_eV=1.2)
    for draw in (ranking.draw_ranking, lambda *files: site_figure.draw_site(*files, "Si-I-0")):
        with pytest.raises(SikpdosError, match=r"states have sigma 1.2 eV, those of .*dataset.npz 0.5 eV"):
            draw(Figure(), source("dataset.npz"), other)


def test_figure_6_takes_its_truth_from_a_dataset_of_the_same_sigma(source, stored, tmp_path):
    paths = {eV: stored(f"{eV}.npz", measured(known()), sigma_eV=eV) for eV in (0.5, 1.2)}
    files = [source("exp.msa"), source("dataset.npz")]
    paper.draw(str(tmp_path / "figure.png"), 6, [*files, paths[0.5]], "Si-I-0")
    truth = simulated.truth_of(source("dataset.npz"), "Si-I-0")
    figure = Figure()
    simulated.draw_measurement(figure, source("exp.msa"), [paths[0.5]], truth)
    np.testing.assert_allclose(line(figure.axes[2], "true"), known().pdos[0, 0], atol=1e-6)
    assert "simulated measurement, densities of states of sigma 0.5 eV" in words(figure)
    with pytest.raises(SikpdosError, match=r"states have sigma 1\.2 eV"):
        paper.draw(str(tmp_path / "no.png"), 6, [*files, paths[0.5], paths[1.2]], "Si-I-0")
    with pytest.raises(SikpdosError, match="no site Si-II"):
        paper.draw(str(tmp_path / "no.png"), 6, [*files, paths[0.5]], "Si-II")
    simulated.draw_measurement(Figure(), source("exp.msa"), [paths[1.2]], source("true.csv"))  # a CSV does not know
    assert not (tmp_path / "no.png").exists()


@pytest.mark.parametrize(
    ("part", "label"),
    [("test", "8 test sites"), ("train", "8 training sites"), ("all", "8 sites, training sites among")],
)
def test_figure_2_says_what_part_it_ranks(source, stored, part, label):
    figure = Figure()
    ranking.draw_ranking(figure, source("dataset.npz"), stored("p.npz", predicted(known()), part=part))
    assert label in figure.axes[0].get_xlabel()


def test_figure_5_of_several_splits_counts_cases_and_sites(files, tmp_path):
    rows = (files / "matches.csv").read_text().splitlines(keepends=True)
    (tmp_path / "twice.csv").write_text("".join(rows + rows[1:]))
    figure = Figure()
    matching.draw_gain(figure, read(str(tmp_path / "twice.csv")))
    assert "twice.csv: model better at 70 % of 20 cases, 10 test sites of several splits" in words(figure)


def test_predictions_know_their_sigma_and_part(cli, small_dataset, small_model, tmp_path):
    done = cli("predict", small_dataset, "-m", small_model, "--part", "test", "-o", tmp_path / "test.npz")
    assert done.returncode == 0, done.stderr
    assert cli("predict", ROOT / "examples" / "exp.msa", "-m", "1.2", "-o", tmp_path / "exp.npz").returncode == 0
    found = [storage.read_predictions(tmp_path / name) for name in ("test.npz", "exp.npz")]
    assert [(each.sigma_eV, each.part) for each in found] == [(0.5, "test"), (1.2, None)]
    refused = cli("plot", ROOT / "examples" / "exp.msa", tmp_path / "exp.npz", small_dataset,
                  "--site", found[0].ids[0], "--figure", 6, "-o", tmp_path / "figure.png")  # fmt: skip
    assert_one_line_failure(refused, "exp.npz", "sigma 1.2 eV, those of", "0.5 eV")
    assert not (tmp_path / "figure.png").exists()


def test_blocks_of_different_sigma_leave_it_unknown(tmp_path):
    blocks = [dataclasses.replace(predicted(known()), sigma_eV=eV, part="all") for eV in (0.5, 1.2)]
    storage.write_npz(tmp_path / "p.npz", blocks)
    found = storage.read_predictions(tmp_path / "p.npz")
    assert (found.sigma_eV, found.part) == (None, "all")


def test_figures_through_the_public_command(cli, files, tmp_path):
    done = cli("plot", files / "matches.csv", "--figure", 5, "-o", tmp_path / "figure5.pdf")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "figure5.pdf").read_bytes().startswith(b"%PDF")
    failed = cli("plot", files / "log.csv", "--figure", 5, "-o", tmp_path / "other.pdf")
    assert_one_line_failure(failed, "log.csv", "Figure 5 needs matches")
    assert not (tmp_path / "other.pdf").exists()
