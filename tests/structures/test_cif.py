"""CIF as people have it: symmetry in every notation, content checked, nothing taken as P1 without a word."""

from __future__ import annotations

import numpy as np
import pytest
import spglib
from hypothesis import given, settings
from hypothesis import strategies as st

from sikpdos.common.errors import SikpdosError
from sikpdos.structures import space_group
from sikpdos.structures.formats.cif_syntax import blocks
from sikpdos.structures.hall import operations_of
from sikpdos.structures.operations import Operations, completed, from_hall_number, from_texts
from sikpdos.structures.reading import read_file, read_structure

CUBIC = (5.4309, 5.4309, 5.4309, 90, 90, 90)
HEXAGONAL = (3.84, 3.84, 6.28, 90, 90, 120)
LOOP = "loop_\n_atom_site_label\n_atom_site_type_symbol\n_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\n"
ORIGIN = "Si1 Si 0 0 0"


def cif(symmetry: str, atoms: str = ORIGIN, cell=CUBIC, content: str = "", loop: str = LOOP) -> str:
    names = ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")
    parameters = "".join(f"_cell_{name} {value}\n" for name, value in zip(names, cell, strict=True))
    return f"data_x\n{parameters}{content}\n{symmetry}\n{loop}{atoms}\n"


def symbol(text: str) -> str:
    return f'_symmetry_space_group_name_H-M "{text}"'


@pytest.fixture
def reading(tmp_path):
    def of(text: str | bytes):
        path = tmp_path / "x.cif"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_structure(path)

    return of


def refusal(reading, text: str | bytes) -> str:
    with pytest.raises(SikpdosError) as refused:
        reading(text)
    assert "\n" not in str(refused.value)
    return str(refused.value)


EIGHT = "_cell_formula_units_Z 8\n_chemical_formula_sum Si"
DIAMOND = [
    "F d -3 m", "Fd-3m", "F d 3 m", "F D -3 M", "F d -3 m S", "F d -3 m :1", "F d -3 m (origin choice 1)", "F_d_-3_m",
    "F 41/d -3 2/m", "F 41/d 3 2/m", "Fd-3m (227)", "F d -3 m :227", "Fd3\u0305m", "Fd\u22123m", "F d -3 m O1",
]  # fmt: skip


@pytest.mark.parametrize("text", DIAMOND)
def test_every_spelling_of_diamond(reading, text):
    structure = reading(cif(symbol(text), content=EIGHT)).structure
    assert len(structure) == 8
    assert structure.get_neighbor_list(2.4)[3].min() == pytest.approx(5.4309 * np.sqrt(3) / 4)


@pytest.mark.parametrize(
    "symmetry",
    ["_space_group_name_Hall 'F 4d 2 3 -1d'", "_space_group_name_Hall '-F 4vw 2vw 3 (x-1/8,y-1/8,z-1/8)'",
     "_symmetry_Int_Tables_number 227", "_space_group_IT_number 227"],
)  # fmt: skip
def test_hall_symbols_and_numbers(reading, symmetry):
    assert len(reading(cif(symmetry, content=EIGHT)).structure) == 8


def test_the_origin_that_gives_the_stated_content(reading):
    for atoms in ("Si1 Si 0 0 0", "Si1 Si 0.125 0.125 0.125"):
        assert len(reading(cif(symbol("F d -3 m"), atoms, content=EIGHT)).structure) == 8
    told = refusal(reading, cif(symbol("F d -3 m"), "Si1 Si 0.125 0.125 0.125"))
    assert "leaves a choice" in told
    assert ":2 gives Si8" in told
    wrong = cif(symbol("F d -3 m :1"), "Si1 Si 0.125 0.125 0.125", content=EIGHT)
    assert "not 8 units" in refusal(reading, wrong)
    by_density = "_exptl_crystal_density_diffrn 2.33"
    assert len(reading(cif(symbol("F d -3 m"), "Si1 Si 0.125 0.125 0.125", content=by_density)).structure) == 8


@pytest.mark.parametrize(
    ("symmetry", "words"),
    [
        ("", "without symmetry"),
        (symbol("F d -3 x"), "not understood"),
        (symbol("?"), "without symmetry"),
        ("_space_group_name_Hall 'F 4d 2 7'", "not understood"),
        ("_space_group_IT_number 231", "no space group 231"),
        (symbol("F d -3 m") + "\n_space_group_IT_number 225", "different space groups"),
        (symbol("F d -3 m") + "\nloop_\n_symmetry_equiv_pos_as_xyz\n'x,y,z'", "not those of the space group"),
        ("loop_\n_symmetry_equiv_pos_as_xyz\n'x,y,z'\n'-x,-y,z'\n'-y,x,z+1/4'", "not complete"),
        ("loop_\n_symmetry_equiv_pos_as_xyz\n'x,y,z'\n'x,y,y'", "no rotation"),
        ("loop_\n_symmetry_equiv_pos_as_xyz\n'x,y,z'\n'-x,-y,zz'", "cannot be read"),
        (symbol("P 63/m m c"), "contradict"),
    ],
)
def test_symmetry_that_is_not_understood_is_refused(reading, symmetry, words):
    assert words in refusal(reading, cif(symmetry, "Si1 Si 0 0 0.1"))


