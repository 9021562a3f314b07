"""The same in HyperSpy: a signal goes in, signals come out (pip install 'sikpdos[hyperspy]').

    python simulate_image.py --out .
    python in_hyperspy.py                         # reads interface.npz, writes p.hspy and conduction_band.hspy

p.hspy: the p density of states at every pixel, over E - E_F. conduction_band.hspy: a map, its mean from 0 to 5 eV.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import hyperspy.api as hs
import numpy as np
from hyperspy.signals import Signal1D, Signal2D

import sikpdos

WINDOW_EV = (0.0, 5.0)


def interface(path: Path) -> Signal1D:
    """The SIMULATED image as a signal; of a file that HyperSpy reads, `hs.load(path)` gives it."""
    data = np.load(path)
    signal = Signal1D(data["spectra"])
    [energy] = signal.axes_manager.signal_axes
    energy.name, energy.units = "Energy loss", "eV"
    energy.offset, energy.scale = data["energy_eV"][0], data["energy_eV"][1] - data["energy_eV"][0]
    for axis, name in zip(signal.axes_manager.navigation_axes, ("x", "y"), strict=True):
        axis.name, axis.units, axis.scale = name, "nm", 0.25
    signal.metadata.General.title = str(data["title"])
    return signal


def conduction_band(signals: dict[str, Signal1D]) -> Signal2D:
    """Mean p density of states above the Fermi level, pixel by pixel; NaN where masked or unlike the training set."""
    low_eV, high_eV = WINDOW_EV
    band = signals["p"].isig[low_eV:high_eV].mean(axis="E - E_F").T
    band.data[~(signals["novelty"].data <= 1)] = np.nan
    band.metadata.General.title = f"p density of states, {low_eV:g} to {high_eV:g} eV"
    return band


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("image", type=Path, nargs="?", default=Path("interface.npz"))
    options.add_argument("--out", type=Path, default=Path(), help="folder for the two files")
    chosen = options.parse_args()

    signals = sikpdos.predict_map(interface(chosen.image), sigma_eV=1.0, pca="auto").to_hyperspy()
    band = conduction_band(signals)
    signals["p"].save(chosen.out / "p.hspy", overwrite=True)
    band.save(chosen.out / "conduction_band.hspy", overwrite=True)
    print(signals["p"], hs.load(chosen.out / "conduction_band.hspy"), sep="\n")


if __name__ == "__main__":
    main()
