"""The one kernel from cells to maps: exact overlap of every cell with every pixel column inside a cube, along all three axes at once.

A cell counts by the part of it that lies inside: in the plane of the sky by its overlap with each pixel, along the line of sight by its
overlap with the cube, and through the faces of a periodic box by its images. So the mass in a map is the mass in the cube for any
alignment and any mix of cell widths. Mean velocity and dispersion are density-weighted moments by volume. The cells of a block that stand
behind one another are taken together first, about their own mean, and such lines are merged pixel by pixel about the running mean
(Chan, Golub & LeVeque 1983, Am. Stat. 37, 242): nothing large is subtracted from anything large, so that a cold stream keeps its digits.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numba
import numpy as np

from starmass.maps.units import KM_CM, PARSEC_CM, SOLAR_MASS_G

AXES = ("x", "y", "z")
ORIENTATION = (
    "axis x: columns run along +y, rows along +z; axis y: columns along +z, rows along +x; axis z: columns along +x, rows along +y; "
    "row 0, column 0 is the corner of smallest coordinates, the sink is at the centre; v_los is positive along +axis: for an observer at "
    "-axis positive recedes, and the columns run from their right to their left"
)


@dataclass(frozen=True)
class Blocks:
    """Gas in blocks of equal cells; a single cell is a block of 1 x 1 x 1.

    Attributes
    ----------
    left, width : (block, 3) lower corner of the block and sides of its cells [pc]
    density : (block, i, j, k) [g cm^-3]
    velocity : (3, block, i, j, k) [km/s]
    fields : other quantities by name, (block, i, j, k) each, in the units that they were asked for
    """

    left: np.ndarray
    width: np.ndarray
    density: np.ndarray
    velocity: np.ndarray
    fields: Mapping[str, np.ndarray] = field(default_factory=dict)


def single_cells(
    centre: np.ndarray, width: np.ndarray, density: np.ndarray, velocity: np.ndarray, fields: Mapping[str, np.ndarray] | None = None
) -> Blocks:
    """Blocks of one cell each: ``centre`` and ``width`` (n, 3) [pc], ``density`` (n,) [g cm^-3], ``velocity`` (n, 3) [km/s]."""
    shape = (len(density), 1, 1, 1)
    others = {name: np.reshape(values, shape) for name, values in (fields or {}).items()}
    return Blocks(centre - 0.5 * width, width, np.reshape(density, shape), np.transpose(velocity).reshape(3, *shape), others)


@dataclass(frozen=True)
class Projection:
    """Maps (axis, row, column) of mass per area [g cm^-2], mean velocity and dispersion [km/s], and the mass in the cube [Msun].

    Where a line of sight holds no gas, velocity and dispersion are NaN.
    """

    surface_density: np.ndarray
    velocity: np.ndarray
    dispersion: np.ndarray
    mass: float


@dataclass(frozen=True)
class Cube:
    """Where to project: ``centre`` (3,) and ``side`` [pc], pixels along a side, ``period`` (3,) of the box [pc], inf along bounded axes."""

    centre: np.ndarray
    side: float
    pixels: int
    period: np.ndarray = field(default_factory=lambda: np.full(3, np.inf))


def project_cube(blocks: Blocks, cube: Cube) -> Projection:
    """Project the gas in a cube along x, y and z, oriented as :data:`ORIENTATION` says.

    ``blocks`` holds every cell that may touch the cube; others do no harm, overlapping ones count twice.
    """
    weight, mean, square = (np.zeros((3, cube.pixels, cube.pixels)) for _ in range(3))
    left, width, density = flat_blocks(blocks, cube)
    velocity = np.ascontiguousarray(blocks.velocity, float).reshape(3, *density.shape)
    sides = np.array(blocks.density.shape[1:])
    inside = _deposit(left, width, sides, density, velocity, float(cube.side), np.asarray(cube.period, float), weight, mean, square)
    empty = weight == 0
    filled = np.where(empty, 1.0, weight)
    return Projection(
        surface_density=weight * (cube.pixels / cube.side) ** 2 * PARSEC_CM,
        velocity=np.where(empty, np.nan, mean),
        dispersion=np.where(empty, np.nan, np.sqrt(square / filled)),
        mass=inside * PARSEC_CM**3 / SOLAR_MASS_G,
    )


def flat_blocks(blocks: Blocks, cube: Cube) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What kernels take: lower corners from the cube's own (block, 3), sides of cells (block, 3), densities (block, cell)."""
    left = np.asarray(blocks.left, float) - (np.asarray(cube.centre, float) - 0.5 * cube.side)
    density = np.ascontiguousarray(blocks.density, float)
    return left, np.ascontiguousarray(blocks.width, float), density.reshape(len(density), -1)


def refined_fraction(blocks: Blocks, cube: Cube, coarsest: np.ndarray) -> float:
    """Share of the cube's volume in cells finer than those of the base grid, ``coarsest`` (3,) [pc]."""
    fine = np.flatnonzero(np.any(np.asarray(blocks.width) < 0.75 * np.asarray(coarsest), axis=1))
    left, width, _ = flat_blocks(blocks, cube)
    sides = np.array(blocks.density.shape[1:])
    return _shared_volume(left[fine], width[fine], sides, float(cube.side), np.asarray(cube.period, float), cube.pixels) / cube.side**3


