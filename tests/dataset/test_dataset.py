"""From raw sites to a dataset, in files and in pipes; what is refused on the way; the split."""

from __future__ import annotations

import numpy as np
import pytest
from support import assert_one_line_failure
from support.made_up_sites import SETTINGS, site, write_sites

from sikpdos.common import npz, resources
from sikpdos.common.errors import SikpdosError
from sikpdos.dataset import curves, database, dataset, raw_site, split
from sikpdos.model import shipped


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
    wanted = dataset.read_dataset(direct)
    for name, tolerance in (("by_npz.npz", 0), ("by_csv.npz", 1e-6)):
        found = dataset.read_dataset(folder / name)
        assert found.ids.tolist() == wanted.ids.tolist()
        assert found.groups.tolist() == wanted.groups.tolist()
        assert np.abs(found.spectra - wanted.spectra).max() <= tolerance
        assert np.abs(found.pdos - wanted.pdos).max() <= tolerance
        assert (found.sigma_eV, found.onset_rule) == (wanted.sigma_eV, wanted.onset_rule)


def test_a_dataset_holds_what_was_broadened(cli, folder):
    assert cli("assemble", "raw", "-o", "d.npz", cwd=folder).returncode == 0
    found = dataset.read_dataset(folder / "d.npz")
    assert np.allclose(found.spectra.max(axis=1), 1)
    row = found.ids.tolist().index("X1-1")
    one = site(3)
    charge = found.pdos[row].sum(axis=1) * 0.1
    assert charge == pytest.approx([one.pdos_s.sum(), one.pdos_p.sum()], rel=2e-3)


def test_assemble_twice_gives_the_same_bytes(cli, folder):
    first, second = (cli("assemble", "raw", "-o", "-", cwd=folder, text=False).stdout for _ in range(2))
    assert first == second
    assert first[:2] == b"PK"


def test_database_round_trip(folder):
    stacked = database.stack([raw_site.read_raw(path) for path in sorted((folder / "raw").glob("*.npz"))])
    database.write_database(folder / "db.npz", stacked)
    found = database.read_database(folder / "db.npz")
    for name in ("ids", "groups", "edge_energy_eV", "edge", "pdos_energy_eV", "pdos"):
        assert np.array_equal(getattr(found, name), getattr(stacked, name))
    assert found.site_meta == stacked.site_meta


