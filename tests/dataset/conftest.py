"""Commands run inside the tests' process here: what they do is the point, not that they start."""

from __future__ import annotations

import pytest
from support import runs


@pytest.fixture(scope="session")
def cli():
    return runs.runner(runs.in_this_process)
