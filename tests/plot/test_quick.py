"""`sikpdos plot`: every kind of file is known by its content, in files and pipes, and drawn to whole, equal files."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from support import ROOT, assert_one_line_failure, assert_usage_error
from support.plot_files import write_all

from sikpdos.common import npz, tables
from sikpdos.common.errors import SikpdosError
from sikpdos.model import shipped
from sikpdos.plot import paper, quick, style
from sikpdos.plot.read import read

KINDS = {
    "dataset.npz": "12 sites",
    "predictions.npz": "the first 6 of 8 spectra",
    "predictions.csv": "predicted p",
    "true.csv": "p PDOS",
    "ablation.csv": "over 3 seeds",
    "matches.csv": "model better",
    "matching.csv": "template matching of 10 test sites",
    "log.csv": "lowest, 1 at epoch 12",
    "curves.npz": "4 sites",
    "curves.csv": "4 sites",
    "raw.npz": "X-0",
    "exp.msa": "SIMULATED, not measured",
}
FIGURES = {
    1: ["dataset.npz", "predictions.npz"],
    2: ["dataset.npz", "predictions.npz"],
    3: ["ablation.csv"],
    4: ["ablation.csv"],
    5: ["matches.csv"],
    6: ["exp.msa", "smoothed.npz", "true.csv"],
}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plot")
    write_all(folder)
    return folder


@pytest.fixture
def drawn(monkeypatch):
    """The figures that were saved, in order."""
    figures = []
    save = Figure.savefig

    def remember(figure, *args, **kwargs):
        save(figure, *args, **kwargs)
        figures.append(figure)

    monkeypatch.setattr(Figure, "savefig", remember)
    return figures


def text_of(path) -> str:
    """Words of an SVG, which are text, not outlines."""
    return "\n".join(re.findall(r">([^<>]+)</(?:text|tspan)>", path.read_text()))


def check_layout(figure) -> None:
    """No legend touches a panel or its labels; no word is cut off, no curve leaves its panel."""
    renderer = FigureCanvasAgg(figure).get_renderer()
    parts = [figure, *figure.subfigs]
    parts += [inner for part in figure.subfigs for inner in part.subfigs]
    panels = [axes.get_tightbbox(renderer) for axes in figure.axes]
    legends = [legend.get_window_extent(renderer) for part in parts for legend in part.legends]
    assert panels
    for legend in legends:
        assert not any(legend.overlaps(panel) for panel in panels)
    for axes in figure.axes:
        for line in axes.lines:
            if line.get_transform() == axes.transData and len(line.get_xdata()):
                x, y = line.get_xdata(), line.get_ydata()
                shown = y[(x >= axes.get_xlim()[0]) & (x <= axes.get_xlim()[1])]
                assert axes.get_ylim()[0] <= shown.min() <= shown.max() <= axes.get_ylim()[1]
    whole = figure.bbox.padded(3)
    for box in panels + legends:
        assert whole.x0 <= box.x0 <= box.x1 <= whole.x1
        assert whole.y0 <= box.y0 <= box.y1 <= whole.y1


@pytest.mark.parametrize("name", KINDS)
def test_a_file_is_known_by_its_content_and_drawn_whole(files, tmp_path, drawn, name):
    other = tmp_path / "nameless"
    shutil.copy(files / name, other)
    quick.draw(str(tmp_path / "figure.svg"), [read(str(other))])
    assert KINDS[name] in text_of(tmp_path / "figure.svg")
    check_layout(drawn[-1])


def test_what_is_not_said_to_be_simulated_is_not_called_so(files, tmp_path):
    quick.draw(str(tmp_path / "figure.svg"), [read(str(files / "real.msa"))])
    assert "imulated" not in text_of(tmp_path / "figure.svg")


def test_shipped_database_and_models(tmp_path):
    data = ROOT / "sikpdos" / "data"
    sources = [read(str(path)) for path in (data / "database.npz", data / "models" / "0.5.npz")]
    quick.draw(str(tmp_path / "figure.svg"), sources)
    assert "sites" in text_of(tmp_path / "figure.svg")
    assert f"{shipped.load('0.5').members} members" in text_of(tmp_path / "figure.svg")


@pytest.mark.parametrize("number", FIGURES)
def test_nothing_is_cut_off_or_covered_in_the_papers_figures(files, tmp_path, drawn, number):
    paper.draw(str(tmp_path / "figure.svg"), number, [read(str(files / name)) for name in FIGURES[number]], "Si-I-0")
    check_layout(drawn[-1])


def test_kinds_can_be_mixed(files, tmp_path, drawn):
    quick.draw(str(tmp_path / "figure.svg"), [read(str(files / name)) for name in ("exp.msa", "predictions.csv")])
    assert len(drawn[-1].axes) == 1 + 6 * 2
    check_layout(drawn[-1])


def test_energies_without_a_fermi_level_are_not_said_to_have_one(tmp_path):
    axis_eV = np.linspace(-8, 12, 101)
    tables.write_csv(tmp_path / "absolute.csv", {"energy_eV": axis_eV, "s": axis_eV**2, "p": axis_eV**2})
    quick.draw(str(tmp_path / "figure.svg"), [read(str(tmp_path / "absolute.csv"))])
    assert "relative to" not in text_of(tmp_path / "figure.svg")


def test_many_spectra_are_drawn_by_their_spread(tmp_path, drawn):
    energy_eV = np.arange(1830.0, 1870.0, 0.1)
    table = np.random.default_rng(0).poisson(100.0, (500, energy_eV.size))
    np.savez(tmp_path / "many.npz", energy_eV=energy_eV, spectra=table)
    quick.draw(str(tmp_path / "figure.svg"), [read(str(tmp_path / "many.npz"))])
    assert "500 spectra" in text_of(tmp_path / "figure.svg")
    medians = [line.get_ydata() for line in drawn[-1].axes[0].lines]
    assert any(np.array_equal(line, np.median(table, axis=0)) for line in medians)


@pytest.mark.parametrize("name", ["C$o$unts $\\broken.msa", "珪素.msa", "a" * 90 + ".msa"])
def test_names_are_shown_as_they_are(files, tmp_path, drawn, name, recwarn):
    shutil.copy(files / "exp.msa", tmp_path / name)
    quick.draw(str(tmp_path / "figure.svg"), [read(str(tmp_path / name))])
    assert not recwarn.list
    assert len(drawn) == 1


@pytest.mark.parametrize("suffix", ["png", "pdf", "svg"])
def test_same_input_same_bytes(files, tmp_path, suffix):
    for number in (1, 2):
        quick.draw(str(tmp_path / f"{number}.{suffix}"), [read(str(files / "curves.npz"))])
    first, second = ((tmp_path / f"{number}.{suffix}").read_bytes() for number in (1, 2))
    assert first == second
    assert b"Date" not in first


def test_text_in_pdf_stays_text(files, tmp_path):
    quick.draw(str(tmp_path / "figure.pdf"), [read(str(files / "log.csv"))])
    content = (tmp_path / "figure.pdf").read_bytes()
    assert b"/FontFile2" in content  # TrueType
    assert b"/Type3" not in content


def test_spectrum_to_picture_in_one_pipe(shell, tmp_path):
    line = f"sikpdos predict {ROOT}/examples/exp.msa --smooth 40,3 2> /dev/null | sikpdos plot - -o pdos.svg"
    done = shell(line, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert not done.stdout
    assert "90 % band" in text_of(tmp_path / "pdos.svg")


def test_picture_to_stdout_is_png(cli, files):
    done = cli("plot", files / "log.csv", "-o", "-", text=False)
    assert done.stdout.startswith(b"\x89PNG")
    assert not done.stderr


def test_predict_draws_what_it_predicts(cli, tmp_path):
    done = cli("predict", ROOT / "examples" / "exp.msa", "--plot", tmp_path / "pdos.svg", "-o", tmp_path / "pdos.csv")
    assert done.returncode == 0, done.stderr
    words = text_of(tmp_path / "pdos.svg")
    assert "exp.msa, simulated" in words
    assert "predicted s" in words
    wrong = cli("predict", ROOT / "examples" / "exp.msa", "--plot", tmp_path / "pdos.bmp")
    assert_usage_error(wrong, "pdos.bmp", ".png, .pdf, .svg")


def test_no_window_system_is_asked_for():
    """Matplotlib's pyplot would look for a screen and keep figures."""
    code = "import sys; import sikpdos.plot.quick, sikpdos.plot.paper; assert 'matplotlib' not in sys.modules"
    code += "\nwith sikpdos.plot.style.drawing('-', 1): assert 'matplotlib.pyplot' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", ["empty"]),
        (b"epoch,training_mse,validation_mse\n", ["header without rows"]),
        (b"epoch,training_mse,validation_mse\n1,nan,2\n", ["training_mse", "NaN"]),
        (b"epoch,training_mse,validation_mse\n1,2\n", ["row 2"]),
        (b"energy_eV,s,p\n1,2,3\n1,2,3\n", ["out of order"]),
        (b"spectrum,energy_eV,s,p\na,1,2,3\na,2,2,3\nb,1,2,3\n", ["out of order"]),
        (b"energy_eV,s,p\n", ["out of order"]),
        (b"\x00\x01\x02" * 50, ["binary"]),
        (b"PK\x03\x04" + b"\x00" * 50, ["NPZ"]),
        (b"site_id,file\nSi-I-0,Si-I.cif\n", ["no columns of numbers"]),
    ],
)
def test_what_cannot_be_drawn_is_told(tmp_path, content, words):
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(SikpdosError) as raised:
        read(str(tmp_path / "file"))
    for word in ["file", *words]:
        assert word in str(raised.value)


