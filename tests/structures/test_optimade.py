"""Fetching from the reference OPTIMADE server (optimade-python-tools) on the loopback address."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import warnings

import pytest
import requests

from sikpdos.structures import catalogue
from sikpdos.structures.inequivalent import primitive_cell
from sikpdos.structures.sites import read_sites

N_STRUCTURES = 30  # the server's pages hold 20


@pytest.fixture(scope="module")
def reference_server(tmp_path_factory):
    """Address of a server that holds the first structures of the catalogue."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        adapters = pytest.importorskip("optimade.adapters.structures", reason="optimade[server] is not installed")
        pytest.importorskip("optimade.server.main", reason="optimade[server] is not installed")
        lines = [{"x-optimade": {"meta": {"api_version": "1.1.0"}}}]
        for entry in catalogue.entries()[:N_STRUCTURES]:
            attributes = adapters.Structure.ingest_from(primitive_cell(entry.structure)).attributes
            fields = {k: v for k, v in attributes.model_dump(mode="json").items() if v is not None}
            fields["last_modified"] = "2020-01-01T00:00:00Z"
            lines.append({"id": entry.structure_id, "type": "structures", "attributes": fields})
    folder = tmp_path_factory.mktemp("optimade")
    (folder / "data.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {
        "OPTIMADE_CONFIG_FILE": str(folder / "none.json"),
        "OPTIMADE_DATABASE_BACKEND": "mongomock",
        "OPTIMADE_INSERT_TEST_DATA": "false",
        "OPTIMADE_INSERT_FROM_JSONL": str(folder / "data.jsonl"),
    }
    command = [sys.executable, "-m", "uvicorn", "optimade.server.main:app", "--port", str(port), "--log-level", "error"]
    with open(folder / "log.txt", "w") as log:
        process = subprocess.Popen(command, env={**os.environ, **settings}, cwd=folder, stdout=log, stderr=log)
        url = f"http://127.0.0.1:{port}"
        try:
            _wait(url, process, folder / "log.txt")
            yield url
        finally:
            process.terminate()
            process.wait(10)


def _wait(url, process, log):
    for _ in range(240):
        assert process.poll() is None, log.read_text()
        try:
            if requests.get(f"{url}/v1/info", timeout=5).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.25)
    raise AssertionError(f"the server did not start: {log.read_text()}")


def test_all_pages_give_the_catalogue_back(reference_server, cli, tmp_path):
    done = cli("fetch-structures", "--source", "optimade", "--provider", reference_server, "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    fetched = {site.structure_id.removeprefix("127.0.0.1-") for site in read_sites(tmp_path / "sites.csv")}
    assert fetched == {item.id for item in catalogue.allotropes()[:N_STRUCTURES]}
    positions = sum(len(item.sites) for item in catalogue.allotropes()[:N_STRUCTURES])
    assert len(read_sites(tmp_path / "sites.csv")) == positions


def test_ids_and_refused_filters(reference_server, cli, tmp_path):
    where = ("fetch-structures", "--source", "optimade", "--provider", reference_server, "--retries", "0")
    one = cli(*where, "--id", "Si-XII", "--summary")
    assert one.stdout.splitlines()[1:] == ["127.0.0.1-Si-XII,R-3,8,2,Si-III"]
    none = cli(*where, "--elements", "Si-Xe", "--out", tmp_path / "none")
    assert none.returncode == 1
    assert "no structures" in none.stderr
