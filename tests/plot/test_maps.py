"""Maps as a figure and as a page, the page in a real browser."""

from __future__ import annotations

import base64
import json
import re
import shutil
import socket
import subprocess
import time
import urllib.request

import numpy as np
import pytest
from support import spectrum_image

import sikpdos

SHAPE = (6, 9)


@pytest.fixture(scope="module")
def files(tmp_path_factory, cli):
    """The folder of maps.npz, of a simulated image with one dead pixel at (2, 3)."""
    folder = tmp_path_factory.mktemp("maps")
    energy_eV, counts, *_ = spectrum_image.cube(SHAPE, 3000)
    counts = counts.astype(float)
    counts[2, 3] = np.nan
    spectrum_image.write(folder / "cube.npz", energy_eV, counts)
    done = cli("predict", folder / "cube.npz", "-o", folder / "maps.npz", "--pca", "auto", "--sigma", "1")
    assert done.returncode == 0, done.stderr
    page = cli("plot", folder / "maps.npz", "-o", folder / "maps.html", "--window", "1,4")
    assert page.returncode == 0, page.stderr
    return folder


def test_figure_of_maps(cli, files):
    done = cli("plot", files / "maps.npz", "-o", files / "maps.svg", "--window", "-4,-1", "--window", "2,6")
    assert done.returncode == 0, done.stderr
    text = (files / "maps.svg").read_text()
    for words in ("SIMULATED", "−4 to −1 eV", "2 to 6 eV", "novelty", "scree plot", "pixels masked", " nm"):
        assert words in text


@pytest.mark.parametrize(
    ("options", "cause"),
    [
        (["--window", "5,1"], "larger"),
        (["--window", "40,50"], "no energy"),
        (["--figure", "3", "--window", "0,1"], "maps"),
    ],
)
def test_windows_that_cannot_be_are_refused(cli, files, options, cause):
    done = cli("plot", files / "maps.npz", "-o", files / "no.png", *options)
    assert done.returncode in (1, 2)
    assert cause in done.stderr
    assert not (files / "no.png").exists()


def test_page_needs_maps(cli, files):
    done = cli("plot", files / "cube.npz", "-o", files / "no.html")
    assert done.returncode == 1
    assert "cube.npz" in done.stderr
    assert not (files / "no.html").exists()


def test_page_holds_the_curves_and_nothing_from_outside(files):
    page = (files / "maps.html").read_text()
    assert not re.search(r"(?:src|href)\s*=|https?://|@import|url\(", page)
    data = json.loads(re.search(r'<script id="data"[^>]*>(.*?)</script>', page, re.DOTALL).group(1))
    maps = np.load(files / "maps.npz")
    curve = data["curves"]["p"]
    low, span = (np.frombuffer(base64.b64decode(curve[key]), "<f4") for key in ("low", "span"))
    steps = np.frombuffer(base64.b64decode(curve["values"]), np.uint8).reshape(*SHAPE, curve["n"])
    values = low.reshape(SHAPE)[..., None] + span.reshape(SHAPE)[..., None] * steps / 255
    usable = maps["mask"] == 0
    assert np.abs(values - maps["p"][..., ::2])[usable].max() < 0.003 * maps["p"][usable].max()


