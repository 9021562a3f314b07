"""A disk that is full, at once or after some kilobytes: exit 1, one line that names the file, no half of a file."""

from __future__ import annotations

import pytest
from support import ROOT, castep_model
from support.engine import DIAMOND_POSCAR, QUICK

EXAMPLE = ROOT / "examples" / "exp.msa"
FULL = "No space left on device"  # what /dev/full says
LARGE = "File too large"  # what a limit of the size of files says
LIMIT = "trap '' XFSZ; ulimit -f {}; "  # blocks of 1024 bytes


@pytest.fixture(scope="module")
def folder(tmp_path_factory, cli, small_dataset, small_model, small_settings):
    """Inputs of every command."""
    folder = tmp_path_factory.mktemp("full")
    (folder / "POSCAR").write_text(DIAMOND_POSCAR)
    assert cli("fetch-structures", folder / "POSCAR", "-o", folder / "structures").returncode == 0
    castep_model.write_runs_folder(folder / "runs", n_structures=2)
    for name, path in {"raw": small_dataset.with_name("raw"), "dataset.npz": small_dataset}.items():
        (folder / name).symlink_to(path)
    (folder / "model.npz").symlink_to(small_model)
    (folder / "small.toml").symlink_to(small_settings)
    assert cli("predict", EXAMPLE, "-o", folder / "predicted.npz").returncode == 0
    return folder


TO_STDOUT = {
    "help": "--help",
    "help of a command": "predict --help",
    "version": "--version",
    "completion": "--show-completion bash",
    "predict": f"predict {EXAMPLE}",
    "predict a dataset": "predict dataset.npz -m model.npz",
    "match": "match dataset.npz",
    "broaden": "broaden raw",
    "list": "fetch-structures --list",
    "dry run": "simulate structures/sites.csv --dry-run",
}


@pytest.mark.parametrize("name", TO_STDOUT)
def test_a_full_stdout(shell, folder, name):
    done = shell(f"sikpdos {TO_STDOUT[name]} > /dev/full", cwd=folder)
    assert done.returncode == 1
    assert FULL in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


TO_FILES = {  # command -> KiB that there is room for
    f"predict {EXAMPLE} -o out/p.csv": 4,
    f"predict {EXAMPLE} -o out/p.npz": 4,
    f"predict {EXAMPLE} --json -o out/p.json": 0,
    f"predict {EXAMPLE} -o /dev/null --plot out/p.png": 4,
    "match dataset.npz -o out/m.csv": 0,
    "broaden raw -o out/b.csv": 4,
    "assemble raw -o out/d.npz": 4,
    "assemble raw -o /dev/full": 4,
    "assemble raw --database out/b.npz -o out/d.npz": 4,
    "train dataset.npz --config small.toml -o out/m.npz": 4,
    "train dataset.npz --config small.toml --log out/l.csv -o out/m.npz": 0,
    "fetch-structures POSCAR -o out/s": 0,
    "augment structures/sites.csv --strain 2 -o out/a": 0,
    "make-castep structures/sites.csv -o out/c": 0,
    "parse-odo runs -o out/raw --jobs 1": 4,
    "plot predicted.npz -o out/p.pdf": 4,
    f"simulate structures/sites.csv -o out/raw --jobs 1 {' '.join(QUICK)}": 4,
}


@pytest.mark.parametrize("command", TO_FILES)
def test_a_disk_that_gets_full(shell, folder, tmp_path, command):
    (tmp_path / "out").mkdir()
    words = command.replace("out/", f"{tmp_path}/out/")
    done = shell(LIMIT.format(TO_FILES[command]) + f"sikpdos {words}", cwd=folder)
    assert done.returncode == 1, done.stderr
    last = done.stderr.splitlines()[-1]
    assert LARGE in last or FULL in last or "failed" in last, done.stderr
    assert "Traceback" not in done.stderr
    assert not done.stdout or command.startswith("parse-odo")  # which tells there of every site
    left = [path for path in (tmp_path / "out").rglob("*") if path.is_file() and not path.name.endswith(".lock")]
    assert all(path.stat().st_size < 1024 * TO_FILES[command] for path in left), left  # whole files, or none