def test_all_atoms_listed_beside_a_lone_identity(reading):
    every = [(0, 0, 0), (0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0)]
    every += [tuple(x + 0.25 for x in p) for p in every]
    atoms = "\n".join(f"Si{i} Si {x} {y} {z}" for i, (x, y, z) in enumerate(every))
    lone = symbol("F d -3 m") + "\nloop_\n_symmetry_equiv_pos_as_xyz\n'x,y,z'"
    assert len(reading(cif(lone, atoms)).structure) == 8
    merged = reading(cif(symbol("F d -3 m :1"), atoms))
    assert len(merged.structure) == 8
    assert "twice" in merged.notes[0]


def test_rhombohedral_and_monoclinic_settings_by_the_cell(reading):
    hexagonal = reading(cif(symbol("R -3 m"), "Si1 Si 0 0 0.2", (4.0, 4.0, 12.0, 90, 90, 120))).structure
    rhombohedral = reading(cif(symbol("R -3 m"), "Si1 Si 0.2 0.2 0.2", (4.6, 4.6, 4.6, 52, 52, 52))).structure
    assert (len(hexagonal), len(rhombohedral)) == (6, 2)
    b, c = ((5.0, 6.0, 7.0, 90, 103, 90), "P 21/n"), ((5.0, 6.0, 7.0, 90, 90, 103), "P 21/n")
    for cell, name in (b, c):
        structure = reading(cif(symbol(name), "Si1 Si 0.11 0.23 0.37", cell)).structure
        assert structure.get_space_group_info()[1] == 14


def test_rounded_special_positions_are_merged_with_a_word(reading):
    fine = reading(cif(symbol("P 63/m m c"), "Si1 Si 0.33333333 0.66666667 0.062", HEXAGONAL))
    coarse = reading(cif(symbol("P 63/m m c"), "Si1 Si 0.333 0.667 0.062", HEXAGONAL))
    assert not fine.notes
    assert "rounded positions" in coarse.notes[0]
    assert len(fine.structure) == len(coarse.structure) == 4
    assert coarse.structure.frac_coords == pytest.approx(fine.structure.frac_coords, abs=1e-6)


def occupied(*occupancies: str) -> str:
    places = [(0, 0, 0), (0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0)]
    rows = [f"Si{i} Si {x} {y} {z} {o}" for i, ((x, y, z), o) in enumerate(zip(places, occupancies, strict=True))]
    return cif(symbol("P 1"), "\n".join(rows), loop=LOOP + "_atom_site_occupancy\n")


def test_occupancies(reading):
    assert len(reading(occupied("1", ".", "?", "1.000(3)")).structure) == 4
    assert "partial occupancy (Si2: 0.5)" in refusal(reading, occupied("1", "1", "0.5", "1"))
    assert len(reading(occupied("1", "1", "0", "1")).structure) == 3


def test_content_is_held_against_formula_and_density(reading):
    p1 = symbol("P 1")
    assert "atoms without positions" in refusal(reading, cif(p1, content="_chemical_formula_sum 'Si H4'"))
    assert "not 2 units" in refusal(reading, cif(p1, content="_chemical_formula_sum Si\n_cell_formula_units_Z 2"))
    assert "density" in refusal(reading, cif(p1, content="_exptl_crystal_density_diffrn 2.33"))
    assert "volume" in refusal(reading, cif(p1, content="_cell_volume 12"))
    whole = "_chemical_formula_sum 'Si8'\n_cell_formula_units_Z 8"  # as pymatgen writes it
    assert len(reading(cif(symbol("F d -3 m :1"), content=whole)).structure) == 8


@pytest.mark.parametrize(
    ("label", "formula", "element"),
    [
        ("SI1", "", "Si"),
        ("SiT2", "", "Si"),
        ("Si4+", "", "Si"),
        ("HO1", "Si H", "H"),
        ("HO1", "Si Ho", "Ho"),
        ("OA", "", "O"),
    ],
)
def test_elements_out_of_labels(reading, label, formula, element):
    loop = LOOP.replace("_atom_site_type_symbol\n", "")
    content = f"_chemical_formula_sum '{formula}'" if formula else ""
    structure = reading(cif(symbol("P 1"), f"Si1 0 0 0\n{label} .5 .5 .5", content=content, loop=loop)).structure
    assert structure[1].specie.symbol == element


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t + "loop_\n_atom_site_moment_label\n_atom_site_moment_crystalaxis_x\nSi1 1\n", "magnetic CIF"),
        (lambda t: t.replace("_atom_site_fract_", "_atom_site.Cartn_").replace("_label", ".label_atom_id"), "mmCIF"),
        (lambda t: t + "_cell_modulation_dimension 1\n", "modulated"),
        (lambda t: t.replace("Si1 Si 0 0 0", "Si1 Si 0 0"), "columns"),
        (lambda t: t.replace("Si1 Si 0", "Si1 Si ?"), "no value"),
        (lambda t: t.replace("Si1 Si", "Si1 29Si"), "isotopes"),
        (lambda t: t.replace("Si1 Si", "Si1 Wat"), "no element"),
        (lambda t: t + "_cell_length_a 6\n", "two values"),
        (lambda t: t + ";\nno end", "does not end"),
        (lambda t: t.replace("5.4309", "5,4309"), "no number"),
    ],
)
def test_other_kinds_and_mistakes_are_told(reading, change, words):
    assert words in refusal(reading, change(cif(symbol("P 1"))))


