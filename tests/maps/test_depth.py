"""``maps.projection.depth`` against sums over all cells of the box, for every kind of gas."""

import hashlib
import itertools
import json
from dataclasses import replace

import h5py
import numpy as np
import pytest
from scipy.spatial import cKDTree

from starmass.config.maps import Projection
from starmass.errors import InputError
from starmass.maps import moving_mesh
from starmass.maps.box_projection import project_box
from starmass.maps.deposits import project_means, project_spectra
from starmass.maps.depth import depth_lengths, line_ends
from starmass.maps.mapping import check_faces, make_maps, map_sink
from starmass.maps.moving_mesh import MovingMesh
from starmass.maps.particles import Particles
from starmass.maps.projection import Blocks, Cube, project_cube
from starmass.maps.simulations import Box, open_simulation
from starmass.maps.sinks import Sinks

PARSEC, SOLAR_MASS = 3.0856775814913673e18, 1.988409870698051e33
SURFACE = SOLAR_MASS / PARSEC**2
WIDTH = 4.0


def box_of(periodic, width=WIDTH):
    return Box(np.zeros(3), np.full(3, width), np.broadcast_to(periodic, 3))


def cube_of(centre, side, pixels, box, depth):
    centre = np.asarray(centre, float)
    ends = line_ends(depth_lengths(depth, box), centre, box)
    return Cube(centre, side, pixels, box.period, ends)


def tiles(random, box=WIDTH, base=3):
    """Blocks of 2 x 2 x 2 cells that fill the box once, a third of them in eight; and the cells."""
    blocks = [
        (np.array(place) * box / base, box / base / 2)
        for place in itertools.product(range(base), repeat=3)
    ]
    children = np.array(list(itertools.product((0, 1), repeat=3)))
    for _ in range(2):
        finer = []
        for left, width in blocks:
            split = random.random() < 0.3
            finer += [(left + side * width, width / 2) for side in children] if split else []
            finer += [] if split else [(left, width)]
        blocks = finer
    left, width = np.array([one for one, _ in blocks]), np.array([one for _, one in blocks])
    shape = (len(left), 2, 2, 2)
    gas = Blocks(
        left,
        np.repeat(width[:, None], 3, axis=1),
        np.exp(random.normal(0, 2, shape)),
        random.normal(0, 3, (3, *shape)),
    )
    centre = left[:, None] + (children + 0.5) * width[:, None, None]
    widths = np.repeat(gas.width[:, None], 8, axis=1)
    return gas, (centre.reshape(-1, 3), widths.reshape(-1, 3), gas.density.reshape(-1))


@pytest.mark.parametrize("depth", ["box", 9.0, 4.0, 2.3, 0.2])
@pytest.mark.parametrize("periodic", [True, False, (True, False, True)])
def test_cells_agree_with_a_sum_over_all_cells_of_the_box(periodic, depth, sum_lines):
    random = np.random.default_rng(len(f"{periodic} {depth}"))
    gas, cells = tiles(random)
    box = box_of(periodic)
    for centre in ([2.0, 2.0, 2.0], [0.4, 3.55, 1.1], [3.6, 0.5, 3.3]):
        cube = cube_of(centre, 0.77, 7, box, depth)
        seen = project_cube(gas, cube)
        flat = gas.velocity.reshape(3, -1)
        column, mean, spread = sum_lines(*cells, flat, cube, box, depth)
        np.testing.assert_allclose(seen.surface_density, column * PARSEC, rtol=1e-11)
        np.testing.assert_allclose(seen.velocity, mean, rtol=0, atol=1e-11)
        np.testing.assert_allclose(seen.dispersion, spread, rtol=1e-7, atol=1e-7)
        # The mass is the cube's, whatever the depth.
        assert seen.mass == project_cube(gas, cube.alone()).mass
        means = project_means(gas, cube, [list(gas.velocity)])
        np.testing.assert_allclose(means[:, 0], mean, rtol=0, atol=1e-11)
        for width in (0.0, 0.5):
            spectra = project_spectra(gas, cube, np.zeros(3), -90.0, 90.0, 20, width)
            np.testing.assert_allclose(spectra.sum(axis=1), column * PARSEC, rtol=1e-9)
        # Each place on the lines of sight is in one cell.
        assert gas.volume_shares(cube, np.full(3, 0.5))[1] == pytest.approx(1, abs=1e-12)


