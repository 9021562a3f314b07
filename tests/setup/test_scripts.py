"""The start scripts on a fresh copy of the checkout, with one tiny package in place of the real ones."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
from support import ROOT

PROJECT = """[project]
name = "sikpdos"
dependencies = ["typer"]
[project.optional-dependencies]
test = []
"""
# A stand-in for typer whose every use is telling that it was found; sikpdos itself is replaced by the same.
MAIN = "import sys, typer\nprint(typer.NAME, sys.prefix, *sys.argv[1:])\n"


def write_wheel(folder: Path, version: str) -> None:
    """A wheel of a module `typer` that holds its own version."""
    info = f"typer-{version}.dist-info"
    with zipfile.ZipFile(folder / f"typer-{version}-py3-none-any.whl", "w") as wheel:
        wheel.writestr("typer.py", f"NAME = 'stand-in {version}'\n")
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: typer\nVersion: {version}\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", f"typer.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")


@pytest.fixture
def checkout(tmp_path):
    """A checkout with the real start scripts, and `start` to run bin/sikpdos in it, offline but for the wheels."""
    root = tmp_path / "check out"  # a space, as users have them
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    write_wheel(wheels, "1.0")
    shutil.copytree(ROOT / "bin", root / "bin")
    (root / "sikpdos").mkdir()
    (root / "sikpdos" / "__init__.py").touch()
    (root / "sikpdos" / "__main__.py").write_text(MAIN)
    (root / "pyproject.toml").write_text(PROJECT)
    (root / "bin" / "constraints.txt").write_text("typer==1.0\n")
    return root


def start(root: Path, *arguments: str, **variables: str) -> subprocess.Popen:
    settings = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "SIKPDOS_"))}
    settings |= {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(root.parent / "wheels")}
    return subprocess.Popen(
        [root / "bin" / "sikpdos", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**settings, **variables},
        start_new_session=True,
    )


def finish(process: subprocess.Popen) -> tuple[int, str, str]:
    output, errors = process.communicate(timeout=120)
    return process.returncode, output, errors


def test_two_first_starts_at_once_make_one_environment_that_works_offline(checkout):
    first, second = start(checkout, "a"), start(checkout, "b")
    results = [finish(first), finish(second)]
    assert [code for code, _, _ in results] == [0, 0], results
    assert sorted(output for _, output, _ in results) == [f"stand-in 1.0 {checkout}/.venv {word}\n" for word in "ab"]
    assert sum("first start" in errors for _, _, errors in results) == 1

    (checkout.parent / "wheels" / "typer-1.0-py3-none-any.whl").unlink()
    assert finish(start(checkout, "-")) == (0, f"stand-in 1.0 {checkout}/.venv -\n", "")


def test_killed_changed_and_failed_set_ups_are_made_good(checkout):
    process = start(checkout)
    while not (checkout / ".venv" / "bin" / "python").exists():
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    code, output, errors = finish(start(checkout))
    assert (code, output) == (0, f"stand-in 1.0 {checkout}/.venv\n"), errors

    (checkout / "bin" / "constraints.txt").write_text("typer==2.0\n")
    code, output, errors = finish(start(checkout))  # version 2.0 is nowhere: refused, nothing run, nothing lost
    assert (code, output) == (1, "")
    assert errors.splitlines()[-1].startswith("sikpdos: set-up failed")
    (checkout / "bin" / "constraints.txt").write_text("typer==1.0\n")
    assert finish(start(checkout))[::2] == (0, "")

    write_wheel(checkout.parent / "wheels", "2.0")
    (checkout / "bin" / "constraints.txt").write_text("typer==2.0\n")
    code, output, errors = finish(start(checkout))
    assert (code, output) == (0, f"stand-in 2.0 {checkout}/.venv\n"), errors
    assert "first start" not in errors


def test_an_environment_of_somebody_else_is_left_alone(checkout):
    (checkout / ".venv").mkdir()
    (checkout / ".venv" / "mine").write_text("precious")
    code, output, errors = finish(start(checkout))
    assert (code, output) == (1, "")
    assert "not mine" in errors
    assert [path.name for path in (checkout / ".venv").iterdir()] == ["mine"]


def test_own_interpreter(checkout, tmp_path):
    (checkout / "typer.py").write_text("NAME = 'own'\n")
    code, output, _ = finish(start(checkout, SIKPDOS_PYTHON=sys.executable))
    assert (code, output.split()[0]) == (0, "own")
    code, output, errors = finish(start(checkout, SIKPDOS_PYTHON="/no/python"))
    assert (code, output) == (1, "")
    assert errors == "sikpdos: SIKPDOS_PYTHON: no such interpreter: /no/python\n"
    shutil.copy(ROOT / "sikpdos" / "__main__.py", checkout / "sikpdos")
    commands = checkout / "sikpdos" / "commands"
    commands.mkdir()
    (commands / "__init__.py").touch()
    (commands / "main.py").write_text("import package_that_is_not_there\n")
    code, _, errors = finish(start(checkout, SIKPDOS_PYTHON=sys.executable))
    assert (code, errors) == (1, f"sikpdos: {sys.executable} lacks the package package_that_is_not_there\n")


def test_installed_by_pip_gives_the_same_command(tmp_path):
    """`pip install .` of a copy, under a prefix of its own, beside packages that are there already."""
    source, own = tmp_path / "source", tmp_path / "own"
    skipped = shutil.ignore_patterns(".git", ".venv*", "__pycache__", ".*_cache", "build", "*.egg-info")
    shutil.copytree(ROOT, source, ignore=skipped)
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--ignore-installed", "--prefix", own]
    done = subprocess.run([sys.executable, "-m", "pip", "install", *options, source], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    site = next(own.glob("lib*/python*/site-packages"))

    def run(*command, path: Path) -> str:
        environment = {**os.environ, "PYTHONPATH": str(path)}
        return subprocess.check_output(command, text=True, cwd=tmp_path, env=environment)

    installed = run(own / "bin" / "sikpdos", "--help", path=site)
    assert installed == run(sys.executable, "-m", "sikpdos", "--help", path=ROOT)
    assert "predict" in installed
    data = {path.relative_to(source) for path in (source / "sikpdos" / "data").rglob("*") if path.is_file()}
    assert {path for path in data if not (site / path).is_file()} == set()
