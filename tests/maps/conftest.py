"""What the tests of the maps wing share: small AMR dumps with every kind of neighbour, and a judge
of projections.
"""

import itertools

import numpy as np
import pytest

from starmass.maps.descriptor import descriptor_yaml, parse_descriptor
from starmass.maps.sfumato import write_dump

PARSEC, SOLAR_MASS = 3.0856775814913673e18, 1.988409870698051e33
BASE, CELLS = 2, 4


def describe(**layout):
    """Code units of pc, Msun and km/s; box of 4 pc, 2 x 2 x 2 blocks of 4 x 4 x 4 cells."""
    units = {
        "length_cm": PARSEC,
        "mass_g": SOLAR_MASS,
        "time_s": PARSEC / 1e5,
        "box_width": [4.0] * 3,
    }
    units["periodic"] = [True] * 3
    shape = {"block_cells": [CELLS] * 3, "base_blocks": [BASE] * 3}
    return parse_descriptor({"format": "sfumato", **units, **shape, **layout}, "run.yaml")


def random_tree(random, depth=2):
    """Levels and positions of an oct-tree in which about a quarter of the blocks is refined,
    parents included.
    """
    places = np.array(list(itertools.product(range(BASE), repeat=3)))
    levels, positions = [], []
    for level in range(depth + 1):
        levels.append(np.full(len(places), level))
        positions.append(places)
        split = random.random(len(places)) < 0.25
        split[0] = True
        children = np.array(list(itertools.product(range(2), repeat=3)))
        places = (2 * places[split][:, None] + children).reshape(-1, 3)
    return np.concatenate(levels), np.concatenate(positions)


@pytest.fixture
def write_run(tmp_path):
    """Return ``write(seed=, ranks=, stars=, gas=, depth=, **layout) -> (run folder, what was
    written)``.
    """

    def write(
        seed=0,
        ranks=1,
        ranks_said=None,
        stars=None,
        ids=None,
        gas=None,
        snapshot="snap1",
        folder=None,
        depth=2,
        **layout,
    ):
        random = np.random.default_rng(seed)
        said = {} if ranks_said is None else {"ranks": ranks_said}
        descriptor = describe(**layout, **said)
        levels, positions = random_tree(random, depth)
        order = random.permutation(len(levels))
        levels, positions = levels[order], positions[order]
        values = {
            v.label: random.normal(0, 1, (len(levels), CELLS, CELLS, CELLS))
            for v in descriptor.variables
        }
        values["MRHO"] = np.exp(values["MRHO"])
        values.update(gas(levels, positions) if gas else {})
        names = [item.name for item in descriptor.sink_items]
        table = {name: np.zeros(0) for name in names}
        if stars is not None:
            table = {name: np.full(len(stars), 0.1) for name in names}
            table.update({axis: np.array(stars, float)[:, i] for i, axis in enumerate("xyz")})
            table.update(
                id=np.arange(7, 7 + len(stars)) if ids is None else np.array(ids),
                mass=1.0 + np.arange(len(stars)),
                vx=2.0 + np.arange(len(stars)),
            )
        run = folder or tmp_path / "run"
        run.mkdir(exist_ok=True)
        (run / "run.yaml").write_text(descriptor_yaml(descriptor))
        write_dump(
            run,
            descriptor,
            snapshot,
            time=0.5,
            step=3,
            levels=levels,
            positions=positions,
            cells=values,
            sinks=table,
            ranks=ranks,
        )
        return run, {
            "levels": levels,
            "positions": positions,
            "cells": values,
            "sinks": table,
            "descriptor": descriptor,
        }

    return write


@pytest.fixture
def deposit_by_hand():
    """Return the judge: cells laid into the cube's voxels one image at a time, then moments along
    each axis in two passes.
    """

    def deposit(centre, width, density, velocity, cube_centre, side, pixels, period=None):
        edges = np.linspace(-side / 2, side / 2, pixels + 1)
        shifts = [0.0] if period is None else [-period, 0.0, period]
        volume = np.zeros((len(density), pixels, pixels, pixels))
        for shift in itertools.product(shifts, repeat=3):
            lengths = []
            for axis in range(3):
                middle = centre[:, axis] - cube_centre[axis] + shift[axis]
                left, right = middle - width[:, axis] / 2, middle + width[:, axis] / 2
                inside = np.minimum(right[:, None], edges[1:]) - np.maximum(
                    left[:, None], edges[:-1]
                )
                lengths.append(np.clip(inside, 0, None))
            volume += np.einsum("ni,nj,nk->nijk", *lengths)
        mass = volume * density[:, None, None, None]
        column, mean, spread = [], [], []
        for axis in range(3):
            weight = mass.sum(axis=axis + 1)
            weight = (
                np.swapaxes(weight, 1, 2) if axis != 1 else weight
            )  # rows are the second of the two following axes
            total = weight.sum(axis=0)
            with np.errstate(invalid="ignore", divide="ignore"):
                average = np.tensordot(velocity[:, axis], weight, 1) / total
                deviation = velocity[:, axis, None, None] - average
                spread.append(np.sqrt((weight * deviation**2).sum(axis=0) / total))
            column.append(total * (pixels / side) ** 2)
            mean.append(average)
        return np.array(column), np.array(mean), np.array(spread), mass.sum()

    return deposit


def _lengths_between(middle, half, edges, period):
    """(n, len(edges) - 1) that intervals share with bins, with images through periodic faces."""
    found = np.zeros((len(middle), len(edges) - 1))
    for image in range(-3, 4) if np.isfinite(period) else (0,):
        shift = image * period if image else 0.0
        low = np.maximum((middle - half + shift)[:, None], edges[:-1])
        high = np.minimum((middle + half + shift)[:, None], edges[1:])
        found += np.clip(high - low, 0, None)
    return found


@pytest.fixture
def sum_lines():
    """Return the judge of depths: mass per area, mean and dispersion (axis, row, column) of
    ``values`` (3, n), summed over every cell of a box from 0, from the definition of ``depth``
    alone.
    """
    return _sum_lines


def _sum_lines(centre, width, density, values, cube, box, depth):
    edges = np.linspace(-0.5, 0.5, cube.pixels + 1) * cube.side
    column, mean, spread = [], [], []
    for axis in range(3):
        reach = box.width[axis] if depth == "box" else cube.side if depth is None else depth
        reach = min(reach, box.width[axis])
        line = np.array([-reach / 2, reach / 2])
        if not box.periodic[axis]:
            faces = np.array([0.0, box.width[axis]]) - cube.centre[axis]
            line = faces if reach == box.width[axis] else np.clip(line, *faces)
        place, half = centre - cube.centre, width / 2
        across, up = (axis + 1) % 3, (axis + 2) % 3
        long = _lengths_between(place[:, axis], half[:, axis], line, box.period[axis])[:, 0]
        wide = _lengths_between(place[:, across], half[:, across], edges, box.period[across])
        high = _lengths_between(place[:, up], half[:, up], edges, box.period[up])
        mass = np.einsum("n,nr,nc->nrc", density * long, high, wide)
        total = mass.sum(axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            average = np.tensordot(values[axis], mass, 1) / total
            deviation = (values[axis][:, None, None] - average) ** 2
            spread.append(np.sqrt((mass * deviation).sum(axis=0) / total))
        column.append(total * (cube.pixels / cube.side) ** 2)
        mean.append(average)
    return np.array(column), np.array(mean), np.array(spread)
