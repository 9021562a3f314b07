"""What `broaden` and `assemble` take: files, folders, databases, curves, pipes; what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from support import assert_one_line_failure
from support.made_up_sites import SETTINGS, site, write_sites

from sikpdos.dataset import dataset, raw_site


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sites")
    write_sites(folder, 10)
    return folder


@pytest.mark.parametrize("sigma", ["0.5", "1.2"])
def test_broaden_then_assemble_is_assemble(cli, shell, folder, sigma):
    direct = folder / f"direct{sigma}.npz"
    done = cli("assemble", "raw", "--sigma", sigma, "-o", direct.name, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "10 from 5 families" in done.stderr
    assert not done.stdout
    line = f"sikpdos broaden raw/*.npz --sigma {sigma} -o c.npz && sikpdos assemble c.npz -o by_npz.npz"
    assert shell(line, cwd=folder).returncode == 0
    line = f"sikpdos broaden raw --sigma {sigma} | sikpdos assemble - -o - > by_csv.npz"
    assert shell(line, cwd=folder).returncode == 0
    straight = dataset.read_dataset(direct)
    for name, tolerance in (("by_npz.npz", 0), ("by_csv.npz", 1e-6)):
        again = dataset.read_dataset(folder / name)
        assert again.ids.tolist() == straight.ids.tolist()
        assert again.groups.tolist() == straight.groups.tolist()
        assert np.abs(again.spectra - straight.spectra).max() <= tolerance
        assert np.abs(again.pdos - straight.pdos).max() <= tolerance
        assert (again.sigma_eV, again.onset_rule) == (straight.sigma_eV, straight.onset_rule)


def test_a_database_assembles_like_its_sites(cli, folder):
    done = cli("assemble", "raw", "--database", "db2.npz", "-o", "d1.npz", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert cli("assemble", "db2.npz", "-o", "d2.npz", cwd=folder).returncode == 0
    from_sites, from_database = (dataset.read_dataset(folder / name) for name in ("d1.npz", "d2.npz"))
    assert np.array_equal(from_sites.spectra, from_database.spectra)
    assert np.array_equal(from_sites.edge, from_database.edge)


def test_curves_have_no_database(cli, folder, tmp_path):
    assert cli("broaden", "raw", "-o", tmp_path / "c.npz", cwd=folder).returncode == 0
    done = cli("assemble", "c.npz", "--database", "db.npz", "-o", "d.npz", cwd=tmp_path)
    assert_one_line_failure(done, "--database needs raw sites")
    assert_one_line_failure(cli("assemble", "c.npz", "--sigma", 1.2, "-o", "d.npz", cwd=tmp_path), "sigma_eV 0.5")
    assert [path.name for path in tmp_path.iterdir()] == ["c.npz"]


def test_mixed_settings_are_refused_naming_both(cli, tmp_path):
    folder = write_sites(tmp_path, 4)
    odd = site(7, {**SETTINGS, "cutoff_eV": 300})
    raw_site.write_raw(folder / "odd.npz", odd)
    done = cli("assemble", folder, "-o", tmp_path / "d.npz")
    assert_one_line_failure(done, "mixed settings", "X0-0", "X3-1", "500", "300")


def test_a_site_twice_is_refused(cli, tmp_path):
    folder = write_sites(tmp_path, 2)
    done = cli("assemble", folder, folder / "X0-0.npz", "-o", tmp_path / "d.npz")
    assert_one_line_failure(done, "site X0-0 is there twice")


def test_a_folder_without_sites_is_refused(cli, tmp_path):
    (tmp_path / "empty").mkdir()
    done = cli("assemble", tmp_path / "empty", tmp_path / "empty", "-o", tmp_path / "d.npz")
    assert_one_line_failure(done, "empty: no .npz files")


def test_sites_of_some_classes_alone(cli, tmp_path):
    (tmp_path / "raw").mkdir()
    for number, kind in enumerate(("oxide", "elemental", "oxide", "")):
        one = site(number)
        raw_site.write_raw(tmp_path / "raw" / f"{number}.npz", replace(one, meta={**one.meta, "material_class": kind}))
    done = cli("assemble", "raw", "--classes", "oxide", "-o", "oxides.npz", "--database", "d.npz", cwd=tmp_path)
    assert "classes      oxide 2" in done.stderr
    found = dataset.read_dataset(tmp_path / "oxides.npz")
    assert found.ids.tolist() == ["X0-0", "X1-0"]
    assert found.material_class.tolist() == ["oxide", "oxide"]
    assert cli("assemble", "d.npz", "--classes", "oxide,elemental", "-o", "-", cwd=tmp_path, text=False).returncode == 1
    done = cli("assemble", "raw", "--classes", "compounds", "-o", "compounds.npz", cwd=tmp_path)
    assert "classes      oxide 2" in done.stderr
    done = cli("assemble", "oxides.npz", "--classes", "elemental,compounds", "-o", "none.npz", cwd=tmp_path)
    assert_one_line_failure(done, "oxides.npz")
    done = cli("assemble", "raw/1.npz", "--classes", "compounds", "-o", "none.npz", cwd=tmp_path)
    assert_one_line_failure(done, "no site of a compound")
    done = cli("assemble", "raw", "--classes", "silicide", "-o", "none.npz", cwd=tmp_path)
    assert_one_line_failure(done, "no site of class 'silicide'; there are: elemental, oxide")


def test_cutoffs_may_differ_with_the_elements_alone(cli, tmp_path):
    """Two crystals of silicon must agree in all; one with oxygen needs another cutoff, and the same of the rest."""

    def write(name: str, elements: str, **settings) -> None:
        one = site(int(name))
        known = {"cutoff_eV": 220.0, "rules": 3} | settings
        meta = {**one.meta, "settings": known, "pseudopotentials": {key: {} for key in elements.split(",")}}
        raw_site.write_raw(tmp_path / f"{name}.npz", replace(one, meta=meta))

    write("0", "Si")
    write("1", "Si,O", cutoff_eV=500.0)
    done = cli("assemble", "0.npz", "1.npz", "-o", "d.npz", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "classes      elemental 1, oxide 1" in done.stderr
    write("2", "Si,C", cutoff_eV=500.0, rules=2)
    write("3", "Si", cutoff_eV=300.0)
    for other, words in (("2.npz", "rules 2"), ("3.npz", "cutoff_eV 300.0")):
        done = cli("assemble", "0.npz", "1.npz", other, "-o", "d.npz", cwd=tmp_path)
        assert_one_line_failure(done, "mixed settings", words)
    assert cli("assemble", "0.npz", "3.npz", "--mixed-settings", "-o", "d.npz", cwd=tmp_path).returncode == 0
