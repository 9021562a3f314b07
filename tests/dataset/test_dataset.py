"""The dataset file: the same bytes twice, what it says of itself, damaged ones."""

from __future__ import annotations

import numpy as np
import pytest
from support.made_up_sites import site, write_sites
from support.npz_files import write_unchecked

from sikpdos.common import npz
from sikpdos.common.errors import SikpdosError
from sikpdos.dataset import dataset


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sites")
    write_sites(folder, 4)
    return folder


def test_a_dataset_holds_what_was_broadened(cli, folder):
    assert cli("assemble", "raw", "-o", "d.npz", cwd=folder).returncode == 0
    assembled = dataset.read_dataset(folder / "d.npz")
    assert np.allclose(assembled.spectra.max(axis=1), 1)
    row = assembled.ids.tolist().index("X1-1")
    raw = site(3)
    charge = assembled.pdos[row].sum(axis=1) * 0.1
    assert charge == pytest.approx([raw.pdos_s.sum(), raw.pdos_p.sum()], rel=2e-3)


def test_assemble_twice_gives_the_same_bytes(cli, folder):
    first, second = (cli("assemble", "raw", "-o", "-", cwd=folder, text=False).stdout for _ in range(2))
    assert first == second
    assert first[:2] == b"PK"


def test_meta_says_how_it_was_made(small_dataset):
    _, meta = npz.read(small_dataset, dataset.SCHEMA)
    assert meta["command"].startswith("sikpdos assemble ")
    assert {"schema", "version", "packages", "sigma_eV", "lorentz_fwhm_eV", "onset_rule", "checks"} <= set(meta)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda arrays, meta: arrays.pop("pdos"), "'pdos' is missing"),
        (lambda arrays, meta: arrays.update(edge=arrays["edge"][1:]), "'edge' has shape"),
        (lambda arrays, meta: arrays["spectra"].fill(np.inf), "NaN or infinity"),
        (lambda arrays, meta: meta.pop("sigma_eV"), "no usable 'sigma_eV'"),
        (lambda arrays, meta: meta.update(schema="sikpdos-model-1"), "expected sikpdos-dataset-1"),
    ],
)
def test_damaged_datasets_are_refused_naming_the_file(small_dataset, tmp_path, damage, words):
    arrays, meta = npz.read(small_dataset, dataset.SCHEMA)
    damage(arrays, meta)
    write_unchecked(tmp_path / "d.npz", arrays, meta)
    with pytest.raises(SikpdosError, match=words) as caught:
        dataset.read_dataset(tmp_path / "d.npz")
    assert "d.npz" in str(caught.value)


def test_the_digest_is_of_the_data(small_dataset):
    known = dataset.read_dataset(small_dataset)
    before = dataset.digest(known)
    known.pdos[0, 0, 0] += 1
    assert dataset.digest(known) != before
