"""Training: the same bytes from the same seed, killed and continued; one network in NumPy and in PyTorch."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from support import ROOT, assert_one_line_failure

from sikpdos.common import config, npz, resources
from sikpdos.common.errors import SikpdosError
from sikpdos.model import network, shipped
from sikpdos.model.ensemble import predict
from sikpdos.model.model_file import SCHEMA, read_model
from sikpdos.model.settings import Settings


def start(folder, *arguments) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "sikpdos", *map(str, arguments)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        stderr=subprocess.PIPE,
        text=True,
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


def test_killed_and_continued_is_uninterrupted(small_dataset, small_settings, tmp_path):
    command = ("train", small_dataset, "--config", small_settings, "--epochs", 120, "--log", "log.csv", "-o", "m.npz")
    for name in ("whole", "killed"):
        (tmp_path / name).mkdir()
    process = start(tmp_path / "killed", *command)
    wait_for(tmp_path / "killed" / "m.npz.checkpoint", process)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "killed" / "m.npz").exists()
    for name in ("killed", "whole"):
        process = start(tmp_path / name, *command)
        assert process.wait() == 0, process.stderr.read()
    assert (tmp_path / "killed" / "m.npz").read_bytes() == (tmp_path / "whole" / "m.npz").read_bytes()
    assert sorted(path.name for path in (tmp_path / "whole").iterdir()) == ["log.csv", "m.npz"]
    assert (tmp_path / "whole" / "log.csv").read_text().startswith("epoch,training_mse,validation_mse\n1,")


def test_ctrl_c_keeps_the_checkpoint_and_nothing_else(small_dataset, small_settings, tmp_path):
    process = start(tmp_path, "train", small_dataset, "--config", small_settings, "--epochs", 20000, "-o", "m.npz")
    wait_for(tmp_path / "m.npz.checkpoint", process)
    process.send_signal(signal.SIGINT)
    assert process.wait() == 130
    assert "Traceback" not in process.stderr.read()
    assert [path.name for path in tmp_path.iterdir()] == ["m.npz.checkpoint"]


def test_a_checkpoint_of_another_training_is_refused(cli, small_dataset, small_settings, tmp_path):
    process = start(tmp_path, "train", small_dataset, "--config", small_settings, "--epochs", 20000, "-o", "m.npz")
    wait_for(tmp_path / "m.npz.checkpoint", process)
    process.kill()
    process.wait()
    done = cli("train", small_dataset, "--config", small_settings, "--seed", 5, "-o", "m.npz", cwd=tmp_path)
    assert_one_line_failure(done, "m.npz.checkpoint", "other data or settings")


def test_numpy_and_torch_are_one_network(small_model):
    trained = read_model(small_model)
    rng = np.random.default_rng(0)
    spectra = rng.random((trained.members, 5, 200), np.float32)
    resolution = rng.random((trained.members, 5, 2), np.float32)
    by_numpy = network.forward(trained.ensemble.weights, trained.architecture, spectra, resolution, np)
    tensors = {name: torch.tensor(weight) for name, weight in trained.ensemble.weights.items()}
    by_torch = network.forward(tensors, trained.architecture, torch.tensor(spectra), torch.tensor(resolution), torch)
    assert by_numpy.shape == (trained.members, 5, 2, 300)
    assert np.abs(by_numpy - by_torch.numpy()).max() < 1e-5
    assert (by_numpy >= 0).all()


def test_the_convolution_is_pytorchs(small_model):
    """The first layer by torch.nn.functional.conv1d gives what the network's own pieces give."""
    trained = read_model(small_model)
    a, weight = trained.architecture, trained.ensemble.weights["conv0_w"][0]  # (inputs * kernel, channels), one input
    x = np.random.default_rng(1).random((1, 1, 200), np.float32)
    kernels = torch.tensor(weight.T.reshape(a.channels[0], 1, a.kernel).copy())
    peer = torch.nn.functional.conv1d(torch.tensor(x), kernels, stride=a.stride).numpy()[0].T
    windows = network._windows(x[0][None, ..., None], a.kernel, a.stride)
    ours = windows.reshape(1, -1, a.kernel) @ network._points_first(weight[None], a.kernel)
    assert np.abs(ours[0] - peer).max() < 1e-5


def test_blocks_do_not_matter_to_a_prediction(small_model):
    trained = read_model(small_model)
    spectra = np.random.default_rng(0).random((70, 200), np.float32)
    whole, blocks = (predict(trained, spectra, block=size) for size in (70, 9))
    assert np.abs(whole[0] - blocks[0]).max() < 1e-6
    assert np.abs(whole[1] - blocks[1]).max() < 1e-6


@pytest.mark.parametrize("name", shipped.names())
def test_shipped_models_hold_no_pickles(name):
    with np.load(resources.MODELS / f"{name}.npz", allow_pickle=False) as archive:
        assert not any(archive[key].dtype.hasobject for key in archive.files)


def test_flag_over_file_over_default(tmp_path):
    path = tmp_path / "settings.toml"
    path.write_text('epochs = 7\nseed = 3\nsigma_eV = [1, 2]\nsplit = "random"\n')
    found = config.load(Settings, path, {"seed": 9, "split": None})
    assert (found.epochs, found.seed, found.split, found.sigma_eV) == (7, 9, "random", (1.0, 2.0))
    assert found.members == Settings().members
    assert isinstance(found.sigma_eV[0], float)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("bogus = 1", "unknown setting 'bogus'"),
        ("epochs = 1.5", "expected int"),
        ("epochs = true", "expected int"),
        ('channels = ["a"]', "expected int"),
        ("channels = 3", "expected tuple"),
        ("epochs = ", "not TOML"),
    ],
)
def test_bad_settings_name_the_file(tmp_path, text, words):
    path = tmp_path / "settings.toml"
    path.write_text(text)
    with pytest.raises(SikpdosError, match=words) as caught:
        config.load(Settings, path, {})
    assert "settings.toml" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("learning_rate = nan", "'learning_rate' must be positive"),
        ("learning_rate = 1e12", "diverged"),
        ("weight_decay = -1", "'weight_decay'"),
        ("dropout = 1.0", "'dropout'"),
        ("channels = [4, 4, 4, 4, 4, 4]", "'channels'"),
        ("channels = []", "'channels'"),
        ("batch = 0", "'batch'"),
        ("sigma_eV = [2, 1]", "'sigma_eV'"),
        ('split = "x"', "unknown split 'x'"),
    ],
)
def test_settings_that_cannot_work(small_dataset, text, words):
    from sikpdos.dataset.dataset import read_dataset
    from sikpdos.model.training import train

    name, _, value = text.partition(" = ")
    values = {"members": 2, "epochs": 3, "channels": "[4]", "hidden": 8, name: value}
    source = "".join(f"{key} = {text}\n" for key, text in values.items()).encode()
    path = small_dataset.with_name("cannot.toml")
    path.write_bytes(source)
    with pytest.raises(SikpdosError, match=words):
        train(read_dataset(small_dataset), config.load(Settings, path, {}))


def test_the_model_card(small_model):
    meta = read_model(small_model).meta
    assert meta["settings"]["members"] == 4
    assert set(meta["split"]) >= {"train", "test", "kind", "fold"}
    assert not set(meta["split"]["train"]) & set(meta["split"]["test"])
    assert {"mse", "mse_s", "mse_p", "coverage_90", "matching_mse"} <= set(meta["scores"])
    _, stored = npz.read(small_model, SCHEMA)
    assert stored["command"].startswith("sikpdos train ")
