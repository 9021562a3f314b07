"""`sikpdos simulate` through the public command: files, pipes, resuming, sharing, failures, bad input."""

from __future__ import annotations

import fcntl
import json
import subprocess
import sys

import numpy as np
import pytest
from support import ROOT, assert_one_line_failure
from support.engine import QUICK

from sikpdos.common.resources import PSEUDOPOTENTIALS
from sikpdos.dataset.raw_site import read_raw
from sikpdos.structures.sites import Site, write_sites

DIAMOND = """data_si
_cell_length_a 3.867
_cell_length_b 3.867
_cell_length_c 3.867
_cell_angle_alpha 60
_cell_angle_beta 60
_cell_angle_gamma 60
_symmetry_space_group_name_H-M 'P 1'
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
Si1 Si 0 0 0
{second} {x} {x} {x}
"""


def _cif(path, second="Si2 Si", x="0.25", length="3.867"):
    path.write_text(DIAMOND.format(second=second, x=x).replace("3.867", length))
    return path


def _site(site_id, file, atom=0):
    return Site(site_id, file.removesuffix(".cif"), file, atom, 2, "a", "Fd-3m", 4, 2.37, "family", "test")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A table of three sites, one of which cannot be done."""
    path = tmp_path_factory.mktemp("sites")
    _cif(path / "dia.cif")
    _cif(path / "close.cif", x="0.1")
    write_sites(
        path / "sites.csv", [_site("dia-0", "dia.cif"), _site("close-0", "close.cif"), _site("dia-1", "dia.cif", 1)]
    )
    return path


@pytest.fixture(scope="module")
def campaign(cli, folder):
    """The first run over the table."""
    return cli("simulate", folder / "sites.csv", "--out", folder / "raw", *QUICK)


def test_failed_site_is_recorded_and_the_others_go_on(campaign, folder):
    assert campaign.returncode == 1
    assert campaign.stdout == ""
    assert "residual" in campaign.stderr
    assert "2 sites done, 0 were there, 0 are another run's, 1 failed" in campaign.stderr
    assert sorted(p.name for p in (folder / "raw").iterdir()) == ["close-0.failed.json", "dia-0.npz", "dia-1.npz"]
    assert "apart" in json.loads((folder / "raw" / "close-0.failed.json").read_text())["reason"]


def test_raw_file_and_its_meta(campaign, folder):
    site = read_raw(folder / "raw" / "dia-0.npz")
    step = np.diff(site.pdos_energy_eV).mean()
    assert step == pytest.approx(0.05)
    assert (site.edge_energy_eV[0], site.edge_energy_eV[-1]) == pytest.approx((-4.975, 59.975))
    assert (site.pdos_energy_eV[0], site.pdos_energy_eV[-1]) == pytest.approx((-19.975, 29.975))
    occupied = site.pdos_energy_eV < 0.5
    assert 3.6 < (site.pdos_s + site.pdos_p)[occupied].sum() < 4.05
    assert site.edge_weight.min() >= 0
    assert site.edge_weight[site.edge_energy_eV < -1].sum() == 0
    meta = site.meta
    assert (meta["site_id"], meta["structure_id"], meta["atom_index"], meta["multiplicity"]) == ("dia-0", "dia", 0, 2)
    assert meta["group"] == "family"
    assert meta["settings"]["cutoff_eV"] == 90
    assert set(meta["pseudopotentials"]) == {"Si", "Si, 1s hole"}
    assert all(len(p["sha256"]) == 64 for p in meta["pseudopotentials"].values())
    assert meta["core_hole"]["residuals"][-1] < meta["settings"]["density_tolerance"]
    assert {"fermi_eV", "gap_eV", "supercell", "cell_A", "packages", "command"} <= set(meta)
    assert meta["elements"] == ["Si", "Si"]
    assert meta["composition"] == "Si"


def test_equivalent_sites_agree(campaign, folder):
    """Within what the density's tolerance leaves: 0.6 % of the edge, of these coarse settings."""
    one, other = (read_raw(folder / "raw" / f"dia-{i}.npz") for i in (0, 1))
    for name in ("edge_weight", "pdos_s", "pdos_p"):
        a, b = (np.convolve(getattr(s, name), np.exp(-0.5 * (np.arange(-40, 41) / 10) ** 2)) for s in (one, other))
        assert np.linalg.norm(a - b) < 0.01 * np.linalg.norm(a)


