"""Other codes' grids through yt: a uniform grid and patches of three levels, made with yt's stream
loaders, against a deposit by hand.
"""

import itertools

import numpy as np
import pytest
import yt

from starmass.errors import InputError
from starmass.maps.depth import depth_lengths
from starmass.maps.mapping import map_sink
from starmass.maps.projection import Cube
from starmass.maps.yt_simulation import YtSimulation

PARSEC = 3.0856775814913673e18
NUCLEUS = 2.3e-24
PLACES = [[2.0, 2.0, 2.0], [0.03, 3.9, 1.7], [1.234, 0.4, 3.333]]
ENTRY = {"format": "yt", "sinks": {"particles": "io"}}


def fields(random, shape):
    names = ["density", *(f"velocity_{axis}" for axis in "xyz")]
    units = ["g/cm**3", "km/s", "km/s", "km/s"]
    values = [np.exp(random.normal(0, 1.5, shape)) * 1e-20, *(random.normal(0, 3, (3, *shape)))]
    return {
        ("gas", name): (value, unit) for name, value, unit in zip(names, values, units, strict=True)
    }


def cells_of(left, width, data):
    """Flat centres and widths [pc] of a grid's cells, density, velocity."""
    density, *velocity = (
        data["gas", name][0] for name in ("density", "velocity_x", "velocity_y", "velocity_z")
    )
    inner = np.array(list(itertools.product(*map(range, density.shape)))) + 0.5
    centre = np.asarray(left) + inner * width
    return (
        centre,
        np.full_like(centre, width),
        density.ravel(),
        np.stack([v.ravel() for v in velocity], axis=1),
    )


def uniform(random, periodic):
    data = fields(random, (16, 16, 16))
    yt.set_log_level("error")
    box = np.array([[0.0, 4.0]] * 3)
    dataset = yt.load_uniform_grid(
        dict(data), (16, 16, 16), length_unit="pc", bbox=box, periodicity=(periodic,) * 3, nprocs=8
    )
    return dataset, cells_of([0, 0, 0], 0.25, data)


def patches(random, periodic):
    """Patches of any shape, which may touch the faces of the box; a finer one hides what
    it covers.
    """
    corners = [
        ((0, 0, 0), (16, 16, 16)),
        ((0, 22, 4), (14, 10, 8)),
        ((16, 6, 10), (8, 12, 20)),
        ((2, 50, 10), (20, 12, 12)),
    ]
    levels = [0, 1, 1, 2]
    grids, parts = [], []
    for level, (first, shape) in zip(levels, corners, strict=True):
        width = 0.25 / 2**level
        left = np.array(first) * width
        right = left + np.array(shape) * width
        data = fields(random, shape)
        parts.append((level, left, right, cells_of(left, width, data)))
        grids.append(
            {
                "left_edge": left,
                "right_edge": right,
                "level": level,
                "dimensions": np.array(shape),
                **data,
            }
        )
    kept = []
    for level, _, _, cells in parts:
        covered = np.zeros(len(cells[0]), bool)
        for other, left, right, _ in parts:
            if other > level:
                covered |= np.all((cells[0] > left) & (cells[0] < right), axis=1)
        kept.append([values[~covered] for values in cells])
    yt.set_log_level("error")
    box = np.array([[0.0, 4.0]] * 3)
    dataset = yt.load_amr_grids(
        grids, [16, 16, 16], bbox=box, length_unit="pc", refine_by=2, periodicity=(periodic,) * 3
    )
    return dataset, [np.concatenate(values) for values in zip(*kept, strict=True)]


@pytest.mark.parametrize("periodic", [True, False])
@pytest.mark.parametrize("make", [uniform, patches])
def test_depths_of_grids(make, periodic, sum_lines):
    """The regions along the three axes are read as one, each cell once."""
    dataset, cells = make(np.random.default_rng(4), periodic)
    simulation = YtSimulation(dataset, ENTRY)
    for place in ([2.0, 2.0, 2.0], [0.66, 3.35, 1.7]):
        for depth in ("box", 2.1, 0.3):
            lengths = depth_lengths(depth, simulation.box)
            maps, *_ = map_sink(
                simulation, np.array(place), np.zeros(3),
                side=1.3, pixels=7, nucleus_mass=NUCLEUS, depth=lengths,
            )  # fmt: skip
            cube = Cube(np.array(place), 1.3, 7)
            centre, width, density, velocity = cells
            found = sum_lines(centre, width, density, velocity.T, cube, simulation.box, depth)
            np.testing.assert_allclose(maps[:, 0], found[0] * PARSEC / NUCLEUS, rtol=1e-9)
            np.testing.assert_allclose(maps[:, 1], found[1], atol=1e-9)
            np.testing.assert_allclose(maps[:, 2], found[2], rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("periodic", [True, False])
@pytest.mark.parametrize("make", [uniform, patches])
def test_maps_of_grids(make, periodic, deposit_by_hand):
    """The cubes cut cells of several levels at the faces; where the box does not repeat, only cubes
    inside are asked for.
    """
    dataset, cells = make(np.random.default_rng(3), periodic)
    simulation = YtSimulation(dataset, ENTRY)
    for place in PLACES if periodic else [[2.0, 2.0, 2.0], [0.66, 3.35, 1.7], [0.7, 2.9, 0.7]]:
        frame = np.array([1.0, -2.0, 0.5])
        maps, mass, refined = map_sink(
            simulation, np.array(place), frame, side=1.3, pixels=11, nucleus_mass=NUCLEUS
        )
        column, mean, spread, total = deposit_by_hand(
            *cells, np.array(place), 1.3, 11, 4.0 if periodic else None
        )
        np.testing.assert_allclose(maps[:, 0], column * PARSEC / NUCLEUS, rtol=1e-9)
        np.testing.assert_allclose(maps[:, 1], mean - frame[:, None, None], atol=1e-9)
        np.testing.assert_allclose(maps[:, 2], spread, rtol=1e-6, atol=1e-7)
        assert mass == pytest.approx(total * PARSEC**3 / 1.988409870698051e33, rel=1e-9)
        sums = (
            maps[:, 0].sum(axis=(1, 2)) * NUCLEUS * (1.3 / 11 * PARSEC) ** 2 / 1.988409870698051e33
        )
        np.testing.assert_allclose(sums, mass, rtol=1e-9)
        fine = [values[cells[1][:, 0] < 0.25] for values in cells]
        *_, volume = deposit_by_hand(
            *fine[:2],
            np.ones(len(fine[0])),
            fine[3],
            np.array(place),
            1.3,
            11,
            4.0 if periodic else None,
        )
        assert refined == pytest.approx(volume / 1.3**3, rel=1e-9)


def test_a_field_that_is_not_there_is_named():
    dataset, _ = uniform(np.random.default_rng(3), True)
    with pytest.raises(InputError, match="yt knows no field 'gas denisty'"):
        YtSimulation(dataset, {**ENTRY, "density": "denisty"})
