"""From cells to maps: exact overlap of every cell with every pixel column inside a cube, along all three axes at once.

A cell counts by the part of it that lies inside: in the plane of the sky by its overlap with each pixel, along the line of sight by its
overlap with the cube, and through the faces of a periodic box by its images. So the mass in a map is the mass in the cube for any
alignment and any mix of cell widths. Mean velocity and dispersion are density-weighted moments by volume. The cells of a block that stand
behind one another are taken together first, about their own mean, and such lines are merged pixel by pixel about the running mean
(Chan, Golub & LeVeque 1983, Am. Stat. 37, 242): nothing large is subtracted from anything large, so that a cold stream keeps its digits.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from starmass.maps.kernels import deposit_moments, shared_volume
from starmass.maps.units import PARSEC_CM, SOLAR_MASS_G

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
    centre: np.ndarray,
    width: np.ndarray,
    density: np.ndarray,
    velocity: np.ndarray,
    fields: Mapping[str, np.ndarray] | None = None,
) -> Blocks:
    """Blocks of one cell each: ``centre`` and ``width`` (n, 3) [pc], ``density`` (n,) [g cm^-3], ``velocity`` (n, 3) [km/s]."""
    shape = (len(density), 1, 1, 1)
    others = {name: np.reshape(values, shape) for name, values in (fields or {}).items()}
    return Blocks(
        centre - 0.5 * width,
        width,
        np.reshape(density, shape),
        np.transpose(velocity).reshape(3, *shape),
        others,
    )


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
    inside = deposit_moments(
        left,
        width,
        sides,
        density,
        velocity,
        float(cube.side),
        np.asarray(cube.period, float),
        weight,
        mean,
        square,
    )
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


def volume_shares(blocks: Blocks, cube: Cube, coarsest: np.ndarray) -> tuple[float, float]:
    """Shares of the cube's volume: in cells finer than the base grid's, and in any cell.

    The second is 1 where every place in the cube is in one cell. ``coarsest`` (3,) are the sides
    of the base grid's cells [pc].
    """
    fine = np.any(np.asarray(blocks.width) < 0.75 * np.asarray(coarsest), axis=1)
    left, width, _ = flat_blocks(blocks, cube)
    sides = np.array(blocks.density.shape[1:])
    period = np.asarray(cube.period, float)
    refined, coarse = (
        shared_volume(left[rows], width[rows], sides, float(cube.side), period, cube.pixels)
        for rows in (fine, ~fine)
    )
    return refined / cube.side**3, (refined + coarse) / cube.side**3


def hydrogen_column(surface_density: np.ndarray, nucleus_mass: float) -> np.ndarray:
    """Hydrogen nuclei per cm^2 of a mass per area [g cm^-2], with ``nucleus_mass`` [g] of gas for each nucleus."""
    return surface_density / nucleus_mass
