"""Moving meshes against a Voronoi mesh of exact volumes (scipy's), a known density, and points of
space by hand."""

import itertools

import numpy as np
import pytest
from scipy.spatial import ConvexHull, Voronoi

from starmass.errors import InputError
from starmass.maps.deposits import project_means
from starmass.maps.moving_mesh import MovingMesh
from starmass.maps.projection import Cube, project_cube

PARSEC, SOLAR_MASS = 3.0856775814913673e18, 1.988409870698051e33
SURFACE = SOLAR_MASS / PARSEC**2


def known_density(place):
    """Msun/pc^3: a core in the middle of a box of 1 pc, on a wave."""
    square = ((place - 0.5) ** 2).sum(axis=-1)
    return 20 / (square / 0.1**2 + 1) + 2 + np.sin(2 * np.pi * place[..., 0])


@pytest.fixture(scope="module")
def mesh():
    """Points in a periodic box, denser towards its middle: (position, exact volume, density at the
    point)."""
    random = np.random.default_rng(5)
    core = 0.5 + 0.15 * random.normal(0, 1, (900, 3))
    position = np.concatenate([core, random.random((500, 3))]) % 1.0
    shifts = [np.array(shift) for shift in itertools.product((0, -1, 1), repeat=3)]
    images = [position] + [
        moved[np.all((moved > -0.4) & (moved < 1.4), axis=1)]
        for moved in (position + shift for shift in shifts[1:])
    ]
    voronoi = Voronoi(np.concatenate(images))
    regions = [voronoi.regions[voronoi.point_region[row]] for row in range(len(position))]
    volume = np.array([ConvexHull(voronoi.vertices[region]).volume for region in regions])
    assert volume.sum() == pytest.approx(1.0, rel=1e-9)
    return position, volume, known_density(position)


def by_hand(mesh, cube, per_pixel):
    """Density (i, j, k) of the nearest point, images and all, at the middles of finer voxels, in
    slabs."""
    position, _, density = mesh
    near = np.concatenate(
        [
            np.c_[moved, density][np.all(np.abs(moved - cube.centre) < 0.45, axis=1)]
            for moved in (
                position + shift for shift in map(np.array, itertools.product((0, -1, 1), repeat=3))
            )
        ]
    )
    count = cube.pixels * per_pixel
    along = (np.arange(count) + 0.5) / count * cube.side
    x, y, z = ((cube.left[axis] + along) for axis in range(3))
    found = np.empty((count,) * 3)
    for plane in range(count):
        square = (near[:, 0] - x[plane]) ** 2
        square = square + (y[:, None, None] - near[:, 1]) ** 2 + (z[:, None] - near[:, 2]) ** 2
        found[plane] = near[square.argmin(axis=-1), 3]
    return found


def test_mass_and_maps_of_a_known_field(mesh):
    """Cubes anywhere, through the box's faces too."""
    position, volume, density = mesh
    gas = MovingMesh(position, density * volume, volume, np.tile(density, (3, 1)))
    for centre in ([0.53, 0.48, 0.5], [0.02, 0.97, 0.4]):
        cube = Cube(np.array(centre), 0.3, 12, np.ones(3))
        fine = by_hand(mesh, cube, 4)
        projected = project_cube(gas, cube)
        assert projected.mass == pytest.approx(fine.mean() * 0.3**3, rel=2e-3)
        for axis in range(3):
            total = fine.reshape(12, 4, 12, 4, 12, 4)
            total = total.mean(axis=(1, 3, 5)).mean(axis=axis) * 0.3
            total = total.T if axis != 1 else total
            error = projected.surface_density[axis] / SURFACE / total - 1
            assert np.sqrt((error**2).mean()) < 0.02
            on_map = projected.surface_density[axis].sum() * (0.3 / 12) ** 2 / SURFACE
            assert on_map == pytest.approx(projected.mass, rel=1e-12)
        # Weighted by mass, the mean of a field is that of the velocity, which is the density here.
        means = project_means(gas, cube, [[density] * 3])
        np.testing.assert_allclose(means[:, 0], projected.velocity, rtol=1e-9)


def test_the_known_field_itself(mesh):
    """The mass in a cube is the field's integral, as far as cells of this size resolve it."""
    position, volume, density = mesh
    gas = MovingMesh(position, density * volume, volume, np.zeros((3, len(volume))))
    along = (np.arange(60) + 0.5) / 60 * 0.5 - 0.25
    places = 0.5 + np.stack(np.meshgrid(along, along, along, indexing="ij"), axis=-1)
    truth = known_density(places).mean() * 0.125
    seen = project_cube(gas, Cube(np.full(3, 0.5), 0.5, 32, np.ones(3))).mass
    assert seen == pytest.approx(truth, rel=0.02)


def test_uniform_gas_is_a_uniform_map(mesh):
    position, volume, _ = mesh
    gas = MovingMesh(position, 3.0 * volume, volume, np.ones((3, len(volume))))
    projected = project_cube(gas, Cube(np.array([0.1, 0.5, 0.9]), 0.4, 16, np.ones(3)))
    np.testing.assert_allclose(projected.surface_density, 3.0 * 0.4 * SURFACE, rtol=3e-3)
    assert projected.mass == pytest.approx(3.0 * 0.4**3, rel=1e-3)
    np.testing.assert_allclose(projected.velocity, 1.0, rtol=1e-12)
    np.testing.assert_allclose(projected.dispersion, 0.0, atol=1e-9)


def test_cells_that_lie_whole_in_the_cube_keep_their_mass_exactly(mesh):
    """A dense knot of cells far smaller than a voxel, cells of about a voxel, and large ones, in a
    void."""
    random = np.random.default_rng(3)
    position, volume, density = mesh
    island = np.linalg.norm(position - 0.5, axis=1) < 0.25
    density = np.where(island, density, 1e-9)
    position = np.concatenate([position, 0.5 + 1e-4 * random.normal(0, 1, (300, 3))])
    mass = np.concatenate([density * volume, np.full(300, 1e-3)])
    volume = np.concatenate([volume, np.full(300, 1e-12)])
    gas = MovingMesh(position, mass, volume, np.zeros((3, len(mass))))
    for centre, side in (
        (np.array([0.503, 0.501, 0.498]), 0.8),
        (np.array([0.45, 0.52, 0.5]), 0.9),
    ):
        for period in (np.ones(3), np.full(3, np.inf)):
            seen = project_cube(gas, Cube(centre, side, 16, period))
            assert seen.mass == pytest.approx(mass.sum(), rel=1e-6)


def test_masses_that_are_no_meshs_are_refused(mesh):
    position, volume, _ = mesh
    gas = MovingMesh(position, 3.0 * volume, 2.0 * volume, np.ones((3, len(volume))), source="snap")
    with pytest.raises(
        InputError, match=r"snap: about \[0.5, 0.5, 0.5\] pc the cells' masses are 2"
    ):
        project_cube(gas, Cube(np.full(3, 0.5), 0.6, 32, np.ones(3)))
