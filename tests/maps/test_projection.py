"""Projection against an independent deposit and against what can be said in closed form."""

import itertools
from dataclasses import dataclass

import numpy as np
import pytest

from starmass.maps import projection
from starmass.maps.projection import Blocks, Cube, single_cells

PARSEC, SOLAR_MASS = 3.0856775814913673e18, 1.988409870698051e33


@dataclass(frozen=True)
class Cells:
    """A list of cells, as :func:`starmass.maps.projection.single_cells` takes them."""

    centre: np.ndarray
    width: np.ndarray
    density: np.ndarray
    velocity: np.ndarray


def project_cube(cells, centre, *, side, pixels, period=None):
    blocks = single_cells(cells.centre, cells.width, cells.density, cells.velocity)
    return projection.project_cube(
        blocks, Cube(centre, side, pixels, np.full(3, np.inf) if period is None else period)
    )


def grid_cells(size, box=4.0, density=None, velocity=None):
    """A uniform grid over a box from 0."""
    width = box / size
    centre = (np.array(list(itertools.product(range(size), repeat=3))) + 0.5) * width
    density = np.ones(len(centre)) if density is None else density
    velocity = np.zeros_like(centre) if velocity is None else velocity
    return Cells(centre, np.full_like(centre, width), density, velocity)


def amr_cells(random, box=4.0, base=4):
    """Base cells, a third of them replaced by eight, and a third of those again: tiles the box
    once.
    """
    cells = [
        (tuple((np.array(place) + 0.5) * box / base), box / base)
        for place in itertools.product(range(base), repeat=3)
    ]
    for _ in range(2):
        finer = []
        for centre, width in cells:
            if random.random() < 0.33:
                finer += [
                    (tuple(np.array(centre) + (np.array(side) - 0.5) * width / 2), width / 2)
                    for side in itertools.product((0, 1), repeat=3)
                ]
            else:
                finer.append((centre, width))
        cells = finer
    centre, width = np.array([c for c, _ in cells]), np.array([w for _, w in cells])
    count = len(centre)
    return Cells(
        centre,
        np.repeat(width[:, None], 3, axis=1),
        np.exp(random.normal(0, 2, count)),
        random.normal(0, 3, (count, 3)),
    )


@pytest.mark.parametrize("seed", range(8))
def test_agrees_with_a_deposit_by_hand(seed, deposit_by_hand):
    """Any alignment, level mix and wrap: cube centres anywhere in the box, sides up to the whole
    box.
    """
    random = np.random.default_rng(seed)
    cells = amr_cells(random)
    centre, side, pixels = random.uniform(0, 4, 3), random.choice([0.3, 0.77, 2.5, 4.0]), 9
    column, mean, spread, mass = deposit_by_hand(
        cells.centre, cells.width, cells.density, cells.velocity, centre, side, pixels, 4.0
    )
    projected = project_cube(cells, centre, side=side, pixels=pixels, period=np.full(3, 4.0))
    np.testing.assert_allclose(projected.surface_density, column * PARSEC, rtol=1e-11)
    np.testing.assert_allclose(projected.velocity, mean, rtol=0, atol=1e-11)
    np.testing.assert_allclose(projected.dispersion, spread, rtol=1e-7, atol=1e-7)
    np.testing.assert_allclose(projected.mass, mass * PARSEC**3 / SOLAR_MASS, rtol=1e-12)
    for axis in range(3):
        total = projected.surface_density[axis].sum() * (side / pixels * PARSEC) ** 2 / SOLAR_MASS
        np.testing.assert_allclose(total, projected.mass, rtol=1e-12)


def test_cells_need_not_be_cubes(deposit_by_hand):
    random = np.random.default_rng(3)
    centre = (np.array(list(itertools.product(range(3), range(4), range(5)))) + 0.5) / [3, 4, 5]
    cells = Cells(
        centre,
        np.tile([1 / 3, 1 / 4, 1 / 5], (60, 1)),
        random.random(60),
        random.normal(size=(60, 3)),
    )
    column, mean, *_ = deposit_by_hand(
        cells.centre, cells.width, cells.density, cells.velocity, np.full(3, 0.47), 0.61, 7
    )
    projected = project_cube(cells, np.full(3, 0.47), side=0.61, pixels=7)
    np.testing.assert_allclose(projected.surface_density, column * PARSEC, rtol=1e-12)
    np.testing.assert_allclose(projected.velocity, mean, atol=1e-12)