def test_finished_sites_are_kept_and_others_skipped_while_locked(campaign, cli, folder):
    before = (folder / "raw" / "dia-0.npz").stat().st_mtime_ns
    (folder / "raw" / "dia-1.npz").rename(folder / "dia-1.saved")
    with open(folder / "raw" / "dia-1.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = cli("simulate", folder / "sites.csv", "--out", folder / "raw", "--shard", "1/2", *QUICK)
    (folder / "dia-1.saved").rename(folder / "raw" / "dia-1.npz")
    assert done.returncode == 0, done.stderr
    assert "0 sites done, 1 were there, 1 are another run's, 0 failed" in done.stderr
    assert (folder / "raw" / "dia-0.npz").stat().st_mtime_ns == before


def test_one_site_through_a_pipe_is_the_same(campaign, cli, folder):
    done = cli("simulate", folder / "dia.cif", "--site", "0", "-o", "-", *QUICK, text=False)
    assert done.returncode == 0, done.stderr.decode()
    piped = read_raw("-", data=done.stdout)
    assert np.array_equal(piped.edge_weight, read_raw(folder / "raw" / "dia-0.npz").edge_weight)


def test_killed_run_leaves_no_half_file_and_no_stale_lock(folder, tmp_path, cli):
    out = tmp_path / "raw"
    command = [sys.executable, "-m", "sikpdos", "simulate", str(folder / "sites.csv"), "--out", str(out), *QUICK]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    while "core hole" not in process.stderr.readline():
        assert process.poll() is None
    process.kill()
    process.wait()
    assert [p.name for p in out.iterdir()] == ["dia-0.lock"]
    done = cli("simulate", folder / "sites.csv", "--out", out, "--shard", "1/2", *QUICK)
    assert "2 sites done" in done.stderr
    assert sorted(p.name for p in out.iterdir()) == ["dia-0.npz", "dia-1.npz"]


def test_dry_run_costs_nothing_but_tells(cli, folder, tmp_path):
    done = cli("simulate", folder / "dia.cif", "--site", "0", "--dry-run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    header, row = done.stdout.splitlines()
    cells = dict(zip(header.split(","), row.split(","), strict=True))
    assert cells["site_id"] == "dia-0"
    assert cells["atoms"] == "2"
    assert 40 <= int(cells["supercell_atoms"]) <= 64
    assert 0 < float(cells["memory_GiB"]) < 3
    assert not list(tmp_path.iterdir())


def test_check_tells_what_a_run_would_do(cli, folder, campaign, tmp_path):
    done = cli("simulate", folder / "sites.csv", "--check", "--output", folder / "raw", *QUICK)
    assert done.returncode == 1
    assert done.stdout == ""
    assert "close.cif: atoms 0 (Si) and 1 (Si)" in done.stderr
    total = done.stderr.splitlines()[-1]
    assert "0 sites of 0 structures to do, 2 are there" in total
    fresh = cli("simulate", folder / "sites.csv", "--check", "--jobs", "2", *QUICK).stderr.splitlines()[-1]
    assert "2 sites of 1 structures to do, 0 are there" in fresh
    assert "in 2 processes of up to" in fresh
    assert not list(tmp_path.iterdir())


def test_jobs_share_a_table_and_change_nothing(campaign, cli, folder, tmp_path):
    done = cli("simulate", folder / "sites.csv", "--output", tmp_path / "raw", "--jobs", "2", *QUICK)
    assert done.returncode == 1, done.stderr
    assert "2 sites done, 0 were there, 0 are another run's, 1 failed" in done.stderr
    assert sorted(p.name for p in (tmp_path / "raw").iterdir()) == ["close-0.failed.json", "dia-0.npz", "dia-1.npz"]
    one, other = (read_raw(path / "raw" / "dia-0.npz") for path in (folder, tmp_path))
    assert np.array_equal(one.edge_weight, other.edge_weight)


def test_terminated_run_leaves_neither_lock_nor_half_file(folder, tmp_path):
    out = tmp_path / "raw"
    command = [sys.executable, "-m", "sikpdos", "simulate", str(folder / "sites.csv"), "--output", str(out), *QUICK]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    while "core hole" not in process.stderr.readline():
        assert process.poll() is None
    process.terminate()
    assert "Traceback" not in process.communicate()[1]
    assert process.returncode == 143
    assert not list(out.iterdir())


def test_convergence_is_told_for_each_change(cli, folder):
    done = cli("simulate", folder / "dia.cif", "--site", "0", "--check-convergence", *QUICK)
    assert done.returncode == 0, done.stderr
    header, *rows = done.stdout.splitlines()
    assert header == "change,edge_percent,edge_shift_eV,s_percent,p_percent"
    numbers = {row.split(",")[0]: [float(cell) for cell in row.split(",")[1:]] for row in rows}
    assert numbers["denser k-points"][0] > 1  # these settings are far from converged
    assert numbers["cutoff higher by a quarter"][3] > 1
    assert numbers["density converged ten times better"][0] < 1
    assert cli("simulate", folder / "sites.csv", "--check-convergence").returncode == 2


def test_slurm_array_task_is_the_default_shard(cli, folder, monkeypatch):
    for name, value in (("ID", "7"), ("MIN", "6"), ("COUNT", "2")):
        monkeypatch.setenv(f"SLURM_ARRAY_TASK_{name}", value)
    done = cli("simulate", folder / "sites.csv", "--dry-run")
    assert done.returncode == 1
    assert len(done.stdout.splitlines()) == 1  # the header; the second structure is the one that cannot be done
    refused, total = done.stderr.splitlines()
    assert refused.startswith("sikpdos simulate: close-0: ")
    assert "close.cif: atoms 0 (Si) and 1 (Si)" in refused
    assert total.endswith("1 cannot be done")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"x": "0.1"}, ["atoms 0 (Si) and 1 (Si)", "apart"]),
        ({"length": "0.1"}, ["cell lengths"]),
        ({"length": "10000"}, ["cell lengths"]),
        ({"second": "Sn2 Sn"}, ["no pseudopotential for Sn", "--pseudo", " Zr"]),
        ({"x": "nan"}, []),
    ],
)
def test_bad_structures(cli, tmp_path, change, words):
    done = cli("simulate", _cif(tmp_path / "bad.cif", **change), "--site", "0", "-o", "-")
    assert_one_line_failure(done, "bad.cif", *words)


