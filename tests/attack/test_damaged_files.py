"""A short attack on every reader; `bin/bench attack` is the long one."""

from __future__ import annotations

import pytest
from attack.targets import SHARES, targets

SHORT = {"spectra": 200, "structures": 200, "settings": 500, "optimade": 300, "tables": 300}


@pytest.mark.parametrize("name", SHARES)
def test_damaged_files_are_read_or_refused(name):
    counts, findings = targets()[name].guarded(SHORT.get(name, 150), 0, 20261125)
    assert not findings
    assert {verdict for _, verdict in counts} == {"read", "refused"}
