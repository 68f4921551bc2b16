"""Kernels of particles against a judge in plain numpy, and against the analytic cubic spline."""

import itertools

import numpy as np
import pytest

from starmass.maps.deposits import project_means, project_spectra
from starmass.maps.particle_kernels import find_reaching
from starmass.maps.particles import Particles
from starmass.maps.projection import Cube, project_cube

PARSEC, SOLAR_MASS = 3.0856775814913673e18, 1.988409870698051e33
SURFACE = SOLAR_MASS / PARSEC**2  # of one Msun on one pc^2 [g cm^-2]
CELLS = 64  # of the kernel's table along the radius


def cubic_spline(radius):
    """The cubic spline that ends at radius 1."""
    inner = 1 - 6 * radius**2 + 6 * radius**3
    return 8 / np.pi * np.where(radius < 0.5, inner, 2 * np.clip(1 - radius, 0, None) ** 3)


@pytest.fixture(scope="module")
def kernel_cells():
    """Mass of the unit kernel in each of 128^3 cells of [-1, 1]^3, by 3 x 3 x 3 Gauss points."""
    nodes, weights = np.polynomial.legendre.leggauss(3)
    half = np.zeros((CELLS,) * 3)
    along = np.arange(CELLS)
    for place in itertools.product(range(3), repeat=3):
        x, y, z = (((along + 0.5 + 0.5 * nodes[p]) / CELLS) ** 2 for p in place)
        radius = np.sqrt(x[:, None, None] + y[:, None] + z)
        half += np.prod(weights[list(place)]) * cubic_spline(radius)
    full = np.concatenate([half[::-1], half])
    full = np.concatenate([full[:, ::-1], full], axis=1)
    full = np.concatenate([full[:, :, ::-1], full], axis=2)
    return full / full.sum()


@pytest.fixture
def judge(kernel_cells):
    """Return ``shares(position, support, cube)``: (n, i, j, k) of each particle's mass in each
    voxel, image by image."""

    def along_axis(middle, support, edges):
        cells = middle + support * np.linspace(-1, 1, 2 * CELLS + 1)
        common = np.minimum(cells[1:, None], edges[1:]) - np.maximum(cells[:-1, None], edges[:-1])
        return np.clip(common, 0, None) / (support / CELLS)  # (cell of the kernel, pixel)

    def shares(position, support, cube):
        edges = np.linspace(0, cube.side, cube.pixels + 1)
        found = np.zeros((len(position), *(cube.pixels,) * 3))
        for one, (place, radius) in enumerate(zip(position, support, strict=True)):
            images = [
                range(-k, k + 1)
                for k in (np.where(np.isfinite(cube.period), np.ceil(radius) + 2, 0).astype(int))
            ]
            for image in itertools.product(*images):
                shift = np.array(image) * np.where(np.isfinite(cube.period), cube.period, 0.0)
                parts = [
                    along_axis(middle, radius, edges)
                    for middle in place + shift - (cube.centre - cube.side / 2)
                ]
                if all(part.any() for part in parts):
                    found[one] += np.einsum(
                        "abc,ai,bj,ck->ijk", kernel_cells, *parts, optimize=True
                    )
        return found

    return shares


def moments(shares, mass, values, axis):
    """Mass, mean and dispersion (row, column) along one axis, in two passes."""
    lines = (mass[:, None, None, None] * shares).sum(axis=axis + 1)
    lines = np.swapaxes(lines, 1, 2) if axis != 1 else lines
    total = lines.sum(axis=0)
    with np.errstate(invalid="ignore"):
        mean = np.tensordot(values, lines, 1) / total
        square = (lines * (values[:, None, None] - mean) ** 2).sum(axis=0) / total
    return total, mean, np.sqrt(square)


