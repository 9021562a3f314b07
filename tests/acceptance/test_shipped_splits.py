"""What the shipped models were trained on: neither diamond nor the external set; no pickles in their files."""

from __future__ import annotations

import numpy as np
import pytest

from sikpdos.common import resources
from sikpdos.dataset import database
from sikpdos.model import shipped


@pytest.mark.parametrize("name", shipped.names())
def test_diamond_is_tested_on_and_never_trained_on(name):
    meta = shipped.load(name).meta
    assert "Si-I-0" in meta["split"]["test"]
    embedded = database.read_database(resources.DATABASE)
    group_of = dict(zip(embedded.ids.tolist(), embedded.groups.tolist(), strict=True))
    family = group_of["Si-I-0"]
    trained = [i for i in meta["split"]["train"] if group_of[i] == family]
    assert not trained
    assert meta["split"]["train"]
    assert not set(meta["split"]["train"]) & set(meta["split"]["test"])


@pytest.mark.parametrize("name", shipped.names())
def test_no_model_is_trained_on_the_external_set(name):
    external = database.read_database(resources.EXTERNAL)
    assert not set(shipped.load(name).meta["split"]["train"]) & set(external.ids.tolist())
    embedded = database.read_database(resources.DATABASE)
    assert not set(external.groups.tolist()) & set(embedded.groups.tolist())


@pytest.mark.parametrize("name", shipped.names())
def test_shipped_models_hold_no_pickles(name):
    with np.load(resources.MODELS / f"{name}.npz", allow_pickle=False) as archive:
        assert not any(archive[key].dtype.hasobject for key in archive.files)