def test_structure_too_large_for_the_memory_is_refused_before_it_starts(cli, tmp_path):
    cif = _cif(tmp_path / "large.cif", length="190")
    assert_one_line_failure(cli("simulate", cif, "--site", "0", "-o", "-", "--cutoff", "3000"), "GiB of memory")


def test_bad_requests(cli, tmp_path):
    cif = _cif(tmp_path / "dia.cif")
    assert_one_line_failure(cli("simulate", cif, "--site", "5", "-o", "-"), "no atom 5")
    assert_one_line_failure(cli("simulate", tmp_path / "none.cif", "--site", "0", "-o", "-"), "No such file")
    assert_one_line_failure(cli("simulate", cif, "--site", "0", "-o", "-", "--device", "cuda"), "CUDA")
    blocked = tmp_path / "blocked"
    blocked.write_text("")
    write_sites(tmp_path / "sites.csv", [_site("dia-0", "dia.cif")])
    assert_one_line_failure(cli("simulate", tmp_path / "sites.csv", "--out", blocked / "raw"), "blocked")
    assert cli("simulate", cif, "--site", "0").returncode == 2
    assert cli("simulate", tmp_path / "sites.csv", "--out", "raw", "--shard", "3/2").returncode == 2


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.replace('pseudo_type="NC"', 'pseudo_type="US"'), ["norm-conserving"]),
        (lambda t: t.replace('is_paw="false"', 'is_paw="true"'), ["norm-conserving"]),
        (lambda t: t.replace('functional="PBE"', 'functional="PZ"'), ["PBE"]),
        (lambda t: t[: len(t) // 2], ["UPF"]),
        (lambda t: t.replace("</PP_LOCAL>", "nan</PP_LOCAL>"), ["UPF"]),
        (lambda t: "hello", ["UPF"]),
    ],
)
def test_bad_pseudopotentials(cli, tmp_path, change, words):
    cif = _cif(tmp_path / "dia.cif")
    bad = tmp_path / "bad.UPF"
    bad.write_text(change((PSEUDOPOTENTIALS / "Si.UPF").read_text()))
    done = cli("simulate", cif, "--site", "0", "-o", "-", "--pseudo", bad)
    assert_one_line_failure(done, "bad.UPF", *words)


