"""CIF files read by the suite, gemmi, ASE and pymatgen: the same atoms, or what differs.

    bin/bench cif [FILES...] [--settings]

FILES are CIF files or folders of them. --settings adds files made here: crystals in each of the 530 settings of the
space groups, their symmetry given by operations, by the Hall symbol alone, or by the Hermann-Mauguin symbol alone.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from sikpdos.common.errors import SikpdosError
from sikpdos.structures import operations, space_group
from sikpdos.structures.formats import cif
from sikpdos.structures.formats.cif_content import matches
from sikpdos.structures.formats.crystal import Crystal, lattice_of_parameters

VOLUME_A3 = 80.0  # per atom, of the crystals made here


def by_us(path: Path) -> Crystal:
    text = path.read_bytes().decode("latin-1")
    return cif.crystal_of(cif.atom_blocks(text)[0])


def by_gemmi(path: Path) -> Crystal:
    import gemmi

    small = gemmi.read_small_structure(str(path))
    sites = small.get_all_unit_cell_sites()
    lattice_A = np.array(small.cell.orth.mat.tolist()).T
    return Crystal(lattice_A, tuple(s.element.name for s in sites), np.array([s.fract.tolist() for s in sites]))


def by_ase(path: Path) -> Crystal:
    from ase.io import read

    atoms = read(path, format="cif", index=0)
    return Crystal(np.array(atoms.cell), tuple(atoms.get_chemical_symbols()), atoms.get_scaled_positions())


def by_pymatgen(path: Path) -> Crystal:
    from pymatgen.core import Structure

    structure = Structure.from_file(path)
    return Crystal(structure.lattice.matrix, tuple(s.specie.symbol for s in structure), structure.frac_coords)


PEERS: dict[str, Callable[[Path], Crystal]] = {"gemmi": by_gemmi, "ase": by_ase, "pymatgen": by_pymatgen}


def compared(ours: Crystal | SikpdosError, theirs: Crystal | Exception) -> str:
    """Same, or in which way not; lattices may be turned: fractional positions are compared."""
    if isinstance(ours, Exception) or isinstance(theirs, Exception):
        both = isinstance(ours, Exception) and isinstance(theirs, Exception)
        return "both refuse" if both else "we refuse" if isinstance(ours, Exception) else "peer fails"
    if len(ours.elements) != len(theirs.elements):
        return f"{len(ours.elements)} atoms, peer {len(theirs.elements)}"
    if Counter(ours.elements) != Counter(theirs.elements):
        return "other elements"
    same = matches(ours, Crystal(ours.lattice_A, theirs.elements, theirs.positions))
    metric = np.allclose(ours.lattice_A @ ours.lattice_A.T, theirs.lattice_A @ theirs.lattice_A.T, rtol=1e-4, atol=1e-3)
    return "same" if same and metric else "other positions" if metric else "other lattice"


def outcome(read: Callable[[Path], Crystal], path: Path) -> Crystal | Exception:
    try:
        return read(path)
    except Exception as error:  # peers raise many kinds
        return error


def made(folder: Path) -> Iterator[Path]:
    """One crystal of every setting, its symmetry given in each of three ways."""
    for setting in space_group.settings():
        lattice_A, group = lattice_of(setting), setting.operations()
        symbol, hall_symbol = space_group_symbols(setting)
        ways = {
            "operations": ["loop_", "_space_group_symop_operation_xyz", *(f"'{text}'" for text in texts(group))],
            "hall": [f"_space_group_name_Hall '{hall_symbol}'"],
            "hm": [f"_space_group_name_H-M_alt '{symbol}'"],
        }
        for way, symmetry in ways.items():
            path = folder / f"{setting.hall_number:03d}-{way}.cif"
            path.write_text("\n".join([*cell_lines(lattice_A), CONTENT.format(len(group)), *symmetry, ATOM, ""]))
            yield path


CONTENT = "_cell_formula_units_Z {}\n_chemical_formula_sum Si"
ATOM = """loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
Si1 Si 0.093 0.361 0.217"""


def space_group_symbols(setting: space_group.Setting) -> tuple[str, str]:
    """Hermann-Mauguin symbol with its choice, and Hall symbol."""
    import spglib

    kind = spglib.get_spacegroup_type(setting.hall_number)
    symbol = kind.international.split("=")[-1 if "=" in kind.international else 0].strip().replace("_", "")
    return symbol + (f":{setting.short_choice}" if setting.short_choice else ""), kind.hall_symbol


def lattice_of(setting: space_group.Setting) -> np.ndarray:
    """A roomy cell that has the metric symmetry of a setting: the average of a triclinic one over the group."""
    group = setting.operations()
    start = lattice_of_parameters((9.1, 10.3, 11.7), (84.0, 97.0, 101.0))
    metric = np.einsum("nji,jk,nkl->il", group.rotations, start @ start.T, group.rotations)
    metric *= (VOLUME_A3 * len(group) / np.sqrt(np.linalg.det(metric))) ** (2 / 3)
    lengths = np.sqrt(np.diag(metric))
    cosines = metric / np.outer(lengths, lengths)
    return lattice_of_parameters(lengths, np.degrees(np.arccos([cosines[1, 2], cosines[0, 2], cosines[0, 1]])))


def cell_lines(lattice_A: np.ndarray) -> list[str]:
    from pymatgen.core import Lattice

    lattice = Lattice(lattice_A)
    names = ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")
    return ["data_made", *(f"_cell_{n} {v:.6f}" for n, v in zip(names, lattice.parameters, strict=True))]


def texts(group: operations.Operations) -> list[str]:
    """Operations as CIF writes them."""
    from pymatgen.core.operations import SymmOp

    pairs = zip(group.rotations, group.translations, strict=True)
    return [SymmOp.from_rotation_and_translation(w, t).as_xyz_str() for w, t in pairs]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--settings", action="store_true")
    parser.add_argument("--peers", default=",".join(PEERS))
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        paths = [p for given in options.files for p in (sorted(given.rglob("*.cif")) if given.is_dir() else [given])]
        paths += list(made(Path(folder))) if options.settings else []
        report(paths, options.peers.split(","))


def report(paths: list[Path], peers: list[str]) -> None:
    """A table of counts on stdout, every difference on stderr."""
    counts = {peer: Counter() for peer in peers}
    for path in paths:
        ours = outcome(by_us, path)
        for peer in peers:
            verdict = compared(ours, theirs := outcome(PEERS[peer], path))
            counts[peer][verdict if verdict in ("same", "both refuse", "we refuse", "peer fails") else "different"] += 1
            if verdict not in ("same", "both refuse"):
                reason = ours if isinstance(ours, Exception) else theirs if isinstance(theirs, Exception) else ""
                print(f"{path.name}: {peer}: {verdict} {str(reason)[:110]}", file=sys.stderr)
    columns = ("same", "both refuse", "we refuse", "peer fails", "different")
    print(f"{'peer':<10}" + "".join(f"{c:>13}" for c in columns))
    for peer in peers:
        print(f"{peer:<10}" + "".join(f"{counts[peer][c]:>13}" for c in columns))


if __name__ == "__main__":
    main()
