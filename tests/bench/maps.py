"""Maps of a simulated spectrum image with known truth: error against counts, with and without PCA; seconds and memory.

    bin/bench maps               # both tables; the scene is that of examples/spectrum_image

The image has 48 x 48 pixels for the errors (1e-3 (states/eV)^2, mean over s, p and all energies) and 256 x 256 for the
speed. "washed" is how far the interface's pixels are from what the model says of its noise-free spectrum, in the same
unit: what noise and components do to it, without the model's own error. "network" is the model's own time (networks,
regression and uncertainty) over the whole, imports and files included; times are processor seconds.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "examples" / "spectrum_image"))

import simulate_image as scene  # noqa: E402

from sikpdos.formats.spectrum_set import NavigationAxis, SpectrumSet  # noqa: E402
from sikpdos.model import shipped  # noqa: E402
from sikpdos.model.mixture import Model  # noqa: E402
from sikpdos.model.uncertainty import BAND_90  # noqa: E402
from sikpdos.prediction import maps, maps_file  # noqa: E402
from sikpdos.prediction.predict import preprocessing_for  # noqa: E402
from sikpdos.spectra import simulated_measurement  # noqa: E402

COUNTS = (30, 100, 300, 1000, 3000, 10_000)
SIZE, LARGE = 48, 256
SIGMA_EV = 1.0
WAYS = {
    "per pixel": maps.Wishes(),
    "common onset": maps.Wishes(common_onset=True),
    "PCA auto": maps.Wishes(pca="auto"),
    "PCA auto, common onset": maps.Wishes(pca="auto", common_onset=True),
}


def image_of(counts: np.ndarray, energy_eV: np.ndarray) -> SpectrumSet:
    """Counts (y, x, n) as a spectrum image."""
    axes = tuple(NavigationAxis(name, size) for name, size in zip("yx", counts.shape, strict=False))
    flat = counts.reshape(-1, counts.shape[-1])
    return SpectrumSet(None, energy_eV, flat, "eels", "SIMULATED", navigation=axes)


def mapped(image: SpectrumSet, model: Model, wishes: maps.Wishes) -> tuple[maps.MapPlan, maps_file.DensityMaps]:
    """An image's maps."""
    plan = maps.plan(image, model, preprocessing_for(model, sigma_eV=SIGMA_EV), wishes)
    return plan, maps_file.collected(plan, maps.predict_blocks(plan), "simulated")


def errors() -> None:
    """Error, standard deviation and cover of the 90 % bands at each number of counts, in the regions."""
    model, true, labels = shipped.load(shipped.MEASURED), scene.truth(), scene.scene(SIZE, SIZE)
    regions = "diamond | interface | disordered | washed"
    print(f"| counts | way | components | masked | {regions} | rms std | 90 % bands cover |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    sharp = noise_free(model, true)
    for counts in COUNTS:
        axis_eV, cube = scene.record(true, labels, SIGMA_EV, counts, seed=1)
        for way, wishes in WAYS.items():
            plan, found = mapped(image_of(cube, axis_eV), model, wishes)
            print(row(counts, way, plan, found, labels, true.pdos, sharp), flush=True)


def noise_free(model: Model, true: scene.Truth) -> np.ndarray:
    """What the model says of the interface's spectrum without noise (2, 300)."""
    conditions = simulated_measurement.ideal(3, SIGMA_EV, max(COUNTS))
    axis_eV, mean = simulated_measurement.expected(
        true.edge_energy_eV, true.edge[1:], conditions, np.random.default_rng(1)
    )
    _, found = mapped(image_of(mean[None], axis_eV), model, maps.Wishes())
    return np.stack([found.s, found.p], axis=-2)[0, scene.INTERFACE - 1]


def row(
    counts: float, way: str, plan: maps.MapPlan, found: maps_file.DensityMaps, labels, pdos: np.ndarray, sharp
) -> str:
    usable = (found.mask == 0) & (labels != scene.VACUUM)
    predicted = np.stack([found.s, found.p], axis=-2)
    error = predicted - pdos[labels]
    std = np.stack([found.s_std, found.p_std], axis=-2)
    squares = [1e3 * (error[usable & (labels == label)] ** 2).mean() for label in scene.SITES]
    cover = (np.abs(error[usable]) <= BAND_90 * std[usable]).mean()
    masked = ((labels != scene.VACUUM) & ~usable).sum()
    kept = "" if plan.components is None else len(plan.components.vectors)
    squares.append(1e3 * ((predicted[usable & (labels == scene.INTERFACE)] - sharp) ** 2).mean())
    numbers = " | ".join(f"{value:.2f}" for value in squares)
    rms = np.sqrt((std[usable] ** 2).mean())
    return f"| {counts} | {way} | {kept} | {masked} | {numbers} | {rms:.4f} | {100 * cover:.0f} % |"


_TIMED = """
import re, sys, time
start = time.process_time()
from sikpdos.prediction import maps
own, predict = [0.0], maps.predict
def timed(*arguments):
    begin = time.process_time()
    result = predict(*arguments)
    own[0] += time.process_time() - begin
    return result
maps.predict = timed
from sikpdos.commands.main import app
app(sys.argv[1:], standalone_mode=False)
peak = re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())  # of this program, not of what started it
print(time.process_time() - start, own[0], int(peak[1]) / 2**20)
"""


def speed(folder: Path) -> None:
    """Seconds, share of the model, and peak memory of the command."""
    axis_eV, cube = scene.record(scene.truth(), scene.scene(LARGE, LARGE), SIGMA_EV, 1000, seed=1)
    source = folder / "cube.npz"
    np.savez(source, energy_eV=axis_eV, spectra=cube, title="SIMULATED", kind="eels")
    del cube
    print("| pixels | option | s | network | GiB |")
    print("| --- | --- | --- | --- | --- |")
    for option in ([], ["--bin", "2,2"], ["--pca", "auto"]):
        command = [sys.executable, "-c", _TIMED, "predict", str(source), "-o", str(folder / "maps.npz"), *option]
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
        if done.returncode:
            raise SystemExit(done.stderr)
        seconds, own, memory_GiB = map(float, done.stdout.split())
        share = f"{100 * own / seconds:.0f} %"
        print(f"| {LARGE} x {LARGE} | {' '.join(option)} | {seconds:.0f} | {share} | {memory_GiB:.2f} |", flush=True)


def main() -> None:
    errors()
    print()
    with tempfile.TemporaryDirectory() as folder:
        speed(Path(folder))


if __name__ == "__main__":
    main()
