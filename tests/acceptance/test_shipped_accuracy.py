"""The shipped model on crystals that others found: its bands hold, and it is far better than matching."""

from __future__ import annotations

import numpy as np

from sikpdos.common import resources
from sikpdos.dataset import assembly, curves, database
from sikpdos.model import metrics, shipped
from sikpdos.model.mixture import predict
from sikpdos.model.template_matching import match


def crystals_of_silicon():
    """The external set's crystals of silicon alone, computed spectra."""
    known = database.read_database(resources.EXTERNAL)
    external = assembly.assemble(curves.broaden_sites(known, 0.5), known)
    return external.of_sites(
        (external.material_class == "elemental") & ~np.char.startswith(external.ids, "Si-quenched")
    )


def test_shipped_bands_hold_on_crystals_that_others_found():
    external = crystals_of_silicon()
    pdos, std = predict(shipped.load("0.5"), external.spectra)
    wide = std.mean(axis=(1, 2)) > np.median(std.mean(axis=(1, 2)))
    for part in (wide, ~wide):
        assert 0.85 <= metrics.coverage(pdos[part], std[part], external.pdos[part]) <= 0.98


def test_the_shipped_model_is_far_better_than_matching_on_crystals_that_others_found():
    embedded = database.read_database(resources.DATABASE)
    external, own = crystals_of_silicon(), assembly.assemble(curves.broaden_sites(embedded, 0.5), embedded)
    rest = np.isin(own.ids, shipped.load("0.5").meta["split"]["train"])
    matched = match(own.spectra[rest], own.pdos[rest], external.spectra).pdos
    error = metrics.mse(predict(shipped.load("0.5"), external.spectra)[0], external.pdos).mean()
    assert error < 0.6 * metrics.mse(matched, external.pdos).mean()
