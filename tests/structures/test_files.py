"""Structures from the user's own files."""

from __future__ import annotations

import gzip
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.core import Lattice, Structure
from pymatgen.io.cif import CifWriter
from pymatgen.io.vasp import Poscar
from support import assert_one_line_failure

from sikpdos.common.errors import SikpdosError
from sikpdos.structures.formats import extxyz
from sikpdos.structures.reading import read_file
from sikpdos.structures.sites import read_sites

DIAMOND = Structure.from_spacegroup("Fd-3m", Lattice.cubic(5.43), ["Si"], [[0, 0, 0]])
QUARTZ = Structure.from_spacegroup(
    "P3_221", Lattice.hexagonal(4.913, 5.405), ["Si", "O"], [[0.4697, 0, 2 / 3], [0.4135, 0.2669, 0.7858]]
)


def extxyz_of(structure, species=None, comment="") -> str:
    lattice = " ".join(f"{x:.17g}" for x in structure.lattice.matrix.ravel())
    lines = [str(len(structure)), f'Lattice="{lattice}" Properties=id:I:1:species:S:1:pos:R:3:forces:R:3 {comment}']
    for number, site in enumerate(structure):
        xyz = " ".join(f"{x:.17g}" for x in site.coords)
        lines.append(f"{number} {species or site.specie.symbol} {xyz} 0 0 0")
    return "\n".join(lines) + "\n"


WRITERS = {
    "x.cif": lambda s: s.to(fmt="cif"),
    "symmetric.cif": lambda s: str(CifWriter(s, symprec=0.01)),
    "POSCAR": lambda s: Poscar(s).get_str(),
    "x.vasp": lambda s: Poscar(s, selective_dynamics=[[True, False, True]] * len(s)).get_str(direct=False),
    "x.json": lambda s: json.dumps(s.as_dict()),
    "list.json": lambda s: json.dumps([s.as_dict()]),
    "x.xyz": extxyz_of,
}


@pytest.mark.parametrize("structure", [DIAMOND, QUARTZ], ids=["diamond", "quartz"])
@pytest.mark.parametrize("name", WRITERS)
def test_formats_give_the_same_crystal(tmp_path, name, structure):
    (tmp_path / name).write_text(WRITERS[name](structure))
    fetched = read_file(str(tmp_path / name))
    assert not fetched.failures
    assert [e.structure_id for e in fetched.entries] == [name.partition(".")[0]]
    assert fetched.entries[0].structure.matches(structure, ltol=1e-4, stol=1e-4, scale=False)


def test_gzip_and_stdin(tmp_path, cli):
    (tmp_path / "x.cif.gz").write_bytes(gzip.compress(DIAMOND.to(fmt="cif").encode()))
    assert [e.structure_id for e in read_file(str(tmp_path / "x.cif.gz")).entries] == ["x"]
    done = cli("fetch-structures", "-", "--summary", stdin=Poscar(DIAMOND).get_str().encode())
    assert done.stdout.splitlines()[1] == "standard_input,Fd-3m,2,1,Si-I"


def test_all_frames_and_blocks(tmp_path):
    (tmp_path / "run.xyz").write_text(extxyz_of(DIAMOND) + "\n" + extxyz_of(QUARTZ))
    (tmp_path / "two.cif").write_text(
        "data_global\n_journal_year 2000\n" + DIAMOND.to(fmt="cif") + QUARTZ.to(fmt="cif")
    )
    for name in ("run.xyz", "two.cif"):
        entries = read_file(str(tmp_path / name)).entries
        assert [len(e.structure) for e in entries] == [8, 9]
        assert [e.structure_id[-2:] for e in entries] == ["-1", "-2"]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.floats(2.0, 9.0), min_size=3, max_size=3),
    st.lists(st.tuples(*[st.floats(0, 0.999)] * 3), min_size=1, max_size=6),
    st.text(alphabet="abc=\"' {}[]T", max_size=20),
)
def test_extxyz_round_trip(lengths_A, positions, comment):
    crystal = Structure(Lattice.orthorhombic(*lengths_A), ["Si"] * len(positions), positions)
    lines = extxyz_of(crystal, comment='energy=-1.5 pbc="T T T" note=\'' + comment.replace("'", "") + "'").splitlines()
    (frame,) = extxyz.frames("\n".join(lines))
    again = extxyz.crystal_of(frame)
    assert again.lattice_A == pytest.approx(crystal.lattice.matrix)
    assert again.positions @ again.lattice_A == pytest.approx(crystal.cart_coords)