@pytest.mark.parametrize("period", [None, 1.0])
def test_agrees_with_a_deposit_by_hand(judge, period):
    """Smaller than a pixel, larger than the cube, on faces, in corners, and through the box's
    faces."""
    random = np.random.default_rng(0 if period else 1)
    support = np.array([1e-6, 0.01, 0.03, 0.1, 0.2, 0.5, 1.3, 0.04, 0.04, 0.02])
    count = len(support)
    cube = Cube(random.random(3), 0.44, 7, np.full(3, period or np.inf))
    position = cube.left + cube.side * random.uniform(-0.2, 1.2, (count, 3))
    position[7] = cube.left + cube.side * np.array([0.0, 0.4, 1.0])  # on an edge of the cube
    position[8] = cube.left + cube.side * np.array([3 / 7, 2 / 7, 5 / 7])  # on a corner of pixels
    position[0] = cube.centre
    position = position % period if period else position
    mass, velocity = np.exp(random.normal(0, 1, count)), random.normal(50, 3, (3, count))
    shares = judge(position, support, cube)
    gas = Particles(position, mass, support, velocity)
    projected = project_cube(gas, cube)
    inside = (mass[:, None, None, None] * shares).sum()
    assert projected.mass == pytest.approx(inside, rel=1e-7)
    for axis in range(3):
        total, mean, spread = moments(shares, mass, velocity[axis], axis)
        column = total * (cube.pixels / cube.side) ** 2 * SURFACE
        np.testing.assert_allclose(
            projected.surface_density[axis], column, rtol=1e-6, atol=1e-8 * column.max()
        )
        np.testing.assert_allclose(projected.velocity[axis], mean, rtol=0, atol=2e-6)
        np.testing.assert_allclose(projected.dispersion[axis], spread, rtol=1e-5, atol=2e-6)
        on_map = projected.surface_density[axis].sum() * (cube.side / cube.pixels) ** 2 / SURFACE
        assert on_map == pytest.approx(projected.mass, rel=1e-12)


def test_channels_use_the_same_shares(judge):
    random = np.random.default_rng(4)
    cube = Cube(np.full(3, 0.5), 0.44, 6, np.ones(3))
    position, support = random.random((20, 3)), random.uniform(0.05, 0.3, 20)
    mass, velocity = random.random(20), random.normal(0, 2, (3, 20))
    values = random.random((3, 20))
    shares = judge(position, support, cube)
    gas = Particles(position, mass, support, velocity)
    means = project_means(gas, cube, [list(values)])
    frame = np.array([0.5, -0.5, 0.1])
    spectra = project_spectra(gas, cube, frame, -2.0, 2.0, 5, 0.0)
    everything = project_cube(gas, cube).surface_density
    for axis in range(3):
        total, mean, _ = moments(shares, mass, values[axis], axis)
        lit = total > 1e-7 * total.max()  # beyond it, the rim of a kernel is rounding
        assert lit.sum() > 20
        np.testing.assert_allclose(means[axis, 0][lit], mean[lit], rtol=1e-5)
        moving = velocity[axis] - frame[axis]
        for channel, low in enumerate(np.linspace(-2, 2, 6)[:-1]):
            in_channel = mass * ((moving >= low) & (moving < low + 0.8))
            total, *_ = moments(shares, in_channel, moving, axis)
            column = total * (cube.pixels / cube.side) ** 2 * SURFACE
            np.testing.assert_allclose(
                spectra[axis, channel], column, rtol=1e-6, atol=1e-8 * everything.max()
            )
    wide = project_spectra(gas, cube, frame, -60.0, 60.0, 240, 0.4).sum(axis=1)
    np.testing.assert_allclose(wide, everything, rtol=1e-9)


def test_the_table_is_the_cubic_spline():
    """Mass below any plane to 1e-4 of the particle's, and its column density to 1% of the peak."""
    gas = Particles(np.full((1, 3), 0.5), np.ones(1), np.full(1, 0.4), np.zeros((3, 1)))
    radius = (np.arange(2000) + 0.5) / 2000
    for depth in (-0.71, -0.3, 0.013, 0.48):  # of the plane, in radii of the kernel
        # Shells that the plane cuts hold the share (1 + depth / r) / 2 below it.
        share = np.clip(0.5 * (1 + depth / radius), 0, 1)
        below = (4 * np.pi * radius**2 * cubic_spline(radius) * share).sum() / 2000
        centre = np.array([0.5, 0.5, 0.5 + 0.4 * depth - 0.5])
        assert project_cube(gas, Cube(centre, 1.0, 4)).mass == pytest.approx(below, abs=1e-4)
    # The middle of narrow pixels, against line integrals.
    cube = Cube(np.full(3, 0.5), 0.8, 400)
    column = project_cube(gas, cube).surface_density[2, 200] / SURFACE
    across = ((np.arange(400) + 0.5) / 200 - 1.0) ** 2
    depth = (np.arange(4000) + 0.5) / 4000
    line = cubic_spline(np.sqrt(across[:, None] + depth**2)).mean(axis=1) * 2 / 0.4**2
    np.testing.assert_allclose(column, line, rtol=0, atol=0.011 * line.max())
    assert np.abs(column - line).mean() < 0.003 * line.max()


