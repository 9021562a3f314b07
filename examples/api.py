"""The Python interface: from a measured edge to the density of states.

    python examples/api.py

Prints what the prediction says of exp.msa, a SIMULATED measurement of diamond silicon.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

import sikpdos

HERE = Path(__file__).parent


def main() -> None:
    (measured,) = sikpdos.read_spectra(HERE / "exp.msa")  # one set of spectra for each energy axis of a file
    model = sikpdos.load_model("measured")
    result = sikpdos.predict(measured.energy_eV, measured.intensity[0], model=model, sigma_eV=1.2, smooth=(40, 3))

    print(f"onset at {result.onset_eV:.2f} eV; novelty {result.novelty:.2f} (over 1: unlike the training spectra)")
    for orbital in ("s", "p"):
        curve = getattr(result, orbital)
        occupied = curve[result.energy_eV < 0].sum() * 0.1
        half_width = (result.upper(orbital) - curve).mean()
        print(f"{orbital}: {occupied:.2f} electrons; the 90 % band is {half_width:.3f} states/eV wide on either side")
    for warning in result.warnings:
        print(f"warning: {warning}")

    truth = np.genfromtxt(HERE / "exp_true_pdos.csv", delimiter=",", names=True)
    inside = [np.abs(getattr(result, o) - truth[o]) <= result.upper(o) - getattr(result, o) for o in ("s", "p")]
    print(f"inside the bands: {np.mean(inside):.0%} of the points")

    dos = result.to_dos("p")  # pymatgen's Dos, for what is built on it
    print(f"pymatgen: {type(dos).__name__} of {len(dos.energies)} energies")


if __name__ == "__main__":
    main()
