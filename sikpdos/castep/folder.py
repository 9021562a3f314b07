"""The files of one calculation, found by folder and seed name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sikpdos.castep.formats import optados_dat
from sikpdos.castep.formats.cell import Cell, read_cell
from sikpdos.castep.formats.optados_dat import Pdos
from sikpdos.common import files
from sikpdos.common.errors import SikpdosError, naming

_SUFFIXES = (".adaptive.dat", ".fixed.dat", ".linear.dat", ".pdos_bin", ".elnes_bin", ".eels_mat")


def seed_of(path: Path) -> Path:
    """`folder/seed` of one of a calculation's files: what stands before OptaDOS's and CASTEP's endings."""
    name = path.name.removesuffix(".gz")
    if ".pdos." in name:
        return path.with_name(name.split(".pdos.")[0])
    for suffix in _SUFFIXES:
        if name.endswith(suffix):
            return path.with_name(name.removesuffix(suffix))
    if name.endswith("_core_edge.dat"):
        return path.with_name(_seed_of_edge(path, name.removesuffix("_core_edge.dat")))
    return path.with_name(name.rsplit(".", 1)[0])


def _seed_of_edge(path: Path, stem: str) -> str:
    """Releases from 2024 write a file an edge, `seed_Si1K1_core_edge.dat`: the seed is that of a log beside it."""
    logs = [log.stem for log in path.parent.glob("*.odo")]
    return next((log for log in sorted(logs, key=len, reverse=True) if stem.startswith(f"{log}_")), stem)


def beside(seed: Path, suffix: str) -> Path:
    """A file of the calculation by its ending."""
    return seed.with_name(seed.name + suffix)


def find_cell(seed: Path) -> Cell | None:
    """The cell as CASTEP wrote it (-out.cell), else its input where that leaves the k-points unreduced, else None.

    Raises SikpdosError where only an input with SYMMETRY_GENERATE is there: its operations are not known.
    """
    for suffix in ("-out.cell", ".cell"):
        path = beside(seed, suffix)
        if path.exists():
            cell = read_cell(path)
            if suffix == ".cell" and cell.symmetry_generate and not len(cell.rotations):
                raise SikpdosError(
                    f"has SYMMETRY_GENERATE, and {seed.name}-out.cell, with the operations, is not there", path
                )
            return cell
    return None


def species_number(cell: Cell, species: str) -> int:
    """Number (from 1) of a species in CASTEP's files. Raises SikpdosError where the cell has it not."""
    known = [s.lower() for s in cell.species]
    if species.lower() not in known:
        raise SikpdosError(f"no atom of species {species}; there are {', '.join(cell.species)}")
    return known.index(species.lower()) + 1


def equivalent_atoms(cell: Cell | None, species: str, atom: int) -> list[int]:
    """Numbers (from 1, in the species) of the atoms over which a density of states is averaged: the orbit of
    the atom under the operations that reduced the k-points, the atom alone where none did.

    Raises SikpdosError where the cell has no such atom.
    """
    if cell is None:
        return [atom]
    indices = cell.atom_indices(species)
    if not 1 <= atom <= len(indices):
        raise SikpdosError(f"no atom {atom} of {species} in the cell; it has {len(indices)}")
    return [indices.index(i) + 1 for i in cell.orbit(indices[atom - 1])]


def read_pdos(paths: Sequence[Path]) -> Pdos:
    """The PDOS files of one run as one."""
    parts = []
    for path in paths:
        with naming(path):
            parts.append(optados_dat.parse_pdos(files.read_bytes(path)))
    return optados_dat.merge(parts, [str(path) for path in paths])


def labelled_atom(cell: Cell, site: str = "") -> tuple[str, int]:
    """Species and number of the excited atom: the named site, else the only one with a label, else the only atom."""
    atoms = [(s, n + 1) for s in cell.species for n in range(len(cell.atom_indices(s)))]
    if site:
        chosen = [a for a in atoms if site.lower() in (f"{a[0]}{a[1]}".lower(), a[0].lower())]
    else:
        chosen = [a for a in atoms if ":" in a[0]] or atoms
    if len(chosen) != 1:
        cause = f"no site '{site}'" if site and not chosen else "several sites: name one"
        raise SikpdosError(f"{cause}; there are {', '.join(f'{s}{n}' for s, n in atoms[:12])}")
    return chosen[0]