def test_uniform_cube():
    cells = grid_cells(16, velocity=np.tile([1.0, 2.0, 3.0], (16**3, 1)))
    projected = project_cube(
        cells, np.array([0.03, 1.7, 3.99]), side=0.5, pixels=64, period=np.full(3, 4.0)
    )
    np.testing.assert_allclose(projected.surface_density, 0.5 * PARSEC, rtol=1e-12)
    np.testing.assert_allclose(
        projected.velocity,
        np.broadcast_to(np.array([1.0, 2.0, 3.0])[:, None, None], (3, 64, 64)),
        rtol=1e-12,
    )
    np.testing.assert_allclose(projected.dispersion, 0.0, atol=1e-12)
    np.testing.assert_allclose(projected.mass, 0.125 * PARSEC**3 / SOLAR_MASS, rtol=1e-12)


def test_rotation_shows_which_way_the_axes_run():
    """Turning about z (v = w x r): seen along x the speed grows with -y, along y with +x, along z
    not at all.
    """
    centre = grid_cells(64).centre - 2.0
    cells = grid_cells(
        64, velocity=np.stack([-centre[:, 1], centre[:, 0], np.zeros(len(centre))], axis=1)
    )
    projected = project_cube(cells, np.full(3, 2.0), side=4.0, pixels=64)
    pixel = (np.arange(64) + 0.5) / 16 - 2.0
    np.testing.assert_allclose(
        projected.velocity[0], np.broadcast_to(-pixel[None, :], (64, 64)), atol=1e-12
    )  # columns of x run along y
    np.testing.assert_allclose(
        projected.velocity[1], np.broadcast_to(pixel[:, None], (64, 64)), atol=1e-12
    )  # rows of y run along x
    np.testing.assert_allclose(projected.velocity[2], 0.0, atol=1e-12)
    np.testing.assert_allclose(projected.dispersion, 0.0, atol=1e-12)


def test_expansion_spreads_velocities():
    """v = H r: mean zero and dispersion H side / sqrt(12) (as of the grid's cells) on every line of
    sight.
    """
    centre = grid_cells(32).centre - 2.0
    projected = project_cube(
        grid_cells(32, velocity=5.0 * centre), np.full(3, 2.0), side=4.0, pixels=8
    )
    np.testing.assert_allclose(projected.velocity, 0.0, atol=1e-12)
    np.testing.assert_allclose(
        projected.dispersion, 5.0 * 4.0 / np.sqrt(12) * np.sqrt(1 - 1 / 32**2), rtol=1e-12
    )


@pytest.mark.parametrize(("axis", "row", "column"), [(0, 2, 1), (1, 0, 2), (2, 1, 0)])
def test_handedness(axis, row, column):
    """A single small cell lands in the row and column that the documented orientation gives it."""
    place = np.array([0.11, 0.33, 0.78])
    cell = Cells(place[None], np.full((1, 3), 0.01), np.ones(1), np.array([[7.0, 8.0, 9.0]]))
    projected = project_cube(cell, np.full(3, 0.5), side=1.0, pixels=10)
    where = np.argwhere(projected.surface_density[axis] > 0)
    assert where.tolist() == [[int(place[row] * 10), int(place[column] * 10)]]
    assert projected.velocity[axis][tuple(where[0])] == 7.0 + axis
    assert np.isnan(projected.velocity[axis]).sum() == 99


def test_block_off_the_pixel_grid():
    """A cell across a corner of four pixels is shared by area."""
    cell = Cells(
        np.array([[0.525, 0.48, 0.5]]), np.full((1, 3), 0.1), np.full(1, 3.0), np.zeros((1, 3))
    )
    projected = project_cube(cell, np.full(3, 0.5), side=1.0, pixels=2)
    share = np.array(
        [[0.07 * 0.025, 0.07 * 0.075], [0.03 * 0.025, 0.03 * 0.075]]
    )  # row is y, column is x
    np.testing.assert_allclose(
        projected.surface_density[2], 3.0 * 0.1 * share * 4 * PARSEC, rtol=1e-12
    )


def test_depth_is_cut_at_the_faces():
    cell = Cells(np.array([[0.5, 0.5, 1.0]]), np.ones((1, 3)), np.ones(1), np.zeros((1, 3)))
    projected = project_cube(cell, np.full(3, 0.5), side=1.0, pixels=4)
    np.testing.assert_allclose(projected.surface_density[2], 0.5 * PARSEC, rtol=1e-12)


