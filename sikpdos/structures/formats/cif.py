"""Crystals from CIF data blocks: the asymmetric unit, its symmetry however it is given, and checks against the rest.

A block is refused where its symmetry is not understood, leaves more than one crystal, or gives a content that is
not that of the formula and the number of formula units: never is an asymmetric unit taken as the whole cell.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from sikpdos.common.errors import SikpdosError
from sikpdos.structures import elements
from sikpdos.structures.formats.cif_content import Content, composition_of, matches
from sikpdos.structures.formats.cif_symmetry import check_claims, settings_of
from sikpdos.structures.formats.cif_syntax import Block, blocks
from sikpdos.structures.formats.crystal import Crystal, check, check_count, lattice_of_parameters
from sikpdos.structures.operations import SAME_ATOM_A, Operations, orbit
from sikpdos.structures.supercell import reduction

TOLD_A = 0.001  # a special position that is off by more is told
WHOLE = 0.005  # occupancies this near to one are one
_NUMBER = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?)(?:\(\d*\))?(?:[eE][+-]?\d{1,3})?")
_FRACTION = re.compile(r"([+-]?\d{1,6})/(\d{1,6})")
_COORDINATES = ("_atom_site_fract_x", "_atom_site_fract_y", "_atom_site_fract_z")


@dataclass(frozen=True)
class Atom:
    """One atom of the asymmetric unit."""

    label: str
    element: str
    position: tuple[float, float, float]


def atom_blocks(text: str) -> list[Block]:
    """The data blocks that hold atoms. Raises SikpdosError where there are none."""
    with_atoms = [block for block in blocks(text) if any(name.startswith("_atom_site_") for name in block.names())]
    if not with_atoms:
        raise SikpdosError("CIF without atoms")
    return with_atoms


def crystal_of(block: Block) -> Crystal:
    """The crystal of one data block, all atoms of the cell. Raises SikpdosError with the reason why not."""
    _refuse_other_kinds(block)
    lattice_A = _lattice(block)
    content = Content.of(block)
    atoms = _atoms(block, content)
    settings = dict(settings_of(block, lattice_A))
    crystals, reasons = {}, []
    for name, operations in settings.items():
        try:
            crystals[name] = _expanded(atoms, operations, lattice_A)
        except SikpdosError as error:
            reasons.append(str(error))
    if not crystals:
        raise SikpdosError(reasons[0])
    name, crystal = _the_one(crystals, content)
    content.check(crystal)
    check_claims(block, crystal, settings[name])
    return crystal


def _refuse_other_kinds(block: Block) -> None:
    names = block.names()
    if any("magn_" in name or name.startswith("_atom_site_moment") for name in names):
        raise SikpdosError("magnetic CIF: magnetic moments and symmetry are not treated")
    modulated = ("_cell_modulation_dimension", "_cell_wave_vector", "_space_group_ssg", "_atom_site_fourier")
    if any(name.startswith(modulated) for name in names):
        raise SikpdosError("CIF of a modulated structure: no single cell")
    if "_atom_site_fract_x" not in names:
        kind = "mmCIF, the format of macromolecules" if "_atom_site_label_atom_id" in names else "CIF"
        positions = "Cartesian positions" if "_atom_site_cartn_x" in names else "no positions"
        raise SikpdosError(f"{kind}: {positions}; fractional ones (_atom_site_fract_x) are needed")


def number_of(text: str | None, name: str) -> float:
    """A number, its uncertainty left out: 5.431(2), 1/3. Raises SikpdosError where there is none."""
    text = "" if text is None else text.replace("\u2212", "-").strip()
    if fraction := _FRACTION.fullmatch(text):
        return int(fraction[1]) / (int(fraction[2]) or np.nan)
    matched = _NUMBER.fullmatch(text) if len(text) < 60 else None
    if not matched:
        raise SikpdosError(f"{name} is {text[:30]!r}, no number" if text else f"{name} has no value")
    return float(matched[1])


def _lattice(block: Block) -> np.ndarray:
    lengths = [number_of(block.item(f"_cell_length_{axis}"), f"_cell_length_{axis}") for axis in "abc"]
    names = [f"_cell_angle_{angle}" for angle in ("alpha", "beta", "gamma")]
    angles = [number_of(block.item(name) or "90", name) for name in names]  # the dictionary's default
    lattice_A = lattice_of_parameters(lengths, angles)
    if stated := block.item("_cell_volume"):
        volume_A3, stated_A3 = abs(np.linalg.det(lattice_A)), number_of(stated, "_cell_volume")
        if abs(volume_A3 - stated_A3) > 0.05 * volume_A3:
            raise SikpdosError(
                f"lengths and angles give a volume of {volume_A3:.1f} A^3, _cell_volume is {stated_A3:g}"
            )
    return lattice_A


def _atoms(block: Block, content: Content) -> list[Atom]:
    columns = [block.column(name) or [] for name in _COORDINATES]
    n_atoms = len(columns[0])
    check_count(n_atoms)
    labels = block.column("_atom_site_label") or [None] * n_atoms
    types = block.column("_atom_site_type_symbol") or [None] * n_atoms
    occupancies = block.column("_atom_site_occupancy") or [None] * n_atoms
    flags = block.column("_atom_site_calc_flag") or [None] * n_atoms
    if any(len(column) != n_atoms for column in (*columns, labels, types, occupancies, flags)):
        raise SikpdosError("the columns of _atom_site are not equally long")
    atoms = []
    positions = zip(*columns, strict=True)
    for label, symbol, occupancy, flag, xyz in zip(labels, types, occupancies, flags, positions, strict=True):
        name = label or symbol or "an atom"
        if (flag or "").lower() == "dum" or _is_absent(occupancy, name):
            continue
        element = elements.of_symbol(symbol) if symbol else elements.of_label(label or "", content.elements)
        x, y, z = (number_of(text, f"{name}: {key}") for text, key in zip(xyz, _COORDINATES, strict=True))
        if not all(abs(value) < 100 for value in (x, y, z)):
            raise SikpdosError(f"{name}: a fractional position beyond 100 cells")
        atoms.append(Atom(name, element, (x, y, z)))
    check_count(len(atoms))
    return atoms


def _is_absent(occupancy: str | None, name: str) -> bool:
    """Whether an atom's occupancy is zero. Raises SikpdosError for a partial one; an unknown one is one."""
    value = 1.0 if occupancy is None else number_of(occupancy, f"{name}: _atom_site_occupancy")
    if value == 0:
        return True
    if not abs(value - 1) <= WHOLE:
        raise SikpdosError(f"partial occupancy ({name}: {value:g})")
    return False


