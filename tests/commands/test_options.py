"""Options: the same everywhere, wrong choices are usage errors, and outputs are checked before the work."""

from __future__ import annotations

import re

import numpy as np
import pytest
from support import ROOT, assert_one_line_failure, assert_usage_error
from typer import BadParameter

from sikpdos.commands import options
from sikpdos.commands.main import COMMANDS, load
from sikpdos.common.errors import SikpdosError
from sikpdos.spectra.processing import find_onset

EXAMPLE = ROOT / "examples" / "exp.msa"
UNITS = re.compile(
    r"eV|Angstrom|kelvin|[Ss]econds|relative|[Aa]toms|[Ss]ites|copies|[a-z]*cells|crystals|defects|[Ss]eed|threads"
)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_described(command):
    """Help does without a manual page: a text for each option, its unit, and what happens without it."""
    loaded = load(command)
    assert loaded.help.splitlines()[0] == COMMANDS[command]
    for parameter in loaded.params:
        assert parameter.help, parameter.name
        is_number = parameter.type_descriptor.annotation in (float, float | None)
        assert not is_number or UNITS.search(parameter.help), parameter.help
    names = {name for parameter in loaded.params for name in parameter.opts}
    assert {"-o", "--output"} <= names
    assert "--out" not in names


def test_the_old_spelling_of_output_is_understood(cli, small_dataset, tmp_path):
    raw = small_dataset.with_name("raw")
    new, old = tmp_path / "new.npz", tmp_path / "old.npz"
    assert cli("assemble", raw, "--output", new).returncode == 0
    assert cli("assemble", raw, "--out", old).returncode == 0
    with np.load(new) as one, np.load(old) as other:
        assert all(np.array_equal(one[name], other[name]) for name in one.files if name != "meta")


CHOICES = {
    "split": ("match", "x.npz", "--split", "nonsense"),
    "split of a training": ("train", "x.npz", "-o", "m.npz", "--split", "nonsense"),
    "device": ("train", "x.npz", "-o", "m.npz", "--device", "nonsense"),
    "device of the engine": ("simulate", "x.cif", "--site", "0", "-o", "r.npz", "--device", "nonsense"),
    "onset rule": ("broaden", "x.npz", "--onset-rule", "nonsense"),
    "onset rule of assemble": ("assemble", "x.npz", "-o", "d.npz", "--onset-rule", "120%"),
    "onset": ("predict", "x.msa", "--onset", "nan"),
    "part": ("predict", "x.msa", "--part", "nonsense"),
    "sigma": ("predict", "x.msa", "--sigma", "inf"),
    "background": ("predict", "x.msa", "--background", "1830,1700"),
    "smoothing": ("match", "x.npz", "x.msa", "--smooth", "40,3.5"),
    "figure": ("plot", "x.csv", "-o", "x.png", "--figure", "7"),
    "seed": ("train", "x.npz", "-o", "m.npz", "--seed", "-1"),
    "seed of a match": ("match", "x.npz", "--seed", "-1"),
    "syntax": ("make-castep", "sites.csv", "-o", "runs", "--syntax", "nonsense"),
    "source": ("parse-odo", "runs", "--source", "nonsense"),
    "shard": ("simulate", "sites.csv", "-o", "raw", "--shard", "3/2"),
    "elements": ("fetch-structures", "-o", "folder", "--elements", "Xx"),
    "volume range": ("augment", "sites.csv", "-o", "more", "--random", "1", "--volume-range", "45,10"),
}


@pytest.mark.parametrize("choice", CHOICES)
def test_a_wrong_choice_is_a_usage_error_before_anything_is_read(cli, tmp_path, choice):
    assert_usage_error(cli(*CHOICES[choice], cwd=tmp_path))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "rule", ["50%", "5%", "0.5%", "slope", "area", "0%", "100%", "-5%", "%", "Slope", "1e1%", "50"]
)
def test_onset_rules_are_those_of_the_core(rule):
    energy_eV = np.arange(-20, 30, 0.1)
    edge = 1 / (1 + np.exp(-energy_eV))[None]
    try:
        find_onset(energy_eV, edge, rule)
    except SikpdosError:
        with pytest.raises(BadParameter):
            options.onset_rule(rule)
    else:
        assert options.onset_rule(rule) == rule


KINDS = {
    "predict": (("predict", EXAMPLE), "-o", "out.h5"),
    "predict scalars": (("predict", EXAMPLE, "--json"), "-o", "out.csv"),
    "predict figure": (("predict", EXAMPLE), "--plot", "out.bmp"),
    "match": (("match", "x.npz"), "-o", "out.npz"),
    "broaden": (("broaden", "x.npz"), "-o", "out.png"),
    "assemble": (("assemble", "x.npz"), "-o", "out.csv"),
    "assemble database": (("assemble", "x.npz", "-o", "d.npz"), "--database", "out.h5"),
    "train": (("train", "x.npz"), "-o", "out.pt"),
    "train log": (("train", "x.npz", "-o", "m.npz"), "--log", "out.xlsx"),
    "ablate": (("ablate", "x.npz"), "-o", "out.npz"),
    "parse-odo": (("parse-odo", "x.odo"), "-o", "out.json"),
    "plot": (("plot", "x.csv"), "-o", "out.gif"),
    "simulate": (("simulate", "x.cif", "--site", "0"), "-o", "out.csv"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_of_file_that_is_not_written_is_refused_at_once(cli, tmp_path, kind):
    command, option, name = KINDS[kind]
    assert_usage_error(cli(*command, option, name, cwd=tmp_path), name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("option", ["-o", "--plot"])
def test_where_nothing_can_be_written_no_work_is_done(cli, tmp_path, option):
    loop = tmp_path / "loop.png"
    loop.symlink_to(loop)
    for target in ("no/folder/x", loop.name, "."):
        name = target if option == "-o" or target == loop.name else f"{target}/no/x.png"
        if option == "-o" and target == loop.name:
            continue
        assert_one_line_failure(cli("predict", EXAMPLE, option, name, cwd=tmp_path), f"sikpdos predict: {name}: cannot")
    assert_one_line_failure(
        cli("train", "absent.npz", "-o", "m.npz", "--log", "no/log.csv", cwd=tmp_path), "no/log.csv: cannot write"
    )


@pytest.mark.parametrize(
    "variables",
    [
        {"SLURM_ARRAY_TASK_ID": "abc"},
        {"SLURM_ARRAY_TASK_ID": ""},
        {"SLURM_ARRAY_TASK_ID": "7", "SLURM_ARRAY_TASK_COUNT": "3"},
        {"SLURM_ARRAY_TASK_ID": "1", "SLURM_ARRAY_TASK_MIN": "x"},
    ],
)
def test_bad_variables_of_a_job_array_are_named(cli, tmp_path, monkeypatch, variables):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    done = cli("simulate", "sites.csv", "-o", "raw", cwd=tmp_path)
    assert_usage_error(done, "SLURM_ARRAY_TASK_")


def test_a_job_array_gives_the_part(monkeypatch):
    for name, value in {"ID": "12", "MIN": "10", "COUNT": "4"}.items():
        monkeypatch.setenv(f"SLURM_ARRAY_TASK_{name}", value)
    assert options.shard(None) == (3, 4)
    assert options.shard("2/8") == (2, 8)


@pytest.mark.parametrize("command", [["predict", EXAMPLE], ["match", "x.npz", EXAMPLE]])
def test_a_composition_is_for_self_absorption_only(cli, tmp_path, command):
    assert_usage_error(cli(*command, "--composition", "SiO2", cwd=tmp_path), "--self-absorption")
