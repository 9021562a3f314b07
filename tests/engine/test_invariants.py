"""What must hold whatever the numbers: symmetry, sum rules, equivalent descriptions of one crystal."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pymatgen.core import Lattice, Structure
from scipy.integrate import simpson
from scipy.interpolate import CubicSpline
from scipy.spatial.transform import Rotation
from support.engine import (
    HOLE,
    NO_ROTATIONS,
    PSEUDOS,
    SILICON,
    Crystal,
    crystal,
    diamond,
    gaussian_sum,
    ground,
    relative_l2,
)

from sikpdos.engine import (
    cells,
    core_hole,
    edge,
    eigensolver,
    grid,
    ground_state,
    kpoints,
    pdos,
    plan,
    potential,
    scf,
    structure,
    xc,
)
from sikpdos.engine.basis import Backend, DensityBasis, WaveBasis, spherical_harmonics, vectors_within
from sikpdos.engine.core_hole import HoleCell
from sikpdos.engine.crystal import supercell, symmetry
from sikpdos.engine.hamiltonian import FixedPart, Hamiltonian, crystal_projectors, substitution_projectors
from sikpdos.engine.recursion import sticks
from sikpdos.engine.settings import Settings

CUTOFF_RY = 8.0
SMALL_CELL = np.array([[-1, 1, 1], [1, -1, 1], [1, 1, -1]])  # the cubic cell, 8 atoms
GRID_EV = np.arange(0.0, 30.0, 0.2)


def _double(lattice) -> DensityBasis:
    return DensityBasis(lattice, CUTOFF_RY, Backend("cpu", "double", 4.0))


def _random_waves(basis: WaveBasis, n: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    noise = torch.randn(basis.shape[0], n, *basis.shape[1:], generator=generator, dtype=torch.complex128)
    return noise * basis.mask


@pytest.fixture(scope="module")
def diamond_state():
    return ground(diamond(), CUTOFF_RY, (4, 4, 4), tolerance=1e-5)


@pytest.mark.parametrize("l", [0, 1, 2, 3])
def test_spherical_harmonics_are_orthonormal(l):
    z, weights = np.polynomial.legendre.leggauss(8)
    phi = np.arange(16) * np.pi / 8
    r = np.sqrt(1 - z**2)[:, None]
    directions = np.stack([r * np.cos(phi), r * np.sin(phi), np.broadcast_to(z[:, None], (8, 16))], -1)
    y = spherical_harmonics(l, 2.5 * directions)
    overlap = np.einsum("aij,bij,i->ab", y, y, weights * np.pi / 8)
    assert np.allclose(overlap, np.eye(2 * l + 1), atol=1e-12)


def test_local_potential_is_the_fourier_transform_of_the_file():
    q = 1.3
    tail = 10.0
    r = np.linspace(0, tail, 200001)
    inner = simpson(CubicSpline(SILICON.r, SILICON.r * SILICON.local)(r) * np.sin(q * r), x=r)
    outer = -2 * SILICON.z_valence * np.cos(q * tail) / q  # of -2Z/r beyond, by an infinitesimal screening
    expected = 4 * np.pi / q * (inner + outer)
    assert SILICON.local_potential(np.array([q, 2.0]))[0] == pytest.approx(expected, rel=1e-4)


def test_ewald_energy_of_rock_salt():
    """Madelung constant of NaCl, 1.74756, for the distance between neighbours."""
    of = Crystal(np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0.0]]), np.array([[0, 0, 0], [0.5, 0.5, 0.5]]), (SILICON,) * 2)
    assert potential.ewald(of, np.array([1.0, -1.0])) == pytest.approx(-2 * 1.7475645946, rel=1e-7)


def test_exchange_correlation_potential_is_the_derivative_of_the_energy():
    basis = _double(diamond().lattice)
    density = potential.ions(diamond(), basis).density
    generator = torch.Generator().manual_seed(0)
    change = basis.to_fourier(torch.randn(basis.shape, generator=generator, dtype=torch.float64))
    change *= torch.exp(-basis.g2 / 4)
    step = 1e-6 / float(change.abs().max())
    v, _ = xc.potential(density, basis)
    expected = float((basis.to_fourier(v).conj() * change).sum().real) * basis.volume
    up, down = (xc.potential(density + s * step * change, basis)[1] for s in (1, -1))
    assert (up - down) / (2 * step) == pytest.approx(expected, rel=1e-4)


def test_hamiltonian_is_hermitian_and_blocks_equal_one_projector_per_atom():
    """The crystal's projectors by class are those of every atom of the supercell; the hole replaces one atom."""
    of = diamond()
    cell = core_hole.hole_cell(of, 0, SMALL_CELL, HOLE)
    density = _double(cell.crystal.lattice)
    by_class = WaveBasis(density, np.array([[0.1, 0.2, 0.3]]), SMALL_CELL)
    values = torch.randn(density.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    hole = substitution_projectors(by_class, SILICON, HOLE)
    h = Hamiltonian(FixedPart(by_class, crystal_projectors(by_class, cell.primitive), hole), values)
    x = _random_waves(by_class, 3).flatten(2)
    product = x.conj()[0] @ h.apply(x.unflatten(2, by_class.shape[1:])).flatten(2)[0].T
    assert torch.allclose(product, product.mH, atol=1e-10)

    every = WaveBasis(density, by_class.k, np.eye(3, dtype=int))
    direct = Hamiltonian(FixedPart(every, crystal_projectors(every, cell.crystal)), values)
    assert direct.fixed.crystal.kets.shape[2] == 4 * 8
    order = _same_order(by_class, every)
    other = direct.apply(x[:, :, order][:, :, None])[:, :, 0]
    assert torch.allclose(other, h.apply(x.unflatten(2, by_class.shape[1:])).flatten(2)[:, :, order], atol=1e-9)


def test_projectors_of_many_atoms_are_those_of_each(monkeypatch):
    """By phases and what atoms of a kind share, and as one block: the same numbers."""
    lattice = 12.0 * np.array([[1.0, 0.05, 0], [0, 1.02, 0.03], [0.04, 0, 0.98]])
    kinds = [SILICON] * 5 + [PSEUDOS.ground["O"]] * 3
    of = Crystal(lattice, np.random.default_rng(0).random((8, 3)), tuple(kinds))
    basis = WaveBasis(_double(lattice), np.array([[0.1, 0.2, 0.3], [0.0, 0.5, 0.1]]), np.eye(3, dtype=int))
    x = _random_waves(basis, 3)
    expected = crystal_projectors(basis, of)
    assert not expected.crowds
    monkeypatch.setattr("sikpdos.engine.hamiltonian.CROWD", 4)
    found = crystal_projectors(basis, of)
    assert [len(crowd.strengths) for crowd in found.crowds] == [expected.kets.shape[2] // 8]
    scale = float(expected.apply(x.transpose(1, 2)).abs().max())
    assert torch.allclose(found.apply(x.transpose(1, 2)), expected.apply(x.transpose(1, 2)), atol=1e-9 * scale)


def _same_order(one: WaveBasis, other: WaveBasis) -> np.ndarray:
    """Places in `one` of the waves of `other`."""
    place = {tuple(m): i for i, m in enumerate(one.m[0].reshape(-1, 3)) if one.filled[0].ravel()[i]}
    return np.array([place[tuple(m)] for m in other.m[0, 0]])


def test_recursion_keeps_norm_and_first_moment():
    of = diamond()
    basis = WaveBasis(_double(of.lattice), np.array([[0.1, 0.2, 0.3], [0, 0, 0.5]]), np.eye(3, dtype=int))
    h = Hamiltonian(FixedPart(basis, crystal_projectors(basis, of)), torch.zeros(basis.density.shape))
    x = _random_waves(basis, 2)
    energies, weights = sticks(h, x, 40)
    assert np.allclose(weights.sum(-1), (x.abs() ** 2).sum((2, 3)).numpy())
    moment = (x.conj() * h.apply(x)).sum((2, 3)).real.numpy()
    assert np.allclose((energies * weights).sum(-1), moment)


def test_pdos_holds_the_valence_electrons(diamond_state):
    points = kpoints.irreducible((4, 4, 4), kpoints.CENTRED, NO_ROTATIONS)
    energies, weights, momentum = pdos.pdos_sticks(diamond_state, 0, points, 80)
    assert weights[:, momentum == 0].sum() == pytest.approx(2, abs=1e-3)
    assert weights[:, momentum == 1].sum() == pytest.approx(6, abs=1e-3)
    assert 3.85 < weights[energies < diamond_state.bands.fermi_Ry].sum() < 4.0  # a minimal basis spills


def test_site_symmetry_changes_nothing_but_the_cost(diamond_state):
    """Irreducible points of the site's group against all points of the mesh, PDOS and edge."""
    group = symmetry(diamond_state.crystal).fixing(np.zeros(3)).rotations
    curves = []
    for rotations in (group, NO_ROTATIONS):
        points = kpoints.irreducible((4, 4, 4), kpoints.CENTRED, rotations)
        energies, weights, momentum = pdos.pdos_sticks(diamond_state, 1, points, 80)
        chosen = momentum == 1
        curves.append(gaussian_sum(GRID_EV - 12, energies[:, chosen], weights[:, chosen], 0.5))
    assert len(kpoints.irreducible((4, 4, 4), kpoints.CENTRED, group)) == 8
    assert relative_l2(*curves) < 1e-3


def _edge(state, matrix, mesh, atom=0, rotations=None) -> np.ndarray:
    cell = core_hole.hole_cell(state.crystal, atom, matrix, HOLE)
    group = cell.site.rotations if rotations is None else rotations
    points = kpoints.irreducible(mesh, kpoints.CENTRED, group)
    hole = core_hole.core_hole_state(state, cell, atom, points, 1, 0.01, 1e-4, lambda line: None)
    energies, weights = edge.edge_sticks(hole, SILICON, points, 120)
    kept = energies > hole.solution.bands.fermi_Ry
    return gaussian_sum(GRID_EV, energies[kept] - hole.solution.bands.vbm_Ry, weights[kept], 0.5)


def test_edge_is_the_same_for_equivalent_sites_and_cells(diamond_state):
    """The other atom, another basis of the same supercell, a rotated crystal: less than 0.5 % apart."""
    first = _edge(diamond_state, SMALL_CELL, (2, 2, 2))
    assert relative_l2(_edge(diamond_state, SMALL_CELL, (2, 2, 2), atom=1), first) < 0.005
    sheared = np.array([[1, 0, 0], [0, 1, 0], [1, 0, 1]]) @ SMALL_CELL
    assert relative_l2(_edge(diamond_state, sheared, (2, 2, 2)), first) < 0.005
    turn = Rotation.from_rotvec([0.3, -0.5, 0.8]).as_matrix()
    moved = Crystal(diamond_state.crystal.lattice @ turn.T, diamond_state.crystal.positions + 0.123, (SILICON,) * 2)
    assert relative_l2(_edge(ground(moved, CUTOFF_RY, (4, 4, 4)), SMALL_CELL, (2, 2, 2)), first) < 0.005


def test_edge_of_the_reduced_mesh_is_that_of_the_whole_mesh(diamond_state):
    reduced = _edge(diamond_state, SMALL_CELL, (2, 2, 2))
    assert relative_l2(_edge(diamond_state, SMALL_CELL, (2, 2, 2), rotations=NO_ROTATIONS), reduced) < 0.005


def test_hole_cell_keeps_the_site_group():
    cell = core_hole.hole_cell(diamond(), 1, 2 * np.eye(3, dtype=int), HOLE)
    assert isinstance(cell, HoleCell)
    assert len(cell.crystal.species) == 16
    assert cell.crystal.species.count(HOLE) == 1
    assert np.abs(cell.crystal.positions[0]).max() < 1e-12
    assert len(cell.site.rotations) == 24  # Td


def test_chosen_supercell_is_large_enough_and_weighs_symmetry():
    matrix = cells.choose(diamond(), 0, 10.0, 0.03)
    lattice = matrix @ diamond().lattice * 0.529177210903
    neighbours = np.stack(np.meshgrid(*[(-1, 0, 1)] * 3), -1).reshape(-1, 3) @ lattice
    assert np.sort(np.linalg.norm(neighbours, axis=1))[1] > 10
    assert 20 <= round(abs(np.linalg.det(matrix))) <= 30


def test_supercell_repeats_the_crystal():
    of = diamond()
    cell = supercell(of, np.array([[2, 1, 0], [0, 1, 0], [0, 0, 3]]))
    assert len(cell.species) == 12
    assert cell.volume == pytest.approx(6 * of.volume)
    in_primitive = cell.positions @ cell.lattice @ np.linalg.inv(of.lattice)
    offsets = (in_primitive + 0.01) % 1 - 0.01
    assert {tuple(np.round(o, 6)) for o in offsets} == {(0, 0, 0), (0.25, 0.25, 0.25)}


@hypothesis_settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-0.5, 0.5), min_size=3, max_size=3), st.sampled_from([(2, 1, 1), (1, 1, 3), (2, 2, 1)]))
def test_any_cell_of_a_crystal_reduces_to_its_primitive_cell(shift, repeat):
    """Repeated and shifted, a crystal comes back with 2 atoms, and every file atom knows which it is."""
    cell = Structure(Lattice(diamond().lattice * 0.529177210903), ["Si", "Si"], diamond().positions)
    cell.translate_sites([0, 1], shift)
    cell.make_supercell(repeat)
    found = structure.to_crystal(cell, "test", PSEUDOS.ground)
    assert len(found.crystal.species) == 2
    assert np.bincount(found.atom).tolist() == [len(cell) // 2] * 2
    for index, atom in enumerate(found.atom):
        there = found.crystal.positions[atom] @ found.crystal.lattice * 0.529177210903
        apart = (cell.cart_coords[index] - there) @ np.linalg.inv(found.crystal.lattice * 0.529177210903)
        assert np.abs(apart - np.round(apart)).max() < 1e-6


def test_irreducible_points_carry_the_whole_mesh():
    rotations = symmetry(diamond()).rotations
    for divisions, shift in (((4, 4, 4), kpoints.CENTRED), ((3, 3, 3), kpoints.SHIFTED), ((2, 3, 4), kpoints.SHIFTED)):
        points = kpoints.irreducible(divisions, shift, rotations)
        assert points.weights.sum() == pytest.approx(1)
        assert len(points) <= np.prod(divisions)
    assert len(kpoints.irreducible((4, 4, 4), kpoints.CENTRED, rotations)) == 8  # of 64, known for fcc


def test_predicted_error_of_a_mesh_orders_meshes_as_diamond_does():
    """Measured for the PDOS: 8x8x8 shifted 0.6 %, 7x7x7 shifted 1.2 %, 10x10x10 centred 3.4 %, 7x7x7 centred 11 %."""
    of = diamond()
    rotations = symmetry(of).fixing(of.positions[0]).rotations

    def error(n: int, shift: kpoints.Shift) -> float:
        return kpoints.sampling_errors(of.lattice, (n, n, n), rotations)[kpoints.SHIFTS.index(shift)]

    meshes = [(8, kpoints.SHIFTED), (7, kpoints.SHIFTED), (10, kpoints.CENTRED), (7, kpoints.CENTRED)]
    predicted = [error(*mesh) for mesh in meshes]
    assert predicted == sorted(predicted)
    assert 5 < predicted[3] / predicted[1] < 15


def test_large_cell_without_symmetry_gets_a_handful_of_points():
    lattice = 23.0 * np.array([[1.0, 0.05, 0], [0, 1.02, 0.03], [0.04, 0, 0.98]])  # 100 atoms
    generator = np.random.default_rng(0)
    of = Crystal(lattice, generator.random((100, 3)), (SILICON,) * 100)
    settings = Settings(cutoff_eV=220.0)
    structure_plan = plan.plan_structure(of, settings)
    site = plan.plan_site(structure_plan, 3, settings, PSEUDOS, Backend())
    assert len(structure_plan.density_points) == 1
    assert max(len(structure_plan.band_points), len(site.edge_points), len(site.pdos_points)) <= 4
    assert site.hole_cell.is_primitive


def test_metal_is_sampled_for_its_fermi_surface_and_a_semiconductor_by_one_point():
    structure_plan = plan.plan_structure(diamond(), Settings(cutoff_eV=220.0))
    site = plan.plan_site(structure_plan, 0, Settings(cutoff_eV=220.0), PSEUDOS, Backend())
    assert len(site.density_points(is_gapped=True)) == 1
    assert len(site.density_points(is_gapped=False)) > 1


def test_bands_of_another_point_start_from_those_at_hand(diamond_state):
    """The periodic parts are carried over exactly, but for waves on the edge of the sphere."""
    one, other = (WaveBasis(diamond_state.basis, np.array([k]), np.eye(3, dtype=int)) for k in ([0.25] * 3, [0.2] * 3))
    x = torch.zeros(1, 1, 1, one.shape[2], dtype=torch.complex64)
    inner = np.flatnonzero((one.m[0, 0] == [1, 0, -1]).all(1))[0]
    x[..., inner] = 1
    moved = other.from_other_point(one, x)[0, 0, 0]
    assert moved.abs().sum() == 1
    assert (other.m[0, 0, int(moved.abs().argmax())] == [1, 0, -1]).all()


def test_bands_at_a_point_are_solved_once(diamond_state):
    k = np.array([0.21, 0.1, 0.04])
    energies, waves = diamond_state.bands_at(k, 8)
    values = diamond_state.solution.potential.values
    (hamiltonian,) = ground_state.hamiltonians(diamond_state.crystal, diamond_state.basis, k[None], 8, values)
    expected, _ = eigensolver.solve(hamiltonian, diamond_state.crystal, 8, 4, 1e-6)
    assert torch.allclose(energies[:, :4], expected[:, :4], atol=1e-3)
    assert diamond_state.bands_at(k.copy(), 8)[1].data_ptr() == waves.data_ptr()


def test_metal_is_told_from_semiconductor(diamond_state):
    assert diamond_state.is_gapped
    tin = crystal(
        [[-2.405, 2.405, 1.325], [2.405, -2.405, 1.325], [2.405, 2.405, -1.325]], [[0.25, 0.75, 0.5], [0, 0, 0]]
    )
    metal = ground(tin, CUTOFF_RY, (6, 6, 6), tolerance=1e-4)
    assert not metal.is_gapped
    assert metal.zero_Ry == metal.bands.fermi_Ry


def test_every_state_is_filled_or_empty():
    energies = np.linspace(-0.1, 0.1, 41)
    filled = scf.compute_occupations(torch.tensor(energies)[None], np.ones(1), 41.0, 0.02)
    empty = scf.unoccupied_fraction(energies, filled.fermi_Ry, 0.02)
    assert np.allclose(filled.occupations[0].numpy() / 2 + empty, 1, atol=1e-9)
    assert empty[0] < 1e-9
    assert empty[-1] > 1 - 1e-9


def test_states_at_the_fermi_level_are_what_a_shift_of_it_fills():
    energies, width, step = torch.linspace(-0.3, 0.3, 4001, dtype=torch.float64)[None], 0.02, 1e-4
    filled = scf.compute_occupations(energies, np.ones(1), 4001.0, width)
    moved = torch.special.erfc((energies - filled.fermi_Ry - step) / width).sum() - filled.occupations.sum()
    assert filled.fermi_states == pytest.approx(float(moved) / step, rel=1e-2)
    gapped = scf.compute_occupations(torch.tensor([[-0.3, 0.3]], dtype=torch.float64), np.ones(1), 2.0, width)
    assert gapped.fermi_states < 1e-9


@pytest.mark.parametrize("screening", [0.0, 1.0, 5.0])
def test_mixing_settles_what_screens_as_electrons_of_that_density_do(screening):
    basis = _double(np.diag([18.0, 18.0, 60.0]))
    mixer, target = scf.AndersonMixer(basis), torch.exp(-basis.g2).to(torch.complex128)
    target[basis.origin] = 0
    density, sizes = torch.zeros_like(target), []
    for _ in range(12):
        residual = (target - density) * (1 + (screening + 0.2) / mixer.g2)  # Thomas-Fermi electrons answer so
        residual[basis.origin] = 0
        sizes.append(float(residual.abs().square().sum()))
        density = mixer(density, residual, screening)
    assert sizes[-1] < 1e-6 * sizes[0]
    assert max(sizes) <= sizes[0]  # a step of one length lets it grow tenfold


@pytest.mark.parametrize(
    ("lattice", "share"),
    [
        (8.0 * np.eye(3), 0.45),
        (8.0 * (np.ones((3, 3)) - np.eye(3)), 0.45),
        (np.diag([5.0, 9.0, 23.0]), 0.45),
        (np.array([[9.0, 0, 0], [0.3, 8, 0], [4.1, -3.7, 13]]), 0.45),
        (np.array([[9.0, 0, 0], [40.0, 8, 0], [-27, 31, 13]]), 0.45),  # not reduced
    ],
)
def test_grid_holds_the_sphere_of_the_density_and_little_more(lattice, share):
    radius = 6.0
    found = grid.densest_grid(2 * np.pi * np.linalg.inv(lattice).T, radius)
    m = vectors_within(lattice, radius)
    positions = found.index(m)
    assert len(np.unique(positions)) == len(m)
    assert len(m) > share * found.size
    assert found.unused_index(2 * np.pi * np.linalg.inv(lattice).T, positions) not in positions


def test_nearly_parallel_vectors_do_not_end_a_calculation(diamond_state):
    """A filter lets deep bands grow in every vector until single precision takes two vectors for one."""
    points = np.array([[0.1, 0.2, 0.3]])
    values = diamond_state.solution.potential.values
    (hamiltonian,) = ground_state.hamiltonians(diamond_state.crystal, diamond_state.basis, points, 8, values)
    expected, x = eigensolver.solve(hamiltonian, diamond_state.crystal, 8, 4, 1e-5)
    x = x[:, :4].clone()
    for row in range(1, 4):
        x[:, row] = x[:, 0] + 2e-4 * x[:, row]
    found, _ = eigensolver.rayleigh_ritz(hamiltonian, x, 8)
    assert np.allclose(found[:, 0].cpu().numpy(), expected[:, 0].cpu().numpy(), atol=1e-3)
