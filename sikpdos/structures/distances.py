"""How near two atoms of given elements can be: nearer ones are a mistake in the file, not a bond."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from sikpdos.structures.supercell import reduction

SHORTEST_BOND = 0.68  # of the sum of two single-bond radii; N2, the shortest of all bonds by this measure, has 0.77
CLOSEST_A = 0.6  # of any two atoms; H2 has 0.74

# Single-bond covalent radii in pm, hydrogen to lawrencium: Pyykko and Atsumi, 10.1002/chem.200800987
_RADII_PM = """
H 32 He 46 Li 133 Be 102 B 85 C 75 N 71 O 63 F 64 Ne 67 Na 155 Mg 139 Al 126 Si 116 P 111 S 103 Cl 99 Ar 96
K 196 Ca 171 Sc 148 Ti 136 V 134 Cr 122 Mn 119 Fe 116 Co 111 Ni 110 Cu 112 Zn 118 Ga 124 Ge 121 As 121 Se 116
Br 114 Kr 117 Rb 210 Sr 185 Y 163 Zr 154 Nb 147 Mo 138 Tc 128 Ru 125 Rh 125 Pd 120 Ag 128 Cd 136 In 142 Sn 140
Sb 140 Te 136 I 133 Xe 131 Cs 232 Ba 196 La 180 Ce 163 Pr 176 Nd 174 Pm 173 Sm 172 Eu 168 Gd 169 Tb 168 Dy 167
Ho 166 Er 165 Tm 164 Yb 170 Lu 162 Hf 152 Ta 146 W 137 Re 131 Os 129 Ir 122 Pt 123 Au 124 Hg 133 Tl 144 Pb 144
Bi 151 Po 145 At 147 Rn 142 Fr 223 Ra 201 Ac 186 Th 175 Pa 169 U 170 Np 171 Pu 172 Am 166 Cm 166 Bk 168 Cf 168
Es 165 Fm 167 Md 173 No 176 Lr 161
"""
RADII_A = {element: int(radius) / 100 for element, radius in re.findall(r"([A-Z][a-z]?) (\d+)", _RADII_PM)}


@dataclass(frozen=True)
class Pair:
    """Two atoms of a cell (or one and its own image) that are nearer than any bond of their elements."""

    atoms: tuple[int, int]
    elements: tuple[str, str]
    distance_A: float

    def __str__(self) -> str:
        (i, j), (a, b) = self.atoms, self.elements
        return (
            f"atoms {i} ({a}) and {j} ({b}) are {self.distance_A:.2f} A apart, no bond is shorter than "
            f"{closest_allowed_A(a, b):.2f} A"
        )


@cache
def closest_allowed_A(element_a: str, element_b: str) -> float:
    """Least distance (A) of two atoms in a crystal, by their elements: Si-Si 1.58, Si-H 1.01, O-H 0.65."""
    return max(CLOSEST_A, SHORTEST_BOND * (RADII_A[element_a] + RADII_A[element_b]))


def too_close(lattice_A: np.ndarray, positions: np.ndarray, elements: Sequence[str]) -> Pair | None:
    """The pair of atoms that lies farthest below what its elements allow; None if there is none.

    `lattice_A` has vectors as rows (3, 3), `positions` are fractional (n_atoms, 3). An atom and its own image count.
    """
    from pymatgen.core import Lattice, Structure

    lattice_A = np.asarray(lattice_A, float)
    kinds, kind = np.unique(np.asarray(elements), return_inverse=True)
    allowed_A = np.array([[closest_allowed_A(str(a), str(b)) for b in kinds] for a in kinds])
    positions_A = (np.asarray(positions, float) % 1.0) @ lattice_A
    crystal = Structure(Lattice(reduction(lattice_A) @ lattice_A), elements, positions_A, coords_are_cartesian=True)
    one, other, _, distance_A = crystal.get_neighbor_list(float(allowed_A.max()))
    ratio = distance_A / allowed_A[kind[one], kind[other]]
    if not len(ratio) or ratio.min() >= 1:
        return None
    nearest = int(ratio.argmin())
    i, j = sorted((int(one[nearest]), int(other[nearest])))
    return Pair((i, j), (elements[i], elements[j]), float(distance_A[nearest]))