def test_encodings_and_text_fields(reading):
    text = cif(symbol("F d -3 m :1"), content="_publ_section_title\n;\ndata_ were taken at 300 \u00b0C\nloop_\n;")
    for data in (text.encode(), text.encode("latin-1"), text.encode("utf-8-sig"), text.encode("utf-16"),
                 text.replace("\n", "\r\n").encode(), text.replace("\n", "\r").encode()):  # fmt: skip
        assert len(reading(data).structure) == 8


def test_several_blocks(tmp_path):
    both = cif(symbol("F d -3 m :1")) + cif(symbol("P 1")).replace("data_x", "data_y")
    (tmp_path / "two.cif").write_text("data_global\n_journal_year 2000\n" + both)
    assert [len(entry.structure) for entry in read_file(tmp_path / "two.cif").entries] == [8, 1]
    with pytest.raises(SikpdosError, match="holds 2 structures"):
        read_structure(tmp_path / "two.cif")


def test_many_empty_lines_take_no_time(reading):
    assert len(reading(cif(symbol("F d -3 m :1")).replace("loop_", "\n" * 300_000 + "loop_")).structure) == 8


def test_syntax_of_values():
    (block,) = blocks(
        "DATA_a _a 'it's' _b \"x y\" _c two words\n_d\n;field\n;\nloop_ _e.f _g 1 ? 'a' . # comment\n_h ."
    )
    assert block.items == {"_a": "it's", "_b": "x y", "_c": "two words", "_d": "field", "_h": None}
    assert block.column("_e_f") == ["1", "a"]
    assert block.column("_g") == [None, None]


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="_ad;\n'\"# ?.loop1\r\t", max_size=80))
def test_syntax_takes_any_text(text):
    try:
        parsed = blocks(text)
    except SikpdosError:
        return
    for block in parsed:
        assert all(name == name.lower() and name.startswith("_") for name in block.names())


def rows(operations: Operations) -> set[tuple]:
    steps = np.round(operations.translations * 24).astype(int) % 24
    return set(map(tuple, np.concatenate([operations.rotations.reshape(-1, 9), steps], axis=1).tolist()))


def test_hall_symbols_of_all_settings_give_the_tabulated_operations():
    for number in range(1, space_group.N_SETTINGS + 1, 7):
        tabulated = from_hall_number(number)
        assert rows(operations_of(spglib.get_spacegroup_type(number).hall_symbol)) == rows(tabulated)
        assert len(completed(tabulated)) == len(tabulated)


def test_symbols_of_all_settings_are_understood_as_themselves():
    for setting in space_group.settings():
        assert setting.hall_number in [s.hall_number for s in space_group.settings_of_symbol(str(setting))] or (
            "e" in setting.symbol
        )


@pytest.mark.parametrize(
    ("symbol_", "number"),
    [("P 21/c", 14), ("P2(1)/c", 14), ("C m c a", 64), ("I a 3 d", 230), ("P6<sub>3</sub>/mmc", 194), ("P n m a", 62),
     ("P 42/m n m", 136), ("$P6_3/mmc$", 194), ("Pa3", 205), ("I 2/a", 15), ("P 1 1 21/b", 14), ("A b m 2", 39)],
)  # fmt: skip
def test_space_group_numbers(symbol_, number):
    assert {setting.number for setting in space_group.settings_of_symbol(symbol_)} == {number}


def test_operations_with_decimals_and_signs():
    group = from_texts([" X, Y, Z ", "-x+.5,+y, 1/2 - z", "x-y,x,z+0.1667"])
    assert group.translations.tolist() == [[0, 0, 0], [0.5, 0, 0.5], [0, 0, pytest.approx(1 / 6)]]


def test_gemmi_knows_the_same_operations():
    gemmi = pytest.importorskip("gemmi", reason="gemmi is not installed")
    for number in range(1, space_group.N_SETTINGS + 1, 23):
        symbol_ = spglib.get_spacegroup_type(number).hall_symbol
        texts = [operation.triplet() for operation in gemmi.symops_from_hall(symbol_)]
        assert rows(from_texts(texts)) == rows(from_hall_number(number))