def swapped(old: str, new: str) -> str:
    text = DIAMOND.to(fmt="cif")
    assert old in text
    return text.replace(old, new)


PARTIAL = Structure(DIAMOND.lattice, [{"Si": 0.9}] * 8, DIAMOND.frac_coords)
MIXED = Structure(DIAMOND.lattice, [{"Si": 0.5, "Ge": 0.5}] * 8, DIAMOND.frac_coords)
ODD = {
    "partial occupancy": PARTIAL.to(fmt="cif"),
    "disorder": MIXED.to(fmt="cif"),
    "partial occupancy (Si:0.9": json.dumps(PARTIAL.as_dict()),
    "isotopes (29Si)": swapped("Si  Si0", "29Si  Si0"),
    "isotopes (deut": extxyz_of(DIAMOND, species="D"),
    "no silicon": Structure(DIAMOND.lattice, ["C"] * 8, DIAMOND.frac_coords).to(fmt="cif"),
    "element": extxyz_of(DIAMOND, species="Qq"),
    "VASP 4": "\n".join([*Poscar(DIAMOND).get_str().splitlines()[:5], "8", "direct"]) + "\n0 0 0" * 8,
    "empty": "",
    "not CIF, POSCAR": "hello\nworld\n",
    "without atoms": "data_x\n_cell_length_a 5\n",
    "_cell_length_a has no value": swapped("_cell_length_a   5.43000000", "_cell_length_a   ?"),
    "A apart": extxyz_of(Structure(DIAMOND.lattice, ["Si", "Si"], [[0, 0, 0], [0.01, 0, 0]])),
    "atoms announced": extxyz_of(DIAMOND)[:-200],
    "'0.0.0' is no number": extxyz_of(DIAMOND).replace("2 Si 0 0 0", "2 Si 0 0.0.0 0"),
    "'nan' is no number": extxyz_of(DIAMOND).replace("2 Si 0 0 0", "2 Si nan 0 0"),
    "not periodic": extxyz_of(DIAMOND, comment='pbc="T T F"'),
    "no species": extxyz_of(DIAMOND).replace("species:S:1", "kind:S:1"),
    "no Lattice": "1\ncomment=1\nSi 0 0 0\n",
    "not JSON": '{"lattice": ',
    "not a structure of pymatgen": '{"a": 1}',
    "without lattice": "[3]",
}


@pytest.mark.parametrize("reason", ODD)
def test_refusals_say_why(tmp_path, reason):
    (tmp_path / "odd").write_text(ODD[reason])
    try:
        fetched = read_file(str(tmp_path / "odd"))
    except SikpdosError as error:
        message = str(error)
    else:
        assert not fetched.entries
        (message,) = fetched.failures
    assert reason in message
    assert "odd" in message


def test_command_keeps_what_is_good(tmp_path, cli):
    (tmp_path / "good.cif").write_text(DIAMOND.to(fmt="cif"))
    (tmp_path / "again.cif").write_text(DIAMOND.to(fmt="cif"))
    (tmp_path / "odd.cif").write_text(ODD["disorder"])
    done = cli("fetch-structures", "good.cif", "again.cif", "odd.cif", "absent.cif", "--out", "s", cwd=tmp_path)
    assert done.returncode == 1
    assert "odd.cif: partial occupancy" in done.stderr
    assert "absent.cif: No such file" in done.stderr
    assert [s.structure_id for s in read_sites(tmp_path / "s/sites.csv")] == ["good"]
    assert "good" in (tmp_path / "s/structures.csv").read_text()
    assert "again" in (tmp_path / "s/structures.csv").read_text()


def test_command_with_one_bad_file(tmp_path, cli):
    (tmp_path / "odd.cif").write_text(ODD["partial occupancy"])
    assert_one_line_failure(
        cli("fetch-structures", "odd.cif", "--out", "s", cwd=tmp_path), "odd.cif", "partial occupancy"
    )
    assert not (tmp_path / "s").exists()