def test_site_of_another_element_is_refused_and_its_pseudopotential_used(cli, tmp_path):
    """A silicon file that calls itself germanium: the crystal is computed, the germanium site is not."""
    cif = _cif(tmp_path / "sige.cif", second="Ge2 Ge")
    other = tmp_path / "Ge.UPF"
    other.write_text((PSEUDOPOTENTIALS / "Si.UPF").read_text().replace('element="Si"', 'element="Ge"'))
    refused = cli("simulate", cif, "--site", "1", "-o", "-", "--pseudo", other)
    assert_one_line_failure(refused, "atom 1 is Ge, not Si", "--pdos-only")
    done = cli("simulate", cif, "--site", "0", "-o", tmp_path / "sige.npz", "--pseudo", other, *QUICK)
    assert done.returncode == 0, done.stderr
    assert set(read_raw(tmp_path / "sige.npz").meta["pseudopotentials"]) == {"Ge", "Si", "Si, 1s hole"}


def test_density_of_states_of_a_partner(cli, tmp_path):
    """Carbon in silicon carbide: its own command, and more electrons on it than on silicon."""
    cif = _cif(tmp_path / "sic.cif", second="C2 C", length="3.08")
    quick = ["--cutoff", "200", "--k-spacing", "0.15", "--threads", "1"]
    electrons = []
    for site in ("0", "1"):
        done = cli("simulate", cif, "--site", site, "--pdos-only", "--output", "-", *quick)
        assert done.returncode == 0, done.stderr
        assert "cutoff 200 eV is below the 500 eV recommended for C" in done.stderr
        energy_eV, s, p = np.loadtxt(done.stdout.splitlines(), delimiter=",", skiprows=1).T
        electrons.append((s + p)[energy_eV < 1].sum() * 0.1)
    assert electrons[1] > 4 > electrons[0]
    assert sum(electrons) == pytest.approx(8, abs=0.25)
    assert cli("simulate", tmp_path / "sites.csv", "--pdos-only", "--output", "-").returncode == 2


def test_pseudopotential_without_orbitals_is_refused_by_a_dry_run(cli, tmp_path):
    """Files such as those of the SG15 set hold no PP_PSWFC."""
    bare = tmp_path / "Ge.UPF"
    text = (PSEUDOPOTENTIALS / "Si.UPF").read_text().replace('element="Si"', 'element="Ge"')
    bare.write_text(text.replace("PP_PSWFC", "PP_OTHER"))
    cif = _cif(tmp_path / "sige.cif", second="Ge2 Ge")
    done = cli("simulate", cif, "--site", "0", "--dry-run", "--pseudo", bare)
    assert done.returncode == 1
    assert "Ge.UPF has no pseudo-atomic orbitals (PP_PSWFC)" in done.stderr
    assert "iteration" not in done.stderr


def test_absolute_energy_of_the_edge(campaign, folder):
    """Scalar-relativistic PBE lies a few eV below the measured 1839 eV; both equivalent atoms say the same."""
    one, other = (read_raw(folder / "raw" / f"dia-{i}.npz").meta for i in (0, 1))
    assert one["transition_eV"] == pytest.approx(1836, abs=2)
    assert one["transition_eV"] == pytest.approx(other["transition_eV"], abs=0.02)
    assert one["spin"] == "none"
