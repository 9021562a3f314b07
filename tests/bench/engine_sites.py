"""Seconds of one thread for each of a fixed list of sites, beside another commit of the suite: COMMIT (c5fee84).

    bin/bench engine_sites                      all sites
    SITES=Si-I,Si-II bin/bench engine_sites     some of them
    AMORPHOUS=cell.cif bin/bench engine_sites   with two sites of one's own amorphous cell

CPU seconds of the whole process, start included, of both trees one after the other; the estimate is that of --dry-run.
"""

from __future__ import annotations

import csv
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT)]
CATALOGUE = ["Si-I", "Si-4H", "Si-III", "Si-XII", "Si-II", "Si-V", "Si-zeo-CHA", "Si-zeo-MTW"]
COMPOUNDS = {"SiC": ("F-43m", 4.36, ["Si", "C"], [[0, 0, 0], [0.25, 0.25, 0.25]])}
QUARTZ = ("P3_221", (4.913, 5.405), ["Si", "O"], [[0.4697, 0, 0], [0.4133, 0.2672, 0.1188]])


def structures() -> dict:
    """Structures of the list, and the atoms to compute."""
    from pymatgen.core import Lattice, Structure

    from sikpdos.structures.catalogue import allotropes, conventional_cell

    found = {a.id: (conventional_cell(a).get_primitive_structure(), [0]) for a in allotropes() if a.id in CATALOGUE}
    group, a, species, positions = COMPOUNDS["SiC"]
    found["SiC"] = (Structure.from_spacegroup(group, Lattice.cubic(a), species, positions), [0])
    group, (a, c), species, positions = QUARTZ
    found["quartz"] = (Structure.from_spacegroup(group, Lattice.hexagonal(a, c), species, positions), [0])
    if "AMORPHOUS" in os.environ:
        found["amorphous"] = (Structure.from_file(os.environ["AMORPHOUS"]), [0, 50])
    return found


def cpu_s(root: Path, arguments: list[str]) -> tuple[float, str]:
    """CPU seconds of one command of a tree, and its stdout."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "sikpdos", "simulate", *arguments],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise SystemExit(f"{root}: {done.stderr[-500:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.stdout


def main() -> None:
    commit = os.environ.get("COMMIT", "c5fee84")
    wanted = os.environ.get("SITES", "").split(",") if os.environ.get("SITES") else None
    with tempfile.TemporaryDirectory() as folder:
        other = Path(folder) / "other"
        subprocess.run(["git", "worktree", "add", "--detach", "-q", str(other), commit], cwd=ROOT, check=True)
        try:
            _compare(Path(folder), other, commit, wanted)
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", str(other)], cwd=ROOT, check=True)


def _compare(folder: Path, other: Path, commit: str, wanted: list[str] | None) -> None:
    print(
        f"site          {commit[:8]:>9s}      now   ratio  estimate (CPU s, one thread; load {os.getloadavg()[0]:.1f})"
    )
    totals = [0.0, 0.0]
    for name, (structure, atoms) in structures().items():
        if wanted and name not in wanted:
            continue
        path = folder / f"{name}.cif"
        structure.to(filename=str(path), fmt="cif")
        for atom in atoms:
            seconds = [
                cpu_s(root, [str(path), "--site", str(atom), *_options(root, structure, folder)])[0]
                for root in (other, ROOT)
            ]
            row = next(csv.DictReader(cpu_s(ROOT, [str(path), "--site", str(atom), "--dry-run"])[1].splitlines()))
            estimate = float(row["ground_state_s"]) + float(row["site_s"])
            totals = [total + s for total, s in zip(totals, seconds, strict=True)]
            before, now = seconds
            print(f"{f'{name}-{atom}':12s} {before:9.1f} {now:8.1f} {before / now:7.2f} {estimate:9.0f}", flush=True)
    print(f"together     {totals[0]:9.1f} {totals[1]:8.1f} {totals[0] / totals[1]:7.2f}")


def _options(root: Path, structure, folder: Path) -> list[str]:
    """Where the result goes; an older tree must be told the cutoff and the files of other elements."""
    options = ["--threads", "1", "-o", str(folder / "site.npz")]
    others = sorted({site.specie.symbol for site in structure} - {"Si"})
    if others and root != ROOT:
        files = [ROOT / "sikpdos" / "data" / "pseudo" / f"{element}.UPF.gz" for element in others]
        options += ["--cutoff", "500", *(part for file in files for part in ("--pseudo", str(file)))]
    return options


if __name__ == "__main__":
    main()
