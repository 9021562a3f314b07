"""The engine against Quantum ESPRESSO: one core-hole site of diamond, and how the engine's cost grows.

Peer: pw.x and xspectra.x (Debian's quantum-espresso), as many MPI ranks as the engine has threads, one
polarisation, since the site is cubic; same pseudopotentials, cutoff, supercell and k-mesh. QE_MESH sets the
mesh of the spectrum (4: 4x4x4 shifted); ENGINE_ATOMS the sizes of the growth table.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
THREADS = len(os.sched_getaffinity(0))
CUTOFF_RY = 16.0
CUBE = [[-2, 2, 2], [2, -2, 2], [2, 2, -2]]  # 64 atoms
CELLS = {
    16: [[2, 0, 0], [0, 2, 0], [0, 0, 2]],
    32: [[-2, 2, 2], [2, 0, 0], [0, 2, 0]],
    54: [[3, 0, 0], [0, 3, 0], [0, 0, 3]],
    64: CUBE,
    128: [[4, 0, 0], [0, 4, 0], [0, 0, 4]],
    216: [[-3, 3, 3], [3, -3, 3], [3, 3, -3]],
}


def main() -> None:
    mesh = int(os.environ.get("QE_MESH", "4"))
    sizes = [int(n) for n in os.environ.get("ENGINE_ATOMS", "16,32,64,128").split(",")]
    cell = f"64 atoms, {CUTOFF_RY:.0f} Ry, {mesh}x{mesh}x{mesh} shifted, {THREADS} threads"
    print(f"One core-hole site of diamond: {cell}; seconds")
    print("                 ground state  density  spectrum  together")
    site = _ours(64, mesh)
    ours = [site["scf_s"], site["edge_s"], site["total_s"]]
    print(f"  sikpdos        {site['ground_s']:12.1f}" + "".join(f"{x:9.1f}" for x in ours), flush=True)
    if shutil.which("pw.x") and shutil.which("xspectra.x"):
        scf_s, edge_s = _quantum_espresso(mesh)
        theirs = [scf_s, edge_s, scf_s + edge_s]
        print(f"  pw + xspectra  {'':12s}" + "".join(f"{x:9.1f}" for x in theirs))
        print(f"  ratio          {'':12s}" + "".join(f"{b / a:9.1f}" for a, b in zip(ours, theirs, strict=True)))
    else:
        print("  pw.x and xspectra.x are not installed: no peer")
    print("Growth: one k-point, density and three polarisations")
    print("  atoms  density_s  per_iteration_s  spectrum_s  fft_share  memory_GiB")
    rows = [_ours(n, 1) for n in sizes]
    for n, row in zip(sizes, rows, strict=True):
        print(
            f"  {n:5d}  {row['scf_s']:9.1f}  {row['scf_s'] / row['iterations']:15.2f}  {row['edge_s']:10.1f}  "
            f"{row['fft_share']:9.2f}  {row['memory_GiB']:10.2f}"
        )
    if len(rows) > 1:
        print(
            f"  exponent of the last two: density iteration {_exponent(rows, sizes, 'scf_s'):.2f}, "
            f"spectrum {_exponent(rows, sizes, 'edge_s'):.2f}"
        )


def _exponent(rows: list[dict], sizes: list[int], key: str) -> float:
    from math import log

    per = [row[key] / (row["iterations"] if key == "scf_s" else 1) for row in rows[-2:]]
    return log(per[1] / per[0]) / log(sizes[-1] / sizes[-2])


def _ours(n_atoms: int, mesh: int) -> dict:
    """Times of one site in a fresh process, so that its peak memory is its own."""
    command = [sys.executable, __file__, "site", str(n_atoms), str(mesh)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


def _site(n_atoms: int, mesh: int) -> dict:
    import resource

    import numpy as np
    import torch
    from engine_support import HOLE, SILICON, diamond

    from sikpdos.engine import core_hole, edge, ground_state, kpoints
    from sikpdos.engine.basis import Arithmetic
    from sikpdos.engine.crystal import symmetry

    torch.set_num_threads(THREADS)
    fft_s = _time_ffts(torch)
    clock = [time.perf_counter()]
    of = diamond()
    rotations = symmetry(of).rotations
    coarse, dense = (kpoints.best_mesh(of.lattice, spacing, rotations) for spacing in (0.068, 0.034))
    ground = ground_state.ground_state(
        of, CUTOFF_RY, Arithmetic(), coarse, dense, 0.1 / 13.6057, 5e-4, lambda line: None
    )
    clock.append(time.perf_counter())
    fft_s[0] = 0.0
    cell = core_hole.hole_cell(of, 0, np.array(CELLS[n_atoms]), HOLE)
    state = core_hole.core_hole_state(
        ground, cell, 0, kpoints.MEAN_VALUE_POINT, 1, 0.1 / 13.6057, 5e-4, lambda line: None
    )
    clock.append(time.perf_counter())
    points = kpoints.irreducible((mesh,) * 3, True, cell.site.rotations)
    edge.edge_sticks(state, SILICON, points, round(13.5 * CUTOFF_RY))
    clock.append(time.perf_counter())
    return {
        "ground_s": clock[1] - clock[0],
        "scf_s": clock[2] - clock[1],
        "edge_s": clock[3] - clock[2],
        "total_s": clock[3] - clock[0],
        "fft_share": fft_s[0] / (clock[3] - clock[1]),
        "iterations": len(state.solution.history),
        "memory_GiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
    }


def _time_ffts(torch) -> list[float]:
    """Wrap torch's transforms; the list's item grows by the seconds spent in them."""
    spent = [0.0]

    def timed(function):
        def run(*args, **kwargs):
            start = time.perf_counter()
            result = function(*args, **kwargs)
            spent[0] += time.perf_counter() - start
            return result

        return run

    torch.fft.fftn, torch.fft.ifftn = timed(torch.fft.fftn), timed(torch.fft.ifftn)
    return spent


def _quantum_espresso(mesh: int) -> tuple[float, float]:
    """Seconds of the self-consistent density (2x2x2 shifted) and of the spectrum along x."""
    import numpy as np
    from engine_support import BUNDLED, HOLE, diamond

    from sikpdos.constants import BOHR_A
    from sikpdos.engine.core_hole import hole_cell

    cell = hole_cell(diamond(), 0, np.array(CUBE), HOLE).crystal
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _core_wave_function(BUNDLED / "Si.UPF", folder / "Si.wfc")
        rows = "\n".join(
            f"{'Sih' if i == 0 else 'Si'} {x:.10f} {y:.10f} {z:.10f}" for i, (x, y, z) in enumerate(cell.positions)
        )
        vectors = "\n".join(" ".join(f"{x:.10f}" for x in row) for row in cell.lattice * BOHR_A)
        (folder / "scf.in").write_text(_SCF.format(pseudo=BUNDLED, rows=rows, vectors=vectors, cutoff=CUTOFF_RY))
        (folder / "xs.in").write_text(_XSPECTRA.format(mesh=mesh))
        return _run(folder, "pw.x", "scf.in"), _run(folder, "xspectra.x", "xs.in")


def _run(folder: Path, program: str, name: str) -> float:
    root = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **root}
    command = ["mpirun", "-np", str(THREADS), program, "-in", name]
    start = time.perf_counter()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment)
    if done.returncode or ("JOB DONE" not in done.stdout and "END JOB" not in done.stdout):
        raise SystemExit(f"{program} failed:\n{done.stdout[-2000:]}{done.stderr[-1000:]}")
    return time.perf_counter() - start


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
 ibrav=0, nat=64, ntyp=2, ecutwfc={cutoff}, nbnd=136, occupations='smearing', smearing='gaussian', degauss=0.005,
 tot_charge=1
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
 calculation='xanes_dipole', prefix='si', outdir='./tmp', xniter=1000, xcheck_conv=50, xepsilon(1)=1.0,
 xepsilon(2)=0.0, xepsilon(3)=0.0, xiabs=1, x_save_file='xs.sav', xerror=0.005, xcoordcrys=.false.
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
        print(json.dumps(_site(int(sys.argv[2]), int(sys.argv[3]))))
    else:
        main()
