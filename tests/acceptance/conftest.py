"""What the shipped models learnt from."""

from __future__ import annotations

import pytest

from sikpdos.common import resources
from sikpdos.dataset import assembly, curves, database


@pytest.fixture(scope="session")
def own():
    """The embedded database as a dataset, sigma 0.5 eV."""
    known = database.read_database(resources.DATABASE)
    return assembly.assemble(curves.broaden_sites(known, 0.5), known)
