"""What all commands share: light help, exit codes, interruption, pipes; and the README's own commands."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys

import pytest
from support import ROOT, runs

from sikpdos.commands.main import COMMANDS, load

NAMES = list(COMMANDS)
HEAVY = {"torch", "pymatgen", "scipy", "scipy.signal", "numpy", "matplotlib", "pydantic"}
SIKPDOS = [sys.executable, "-m", "sikpdos"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


def imported(*arguments: str, **environment: str) -> tuple[str, set[str]]:
    """What a command printed, and every module it loaded."""
    command = [sys.executable, "-X", "importtime", "-m", "sikpdos", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env={**ENVIRONMENT, **environment}, check=True)
    return done.stdout, {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}


@pytest.mark.parametrize("command", NAMES)
def test_help_of_a_command_is_light_and_complete(command):
    text, modules = imported(command, "--help", COLUMNS="200")
    assert "sikpdos.commands.main" in modules  # the list of modules is read rightly
    assert not modules & HEAVY
    assert re.search(rf"Examples?:.*\bsikpdos {command} ", text, re.S)
    parameters = load(command).params
    assert [parameter.name for parameter in parameters if not parameter.help] == []


def test_root_help_and_completion_are_light(cli):
    text, modules = imported("--help")
    assert not modules & HEAVY
    assert all(name in text for name in NAMES)
    text, modules = imported(_SIKPDOS_COMPLETE="complete_bash", COMP_WORDS="sikpdos pr", COMP_CWORD="1")
    assert text.split() == ["predict"]
    assert not modules & HEAVY


@pytest.mark.parametrize("arguments", [["nonsense"], ["--nonsense"], ["predict", "--nonsense"], ["predict"]])
def test_wrong_usage_exits_with_2(cli, arguments):
    done = cli(*arguments)
    assert done.returncode == 2
    assert "Usage: sikpdos" in done.stderr
    assert not done.stdout


def test_expected_failure_is_one_line_unless_the_traceback_is_asked_for(cli, tmp_path):
    done = cli("predict", tmp_path / "absent.msa")
    assert done.returncode == 1
    assert re.fullmatch(r"sikpdos predict: .*absent\.msa: No such file or directory\n", done.stderr)
    assert "Traceback" in cli("--traceback", "broaden", tmp_path / "absent").stderr


def test_a_missing_package_is_named(tmp_path):
    (tmp_path / "numpy.py").write_text("raise ModuleNotFoundError(\"No module named 'numpy'\", name='numpy')")
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    command = [*SIKPDOS, "predict", "some.msa"]
    done = subprocess.run(command, capture_output=True, text=True, env={**ENVIRONMENT, "PYTHONPATH": path})
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "No module named" in done.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interruption_while_reading(number, code):
    with subprocess.Popen(
        [*SIKPDOS, "predict", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=ENVIRONMENT,
        preexec_fn=runs.interruptible,
    ) as process:
        process.stdin.write(b"1799 3\n" * 200_000)  # more than a pipe holds: once written, the command is reading
        process.stdin.flush()
        process.send_signal(number)
        output, errors = process.communicate(timeout=60)
    assert process.returncode == code
    assert b"Traceback" not in errors
    assert not output


@pytest.mark.parametrize("arguments", [["--help"], ["predict", "--help"], ["fetch-structures", "--list"]])
def test_closed_pipe_exits_with_141(arguments):
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([*SIKPDOS, *arguments], stdout=writer, stderr=subprocess.PIPE, env=ENVIRONMENT)
    os.close(writer)
    assert done.returncode == 141
    assert b"Traceback" not in done.stderr
    assert b"BrokenPipe" not in done.stderr


def readme_blocks() -> list[str]:
    """Shell blocks of the README that are marked as runnable: ```sh run."""
    readme = ROOT / "README.md"
    text = readme.read_text() if readme.exists() else ""
    return re.findall(r"^```sh run\n(.*?)^```$", text, re.S | re.M)


@pytest.mark.parametrize("block", readme_blocks())
def test_readme_commands_run(block, tmp_path):
    """In a copy of the checkout's files, so that what they write stays out of it; bin/ uses the tests' interpreter."""
    copy = tmp_path / "sikpdos"
    skipped = shutil.ignore_patterns(".git", ".venv*", ".*_cache", "__pycache__", ".hypothesis", "raw")
    shutil.copytree(ROOT, copy, ignore=skipped)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block],
        cwd=copy,
        env={**ENVIRONMENT, "SIKPDOS_PYTHON": sys.executable, "PATH": f"{copy / 'bin'}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, f"{block}\n{done.stderr}"
