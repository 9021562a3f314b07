"""The Slurm array script of make-castep on a real Slurm, with stand-ins for CASTEP and OptaDOS."""

from __future__ import annotations

import re

from pymatgen.core import Lattice, Structure
from support.castep_model import write_runs_folder
from support.slurm import run_array, running_slurm

from sikpdos.structures.sites import Site, write_sites


def test_array_runs_every_row_and_only_unfinished_ones_again(cli, tmp_path):
    crystal = Structure(Lattice.cubic(5.43), ["Si"], [[0, 0, 0]])
    crystal.to(filename=str(tmp_path / "x.cif"), fmt="cif")
    sites = [Site(f"S{n}-0", f"S{n}", "x.cif", 0, 1, "a", "P1", 4, 2.35, "g", "made up") for n in range(2)]
    write_sites(tmp_path / "sites.csv", sites)
    runs, results = tmp_path / "runs", tmp_path / "results"
    assert cli("make-castep", tmp_path / "sites.csv", "--out", runs).returncode == 0
    write_runs_folder(results, 2)
    castep = tmp_path / "castep"  # brings the results of the same run
    castep.write_text(
        f'#!/bin/sh\necho "$PWD" >> {tmp_path}/log\n[ -e {tmp_path}/broken ] && exit 1\n'
        f'cp {results}/${{PWD#{runs}/}}/* . && echo "Total time 1 s" > "$1.castep"\n'
    )
    castep.chmod(0o755)
    slurm = (runs / "slurm.sh").read_text()
    (runs / "slurm.sh").write_text(re.sub("--ntasks=16", "--ntasks=1", slurm))
    (tmp_path / "slurm").mkdir()
    with running_slurm(tmp_path / "slurm") as environment:
        environment |= {"CASTEP": str(castep), "OPTADOS": "true"}
        (tmp_path / "broken").touch()
        run_array(runs / "slurm.sh", environment)
        done = cli("parse-odo", runs, "--out", tmp_path / "raw")
        assert done.returncode == 1
        (tmp_path / "broken").unlink()
        run_array(runs / "slurm.sh", environment)
        run_array(runs / "slurm.sh", environment)
    assert len((tmp_path / "log").read_text().splitlines()) == 8  # four runs, twice; the third time none
    done = cli("parse-odo", runs, "--out", tmp_path / "raw")
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("finished") == 2
