"""What cannot work ends in one line and an exit code: damaged containers, missing files, unwritable places."""

from __future__ import annotations

import json

import numpy as np
import pytest
from support import ROOT, assert_one_line_failure

from sikpdos.common import resources

EXAMPLE = ROOT / "examples" / "exp.msa"


@pytest.fixture(scope="module")
def broken(small_dataset, small_model, tmp_path_factory):
    """A folder of damaged copies of a dataset and of a model."""
    folder = tmp_path_factory.mktemp("broken")
    for source, name in ((small_dataset, "dataset"), (small_model, "model")):
        content = source.read_bytes()
        (folder / f"cut_{name}.npz").write_bytes(content[: len(content) // 2])
        (folder / f"flipped_{name}.npz").write_bytes(content[:3000] + bytes(200) + content[3200:])
        with np.load(source) as archive:
            arrays = dict(archive)
        meta = json.loads(str(arrays["meta"]))
        save(folder / f"version_{name}.npz", arrays, {**meta, "schema": meta["schema"].replace("-1", "-9")})
        save(folder / f"bare_{name}.npz", arrays, {"schema": meta["schema"]})
        np.savez(folder / f"pickled_{name}.npz", **{**arrays, "ids": np.array([{}, 1], object)})
        np.savez(folder / f"alien_{name}.npz", x=np.arange(3))
        first = next(key for key in ("pdos", "s_out_w") if key in arrays)
        save(folder / f"nan_{name}.npz", {**arrays, first: arrays[first] * np.nan}, meta)
        save(folder / f"shape_{name}.npz", {**arrays, first: arrays[first][..., :-1]}, meta)
        save(folder / f"text_{name}.npz", {**arrays, first: arrays[first].astype(str)}, meta)
        save(folder / f"missing_{name}.npz", {k: v for k, v in arrays.items() if k != first}, meta)
        (folder / f"empty_{name}.npz").write_bytes(b"")
    return folder


def save(path, arrays: dict, meta: dict) -> None:
    np.savez(path, **{**arrays, "meta": np.array(json.dumps(meta))})


DAMAGE = {
    "cut": "damaged",
    "flipped": "damaged",
    "version": "-9, expected",
    "bare": "meta data",
    "pickled": "pickled",
    "alien": "no sikpdos meta data",
    "nan": "NaN",
    "shape": "has shape",
    "text": "holds <U",
    "missing": "is missing",
    "empty": "not an NPZ file",
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_datasets(cli, broken, damage):
    name = f"{damage}_dataset.npz"
    for command in (("train", name, "-o", "new.npz"), ("match", name)):
        assert_one_line_failure(cli(*command, cwd=broken), name, DAMAGE[damage])
    assert not (broken / "new.npz").exists()


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_models(cli, broken, damage):
    name = f"{damage}_model.npz"
    assert_one_line_failure(cli("predict", EXAMPLE, "--model", name, cwd=broken), name, DAMAGE[damage])


def test_damaged_raw_sites(cli, broken):
    for command in (("broaden",), ("assemble", "-o", "new.npz")):
        done = cli(*command, "version_dataset.npz", "cut_dataset.npz", cwd=broken)
        assert_one_line_failure(done, "version_dataset.npz", "sikpdos-raw-1")


COMMANDS = {
    "broaden": ("broaden", "absent.npz"),
    "assemble": ("assemble", "absent.npz", "-o", "x.npz"),
    "train": ("train", "absent.npz", "-o", "x.npz"),
    "match": ("match", "absent.npz"),
    "ablate": ("ablate", "absent.npz", "-o", "x.csv"),
    "predict": ("predict", "absent.npz"),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_missing_files(cli, tmp_path, command):
    done = cli(*COMMANDS[command], cwd=tmp_path)
    assert_one_line_failure(done, f"sikpdos {command}: absent.npz: No such file")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("target", ["no/folder/x", "."])
def test_unwritable_outputs(cli, small_dataset, small_model, small_settings, tmp_path, target):
    raw = small_dataset.with_name("raw")
    for command in (
        ("broaden", raw),
        ("assemble", raw),
        ("match", small_dataset),
        ("train", small_dataset, "--config", small_settings),
        ("ablate", small_dataset, "--config", small_settings),
    ):
        assert_one_line_failure(
            cli(*command, "-o", target, cwd=tmp_path), f"sikpdos {command[0]}: {target}: cannot write"
        )
    done = cli("predict", small_dataset, "-m", small_model, "-o", target, cwd=tmp_path)
    assert done.returncode == 1
    assert f"{target}: cannot write" in done.stderr
    assert not list(tmp_path.iterdir())


def test_closed_pipes(shell, small_dataset):
    raw = small_dataset.with_name("raw")
    done = shell(f"sikpdos broaden {raw} | true")
    assert done.returncode == 141
    assert not done.stderr


def test_one_changed_byte_of_a_database_is_found(cli, tmp_path):
    intact = resources.DATABASE.read_bytes()
    rng = np.random.default_rng(0)
    for place in [*rng.integers(4, len(intact), 6).tolist(), len(intact) - 100, len(intact) - 68, len(intact) - 1]:
        changed = bytearray(intact)
        changed[place] ^= 1 << int(rng.integers(8))
        (tmp_path / "changed.npz").write_bytes(changed)
        assert_one_line_failure(cli("assemble", "changed.npz", "-o", "d.npz", cwd=tmp_path), "changed.npz: damaged")
    assert not (tmp_path / "d.npz").exists()
