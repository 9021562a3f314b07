"""Make interface.npz, a SIMULATED STEM-EELS spectrum image, and interface_truth.npz, what is true at its pixels.

    python simulate_image.py                      # 32 x 48 pixels, 3000 counts per channel at the edge's maximum
    python simulate_image.py --counts 300 --size 64,64 --out /tmp

From left to right: diamond silicon; an interface one pixel wide, a silicate; disordered silicon, the mean
of eight sites of 24-atom random networks, in the place of amorphous silicon; vacuum. All sites are of the embedded
database (computed, full core hole), and none of them was in the training of the model.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sikpdos.common import resources
from sikpdos.common.grid import PDOS
from sikpdos.dataset import curves, database
from sikpdos.spectra import simulated_measurement
from sikpdos.spectra.processing import broaden

HERE = Path(__file__).parent
VACUUM, DIAMOND, INTERFACE, DISORDERED = range(4)  # labels of the pixels
SITES = {
    DIAMOND: ["Si-I-0"],
    INTERFACE: ["Na4SiO4-0"],
    DISORDERED: [
        "Si-c24-134197-4068-28-0",
        "Si-c24-142842-6005-38-0",
        "Si-c24-145325-7931-1-0",
        "Si-c24-170360-9481-26-0",
        "Si-c24-189742-1338-15-0",
        "Si-c24-41306-4542-24-0",
        "Si-c24-57144-6540-27-1",
        "Si-c24-96694-8817-1-0",
    ],
}
VACUUM_COUNTS = 0.001  # of the background of the sample
STEP_NM = 0.25  # from pixel to pixel


@dataclass(frozen=True)
class Truth:
    """The regions of a scene; row 0, vacuum, is empty."""

    edge_energy_eV: np.ndarray  # (n,)
    edge: np.ndarray  # (4, n)
    pdos: np.ndarray  # (4, 2, 300) sigma 0.5 eV


def scene(ny: int, nx: int) -> np.ndarray:
    """Labels (ny, nx): diamond, the interface, disordered silicon, and an eighth of vacuum."""
    labels = np.full((ny, nx), DIAMOND)
    labels[:, int(0.45 * nx) :] = DISORDERED
    labels[:, int(0.45 * nx)] = INTERFACE
    labels[:, nx - nx // 8 :] = VACUUM
    return labels


def truth() -> Truth:
    """Edges and densities of states of the regions, from the embedded database."""
    known = database.read_database(resources.DATABASE)
    ids = known.ids.tolist()
    edge, pdos = np.zeros((4, known.edge.shape[1])), np.zeros((4, 2, PDOS.size))
    for label, names in SITES.items():
        rows = [ids.index(name) for name in names]
        edge[label] = known.edge[rows].mean(axis=0)
        sigmas = [curves.remaining_sigma(0.5, known.pdos_sigma_eV[row]) for row in rows]
        broad = [
            broaden(known.pdos_energy_eV, known.pdos[r], PDOS.energy_eV, s) for r, s in zip(rows, sigmas, strict=True)
        ]
        pdos[label] = np.mean(broad, axis=0)
    return Truth(known.edge_energy_eV, edge, pdos)


def record(true: Truth, labels: np.ndarray, sigma_eV: float, counts: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Channels (k,) in eV and SIMULATED counts (ny, nx, k), float32; `counts` at the edge's maximum."""
    rng = np.random.default_rng(seed)
    conditions = simulated_measurement.ideal(3, sigma_eV, counts)
    axis_eV, silicon = simulated_measurement.expected(true.edge_energy_eV, true.edge[1:], conditions, rng)
    vacuum = VACUUM_COUNTS * silicon[:1, 0] * (axis_eV / axis_eV[0]) ** -3.0
    mean = np.concatenate([vacuum[None], silicon])
    return axis_eV, np.stack([rng.poisson(mean[row]) for row in labels]).astype(np.float32)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--size", default="32,48", help="pixels along y and x")
    options.add_argument("--sigma", type=float, default=1.0, help="resolution in eV")
    options.add_argument("--counts", type=float, default=3000, help="counts per channel at the edge's maximum")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--out", type=Path, default=HERE / "build", help="folder for the two files")
    chosen = options.parse_args()

    labels, true = scene(*map(int, chosen.size.split(","))), truth()
    axis_eV, counts = record(true, labels, chosen.sigma, chosen.counts, chosen.seed)
    chosen.out.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        chosen.out / "interface.npz",
        energy_eV=axis_eV,
        spectra=counts,
        navigation_names=["y", "x"],
        navigation_units=["nm", "nm"],
        navigation_scale=[STEP_NM, STEP_NM],
        navigation_offset=[0.0, 0.0],
        kind="eels",
        title=f"SIMULATED silicon interface, {chosen.counts:g} counts, sigma {chosen.sigma:g} eV",
    )
    np.savez_compressed(
        chosen.out / "interface_truth.npz",
        labels=labels,
        names=np.array(["vacuum", "diamond", "interface", "disordered"]),
        energy_eV=PDOS.energy_eV,
        s=true.pdos[:, 0],
        p=true.pdos[:, 1],
    )


if __name__ == "__main__":
    main()
