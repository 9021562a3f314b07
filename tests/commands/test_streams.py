"""Whatever the shell made of the standard streams, names and places: results written, one line, the right exit code."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest
from support import ROOT, assert_one_line_failure

from sikpdos.commands.console import Console, printable
from sikpdos.prediction.storage import read_predictions

EXAMPLE = ROOT / "examples" / "exp.msa"
ASCII = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}


@pytest.fixture(scope="module")
def expected(cli) -> str:
    done = cli("predict", EXAMPLE)
    assert done.returncode == 0, done.stderr
    assert all(line.startswith("sikpdos predict: ") for line in done.stderr.splitlines())
    return done.stdout


def test_messages_for_a_closed_stderr_do_not_land_in_the_data(shell, tmp_path, expected):
    done = shell(f"sikpdos predict {EXAMPLE} -o out.csv 2>&-; echo $?; sikpdos predict {EXAMPLE} 2>&-", cwd=tmp_path)
    assert done.stdout == "0\n" + expected
    assert (tmp_path / "out.csv").read_text() == expected


def test_a_stderr_that_is_full_loses_messages_only(shell, tmp_path, expected):
    done = shell(f"sikpdos predict {EXAMPLE} 2>/dev/full")
    assert (done.returncode, done.stdout) == (0, expected)


def test_a_closed_stdout_is_a_failure_only_where_it_is_needed(shell, tmp_path, expected):
    assert shell(f"sikpdos predict {EXAMPLE} -o out.csv >&-", cwd=tmp_path).returncode == 0
    assert (tmp_path / "out.csv").read_text() == expected
    done = shell("sikpdos fetch-structures --list >&-")
    assert_one_line_failure(done, "sikpdos fetch-structures: standard output: cannot write")


def test_a_closed_stdin_is_a_failure_only_where_it_is_needed(shell, expected):
    assert shell(f"sikpdos predict {EXAMPLE} <&-").stdout == expected
    assert_one_line_failure(shell("sikpdos predict - <&-"), "sikpdos predict: standard input: ")


@pytest.mark.parametrize("environment", [None, ASCII], ids=["UTF-8", "ASCII"])
def test_file_names_of_any_bytes(cli, tmp_path, environment):
    names = [b"b\xb5.msa", "é.msa".encode()]
    for name in names:
        shutil.copy(EXAMPLE, os.fsencode(tmp_path) + b"/" + name)

    def predict(*arguments):
        done = cli("predict", *map(os.fsdecode, names), *arguments, cwd=tmp_path, env=environment)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert [os.fsencode(json.loads(line)["spectrum"]) for line in predict("--json").splitlines()] == names
    assert predict("-o", "two.npz", "--plot", "two.png") == ""
    assert [os.fsencode(name) for name in read_predictions(tmp_path / "two.npz").ids.tolist()] == names
    assert predict("-o", "two.csv") == ""
    rows = (tmp_path / "two.csv").read_bytes().splitlines()[1:]
    assert list(dict.fromkeys(row.partition(b",")[0] for row in rows)) == names


def test_control_characters_do_not_reach_the_terminal(cli, tmp_path, capsys):
    name = "a\x1b[31m\x07\u202e.msa"
    done = cli("predict", name, cwd=tmp_path)
    assert_one_line_failure(done, r"a\x1b[31m\x07\u202e.msa: No such file")
    assert all(printable(chr(c)).isprintable() for c in range(0x3000))
    Console("predict").say("two\nlines\x1b[2J")
    Console("predict").lines("a   1\nb  22")
    assert capsys.readouterr().err.splitlines() == [
        r"sikpdos predict: two lines\x1b[2J",
        "sikpdos predict: a   1",
        "sikpdos predict: b  22",
    ]


def test_a_home_that_cannot_be_written_is_no_concern(cli, tmp_path):
    environment = {"HOME": "/proc", "XDG_CONFIG_HOME": "", "XDG_CACHE_HOME": "", "MPLCONFIGDIR": ""}
    done = cli("predict", EXAMPLE, "--plot", "p.png", "-o", "p.csv", cwd=tmp_path, env=environment)
    assert done.returncode == 0
    assert {path.name for path in tmp_path.iterdir()} == {"p.png", "p.csv"}
    assert all(line.startswith("sikpdos predict: ") for line in done.stderr.splitlines())


@pytest.mark.parametrize("module", ["typer", "numpy"])
def test_ctrl_c_while_packages_are_imported_ends_quietly(tmp_path, module):
    """An interruption during the first tenths of a second falls into an import: a package that raises stands for it."""
    (tmp_path / f"{module}.py").write_text("raise KeyboardInterrupt")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    command = [sys.executable, "-m", "sikpdos", "predict", str(EXAMPLE)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")