@numba.njit(cache=True)
def _shared_volume(left, width, sides, side, period, pixels):  # type: ignore[no-untyped-def]
    """Volume that blocks and cube share."""
    overlap = np.zeros((3, sides.max(), pixels))
    reach = np.zeros((3, sides.max(), 2), np.int64)
    depth = np.zeros((3, sides.max()))
    total = 0.0
    for block in range(len(left)):
        if overlap_block(left[block], width[block], sides, side, period, overlap, reach, depth):
            total += depth[0, : sides[0]].sum() * depth[1, : sides[1]].sum() * depth[2, : sides[2]].sum()
    return total


@numba.njit(cache=True)
def _deposit(left, width, sides, density, velocity, side, period, weight, mean, square):  # type: ignore[no-untyped-def]
    """Add blocks to ``weight`` (density x overlap volume), ``mean`` and ``square`` (weighted squared deviations); return all weight."""
    pixels = weight.shape[1]
    overlap = np.zeros((3, sides.max(), pixels))
    reach = np.zeros((3, sides.max(), 2), np.int64)
    depth = np.zeros((3, sides.max()))
    stride = np.array([sides[1] * sides[2], sides[2], 1])
    total = 0.0
    for block in range(density.shape[0]):
        if not overlap_block(left[block], width[block], sides, side, period, overlap, reach, depth):
            continue
        for axis in range(3):
            across, up = (axis + 1) % 3, (axis + 2) % 3
            for p in range(sides[across]):
                for q in range(sides[up]):
                    if depth[across, p] == 0.0 or depth[up, q] == 0.0:
                        continue
                    start = p * stride[across] + q * stride[up]
                    line, speed, spread = 0.0, 0.0, 0.0
                    for cell in range(sides[axis]):
                        here = start + cell * stride[axis]
                        gas = density[block, here] * depth[axis, cell]
                        line += gas
                        speed += gas * velocity[axis, block, here]
                    if line == 0.0:
                        continue
                    speed /= line
                    for cell in range(sides[axis]):
                        here = start + cell * stride[axis]
                        deviation = velocity[axis, block, here] - speed
                        spread += density[block, here] * depth[axis, cell] * deviation * deviation
                    if axis == 0:
                        total += line * depth[across, p] * depth[up, q]
                    for row in range(reach[up, q, 0], reach[up, q, 1] + 1):
                        for column in range(reach[across, p, 0], reach[across, p, 1] + 1):
                            area = overlap[up, q, row] * overlap[across, p, column]
                            if area > 0.0:
                                before = weight[axis, row, column]
                                share = line * area / (before + line * area)
                                deviation = speed - mean[axis, row, column]
                                weight[axis, row, column] = before + line * area
                                mean[axis, row, column] += deviation * share
                                square[axis, row, column] += spread * area + deviation * deviation * before * share
    return total


@numba.njit(cache=True)
def overlap_block(left, width, sides, side, period, overlap, reach, depth):  # type: ignore[no-untyped-def]
    """Lay the cells of a block along each axis over the pixels; return whether the block shares volume with the cube.

    Parameters
    ----------
    left, width : (3,) lower corner of the block from the cube's own, sides of its cells
    sides : (3,) cells along each side
    overlap : (3, cell, pixel) length that cell and pixel share; what the last block left is taken away
    reach : (3, cell, 2) first and last pixel touched
    depth : (3, cell) length inside the cube
    """
    inside = True
    for axis in range(3):
        length = 0.0
        for cell in range(sides[axis]):
            overlap[axis, cell, reach[axis, cell, 0] : reach[axis, cell, 1] + 1] = 0.0
            middle = left[axis] + (cell + 0.5) * width[axis]
            depth[axis, cell] = _overlap_pixels(middle, 0.5 * width[axis], side, period[axis], overlap[axis, cell], reach[axis, cell])
            length += depth[axis, cell]
        inside = inside and length > 0.0
    return inside


@numba.njit(cache=True)
def _overlap_pixels(middle, half, side, period, overlap, reach):  # type: ignore[no-untyped-def]
    """Add a cell's overlap with each pixel along one axis to ``overlap``; note the pixels touched, return the sum."""
    pixels = overlap.shape[0]
    size = side / pixels
    reach[0], reach[1] = pixels, -1
    total = 0.0
    images = 0
    if np.isfinite(period):
        images = 1
        middle -= period * np.rint((middle - 0.5 * side) / period)
    for image in range(-images, images + 1):
        shift = image * period if image != 0 else 0.0
        left = max(middle - half + shift, 0.0)
        right = min(middle + half + shift, side)
        if right <= left:
            continue
        start = min(int(left / size), pixels - 1)
        stop = min(int(right / size), pixels - 1)
        for pixel in range(start, stop + 1):
            length = min(right, (pixel + 1) * size) - max(left, pixel * size)
            if length > 0.0:
                overlap[pixel] += length
                total += length
        reach[0] = min(reach[0], start)
        reach[1] = max(reach[1], stop)
    return total


def hydrogen_column(surface_density: np.ndarray, nucleus_mass: float) -> np.ndarray:
    """Hydrogen nuclei per cm^2 of a mass per area [g cm^-2], with ``nucleus_mass`` [g] of gas for each nucleus."""
    return surface_density / nucleus_mass


def kilometres(velocity_cgs: np.ndarray) -> np.ndarray:
    """Velocities from cm/s to km/s."""
    return velocity_cgs / KM_CM