def _expanded(atoms: list[Atom], operations: Operations, lattice_A: np.ndarray) -> Crystal:
    """All atoms of the cell, orbit by orbit."""
    positions: list[np.ndarray] = []
    symbols: list[str] = []
    notes: list[str] = []
    moved: list[tuple[float, str]] = []
    for atom in atoms:
        images, moved_A = orbit(np.array(atom.position), operations, lattice_A)
        check_count(len(symbols) + len(images))
        positions.append(images)
        symbols += [atom.element] * len(images)
        if moved_A > TOLD_A:
            moved.append((moved_A, atom.label))
    if moved:
        farthest_A, label = max(moved)
        notes.append(
            f"rounded positions were put on the special positions they lie near: {len(moved)} in the file, "
            f"{label} by {farthest_A:.3f} A"
        )
    crystal = Crystal(lattice_A, tuple(symbols), np.concatenate(positions), tuple(notes))
    return _without_repetitions(crystal)


def _without_repetitions(crystal: Crystal) -> Crystal:
    """Atoms that are listed twice, or once with each of several equivalent positions, once."""
    first = _first_at_each_place(crystal)
    repeated = np.flatnonzero(first != np.arange(len(first)))
    if not len(repeated):
        return crystal
    for index in repeated:
        if crystal.elements[index] != crystal.elements[first[index]]:
            raise SikpdosError(
                f"disorder ({crystal.elements[first[index]]} and {crystal.elements[index]} at one place)"
            )
    kept = np.flatnonzero(first == np.arange(len(first)))
    note = f"{len(repeated)} atoms are there twice (the file lists equivalent positions): merged"
    symbols = tuple(crystal.elements[index] for index in kept)
    return Crystal(crystal.lattice_A, symbols, crystal.positions[kept], (*crystal.notes, note))


def _first_at_each_place(crystal: Crystal) -> np.ndarray:
    """Index (n_atoms,) of the first atom at the place of each."""
    reduced = reduction(crystal.lattice_A) @ crystal.lattice_A
    inside = crystal.positions @ crystal.lattice_A @ np.linalg.inv(reduced)
    first = np.arange(len(inside))
    for index in range(1, len(inside)):
        difference = inside[:index] - inside[index]
        difference -= np.round(difference)
        near = np.flatnonzero(((difference @ reduced) ** 2).sum(axis=1) < SAME_ATOM_A**2)
        if len(near):
            first[index] = first[near[0]]
    return first


def _the_one(crystals: dict[str, Crystal], content: Content) -> tuple[str, Crystal]:
    """The crystal that fits the rest of the file best, of those that the symmetry leaves, with its setting's name.

    Raises SikpdosError where several fit equally.
    """
    for fits in (content.fits_formula, content.fits_density, _is_sane):
        fitting = {name: crystal for name, crystal in crystals.items() if fits(crystal)}
        crystals = fitting or crystals
    (name, crystal), *others = crystals.items()
    if any(not matches(crystal, other) for _, other in others):
        choices = ", ".join(f"{name} gives {composition_of(other)}" for name, other in crystals.items())
        raise SikpdosError(f"the space group leaves a choice ({choices}): write the setting out, as in 'F d -3 m :1'")
    return name, crystal


def _is_sane(crystal: Crystal) -> bool:
    try:
        check(crystal)
    except SikpdosError:
        return False
    return True