def test_a_missing_cell_on_a_line_of_sight_shows():
    gas, _ = tiles(np.random.default_rng(5))
    cube = cube_of([2.0, 2.0, 2.0], 0.5, 4, box_of(False), "box")
    place = np.array([3.9, 2.0, 2.0])
    kept = np.any((place < gas.left) | (place >= gas.left + 2 * gas.width), axis=1)
    less = Blocks(gas.left[kept], gas.width[kept], gas.density[kept], gas.velocity[:, kept])
    assert less.volume_shares(cube, np.full(3, 0.5))[1] < 0.999
    assert less.volume_shares(cube.alone(), np.full(3, 0.5))[1] == pytest.approx(1)


@pytest.mark.parametrize("periodic", [True, False])
def test_the_lines_of_sight_are_pixels_of_a_larger_cube(periodic):
    """Cells and particles: a field of 4 pixels with a depth of 12 of them, or of all 20."""
    random = np.random.default_rng(11)
    box, count = box_of(periodic), 300
    support = np.concatenate([random.uniform(0.01, 0.5, count - 2), [1.3, 1e-5]])
    place, mass = random.uniform(0, WIDTH, (count, 3)), np.exp(random.normal(0, 1, count))
    particles = Particles(place, mass, support, random.normal(0, 3, (3, count)))
    centres = ([2.0, 2.0, 2.0], [0.4, 3.55, 1.1]) if periodic else ([2.0, 2.0, 2.0],)
    for centre, (depth, pixels) in itertools.product(centres, ((2.4, 12), ("box", 20))):
        for gas in (tiles(random)[0], particles):
            deep = cube_of(centre, 0.8, 4, box, depth)
            large = Cube(np.array(centre), 0.2 * pixels, pixels, box.period)
            seen, whole = project_cube(gas, deep), project_cube(gas, large)
            field = np.s_[:, pixels // 2 - 2 : pixels // 2 + 2, pixels // 2 - 2 : pixels // 2 + 2]
            for name in ("surface_density", "velocity", "dispersion"):
                wanted = getattr(whole, name)[field]
                np.testing.assert_allclose(getattr(seen, name), wanted, rtol=1e-8, atol=1e-8)


def images_of(position, box):
    """Positions with their images through periodic faces, as far as five boxes; and whose."""
    steps = [range(-2, 3) if one else (0,) for one in box.periodic]
    shifts = np.array(list(itertools.product(*steps))) * box.width
    every = (position[:, None] + shifts).reshape(-1, 3)
    return every, np.repeat(np.arange(len(position)), len(shifts))


@pytest.mark.parametrize("periodic", [True, False])
def test_particles_agree_with_cubes_along_the_line_of_sight(periodic):
    """A depth of several sides is a row of cubes, which other tests hold to the kernel itself."""
    random = np.random.default_rng(6)
    box = box_of(periodic)
    count = 300
    support = np.concatenate([random.uniform(0.01, 0.5, count - 2), [1.3, 1e-5]])
    position = random.uniform(0, WIDTH, (count, 3))
    mass, velocity = np.exp(random.normal(0, 1, count)), random.normal(0, 3, (3, count))
    gas = Particles(position, mass, support, velocity)
    for centre, side, depth in (
        ([2.0, 2.1, 1.9], 0.8, "box"),
        ([0.5, 3.5, 1.0], 0.8, "box"),
        ([2.0, 2.1, 1.9], 0.8, 2.4),
        ([2.0, 2.1, 1.9], 0.8, 0.8 / 3),
    ):
        cube = cube_of(centre, side, 8, box, depth)
        seen = project_cube(gas, cube)
        assert seen.mass == project_cube(gas, cube.alone()).mass
        for axis in range(3):
            begin, end = cube.line_ends[axis]
            total, first, square = (np.zeros((8, 8)) for _ in range(3))
            # Slices of a cube of the same pixels: thinner ones are cut off by a map of their own.
            parts = max(1, round((end - begin) / 0.4))
            edges = np.linspace(begin, end, parts + 1)
            for low, high in itertools.pairwise(edges):
                ends = np.zeros((3, 2))
                ends[axis] = low, high
                part = project_cube(gas, replace(cube, line_ends=ends))
                weight = part.surface_density[axis]
                filled = weight > 0
                v = np.where(filled, part.velocity[axis], 0)
                s = np.where(filled, part.dispersion[axis], 0)
                total += weight
                first += weight * v
                square += weight * (v**2 + s**2)
            np.testing.assert_allclose(seen.surface_density[axis], total, rtol=1e-10)
            total[total == 0] = np.nan
            mean = first / total
            np.testing.assert_allclose(seen.velocity[axis], mean, atol=1e-9)
            variance = square / total - mean**2
            np.testing.assert_allclose(seen.dispersion[axis] ** 2, variance, atol=1e-8)
        column = seen.surface_density
        spectra = project_spectra(gas, cube, np.zeros(3), -90.0, 90.0, 9, 0.3)
        np.testing.assert_allclose(spectra.sum(axis=1), column, rtol=1e-9)
        means = project_means(gas, cube, [list(velocity)])[:, 0]
        np.testing.assert_allclose(means, seen.velocity, atol=1e-10)


@pytest.mark.parametrize("periodic", [True, False])
def test_particles_of_the_whole_box_are_the_sum_over_all_of_them(periodic):
    """Particles much smaller than a pixel, one by one: which pixel, and all of the mass."""
    random = np.random.default_rng(7)
    box, count, pixels, side = box_of(periodic), 3000, 6, 1.5
    position = random.uniform(0.05, WIDTH - 0.05, (count, 3))
    centre = np.array([3.1, 0.9, 2.0])
    mass, velocity = random.random(count), random.normal(0, 1, (3, count))
    gas = Particles(position, mass, np.full(count, 1e-7), velocity)
    seen = project_cube(gas, cube_of(centre, side, pixels, box, "box"))
    every, whose = images_of(position, box)
    for axis in range(3):
        across, up = (axis + 1) % 3, (axis + 2) % 3
        # One image along the line of sight: the particle is there once.
        once = np.abs(every[:, axis] - position[whose, axis]) < 1e-9
        place = np.floor((every - centre + side / 2) / (side / pixels)).astype(int)
        on_map = once & np.all((place[:, [across, up]] >= 0) & (place[:, [across, up]] < pixels), 1)
        total = np.zeros((pixels, pixels))
        rows = place[on_map, up], place[on_map, across]
        np.add.at(total, rows, mass[whose[on_map]])
        found = seen.surface_density[axis] * (side / pixels) ** 2 / SURFACE
        np.testing.assert_allclose(found, total, rtol=1e-6)
        moving = np.zeros((pixels, pixels))
        np.add.at(moving, rows, (mass * velocity[axis])[whose[on_map]])
        np.testing.assert_allclose(seen.velocity[axis], moving / total, atol=1e-6)


@pytest.mark.parametrize("periodic", [True, False])
def test_large_particles_of_the_whole_box_keep_their_mass(periodic):
    """The whole of each kernel is in a map as wide as the box, wherever the sink is."""
    random = np.random.default_rng(8)
    position = random.uniform(1, 3, (40, 3))
    gas = Particles(position, np.ones(40), random.uniform(0.1, 1, 40), np.zeros((3, 40)))
    seen = project_cube(gas, cube_of([2.0, 2.0, 2.0], WIDTH, 5, box_of(periodic), "box"))
    on_map = seen.surface_density.sum(axis=(1, 2)) * (WIDTH / 5) ** 2 / SURFACE
    np.testing.assert_allclose(on_map, 40.0, rtol=1e-9)


@pytest.mark.parametrize("periodic", [True, False])
def test_a_moving_mesh_is_seen_through_the_box(periodic, monkeypatch):
    """Against the nearest points of the voxels of the whole box, which are those of the maps."""
    random = np.random.default_rng(9)
    box, count, fine, pixels = box_of(periodic, 1.0), 1500, 48, 12
    position, density = random.random((count, 3)), np.exp(random.normal(0, 0.5, 1500))
    along = (np.arange(fine) + 0.5) / fine
    places = np.stack(np.meshgrid(along, along, along, indexing="ij"), axis=-1)
    owner = cKDTree(position, boxsize=1.0 if periodic else None).query(places)[1]
    # Cells of the volume that their voxels have; none is smaller than a voxel.
    volume = np.maximum(np.bincount(owner.ravel(), minlength=count), 1) / fine**3
    gas = MovingMesh(position, density * volume, volume, np.tile(density, (3, 1)))
    centre = np.array([24, 20, 30]) / fine
    by_default = moving_mesh.voxels_along
    for depth, half in (("box", 1.0), (0.25, 0.125), (0.75, 0.375)):
        cube = cube_of(centre, 0.5, pixels, box, depth)
        monkeypatch.setattr(moving_mesh, "voxels_along", by_default)
        coarse = project_cube(gas, cube)
        assert coarse.mass == project_cube(gas, cube.alone()).mass
        # Maps of a voxel a pixel have no coarser ones before and behind the cube.
        cube = replace(cube, pixels=2 * pixels)
        monkeypatch.setattr(moving_mesh, "voxels_along", lambda pixels: pixels)
        seen = project_cube(gas, cube)
        assert seen.mass == pytest.approx(coarse.mass, rel=1e-12)
        means = project_means(gas, cube, [[density] * 3])
        np.testing.assert_allclose(means[:, 0], seen.velocity, rtol=1e-9)
        for axis in range(3):
            across, up = (axis + 1) % 3, (axis + 2) % 3
            lines = np.moveaxis(density[owner], (up, across, axis), (0, 1, 2))
            field = np.s_[
                round(centre[up] * fine) - 12 : round(centre[up] * fine) + 12,
                round(centre[across] * fine) - 12 : round(centre[across] * fine) + 12,
            ]
            far = np.abs(along - centre[axis])
            far = np.minimum(far, 1 - far) if periodic else far
            total = lines[field][..., far < half].sum(axis=-1) / fine
            np.testing.assert_allclose(seen.surface_density[axis] / SURFACE, total, rtol=1e-9)
            wanted = total.reshape(pixels, 2, pixels, 2).mean(axis=(1, 3))
            error = coarse.surface_density[axis] / SURFACE / wanted - 1
            assert np.sqrt((error**2).mean()) < 0.05  # of coarse cells without a pattern
            total = coarse.surface_density[axis].sum() / SURFACE / wanted.sum()
            assert total == pytest.approx(1, abs=0.01)


# --- a dump, and what lies in the file

STARS = [[0.9, 3.2, 2.0], [2.0, 1.3, 3.1]]
CHANNELS = {
    "ppv": {"kind": "spectrum", "lowest": -90.0, "highest": 90.0, "count": 3, "line_width": 0.2},
    "speed": {"kind": "mean", "field": "gas velocity_x", "unit": "km/s"},
}


def make(run, output, **projection):
    settings = {"side": 1.1, "pixels": 8, "velocity_frame": "box", "hydrogen_mass": 1.4}
    settings |= {"channels": list(CHANNELS), **projection}
    make_maps(
        output=output, simulation="mine", snapshot="snap1",
        dump=[run / "snap1", run / "run.yaml"], entry={"format": "sfumato", "folder": str(run)},
        projection=settings, channels=CHANNELS,
    )  # fmt: skip
    return output


def cells_of(dump):
    rows = np.flatnonzero(dump.is_leaf)
    values = dump.read(rows, ["density", "velocity_x", "velocity_y", "velocity_z"])
    sides = np.array(values.shape[2:])
    places = np.array(list(itertools.product(*(range(one) for one in sides)))) + 0.5
    width = dump.cell_width[rows]
    centre = dump.block_left[rows][:, None] + places * width[:, None]
    cells = centre.reshape(-1, 3), np.repeat(width, len(places), axis=0), values[0].reshape(-1)
    return cells, values[1:].reshape(3, -1) / 1e5


@pytest.mark.parametrize("periodic", [True, False])
@pytest.mark.parametrize("depth", ["box", 2.2])
def test_maps_of_a_dump_are_the_sums_over_its_leaf_cells(
    write_run, tmp_path, depth, periodic, sum_lines
):
    run, _ = write_run(seed=1, stars=STARS, periodic=[periodic] * 3)
    opened = open_simulation({"format": "sfumato"}, [run / "run.yaml"], "snap1")
    cells, velocity = cells_of(opened.dump)
    plain = h5py.File(make(run, tmp_path / "plain.h5"))
    with h5py.File(make(run, tmp_path / "deep.h5", depth=depth)) as file:
        wanted = 4.0 if depth == "box" else depth
        np.testing.assert_allclose(file.attrs["depth_pc"], [wanted] * 3, rtol=1e-12)
        assert "in the cube" not in file["maps"].attrs["channel_definitions"][0]
        assert json.loads(file.attrs["provenance"])["config"]["projection"]["depth"] == depth
        for label in ("gas_mass", "refined_fraction", "mass", "sink_id"):
            np.testing.assert_array_equal(file[label][:], plain[label][:])
        for row, star in enumerate(STARS):
            cube = cube_of(star, 1.1, 8, opened.box, depth)
            column, mean, spread = sum_lines(*cells, velocity, cube, opened.box, depth)
            column *= PARSEC / file.attrs["hydrogen_mass_g"]
            maps = file["maps"][row].astype(float)
            np.testing.assert_allclose(maps[:, 0], column, rtol=1e-6)
            np.testing.assert_allclose(maps[:, 1], mean, atol=1e-6)
            np.testing.assert_allclose(maps[:, 2], spread, rtol=1e-6)
            np.testing.assert_allclose(maps[:, 3:6].sum(axis=1), column, rtol=1e-5)
            np.testing.assert_allclose(maps[0, 6], mean[0], atol=1e-6)


@pytest.mark.parametrize("periodic", [True, False])
def test_the_whole_box_is_that_of_the_picture(write_run, periodic):
    run, _ = write_run(seed=2, periodic=[periodic] * 3)
    opened = open_simulation({"format": "sfumato"}, [run / "run.yaml"], "snap1")
    lengths = depth_lengths("box", opened.box)
    settings = {"side": 1.0, "pixels": 8, "nucleus_mass": 2.0, "depth": lengths}
    maps, *_ = map_sink(opened, np.array([1.5, 2.5, 0.5]), np.zeros(3), **settings)
    for axis, (row, column) in enumerate(((0, 16), (8, 0), (16, 8))):
        picture = project_box(opened, pixels=32, nucleus_mass=2.0, axis="xyz"[axis])
        part = picture[row : row + 8, column : column + 8]
        np.testing.assert_allclose(maps[axis, 0], part, rtol=1e-6)


def test_a_depth_of_the_side_is_the_cube_bit_for_bit(write_run, tmp_path):
    run, _ = write_run(seed=3, stars=STARS)
    with (
        h5py.File(make(run, tmp_path / "none.h5", depth=None)) as none,
        h5py.File(make(run, tmp_path / "side.h5", depth=1.1)) as same,
    ):
        assert "depth_pc" not in none.attrs
        np.testing.assert_array_equal(none["maps"][:], same["maps"][:])


def test_only_the_blocks_on_the_lines_of_sight_are_read(write_run):
    run, _ = write_run(seed=4, depth=3)
    opened = open_simulation({"format": "sfumato"}, [run / "run.yaml"], "snap1")
    cube = cube_of([2.1, 2.1, 2.1], 0.2, 4, opened.box, "box")
    read, every = len(opened.cells(cube.centre, cube.cuboids()).left), opened.dump.is_leaf.sum()
    assert len(opened.cells(cube.centre, 0.2).left) < read < every


def parts_of(gas, cube):
    seen = project_cube(gas, cube)
    means = project_means(gas, cube, [list(gas.velocity)])
    spectra = project_spectra(gas, cube, np.zeros(3), -3.0, 3.0, 6, 0.0)
    return seen.surface_density, seen.velocity, seen.dispersion, seen.mass, means, spectra


def test_maps_without_a_depth_are_those_from_before_there_was_one():
    """What the projection gave at commit 7629c52; particles to a processor's rounding."""
    random = np.random.default_rng(12)
    cube = Cube(np.array([1.9, 2.2, 0.1]), 1.7, 13, np.array([4.0, np.inf, 4.0]))
    place, width = random.random((60, 3)) * 4, 0.1 + 0.2 * random.random((60, 3))
    cells = (random.random((60, 4, 4, 4)), 4 * random.random((3, 60, 4, 4, 4)) - 2)
    found = hashlib.sha256()
    for part in parts_of(Blocks(place, width, *cells), cube):
        found.update(np.asarray(part, np.float32).tobytes())
    assert found.hexdigest()[:16] == "a23dece9a2e780f6"
    mass, support = random.random(60), 0.05 + 0.5 * random.random(60)
    gas = Particles(place, mass, support, 4 * random.random((3, 60)) - 2)
    columns, speed, spread, total, means, spectra = parts_of(gas, cube)
    # Weighted with the gas: a mean over next to none is a processor's rounding.
    weighted = (columns, columns * speed, columns * spread, total, columns * means[:, 0], spectra)
    sums = []
    for part in weighted:
        empty = np.isnan(np.ravel(part))
        values = np.nan_to_num(np.ravel(part))
        turned = values * np.cos(np.arange(values.size))
        sums.append((values.sum(), turned.sum(), empty.sum()))
    expected = [
        (0.0371773119356, 0.00443856310311, 0),
        (-0.0130906816487, 0.00225650569238, 187),
        (0.000826568474769, 0.000151374494109, 187),
        (1.01475932032, 1.01475932032, 0),
        (-0.0130906816487, 0.00225650569238, 187),
        (0.0371773119356, -0.000986924306162, 0),
    ]
    dispersion = 2  # the root of a rounding: a share of 1e-15 is 3e-8 of a velocity
    np.testing.assert_allclose(sums[dispersion], expected[dispersion], rtol=1e-7)
    np.testing.assert_allclose(
        np.delete(sums, dispersion, axis=0), np.delete(expected, dispersion, axis=0), rtol=1e-9
    )


# --- what is said of it


def test_the_depth_is_centred_and_cut_or_wrapped():
    box = Box(np.array([-1.0, 0.0, 0.0]), np.array([4.0, 2.0, 4.0]), np.array([True, False, False]))
    centre = np.array([-0.5, 0.5, 2.0])
    found = line_ends(depth_lengths(2.5, box), centre, box)
    np.testing.assert_allclose(found, [[-1.25, 1.25], [-0.5, 1.5], [-1.25, 1.25]])
    found = line_ends(depth_lengths("box", box), centre, box)
    np.testing.assert_allclose(found, [[-2, 2], [-0.5, 1.5], [-2, 2]])
    np.testing.assert_allclose(depth_lengths(100, box), box.width)
    assert depth_lengths(None, box) is None and line_ends(None, centre, box) is None


@pytest.mark.parametrize("depth", [0, -1.0, "whole", True, float("nan"), [2]])
def test_depths_that_are_none_are_refused(depth):
    with pytest.raises(InputError, match=r"maps\.projection\.depth: .* give a number of pc above"):
        depth_lengths(depth, box_of(True))


def test_no_depth_is_no_option_of_the_rules():
    assert "depth" not in Projection().options()
    assert Projection(depth="box").options()["depth"] == "box"
    assert Projection(depth=2).options()["depth"] == 2.0


def test_a_line_of_sight_through_a_face_that_may_repeat_is_refused():
    class Opened:
        box = Box(np.zeros(3), np.full(3, 4.0), np.ones(3, bool), "yt", assumed=True)
        source = "dump"

    place = np.array([[0.6, 2.0, 2.0]])
    sinks = Sinks(np.array([7]), np.ones(1), np.ones(1), place, np.zeros((1, 3)))
    check_faces(sinks, 1.0, Opened())
    check_faces(sinks, 1.0, Opened(), np.full(3, 4.0))  # all of the box, whether it repeats or not
    check_faces(sinks, 1.0, Opened(), np.full(3, 0.5))
    with pytest.raises(InputError, match="line of sight about sink 7 reaches through a face"):
        check_faces(sinks, 1.0, Opened(), np.full(3, 2.0))
