"""Reading spectra against what one would use otherwise: rosettasciio, numpy.loadtxt, numpy.load."""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from rsciio.msa import file_reader

from sikpdos.formats.emsa import write_msa
from sikpdos.formats.read import read_spectra

CHANNELS, SPECTRA, LINES = 2048, 100_000, 2_500_000


def best_of(repeats: int, call: Callable[[], object]) -> float:
    """Shortest wall time of some calls, in seconds."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def read_all(path: Path) -> int:
    return sum(len(block.names) for spectra in read_spectra(path) for block in spectra.blocks())


def cases(folder: Path) -> list[tuple[str, int, Callable[[], object], str, Callable[[], object]]]:
    """Name, repeats, ours, the peer's name, the peer."""
    energy_eV = 1700 + 0.25 * np.arange(CHANNELS)
    one, long, many = folder / "one.msa", folder / "long.csv", folder / "many.npz"
    write_msa(one, energy_eV, 1e6 / energy_eV, title="Si K")
    with open(long, "w") as stream:
        stream.writelines(map("%.13f,1.00000000000000000\n".__mod__, (0.0625 * i for i in range(160, LINES))))
    spectra = np.random.default_rng(0).random((SPECTRA, 200), np.float32)
    np.savez(many, energy_eV=energy_eV[:200], spectra=spectra)
    return [
        (f"msa, {CHANNELS} pairs", 20, lambda: read_all(one), "rosettasciio", lambda: file_reader(str(one))),
        (
            f"csv, {long.stat().st_size / 1e6:.0f} MB",
            2,
            lambda: read_all(long),
            "numpy.loadtxt",
            lambda: np.loadtxt(long, delimiter=","),
        ),
        (f"npz, {SPECTRA} x 200", 5, lambda: read_all(many), "numpy.load", lambda: np.load(many)["spectra"].min()),
    ]


def main() -> None:
    logging.getLogger("rsciio").setLevel(logging.ERROR)
    print(f"{'file':<22}{'sikpdos (s)':>12}  {'peer':<16}{'peer (s)':>9}  {'ratio':>6}")
    with tempfile.TemporaryDirectory() as folder:
        for name, repeats, ours, peer_name, peer in cases(Path(folder)):
            seconds, theirs = best_of(repeats, ours), best_of(repeats, peer)
            print(f"{name:<22}{seconds:>12.4f}  {peer_name:<16}{theirs:>9.4f}  {seconds / theirs:>6.2f}")


if __name__ == "__main__":
    main()
