"""One small, good file of every format of structures: diamond or quartz. Tests read them, the attack damages them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from pymatgen.core import Lattice, Structure
from pymatgen.io.cif import CifWriter
from pymatgen.io.vasp import Poscar

DIAMOND = Structure.from_spacegroup("Fd-3m", Lattice.cubic(5.43), ["Si"], [[0, 0, 0]])
QUARTZ = Structure.from_spacegroup(
    "P3_221", Lattice.hexagonal(4.913, 5.405), ["Si", "O"], [[0.4697, 0, 2 / 3], [0.4135, 0.2669, 0.7858]]
)
BOHR_A = 0.529177210903


def seeds(folders: list[Path] = ()) -> dict[str, bytes]:
    """Names of formats (the end of a name tells the format) and their files; further ones from folders, if small."""
    files = {name: text.encode() for name, text in texts(QUARTZ).items()}
    for folder in folders:
        files |= {
            p.name: p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file() and p.stat().st_size < 20_000
        }
    return files


def texts(crystal: Structure) -> dict[str, str]:
    """A crystal in every format."""
    return {
        "p1.cif": crystal.to(fmt="cif"),
        "operations.cif": str(CifWriter(crystal, symprec=0.01)),
        "symbol.cif": cif(crystal, "_symmetry_space_group_name_H-M 'P 1'\n_space_group_IT_number 1"),
        "hall.cif": cif(crystal, "_space_group_name_Hall 'P 1'\n_publ_section_title\n;\ndata_ of\n'a text'\n;"),
        "ase.xyz": extxyz(crystal, 'Lattice="{}" Properties=species:S:1:pos:R:3:forces:R:3 pbc="T T T" energy=-1'),
        "brackets.xyz": extxyz(crystal, "Lattice=[{}] pbc=[true, true, true] Properties=species:S:1:pos:R:3"),
        "two.xyz": extxyz(crystal, 'Lattice="{}" note="a = b"') * 2,
        "POSCAR": Poscar(crystal).get_str(),
        "cartesian.vasp": Poscar(crystal, selective_dynamics=[[True] * 3] * len(crystal)).get_str(direct=False),
        "frac.cell": cell(crystal),
        "abs.cell": cell_absolute(crystal),
        "run.castep": castep(crystal),
        "airss.res": res(crystal),
        "vasprun.xml": vasprun(crystal),
        "pw.in": pw_input(crystal),
        "pw.out": pw_output(crystal),
        "pw.xml": pw_xml(crystal),
        "pymatgen.json": json.dumps(crystal.as_dict()),
        "documents.json": json.dumps({"data": [{"material_id": "mp-1", "structure": crystal.as_dict()}]}),
        "entry.json": json.dumps([{"@class": "ComputedStructureEntry", "energy": -1, "structure": crystal.as_dict()}]),
        "optimade.json": json.dumps({"data": [{"id": "a", "type": "structures", "attributes": optimade(crystal)}]}),
        "lines.json": "\n".join(json.dumps({"structure": crystal.as_dict()}) for _ in range(2)),
        "ase_db.json": json.dumps({"1": ase_row(crystal), "ids": [1], "nextid": 2}),
        "ase.json": json.dumps({key: value.tolist() for key, value in ase_arrays(crystal).items()}),
    }


def symbols(crystal: Structure) -> list[str]:
    return [site.specie.symbol for site in crystal]


def rows(table, form: str = "{:.12f} {:.12f} {:.12f}") -> list[str]:
    return [form.format(*row) for row in np.asarray(table).tolist()]


def labelled(crystal: Structure, table) -> str:
    return "\n".join(f"{symbol} {row}" for symbol, row in zip(symbols(crystal), rows(table), strict=True))


def cif(crystal: Structure, symmetry: str) -> str:
    names = ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")
    parameters = [f"_cell_{n} {v:.10f}" for n, v in zip(names, crystal.lattice.parameters, strict=True)]
    loop = "loop_\n_atom_site_label\n_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z"
    return "\n".join(["data_made", *parameters, symmetry, loop, labelled(crystal, crystal.frac_coords), ""])


def extxyz(crystal: Structure, comment: str) -> str:
    lattice = (", " if "[{}]" in comment else " ").join(f"{x:.12g}" for x in crystal.lattice.matrix.ravel())
    atoms = [f"{line} 0 0 0" for line in labelled(crystal, crystal.cart_coords).split("\n")]
    return "\n".join([str(len(crystal)), comment.format(lattice), *atoms, ""])


def cell(crystal: Structure) -> str:
    lattice = "\n".join(rows(crystal.lattice.matrix))
    return (
        f"%BLOCK LATTICE_CART\n{lattice}\n%ENDBLOCK LATTICE_CART\n\n! a comment\n%BLOCK POSITIONS_FRAC\n"
        f"{labelled(crystal, crystal.frac_coords)}\n%ENDBLOCK POSITIONS_FRAC\nKPOINTS_MP_SPACING 0.05\n"
    )


def cell_absolute(crystal: Structure) -> str:
    lengths, angles = crystal.lattice.abc, crystal.lattice.angles
    own = Lattice.from_parameters(*lengths, *angles)  # in the setting that lattice_abc stands for here
    return (
        "%block lattice_abc\nbohr\n" + " ".join(f"{x / BOHR_A:.12f}" for x in lengths) + "\n"
        + " ".join(f"{x:.12f}" for x in angles) + "\n%endblock lattice_abc\n%block positions_abs\nnm\n"
        + labelled(crystal, crystal.frac_coords @ own.matrix / 10) + "\n%endblock positions_abs\n"
    )  # fmt: skip


def castep(crystal: Structure) -> str:
    lattice = "\n".join(f"  {row}   0.1 0.2 0.3" for row in rows(crystal.lattice.matrix))
    frame = "            " + "x" * 60
    atoms = [
        f"            x  {s}           {i}         {row}   x "
        for i, (s, row) in enumerate(zip(symbols(crystal), rows(crystal.frac_coords), strict=True), 1)
    ]
    head = [
        "x  Element    Atom        Fractional coordinates of atoms  x",
        "x            Number           u  v  w  x",
        "x---x",
    ]
    return "\n".join([" Real Lattice(A)      Reciprocal Lattice(1/A)", lattice, "", frame, *head, *atoms, frame, ""])


def res(crystal: Structure) -> str:
    kinds = list(dict.fromkeys(symbols(crystal)))
    atoms = [
        f"{s} {kinds.index(s) + 1} {row} 1.0"
        for s, row in zip(symbols(crystal), rows(crystal.frac_coords), strict=True)
    ]
    parameters = " ".join(f"{x:.10f}" for x in crystal.lattice.parameters)
    return "\n".join(
        ["TITL made", f"CELL 1.54180 {parameters}", "LATT -1", "SFAC " + " ".join(kinds), *atoms, "END", ""]
    )


def vasprun(crystal: Structure) -> str:
    atoms = "".join(f"<rc><c>{s}</c><c>1</c></rc>" for s in symbols(crystal))
    basis = "".join(f"<v>{row}</v>" for row in rows(crystal.lattice.matrix))
    positions = "".join(f"<v>{row}</v>" for row in rows(crystal.frac_coords))
    structure = (
        '<structure name="finalpos"><crystal><varray name="basis">' + basis + "</varray></crystal>"
        '<varray name="positions">' + positions + "</varray></structure>"
    )
    return (
        '<?xml version="1.0" encoding="ISO-8859-1"?>\n<modeling>\n<atominfo><array name="atoms"><set>'
        f"{atoms}</set></array></atominfo>\n{structure}\n</modeling>\n"
    )


def pw_input(crystal: Structure) -> str:
    lattice, atoms = "\n".join(rows(crystal.lattice.matrix)), labelled(crystal, crystal.frac_coords)
    return (
        f"&system\n ibrav = 0, nat = {len(crystal)}\n/\nCELL_PARAMETERS angstrom\n{lattice}\n\n"
        f"ATOMIC_POSITIONS {{crystal}}\n{atoms}\n\nK_POINTS gamma\n"
    )


def pw_output(crystal: Structure) -> str:
    lattice = "\n".join(rows(crystal.lattice.matrix / (10.0 * BOHR_A)))
    return (
        "     lattice parameter (alat)  =      10.0000  a.u.\n\nCELL_PARAMETERS (alat= 10.00000000)\n"
        f"{lattice}\n\nATOMIC_POSITIONS (angstrom)\n{labelled(crystal, crystal.cart_coords)}\n\n"
    )


def pw_xml(crystal: Structure) -> str:
    atoms = "".join(
        f'<atom name="{s}" index="{i}">{row}</atom>'
        for i, (s, row) in enumerate(zip(symbols(crystal), rows(crystal.cart_coords / BOHR_A), strict=True), 1)
    )
    axes = "".join(f"<a{i}>{row}</a{i}>" for i, row in enumerate(rows(crystal.lattice.matrix / BOHR_A), 1))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<qes:espresso xmlns:qes="http://www.quantum-espresso.org/ns/qes/qes-1.0">'
        f"<output><atomic_structure><atomic_positions>{atoms}</atomic_positions><cell>{axes}</cell></atomic_structure>"
        "</output></qes:espresso>\n"
    )


def optimade(crystal: Structure) -> dict:
    return {
        "lattice_vectors": crystal.lattice.matrix.tolist(),
        "cartesian_site_positions": crystal.cart_coords.tolist(),
        "species": [{"name": s, "chemical_symbols": [s], "concentration": [1.0]} for s in crystal.symbol_set],
        "species_at_sites": symbols(crystal),
        "nperiodic_dimensions": 3,
        "dimension_types": [1, 1, 1],
        "structure_features": [],
    }


def ase_arrays(crystal: Structure) -> dict[str, np.ndarray]:
    numbers = np.array([site.specie.Z for site in crystal])
    return {
        "cell": crystal.lattice.matrix,
        "numbers": numbers,
        "positions": crystal.cart_coords,
        "pbc": np.ones(3, bool),
    }


def ase_row(crystal: Structure) -> dict:
    """As ase.db writes a row."""

    def packed(array: np.ndarray) -> dict:
        return {"__ndarray__": [list(array.shape), str(array.dtype), array.ravel().tolist()]}

    arrays = {key: packed(array) for key, array in ase_arrays(crystal).items()}
    return {**arrays, "cell": {"array": arrays["cell"], "__ase_objtype__": "cell"}, "unique_id": "a"}
