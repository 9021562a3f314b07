"""The edges of silicon and of its oxide by which oxidised samples are recognised: sikpdos/data/edge_templates.npz.

    python edge_templates.py FILE

The mean edge of the embedded database's sites of silicon alone and that of quartz, as real ones: energies 4.5 % farther
apart than DFT's, lifetime broadening, and a resolution of 0.5 eV.
"""

from __future__ import annotations

import sys

import numpy as np

from sikpdos.common import npz, resources
from sikpdos.dataset import database, raw_site
from sikpdos.dataset.assembly import site_class
from sikpdos.spectra import oxide, processing
from sikpdos.spectra.lifetime import Lifetime, broaden_bins
from sikpdos.structures.material_class import ELEMENTAL

STRETCH, CONTINUUM_EV = 0.045, (20.0, 30.0)
SIGMA_EV, OXIDE_SIGMA_EV = 0.5, 1.0  # an oxide film is amorphous


def main(path: str) -> None:
    known, quartz = database.read_database(resources.DATABASE), raw_site.read_raw(resources.OXIDE)
    alone = [site_class(meta) == ELEMENTAL for meta in known.site_meta]
    silicon = template(known.edge_energy_eV, known.edge[alone].astype(float), SIGMA_EV).mean(axis=0)
    edges = np.stack([silicon, template(quartz.edge_energy_eV, quartz.edge_weight[None], OXIDE_SIGMA_EV)[0]])
    npz.write(path, {"edges": edges.astype(np.float32)}, npz.provenance(oxide.SCHEMA))


def template(energy_eV: np.ndarray, edges: np.ndarray, sigma_eV: float) -> np.ndarray:
    """Real edges (m, 460), onsets at 0, continua 1, from computed ones (m, n) in bins energy_eV (n,)."""
    faded = broaden_bins(energy_eV * (1 + STRETCH), edges, Lifetime())
    bin_eV = (energy_eV[1] - energy_eV[0]) * (1 + STRETCH)
    axis_eV = np.arange(-25.0, 50.0, oxide.TEMPLATE.step_eV)
    curves = processing.broaden(energy_eV * (1 + STRETCH), faded * bin_eV, axis_eV, sigma_eV)
    near = axis_eV < 25
    onset_eV = processing.find_onset(axis_eV[near], curves[:, near])
    moved = processing.cut(axis_eV, curves, onset_eV, oxide.TEMPLATE)
    after = (oxide.TEMPLATE.energy_eV > CONTINUUM_EV[0]) & (oxide.TEMPLATE.energy_eV < CONTINUUM_EV[1])
    return moved / moved[:, after].mean(axis=1, keepdims=True)


if __name__ == "__main__":
    main(sys.argv[1])
