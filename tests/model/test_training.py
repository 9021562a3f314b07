"""Training: the same bytes from the same seed, killed and continued; what diverges or is not there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest
from support import ROOT, assert_one_line_failure, runs

from sikpdos.common.errors import SikpdosError
from sikpdos.dataset.dataset import read_dataset
from sikpdos.model.settings import Settings
from sikpdos.model.training import train


def start(folder, *arguments) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "sikpdos", *map(str, arguments)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=runs.interruptible,
    )


def wait_for(path, process: subprocess.Popen) -> None:
    while not path.exists():
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.02)


def test_the_same_seed_gives_the_same_bytes(cli, small_dataset, small_settings, tmp_path):
    contents = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        done = cli("train", small_dataset, "--config", small_settings, "-o", "m.npz", cwd=tmp_path / name)
        assert done.returncode == 0, done.stderr
        contents.append((tmp_path / name / "m.npz").read_bytes())
    assert contents[0] == contents[1]
    other = cli("train", small_dataset, "--config", small_settings, "--seed", 1, "-o", "-", text=False)
    assert other.stdout[:2] == b"PK"
    assert other.stdout != contents[0]


def test_killed_and_continued_is_uninterrupted(cli, small_dataset, small_settings, tmp_path):
    command = ("train", small_dataset, "--config", small_settings, "--epochs", 120, "--log", "log.csv", "-o", "m.npz")
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    for folder in (whole, killed):
        folder.mkdir()
    process = start(killed, *command)
    wait_for(killed / "m.npz.checkpoint", process)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (killed / "m.npz").exists()
    for folder in (killed, whole):
        done = cli(*command, cwd=folder)
        assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in whole.iterdir()) == ["log.csv", "m.npz"]
    assert (whole / "log.csv").read_text().startswith("epoch,training_mse,validation_mse\n1,")
    for name in ("log.csv", "m.npz"):
        assert (killed / name).read_bytes() == (whole / name).read_bytes()


def test_ctrl_c_keeps_a_checkpoint_that_no_other_training_takes(cli, small_dataset, small_settings, tmp_path):
    command = ("train", small_dataset, "--config", small_settings, "--epochs", 20000, "-o", "m.npz")
    process = start(tmp_path, *command)
    wait_for(tmp_path / "m.npz.checkpoint", process)
    process.send_signal(signal.SIGINT)
    assert process.wait() == 130
    assert "Traceback" not in process.stderr.read()
    assert [path.name for path in tmp_path.iterdir()] == ["m.npz.checkpoint"]
    done = cli(*command, "--seed", 5, cwd=tmp_path)
    assert_one_line_failure(done, "m.npz.checkpoint", "other data or settings")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"learning_rate": 1e12}, "diverged in epoch 1: try a lower learning_rate"),
        ({"split": "x"}, "unknown split 'x'"),
        ({"batch": 0}, "'batch' must be positive"),
        ({"test_groups": ("nope",)}, "no family 'nope'"),
    ],
)
def test_trainings_that_cannot_work(small_dataset, changed, words):
    settings = Settings(**{"members": 2, "epochs": 3, "channels": (4,), "hidden": 8, **changed})
    with pytest.raises(SikpdosError, match=words):
        train(read_dataset(small_dataset), settings)


def test_a_device_that_is_not_there(small_dataset):
    with pytest.raises(SikpdosError, match="device 'cuda:99' is not available"):
        train(read_dataset(small_dataset), Settings(epochs=1), device="cuda:99")
