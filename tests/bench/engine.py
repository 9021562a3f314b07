"""The engine against Quantum ESPRESSO, how its cost grows, and how near it comes to its FFTs' speed.

    diamond  one core-hole site of 64 atoms, cubic: xspectra.x needs one polarisation
    low      one of R8 (Si-XII), 64 atoms, whose site has no rotation: xspectra.x needs three polarisations
    growth   the cost of diamond cells of several sizes
    limits   where the time goes, and the FFTs beside the same FFTs in a tight loop

ENGINE_SECTIONS (or arguments) chooses among them: ENGINE_SECTIONS=low,limits bin/bench engine.
Peer: pw.x and xspectra.x (Debian's quantum-espresso), as many MPI ranks as the engine has threads; same
pseudopotentials, cutoff, supercell and k-mesh. QE_MESH sets the mesh of the spectrum (4: 4x4x4 shifted, 2 for
the site without symmetry); ENGINE_ATOMS the sizes of the growth table.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from math import log, log2, prod
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
THREADS = len(os.sched_getaffinity(0))
CUTOFF_RY = 16.0
CELLS = {  # supercells by their number of atoms
    "diamond": {
        16: [[2, 0, 0], [0, 2, 0], [0, 0, 2]],
        32: [[-2, 2, 2], [2, 0, 0], [0, 2, 0]],
        54: [[3, 0, 0], [0, 3, 0], [0, 0, 3]],
        64: [[-2, 2, 2], [2, -2, 2], [2, 2, -2]],
        128: [[4, 0, 0], [0, 4, 0], [0, 0, 4]],
        216: [[-3, 3, 3], [3, -3, 3], [3, 3, -3]],
    },
    "R8": {
        16: [[2, 0, 0], [0, 1, 0], [0, 0, 1]],
        64: [[2, 0, 0], [0, 2, 0], [0, 0, 2]],
    },
}
AXES = {"x": (1.0, 0.0, 0.0), "y": (0.0, 1.0, 0.0), "z": (0.0, 0.0, 1.0)}


def main() -> None:
    sections = {
        "diamond": lambda: _against_peer("diamond", 64, int(os.environ.get("QE_MESH", "4")), "x"),
        "low": lambda: _against_peer("R8", 64, int(os.environ.get("QE_MESH", "2")), "xyz"),
        "growth": lambda: _growth([int(n) for n in os.environ.get("ENGINE_ATOMS", "16,32,64,128,216").split(",")]),
        "limits": lambda: _limits(64),
    }
    chosen = sys.argv[1:] or os.environ.get("ENGINE_SECTIONS", ",".join(sections)).split(",")
    if unknown := [name for name in chosen if name not in sections]:
        raise SystemExit(f"no section {', '.join(unknown)}; there are {', '.join(sections)}")
    for name in chosen:
        sections[name]()


def _against_peer(name: str, n_atoms: int, mesh: int, axes: str) -> None:
    site = _ours(name, n_atoms, mesh)
    print(
        f"One core-hole site of {name}: {n_atoms} atoms, {site['rotations']} rotations, {CUTOFF_RY:.0f} Ry, "
        f"{mesh}x{mesh}x{mesh} shifted, {THREADS} threads; seconds"
    )
    print("                 ground state  density  spectrum  together")
    ours = [site["density"]["s"], site["spectrum"]["s"], site["total_s"]]
    print(f"  sikpdos, xyz   {site['ground_s']:12.1f}" + "".join(f"{x:9.1f}" for x in ours), flush=True)
    if not (shutil.which("pw.x") and shutil.which("xspectra.x")):
        print("  pw.x and xspectra.x are not installed: no peer")
        return
    density_s, spectrum_s, points = _quantum_espresso(name, n_atoms, mesh, axes)
    theirs = [density_s, spectrum_s, density_s + spectrum_s]
    print(f"  QE, {axes:10s} {'':12s}" + "".join(f"{x:9.1f}" for x in theirs))
    print(f"  ratio          {'':12s}" + "".join(f"{b / a:9.1f}" for a, b in zip(ours, theirs, strict=True)))
    print(
        f"  k-points and polarisations of the spectrum: {site['points']} x 3, "
        f"and {points} x {len(axes)} in xspectra.x, which takes the whole mesh"
    )


def _growth(sizes: list[int]) -> None:
    print("Growth: diamond, one k-point, density and three polarisations; shares of both together")
    print("  atoms  density_s  per_iteration_s  spectrum_s  FFT_share  projector_share  memory_GiB")
    rows = []
    for n in sizes:
        row = _ours("diamond", n, 1)
        rows.append((n, row["density"]["s"] / row["iterations"], row["spectrum"]["s"]))
        both = {key: row["density"][key] + row["spectrum"][key] for key in ("s", "fft_s", "projector_s")}
        print(
            f"  {n:5d}  {row['density']['s']:9.1f}  {rows[-1][1]:15.2f}  {row['spectrum']['s']:10.1f}  "
            f"{both['fft_s'] / both['s']:9.2f}  {both['projector_s'] / both['s']:15.2f}  {row['memory_GiB']:10.2f}",
            flush=True,
        )
    for (n, *small), (m, *large) in pairwise(rows):
        density, spectrum = (log(b / a) / log(m / n) for a, b in zip(small, large, strict=True))
        print(f"  exponent from {n} to {m} atoms: density iteration {density:.2f}, spectrum {spectrum:.2f}")


def _limits(n_atoms: int) -> None:
    print(f"Limits: diamond, {n_atoms} atoms, one k-point, {THREADS} threads; seconds")
    print("            together   FFTs  projectors   rest  bare_FFTs  bare/FFTs  bare/together  GFLOP/s  bare_GFLOP/s")
    row = _ours("diamond", n_atoms, 1)
    for name in ("density", "spectrum"):
        part = row[name]
        whole, fft_s, projector_s, bare_s = (part[key] for key in ("s", "fft_s", "projector_s", "bare_fft_s"))
        print(
            f"  {name:9s} {whole:8.2f}  {fft_s:5.2f}  {projector_s:10.2f}  {whole - fft_s - projector_s:5.2f}  "
            f"{bare_s:9.2f}  {bare_s / fft_s:9.2f}  {bare_s / whole:13.2f}  {part['fft_gflop'] / fft_s:7.1f}  "
            f"{part['fft_gflop'] / bare_s:12.1f}"
        )


def _ours(name: str, n_atoms: int, mesh: int) -> dict:
    """Times of one site in a fresh process, so that its peak memory is its own."""
    command = [sys.executable, __file__, "site", name, str(n_atoms), str(mesh)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


def _site(name: str, n_atoms: int, mesh: int) -> dict:
    import resource

    import torch
    from support.engine import PSEUDOS

    from sikpdos.common.constants import RYDBERG_EV
    from sikpdos.engine import core_hole, edge, kpoints, plan, simulate
    from sikpdos.engine.basis import Backend
    from sikpdos.engine.settings import Settings

    torch.set_num_threads(THREADS)
    settings = Settings(cutoff_eV=CUTOFF_RY * RYDBERG_EV)
    start = time.perf_counter()
    given, atom = _crystal(name)
    ground = simulate.prepare(
        given, plan.plan_structure(given.crystal, settings), settings, PSEUDOS, Backend(), lambda line: None
    ).ground
    ground_s = time.perf_counter() - start
    with metered() as density:
        cell = _hole_cell(name, n_atoms)
        state = core_hole.core_hole_state(
            ground,
            cell,
            atom,
            kpoints.MEAN_VALUE_POINT,
            settings.charge,
            settings.smearing_Ry,
            settings.density_tolerance,
            lambda line: None,
        )
    with metered() as spectrum:
        points = kpoints.irreducible((mesh,) * 3, kpoints.SHIFTED, cell.site.rotations)
        edge.edge_sticks(state, PSEUDOS.ground["Si"], points, settings.edge_recursion(True))
    return {
        "ground_s": ground_s,
        "total_s": ground_s + density.s + spectrum.s,
        "iterations": len(state.solution.history),
        "points": len(points),
        "rotations": len(cell.site.rotations),
        "memory_GiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        "density": density.as_dict(),
        "spectrum": spectrum.as_dict(),
    }


def _crystal(name: str):
    """A crystal as the engine reads it, and the atom that is excited: in R8 one whose site has no rotation."""
    from support.engine import PSEUDOS, diamond

    from sikpdos.engine.crystal import symmetry
    from sikpdos.engine.structure import Input, to_crystal
    from sikpdos.structures.catalogue import allotropes, conventional_cell

    if name == "diamond":
        return Input(name, diamond(), [0, 1], ("Si", "Si")), 0
    r8 = next(item for item in allotropes() if item.id == "Si-XII")
    given = to_crystal(conventional_cell(r8), name, PSEUDOS.ground)
    group = symmetry(given.crystal)
    n_rotations = [len(group.fixing(position).rotations) for position in given.crystal.positions]
    return given, n_rotations.index(1)


def _hole_cell(name: str, n_atoms: int):
    import numpy as np
    from support.engine import HOLE

    from sikpdos.engine.core_hole import hole_cell

    given, atom = _crystal(name)
    return hole_cell(given.crystal, atom, np.array(CELLS[name][n_atoms]), HOLE)


@dataclass
class Meter:
    """Seconds of a part of the work, those within FFTs and projectors, and how often each FFT was done."""

    s: float = 0.0
    fft_s: float = 0.0
    projector_s: float = 0.0
    ffts: Counter = field(default_factory=Counter)  # by shape (..., n, n, n) and dtype

    def as_dict(self) -> dict:
        boxes = [(prod(shape[-3:]), prod(shape[:-3]) * count) for (shape, _), count in self.ffts.items()]
        return {
            "s": self.s,
            "fft_s": self.fft_s,
            "projector_s": self.projector_s,
            "bare_fft_s": sum(count * bare_fft_s(*kind) for kind, count in self.ffts.items()),
            "fft_gflop": sum(5e-9 * n * log2(n) * count for n, count in boxes),
        }


@contextmanager
def metered() -> Iterator[Meter]:
    """Time the block, and within it torch's FFTs and the engine's projectors."""
    import torch

    from sikpdos.engine.hamiltonian import Projectors

    meter, kept = Meter(), (torch.fft.fftn, torch.fft.ifftn, Projectors.apply)
    torch.fft.fftn, torch.fft.ifftn = _timed_fft(torch.fft.fftn, meter), _timed_fft(torch.fft.ifftn, meter)
    Projectors.apply = _timed_projection(Projectors.apply, meter)
    start = time.perf_counter()
    try:
        yield meter
    finally:
        meter.s = time.perf_counter() - start
        torch.fft.fftn, torch.fft.ifftn, Projectors.apply = kept


def _timed_fft(transform: Callable, meter: Meter) -> Callable:
    def run(x, dim, norm):
        start = time.perf_counter()
        result = transform(x, dim=dim, norm=norm)
        meter.fft_s += time.perf_counter() - start
        meter.ffts[tuple(x.shape), x.dtype] += 1
        return result

    return run


def _timed_projection(apply: Callable, meter: Meter) -> Callable:
    def run(projectors, x):
        start = time.perf_counter()
        result = apply(projectors, x)
        meter.projector_s += time.perf_counter() - start
        return result

    return run


def bare_fft_s(shape: tuple[int, ...], dtype) -> float:
    """Seconds of one FFT of a batch of boxes over and over, in the same buffers."""
    import torch
    from torch.utils.benchmark import Timer

    names = {"fftn": torch.fft.fftn, "x": torch.randn(shape, dtype=dtype)}
    timer = Timer("fftn(x, dim=(-3, -2, -1))", globals=names, num_threads=THREADS)
    return timer.blocked_autorange(min_run_time=0.3).mean


def _quantum_espresso(name: str, n_atoms: int, mesh: int, axes: str) -> tuple[float, float, int]:
    """Seconds of the self-consistent density (2x2x2 shifted) and of the spectra along some axes, and their k-points."""
    from sikpdos.common.resources import PSEUDOPOTENTIALS

    with tempfile.TemporaryDirectory() as folder:
        _write_inputs(Path(folder), name, n_atoms, mesh, axes)
        _core_wave_function(PSEUDOPOTENTIALS / "Si.UPF", Path(folder) / "Si.wfc")
        density_s, _ = _run(Path(folder), "pw.x", "scf.in")
        seconds, points = zip(*(_run(Path(folder), "xspectra.x", f"{axis}.in") for axis in axes), strict=True)
        return density_s, sum(seconds), points[0]


def _write_inputs(folder: Path, name: str, n_atoms: int, mesh: int, axes: str) -> None:
    from sikpdos.common.constants import BOHR_A
    from sikpdos.common.resources import PSEUDOPOTENTIALS

    cell = _hole_cell(name, n_atoms).crystal
    rows = "\n".join(
        f"{'Sih' if i == 0 else 'Si'} {x:.10f} {y:.10f} {z:.10f}" for i, (x, y, z) in enumerate(cell.positions)
    )
    vectors = "\n".join(" ".join(f"{x:.10f}" for x in row) for row in cell.lattice * BOHR_A)
    numbers = {"n_atoms": n_atoms, "n_bands": 2 * n_atoms + 8, "cutoff": CUTOFF_RY}
    (folder / "scf.in").write_text(_SCF.format(pseudo=PSEUDOPOTENTIALS, rows=rows, vectors=vectors, **numbers))
    for axis in axes:
        x, y, z = AXES[axis]
        (folder / f"{axis}.in").write_text(_XSPECTRA.format(mesh=mesh, x=x, y=y, z=z))


def _run(folder: Path, program: str, name: str) -> tuple[float, int]:
    """Seconds of one program and the number of its k-points."""
    root = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **root}
    command = ["mpirun", "-np", str(THREADS), program, "-in", name]
    start = time.perf_counter()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment)
    seconds = time.perf_counter() - start
    if done.returncode or ("JOB DONE" not in done.stdout and "END JOB" not in done.stdout):
        raise SystemExit(f"{program} failed:\n{done.stdout[-2000:]}{done.stderr[-1000:]}")
    return seconds, int(re.search(r"number of k points= *(\d+)", done.stdout)[1])


def _core_wave_function(upf: Path, target: Path) -> None:
    """The 1s state in xspectra.x's format."""
    text = upf.read_text()
    start = text.index("<PP_INFO>")
    root = ElementTree.fromstring((text[:start] + text[text.index("</PP_INFO>") + 10 :]).strip())
    r = root.find("PP_MESH/PP_R").text.split()
    orbitals = [node.text.split() for node in root.find("PP_GIPAW/PP_GIPAW_CORE_ORBITALS")]
    with open(target, "w") as stream:
        stream.write("# number of core states   3 =  1 0;  2 0;  2 1; \n")
        for values in orbitals:
            stream.writelines(f"{a} {b}\n" for a, b in zip(r, values, strict=True))
            stream.write("\n")