def test_maps_of_an_array_are_those_of_its_file(files):
    source = np.load(files / "cube.npz")
    found = sikpdos.predict_map(source["spectra"], source["energy_eV"], sigma_eV=1.0, pca="auto")
    maps = np.load(files / "maps.npz")
    np.testing.assert_allclose(found.p, maps["p"], atol=1e-5)
    np.testing.assert_array_equal(found.mask, maps["mask"])
    assert found.mask[2, 3] > 0
    hidden = np.ma.masked_invalid(source["spectra"][2:4])
    assert sikpdos.predict_map(hidden, source["energy_eV"]).mask[0, 3] == found.mask[2, 3]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"energy_eV": None}, "energy_eV"),
        ({"cube": "cube.npz"}, "read_spectra"),
        ({"cube": np.zeros((2, 3, 7))}, "do not fit|expected"),
        ({"cube": np.zeros((2, 0, 524))}, "no spectrum"),
        ({"cube": np.zeros((2, 3, 524), complex)}, "complex"),
        ({"bin": 2}, "whole number for each axis"),
        ({"bin": (2, 1, 1)}, "2 axes"),
        ({"pca": "many"}, "'auto'"),
        ({"pca": 0}, "from 1 on"),
        ({"onset": "comon"}, "'common'"),
        ({"kind": "eeels"}, "eels, xas"),
    ],
)
def test_what_is_no_image_or_no_option_is_refused(files, change, words):
    source = np.load(files / "cube.npz")
    with pytest.raises(sikpdos.SikpdosError, match=words):
        sikpdos.predict_map(**{"cube": source["spectra"], "energy_eV": source["energy_eV"], **change})


class Browser:
    """A headless Chromium by the WebDriver protocol."""

    def __init__(self, port: int):
        self._at = f"http://127.0.0.1:{port}/session"
        arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1200,900"]
        asked = {"capabilities": {"alwaysMatch": {"goog:chromeOptions": {"args": arguments}}}}
        self._at += "/" + self._post("", asked)["sessionId"]

    def _post(self, path: str, body: dict):
        request = urllib.request.Request(
            self._at + path, json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.load(answer)["value"]

    def open(self, url: str) -> None:
        self._post("/url", {"url": url})

    def run(self, script: str):
        return self._post("/execute/sync", {"script": script, "args": []})

    def press(self, key: str) -> None:
        actions = [{"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]
        self._post("/actions", {"actions": [{"type": "key", "id": "keys", "actions": actions}]})

    def click(self, x: int, y: int) -> None:
        moves = [
            {"type": "pointerMove", "x": x, "y": y, "duration": 0},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerUp", "button": 0},
        ]
        self._post("/actions", {"actions": [{"type": "pointer", "id": "mouse", "actions": moves}]})

    def close(self) -> None:
        urllib.request.urlopen(urllib.request.Request(self._at, method="DELETE"), timeout=60).close()


@pytest.fixture
def browser():
    if not (shutil.which("chromedriver") and shutil.which("chromium")):
        pytest.skip("chromium and chromium-driver are not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    driver = subprocess.Popen(["chromedriver", f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(300):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        opened = Browser(port)
        yield opened
        opened.close()
    finally:
        driver.terminate()
        driver.wait()


def test_page_in_a_browser(browser, files):
    browser.open((files / "maps.html").as_uri())
    where = 'return document.getElementById("where").textContent'
    assert browser.run("return document.title").startswith("SIMULATED")
    assert "x 0, y 0" in browser.run(where)
    box = browser.run(
        'const b = document.getElementById("map").getBoundingClientRect(); return [b.x, b.y, b.width, b.height]'
    )

    def middle(x: int, y: int) -> tuple[int, int]:
        return int(box[0] + (x + 0.5) * box[2] / SHAPE[1]), int(box[1] + (y + 0.5) * box[3] / SHAPE[0])

    browser.click(*middle(5, 4))
    assert "x 5, y 4" in browser.run(where)
    assert "held" in browser.run(where)
    browser.press("\ue014")  # arrow right
    assert "x 6, y 4" in browser.run(where)
    browser.click(*middle(3, 2))
    assert "masked, not finite" in browser.run(where)
    browser.click(*middle(5, 4))
    before = browser.run("return values[0]")
    browser.run('from.value = -10; from.dispatchEvent(new Event("input"))')
    assert browser.run("return values[0]") != before
    maps = np.load(files / "maps.npz")
    browser.run('select.value = "onset_eV"; select.dispatchEvent(new Event("change"))')
    assert browser.run("return values[0]") == pytest.approx(float(maps["onset_eV"][0, 0]), abs=1e-3)
