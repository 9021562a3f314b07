"""What every test may use."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from support import ROOT, runs


def pytest_addoption(parser):
    parser.addoption("--live", action="store_true", help="also run the tests that ask real databases over the network")
    parser.addoption("--everything", action="store_true", help="also run what takes minutes, on all samples, not some")


def pytest_collection_modifyitems(config, items):
    for option, marker, reason in (
        ("--live", "live", "asks a real database: run with --live"),
        ("--everything", "long", "takes long: run with --everything"),
    ):
        for item in items:
            if marker in item.keywords and not config.getoption(option):
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def some(request):
    """some(samples): every eighth of many, or all of them with --everything."""
    step = 1 if request.config.getoption("--everything") else 8
    return lambda samples: list(samples)[::step]


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of reference data beside the checkout; tests that need it are skipped where it is absent."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip(f"reference data not there: {folder.name}/ beside the checkout")
    return folder


@pytest.fixture(scope="session")
def cli():
    """Run the public command: cli("predict", "exp.msa", stdin=bytes, cwd=...) -> CompletedProcess with text output.

    Inside this process, which spares its imports; in one of its own where `env` gives variables. Where the process is
    the point, `shell` starts one.
    """
    return runs.run


@pytest.fixture(scope="session")
def shell():
    """Run a line in bash, `sikpdos` being the public command: shell("sikpdos match ... | head -1")."""

    def run(line: str, cwd=None, timeout: float = 300):
        prelude = f'set -o pipefail; export PYTHONPATH="{ROOT}"; sikpdos() {{ "{sys.executable}" -m sikpdos "$@"; }}; '
        return subprocess.run(["bash", "-c", prelude + line], capture_output=True, text=True, cwd=cwd, timeout=timeout)

    return run


@pytest.fixture(scope="session")
def small_dataset(cli, tmp_path_factory) -> Path:
    """A dataset of 24 synthetic sites of 12 structures, sigma 0.5 eV."""
    from support.made_up_sites import write_sites

    folder = tmp_path_factory.mktemp("small")
    done = cli("assemble", write_sites(folder), "-o", folder / "dataset.npz")
    assert done.returncode == 0, done.stderr
    return folder / "dataset.npz"


@pytest.fixture(scope="session")
def small_settings(tmp_path_factory) -> Path:
    """Settings of a training that takes a second or two."""
    path = tmp_path_factory.mktemp("settings") / "small.toml"
    path.write_text("members = 4\nepochs = 6\nchannels = [4, 8]\nhidden = 16\n")
    return path


@pytest.fixture(scope="session")
def small_model(cli, small_dataset, small_settings) -> Path:
    """A model of that dataset, hardly trained."""
    model = small_dataset.with_name("model.npz")
    done = cli("train", small_dataset, "--config", small_settings, "-o", model)
    assert done.returncode == 0, done.stderr
    return model


@pytest.fixture
def serve():
    """Start a server: serve(answer, ...) -> Answers, whose `url` is asked and which keeps what was `asked`."""
    from support.server import Answers

    servers = []

    def start(*answers):
        servers.append(Answers(*answers))
        return servers[-1]

    yield start
    for server in servers:
        server.server.shutdown()
        server.server.server_close()
