"""matador-db on the same real files: equal where it reads them.

What each reads of OptaDOS 1.2 and 1.3 (matador-db 0.12; run `pytest tests/castep/test_peers.py` to see it hold):

| file | matador-db | sikpdos |
| --- | --- | --- |
| total density of states, with spin or not | yes | yes |
| PDOS by species, angular momentum | yes | yes |
| PDOS of several atoms (strings, sites) | keeps one atom an element and channel | every atom |
| several PDOS files of a run | one at a time | joined |
| core loss | all edges of all sites in one array | the wanted edge |
| stub of an aborted run | an error of numpy | an error that says so |
| Fermi level, units, end of the run (.odo) | no | yes |
| .bands | yes | yes |
| .pdos_bin, .elnes_bin | no | yes |
"""

from __future__ import annotations

import numpy as np
import pytest

from sikpdos.castep.formats import optados_core, optados_dat
from sikpdos.castep.formats.bands import read_bands

scrapers = pytest.importorskip("matador.scrapers", reason="pip install sikpdos[peers]")

KEYWORD_FILES = ["si2_pdos_angular", "si2_pdos_species_ang", "si2_spin_pdos_species_ang", "si2_pdos_sum"]


@pytest.fixture(scope="module")
def runs(shared):
    return shared / "samples/optados/od13dev"


def matador(path) -> dict:
    found, success = scrapers.optados2dict(str(path), verbosity=0)
    assert success, found
    return found


@pytest.mark.parametrize("name", KEYWORD_FILES)
def test_pdos_of_one_column_a_channel(runs, name):
    (path,) = (runs / name).glob("*.pdos*.dat")
    ours = optados_dat.parse_pdos(path.read_bytes())
    theirs = matador(path)
    np.testing.assert_allclose(theirs["energies"], ours.energy_eV, atol=1e-12)
    for column in ours.columns:
        channel = column.projectors[0].channel
        if ours.spin_polarised:
            density = theirs["pdos"]["Si", channel, "up"] + theirs["pdos"]["Si", channel, "down"]
        else:
            density = theirs["pdos"]["Si", channel, None]
        np.testing.assert_allclose(density, column.density, atol=1e-12)


def test_total_density_of_states(runs):
    for path in sorted(runs.glob("*/*.fixed.dat")):
        ours, theirs = optados_dat.parse_dos(path.read_bytes()), matador(path)
        total = theirs["dos"] if "spin_dos" not in theirs else sum(np.abs(d) for d in theirs["spin_dos"].values())
        np.testing.assert_allclose(total, ours.density, atol=1e-12)


def test_several_atoms_are_told_apart_here_only(runs):
    path = runs / "si2_pdos_string_range/Si2.pdos.proj-0001-0004.dat"
    assert len(matador(path)["pdos"]) == 2
    assert len(optados_dat.parse_pdos(path.read_bytes()).columns) == 4


def test_their_one_array_of_all_edges_holds_ours(runs):
    path = runs / "si2_core_fixed0.5_ef0/Si2_core_edge.dat"
    theirs = matador(path)["dos"]
    with open(path, "rb") as stream:
        blocks = optados_core.find_blocks(stream)
        edges = [optados_core.read_block(stream, block).strength for block in blocks]
    np.testing.assert_allclose(theirs, np.concatenate(edges), atol=1e-12)


def test_band_energies(shared):
    for path in sorted((shared / "samples/castep").glob("*/*.bands")):
        ours = read_bands(path)
        theirs, success = scrapers.bands2dict(str(path), verbosity=0)
        assert success
        energies = np.transpose(theirs["eigs_s_k"], (0, 2, 1))  # (spin, k, band), from the Fermi level
        absolute = energies + (0.0 if np.allclose(energies[0], ours.energy_eV[0], atol=1e-4) else ours.fermi_eV)
        np.testing.assert_allclose(absolute, np.array(ours.energy_eV), atol=1e-5)


def test_the_stub_of_an_aborted_run(cli, shared):
    path = shared / "samples/optados/hostile/proj_multiple_of_10_abort/Si.pdos.proj-0011-0010.dat"
    _, success = scrapers.optados2dict(str(path), verbosity=0)
    assert not success
    assert "stub" in cli("parse-odo", path).stderr