def test_corner_of_the_periodic_box_is_the_same_as_its_middle():
    random = np.random.default_rng(5)
    cells = amr_cells(random)
    moved = Cells(np.mod(cells.centre + 2.0, 4.0), cells.width, cells.density, cells.velocity)
    middle = project_cube(
        cells, np.array([2.01, 1.97, 2.0]), side=0.9, pixels=16, period=np.full(3, 4.0)
    )
    corner = project_cube(
        moved, np.array([0.01, 3.97, 0.0]), side=0.9, pixels=16, period=np.full(3, 4.0)
    )
    np.testing.assert_allclose(corner.surface_density, middle.surface_density, rtol=1e-11)
    np.testing.assert_allclose(corner.dispersion, middle.dispersion, rtol=1e-8, atol=1e-9)


def test_cold_fast_stream_keeps_its_digits():
    """100 km/s with a dispersion of 0.01 km/s, beside gas at rest: three digits at least."""
    random = np.random.default_rng(0)
    size = 32
    cells = grid_cells(size)
    deviation = random.normal(0, 0.01, (size, size, size, 3))
    stream = np.where((np.arange(size) < size // 2)[:, None, None, None], 100.0, 0.0)
    velocity = (stream + deviation).reshape(-1, 3)
    projected = project_cube(
        Cells(cells.centre, cells.width, cells.density, velocity),
        np.full(3, 2.0),
        side=4.0,
        pixels=size,
    )
    truth = deviation[..., 2].std(axis=2)  # along z, [x, y]
    np.testing.assert_allclose(projected.dispersion[2].T, truth, rtol=1e-6)


def test_order_of_cells_does_not_matter():
    random = np.random.default_rng(6)
    cells = amr_cells(random)
    order = random.permutation(len(cells.density))
    shuffled = Cells(
        *(values[order] for values in (cells.centre, cells.width, cells.density, cells.velocity))
    )
    one, other = (
        project_cube(c, np.array([0.1, 3.0, 2.0]), side=1.1, pixels=12, period=np.full(3, 4.0))
        for c in (cells, shuffled)
    )
    np.testing.assert_allclose(one.surface_density, other.surface_density, rtol=1e-13)
    np.testing.assert_allclose(one.velocity, other.velocity, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(one.dispersion, other.dispersion, rtol=1e-9, atol=1e-10)


def test_one_axis_may_be_bounded():
    """Gas beyond a face comes through it along periodic axes alone."""
    cells = grid_cells(8)
    projected = project_cube(
        cells, np.array([0.0, 2.0, 2.0]), side=1.0, pixels=4, period=np.array([np.inf, 4.0, 4.0])
    )
    np.testing.assert_allclose(projected.surface_density[0], 0.5 * PARSEC)
    np.testing.assert_allclose(projected.surface_density[2], np.tile([0, 0, 1, 1], (4, 1)) * PARSEC)


@pytest.mark.parametrize("seed", range(4))
def test_blocks_are_the_same_as_their_cells(seed):
    """Cells taken line by line within a block give what they give one by one, over faces of cube
    and box and for any shape of block.
    """
    random = np.random.default_rng(seed)
    sides, width = (
        np.array([[4, 4, 4], [2, 3, 5], [8, 8, 8], [1, 6, 2]][seed]),
        random.uniform(0.02, 0.2, 3),
    )
    left = random.uniform(0, 4, (30, 3))
    density = np.exp(random.normal(0, 2, (30, *sides)))
    density[3, 0] = 0.0
    velocity = random.normal(0, 3, (3, 30, *sides)) + 100.0
    inner = np.stack(
        np.meshgrid(*[np.arange(n) + 0.5 for n in sides], indexing="ij"), axis=-1
    ).reshape(-1, 3)
    centre = (left[:, None] + inner * width).reshape(-1, 3)
    single = single_cells(
        centre, np.tile(width, (len(centre), 1)), density.ravel(), velocity.reshape(3, -1).T
    )
    cube = Cube(random.uniform(0, 4, 3), 2.3, 13, np.array([4.0, 4.0, 4.0]))
    whole = projection.project_cube(Blocks(left, np.tile(width, (30, 1)), density, velocity), cube)
    parts = projection.project_cube(single, cube)
    np.testing.assert_allclose(whole.mass, parts.mass, rtol=1e-12)
    np.testing.assert_allclose(whole.surface_density, parts.surface_density, rtol=1e-11)
    np.testing.assert_allclose(whole.velocity, parts.velocity, rtol=1e-12)
    np.testing.assert_allclose(whole.dispersion, parts.dispersion, rtol=1e-7, atol=1e-9)
