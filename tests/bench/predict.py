"""predict of many measured spectra from NPZ: spectra per second, share of the processor's matrix-product peak, memory.

    bin/bench predict            # 10,000 and 100,000 spectra, 0.25 eV channels, power-law background

The peak is measured in the same run with a numpy product of float32 matrices; the operations counted are those of
the network's products alone.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from sikpdos.common import resources
from sikpdos.dataset import database
from sikpdos.model import shipped
from sikpdos.model.mixture import Model
from sikpdos.model.network import weight_shapes
from sikpdos.spectra import simulated_measurement

COUNTS = (10_000, 100_000)


def operations(model: Model) -> float:
    """Floating-point operations of the network's matrix products for one spectrum."""
    length, total, sizes = 200, 0, weight_shapes(model.architecture)
    for name, (inputs, outputs) in ((n, s) for n, s in sizes.items() if n.endswith("_w")):
        if name.startswith("conv"):
            length = (length - model.architecture.kernel) // model.architecture.stride + 1
            total += 2 * length * inputs * outputs
        else:
            total += 2 * inputs * outputs
    return float(total * model.members)


def peak() -> float:
    """Operations per second of a product of float32 matrices."""
    a, best = np.random.default_rng(0).random((2048, 2048), np.float32), np.inf
    for _ in range(5):
        start = time.perf_counter()
        a @ a
        best = min(best, time.perf_counter() - start)
    return 2 * 2048**3 / best


def write_spectra(path: Path, count: int) -> None:
    known, rng = database.read_database(resources.DATABASE), np.random.default_rng(0)
    rows = np.arange(2000) % len(known)
    conditions = simulated_measurement.draw(2000, (0.4, 1.5), (1e3, 1e6), rng)
    axis_eV, counts = simulated_measurement.record(known.edge_energy_eV, known.edge[rows], conditions, rng)
    np.savez(path, energy_eV=axis_eV, spectra=np.tile(counts.astype(np.float32), (count // 2000, 1)))


def run(folder: Path, count: int) -> tuple[float, float]:
    """Wall time (s) and peak memory (GiB) of the command."""
    source = folder / f"{count}.npz"
    write_spectra(source, count)
    script = (
        "import resource, sys; from sikpdos.commands.main import app; app(sys.argv[1:], standalone_mode=False);"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    command = [sys.executable, "-c", script, "predict", str(source), "-o", str(folder / "out.npz")]
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True)
    if not (folder / "out.npz").exists():
        raise SystemExit(done.stderr)
    return time.perf_counter() - start, int(done.stdout.split()[-1]) / 2**20


def main() -> None:
    flops, top = operations(shipped.load(shipped.MEASURED)), peak()
    print(f"{flops / 1e6:.1f} Mflop a spectrum; float32 matrix product {top / 1e9:.0f} Gflop/s")
    print(f"{'spectra':>9}{'s':>8}{'spectra/s':>12}{'of the peak':>13}{'GiB':>7}")
    with tempfile.TemporaryDirectory() as folder:
        for count in COUNTS:
            seconds, memory_GiB = run(Path(folder), count)
            rate = count / seconds
            print(f"{count:>9}{seconds:>8.1f}{rate:>12.0f}{100 * rate * flops / top:>11.0f} %{memory_GiB:>7.2f}")


if __name__ == "__main__":
    main()