def test_files_without_a_picture_are_told(tmp_path):
    npz.write(tmp_path / "x.npz", {}, npz.provenance("sikpdos-checkpoint-1"))
    with pytest.raises(SikpdosError, match="sikpdos-checkpoint-1, of which there is no picture"):
        read(str(tmp_path / "x.npz"))


def test_mixed_ablations_are_refused(files, tmp_path):
    text = (files / "ablation.csv").read_text()
    (tmp_path / "mixed.csv").write_text(text + text.splitlines()[-1].replace("data", "other") + "\n")
    with pytest.raises(SikpdosError, match="2 different datasets"):
        read(str(tmp_path / "mixed.csv"))


def test_bad_calls_end_in_one_line_and_leave_nothing(cli, files, tmp_path):
    log = files / "log.csv"
    assert_usage_error(cli("plot", log, "-o", tmp_path / "figure.gif"), "figure.gif", ".png, .pdf, .svg")
    assert_one_line_failure(cli("plot", tmp_path / "nowhere.csv", "-o", tmp_path / "a.png"), "nowhere.csv")
    assert_one_line_failure(cli("plot", log, "-o", tmp_path / "no" / "folder.png"), "folder.png", "cannot write")
    assert_one_line_failure(cli("plot", *[log] * 9, "-o", tmp_path / "a.png"), "too many")
    assert cli("plot", log).returncode == 2
    assert cli("plot", "-", "-", "-o", tmp_path / "a.png").returncode == 2
    assert cli("plot", log, "-o", tmp_path / "a.png", "--figure", "7").returncode == 2
    assert not list(tmp_path.iterdir())


def test_the_style_is_the_suites_alone(files, tmp_path):
    """A user's own settings neither change the figure nor are changed by it."""
    import matplotlib

    quick.draw(str(tmp_path / "one.svg"), [read(str(files / "log.csv"))])
    with matplotlib.rc_context({"lines.linewidth": 9, "font.size": 30, "axes.grid": True, "text.usetex": False}):
        before = dict(matplotlib.rcParams)
        quick.draw(str(tmp_path / "two.svg"), [read(str(files / "log.csv"))])
        assert dict(matplotlib.rcParams) == before
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
    assert style.format_of("-") == "png"
