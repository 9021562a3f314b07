"""Raw site files: written and read, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from support.made_up_sites import site
from support.npz_files import write_unchecked

from sikpdos.common import npz
from sikpdos.common.errors import SikpdosError
from sikpdos.dataset import raw_site


def test_round_trip(tmp_path):
    raw_site.write_raw(tmp_path / "a.npz", site(1))
    again = raw_site.read_raw(tmp_path / "a.npz")
    assert again.site_id == "X0-1"
    for name in ("edge_energy_eV", "edge_weight", "pdos_energy_eV", "pdos_s", "pdos_p"):
        assert np.allclose(getattr(again, name), getattr(site(1), name), rtol=1e-6)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda arrays, meta: arrays.pop("pdos_p"), "'pdos_p' is missing"),
        (lambda arrays, meta: arrays.update(pdos_s=arrays["pdos_s"][:-1]), "'pdos_s' has shape"),
        (lambda arrays, meta: arrays["edge_weight"].fill(np.nan), "NaN"),
        (lambda arrays, meta: arrays.update(edge_energy_eV=arrays["edge_energy_eV"][::-1]), "equally spaced"),
        (lambda arrays, meta: arrays.update(pdos_energy_eV=arrays["pdos_energy_eV"] ** 3), "equally spaced"),
        (lambda arrays, meta: meta.pop("site_id"), "not a usable id"),
    ],
)
def test_damaged_sites_are_refused_naming_the_file(tmp_path, damage, words):
    raw_site.write_raw(tmp_path / "a.npz", site(1))
    arrays, meta = npz.read(tmp_path / "a.npz", raw_site.SCHEMA)
    damage(arrays, meta)
    write_unchecked(tmp_path / "b.npz", arrays, meta)
    with pytest.raises(SikpdosError, match=words) as caught:
        raw_site.read_raw(tmp_path / "b.npz")
    assert "b.npz" in str(caught.value)