def test_pixels_out_of_reach_stay_empty():
    """The signed sums of corners leave rounding there, which is no gas and has no velocity."""
    random, edges = np.random.default_rng(3), np.linspace(0, 1, 18)
    empty = 0
    for place, support in zip(random.random((100, 3)), random.uniform(0.05, 0.6, 100), strict=True):
        gas = Particles(place[None], np.ones(1), np.array([support]), np.ones((3, 1)))
        cube = Cube(np.full(3, 0.5), 1.0, 17)
        projected = project_cube(gas, cube)
        values = project_means(gas, cube, [list(gas.velocity)])
        spectra = project_spectra(gas, cube, np.zeros(3), 0.0, 2.0, 1, 0.0)
        x, y = (np.clip([edges[:-1] - p, p - edges[1:]], 0, None).max(axis=0) for p in place[:2])
        outside = np.hypot(x, y[:, None]) > support * (1 + 2 / CELLS)
        empty += outside.sum()
        assert not projected.surface_density[2][outside].any()
        assert not spectra[2, 0][outside].any()
        assert np.isnan(projected.velocity[2][outside]).all()
        assert np.isnan(values[2, 0][outside]).all()
    assert empty > 10_000


def test_a_lattice_is_a_uniform_map_and_a_box_keeps_its_mass():
    places = (np.array(list(itertools.product(range(20), repeat=3))) + 0.5) / 20
    count = len(places)
    moving = 5.0 * (places - 0.5).T
    gas = Particles(places, np.full(count, 3.0 / count), np.full(count, 0.15), moving)
    cube = Cube(np.array([0.03, 0.5, 0.97]), 0.5, 16, np.ones(3))
    projected = project_cube(gas, cube)
    np.testing.assert_allclose(projected.surface_density, 3.0 * 0.5 * SURFACE, rtol=0.01)
    assert projected.mass == pytest.approx(3.0 * 0.125, rel=1e-3)
    whole = project_cube(gas, Cube(np.full(3, 0.2), 1.0, 8, np.ones(3)))
    assert whole.mass == pytest.approx(3.0, rel=1e-13)
    # Any sizes at all, up to many boxes.
    random = np.random.default_rng(2)
    support = 10 ** random.uniform(-4, 0.7, 40)
    gas = Particles(random.random((40, 3)), np.ones(40), support, np.zeros((3, 40)))
    assert project_cube(gas, Cube(np.full(3, 0.2), 1.0, 8, np.ones(3))).mass == pytest.approx(
        40.0, rel=1e-12
    )


def test_orientation_and_cold_streams():
    """A small particle lands where a cell would; 100 km/s and 0.01 km/s keep their digits side by
    side."""
    place = np.array([[0.11, 0.33, 0.78]])
    gas = Particles(place, np.ones(1), np.full(1, 0.005), np.array([[7.0], [8.0], [9.0]]))
    projected = project_cube(gas, Cube(np.full(3, 0.5), 1.0, 10))
    for axis, row, column in ((0, 2, 1), (1, 0, 2), (2, 1, 0)):
        where = np.argwhere(projected.surface_density[axis] > 0)
        assert where.tolist() == [[int(place[0, row] * 10), int(place[0, column] * 10)]]
        assert projected.velocity[axis][tuple(where[0])] == 7.0 + axis
    random = np.random.default_rng(0)
    deviation = random.normal(0, 0.01, 500)
    stream = Particles(
        np.full((500, 3), 0.5), np.ones(500), np.full(500, 0.3), np.tile(100.0 + deviation, (3, 1))
    )
    seen = project_cube(stream, Cube(np.full(3, 0.5), 0.5, 4))
    np.testing.assert_allclose(seen.dispersion, deviation.std(), rtol=1e-6)


def test_what_reaches_into_a_cube():
    random = np.random.default_rng(8)
    position, support = random.random((3000, 3)), 10 ** random.uniform(-3, -0.5, 3000)
    for period in (np.full(3, np.inf), np.array([1.0, np.inf, 1.0])):
        centre = np.array([0.02, 0.5, 0.9])
        distance = np.abs(position - centre)
        distance = np.where(np.isfinite(period), np.minimum(distance, 1.0 - distance), distance)
        reaches = np.all(distance < 0.1 + support[:, None], axis=1)
        found = find_reaching(position, support, centre, np.full(3, 0.2), period)
        np.testing.assert_array_equal(found, np.flatnonzero(reaches))
        sides = np.array([0.2, 0.8, 0.3])
        reaches = np.all(distance < 0.5 * sides + support[:, None], axis=1)
        found = find_reaching(position, support, centre, sides, period)
        np.testing.assert_array_equal(found, np.flatnonzero(reaches))