_SCF = """&control
 calculation='scf', prefix='si', outdir='./tmp', pseudo_dir='{pseudo}'
/
&system
 ibrav=0, nat={n_atoms}, ntyp=2, ecutwfc={cutoff}, nbnd={n_bands},
 occupations='smearing', smearing='gaussian', degauss=0.005, tot_charge=1
/
&electrons
 conv_thr=1e-6, mixing_beta=0.5
/
ATOMIC_SPECIES
Sih 28.0855 Si.fch.UPF
Si 28.0855 Si.UPF
CELL_PARAMETERS angstrom
{vectors}
ATOMIC_POSITIONS crystal
{rows}
K_POINTS automatic
2 2 2 1 1 1
"""

_XSPECTRA = """&input_xspectra
 calculation='xanes_dipole', prefix='si', outdir='./tmp', xniter=1000, xcheck_conv=50, xepsilon(1)={x},
 xepsilon(2)={y}, xepsilon(3)={z}, xiabs=1, x_save_file='xs.sav', xerror=0.005, xcoordcrys=.false.
/
&plot
 xnepoint=601, xgamma=0.5, xemin=-10, xemax=50, terminator=.true., cut_occ_states=.true.
/
&pseudos
 filecore='Si.wfc', r_paw(1)=2.4
/
&cut_occ
 cut_desmooth=0.1
/
{mesh} {mesh} {mesh} 1 1 1
"""

if __name__ == "__main__":
    if sys.argv[1:2] == ["site"]:
        print(json.dumps(_site(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))))
    else:
        main()