def test_a_database_assembles_like_its_sites(cli, folder):
    done = cli("assemble", "raw", "--database", "db2.npz", "-o", "d1.npz", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert cli("assemble", "db2.npz", "-o", "d2.npz", cwd=folder).returncode == 0
    one, other = (dataset.read_dataset(folder / name) for name in ("d1.npz", "d2.npz"))
    assert np.array_equal(one.spectra, other.spectra)
    assert np.array_equal(one.edge, other.edge)


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


def test_the_same_site_under_two_names_is_told(cli, tmp_path):
    folder = write_sites(tmp_path, 6)
    copy = site(2)
    raw_site.write_raw(
        folder / "copy.npz", raw_site.RawSite(*list(vars(copy).values())[:5], {**copy.meta, "site_id": "copy"})
    )
    done = cli("assemble", folder, "-o", tmp_path / "d.npz")
    assert done.returncode == 0
    assert "duplicates   1; X1-0 = copy" in done.stderr


def curves_of(folder) -> curves.Curves:
    stacked = database.stack([raw_site.read_raw(path) for path in sorted((folder / "raw").glob("*.npz"))])
    return curves.broaden_sites(stacked, 0.5)


def test_nan_is_refused(folder):
    damaged = curves_of(folder)
    damaged.pdos[3, 0, 7] = np.nan
    with pytest.raises(SikpdosError, match=r"site X1-1: NaN in its pdos"):
        dataset.assemble(damaged)


def test_a_site_without_a_group_is_its_own_family():
    assert database.family({"site_id": "a"}, None) == "a"
    assert database.family({"site_id": "a", "structure_id": "s"}, {"s": "f"}) == "f"
    assert database.family({"site_id": "a", "structure_id": "s", "group": "g"}, {}) == "g"


def test_a_site_without_an_edge_is_named(tmp_path):
    empty = site(0)
    empty.edge_weight[:] = 0
    with pytest.raises(SikpdosError, match="X0-0: the edge or the density of states has no weight"):
        database.stack([empty])


def test_broaden_a_csv_in_a_pipe(shell):
    table = "energy_eV,s,p\n" + "".join(f"{e / 20:g},{e == 0:d},{2 * (e == 20):d}\n" for e in range(-400, 401))
    done = shell(f"printf '{table}' | sikpdos broaden - --sigma 0.7")
    assert done.returncode == 0, done.stderr
    header, *rows = done.stdout.splitlines()
    assert header == "energy_eV,s,p"
    energy_eV, s, p = np.array([row.split(",") for row in rows], float).T
    assert energy_eV[[0, -1]].tolist() == [-15.0, 14.9]
    assert s.sum() * 0.1 == pytest.approx(0.05, rel=1e-3)
    assert (p * energy_eV).sum() / p.sum() == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("energy_eV,edge\n", "energies must increase"),
        ("energy_eV,edge\n1,2\n2,x\n3,4\n4,5\n", "edge"),
        ("energy_eV,edge\n1,2\n3,1\n2,4\n4,5\n", "energies must increase"),
        ("energy_eV,edge\n1,2\n2,1\n3,nan\n4,5\n", "NaN"),
        ("energy_eV,edge\n1,2\n2,1\n5,1\n9,5\n", "not equally spaced"),
        ("energy_eV,q\n1,2\n", "expected a column 'edge'"),
        ("", "empty"),
        ("energy_eV,edge\n" + "".join(f"{e / 10:g},1\n" for e in range(400)), "no onset"),
    ],
)
def test_broaden_refuses_bad_tables(cli, table, words):
    assert_one_line_failure(cli("broaden", "-", stdin=table.encode()), words)


def test_assemble_refuses_damaged_curves(cli, folder, tmp_path):
    text = cli("broaden", "raw", cwd=folder).stdout
    lines = text.splitlines(keepends=True)
    for broken, words in (
        (lines[:1], "cut short"),
        (lines[:900], "cut short"),
        ([*lines[:1], lines[900], *lines[2:]], "out of order"),
    ):
        done = cli("assemble", "-", "-o", tmp_path / "d.npz", stdin="".join(broken).encode())
        assert_one_line_failure(done, words)
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("kind", split.KINDS)
@pytest.mark.parametrize("seed", [0, 1, 17])
def test_split_sizes_and_families(kind, seed):
    groups = np.array([f"g{i // 3}" for i in range(150)])
    fold = split.folds(groups, kind, seed)
    assert np.bincount(fold, minlength=5).tolist() == [30] * 5
    assert np.array_equal(fold, split.folds(groups, kind, seed))
    assert not np.array_equal(fold, split.folds(groups, kind, seed + 1))
    if kind == "grouped":
        assert all(len(set(fold[groups == g])) == 1 for g in set(groups))
    else:
        assert any(len(set(fold[groups == g])) > 1 for g in set(groups))


@pytest.mark.parametrize("kind", split.KINDS)
def test_a_test_group_is_in_the_test_part(kind):
    groups = np.array([f"g{i // 3}" for i in range(60)])
    for seed in range(5):
        assert (split.folds(groups, kind, seed, ["g7"])[groups == "g7"] == split.TEST).all()
    with pytest.raises(SikpdosError, match="no family 'nope'"):
        split.folds(groups, kind, 0, ["nope"])


def test_too_few_families_are_refused():
    with pytest.raises(SikpdosError, match="too few"):
        split.folds(np.array(["a", "b", "c"]), "grouped", 0)


def test_validation_folds_take_turns():
    assert set(split.member_folds(8).tolist()) == {1, 2, 3, 4}


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


def test_meta_says_how_it_was_made(small_dataset):
    _, meta = npz.read(small_dataset, dataset.SCHEMA)
    assert meta["command"].startswith("sikpdos assemble ")
    assert {"schema", "version", "packages", "sigma_eV", "lorentz_fwhm_eV", "onset_rule", "checks"} <= set(meta)
