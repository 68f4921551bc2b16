"""The one kernel from cells to maps: exact overlap of every cell with every pixel column inside a cube, along all three axes at once.

A cell counts by the part of it that lies inside: in the plane of the sky by its overlap with each pixel, along the line of sight by its
overlap with the cube, and through the faces of a periodic box by its images. So the mass in a map is the mass in the cube for any
alignment and any mix of cell widths. Mean velocity and dispersion are density-weighted moments by volume, accumulated pixel by pixel about
the running mean (West 1979, CACM 22, 532): nothing large is subtracted from anything large, so that a cold stream keeps its digits.
"""

from dataclasses import dataclass

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
class Cells:
    """Gas cells: ``centre`` and ``width`` (n, 3) [pc], ``density`` (n,) [g cm^-3], ``velocity`` (n, 3) [km/s]."""

    centre: np.ndarray
    width: np.ndarray
    density: np.ndarray
    velocity: np.ndarray


@dataclass(frozen=True)
class Projection:
    """Maps (axis, row, column) of mass per area [g cm^-2], mean velocity and dispersion [km/s], and the mass in the cube [Msun].

    Where a line of sight holds no gas, velocity and dispersion are NaN.
    """

    surface_density: np.ndarray
    velocity: np.ndarray
    dispersion: np.ndarray
    mass: float


def project_cube(cells: Cells, centre: np.ndarray, *, side: float, pixels: int, period: np.ndarray | None = None) -> Projection:
    """Project the gas in a cube along x, y and z.

    Parameters
    ----------
    cells : every cell that may touch the cube; others do no harm, overlapping ones count twice
    centre : (3,) middle of the cube [pc]
    side : of the cube [pc]
    pixels : along a side of a map
    period : (3,) width of the periodic box [pc], infinite along an axis that does not repeat; None for no repetition at all

    Returns
    -------
    Projection, oriented as :data:`ORIENTATION` says
    """
    period = np.full(3, np.inf) if period is None else np.asarray(period, float)
    offset = np.asarray(cells.centre, float) - np.asarray(centre, float)
    repeats = np.isfinite(period)
    offset[:, repeats] -= period[repeats] * np.rint(offset[:, repeats] / period[repeats])
    weight = np.zeros((3, pixels, pixels))
    mean = np.zeros((3, pixels, pixels))
    square = np.zeros((3, pixels, pixels))
    inside = _deposit(
        offset + 0.5 * side, np.ascontiguousarray(cells.width, float), np.ascontiguousarray(cells.density, float),
        np.ascontiguousarray(cells.velocity, float), float(side), period, weight, mean, square,
    )  # fmt: skip
    empty = weight == 0
    filled = np.where(empty, 1.0, weight)
    return Projection(
        surface_density=weight * (pixels / side) ** 2 * PARSEC_CM,
        velocity=np.where(empty, np.nan, mean),
        dispersion=np.where(empty, np.nan, np.sqrt(square / filled)),
        mass=inside * PARSEC_CM**3 / SOLAR_MASS_G,
    )


@numba.njit(cache=True)
def _deposit(offset, width, density, velocity, side, period, weight, mean, square):  # type: ignore[no-untyped-def]
    """Add cells to ``weight`` (density x overlap volume), ``mean`` and ``square`` (weighted squared deviations); return all weight.

    ``offset`` (n, 3) is a cell's centre from the cube's lower corner, its nearest image to the cube.
    """
    pixels = weight.shape[1]
    overlap = np.zeros((3, pixels))
    first = np.empty(3, np.int64)
    last = np.empty(3, np.int64)
    depth = np.empty(3)
    total = 0.0
    for cell in range(offset.shape[0]):
        touches = True
        for axis in range(3):
            touches = touches and _reaches(offset[cell, axis], 0.5 * width[cell, axis], side, period[axis])
        if not touches or density[cell] == 0.0:
            continue
        for axis in range(3):
            depth[axis] = _overlap_pixels(offset[cell, axis], 0.5 * width[cell, axis], side, period[axis], overlap[axis], first, last, axis)
        total += density[cell] * depth[0] * depth[1] * depth[2]
        for axis in range(3):
            across, up = (axis + 1) % 3, (axis + 2) % 3
            column_density = density[cell] * depth[axis]
            speed = velocity[cell, axis]
            for row in range(first[up], last[up] + 1):
                for column in range(first[across], last[across] + 1):
                    added = column_density * overlap[up, row] * overlap[across, column]
                    if added > 0.0:
                        weight[axis, row, column] += added
                        deviation = speed - mean[axis, row, column]
                        mean[axis, row, column] += deviation * (added / weight[axis, row, column])
                        square[axis, row, column] += added * deviation * (speed - mean[axis, row, column])
        for axis in range(3):
            overlap[axis, first[axis] : last[axis] + 1] = 0.0
    return total


@numba.njit(cache=True, inline="always")
def _reaches(offset, half, side, period):  # type: ignore[no-untyped-def]
    """Whether a cell, or an image of it, shares length with the cube along one axis."""
    if offset + half > 0.0 and offset - half < side:
        return True
    return offset + half - period > 0.0 or offset - half + period < side


@numba.njit(cache=True)
def _overlap_pixels(offset, half, side, period, overlap, first, last, axis):  # type: ignore[no-untyped-def]
    """Add a cell's overlap with each pixel along one axis to ``overlap``; note the pixel range, return the sum."""
    pixels = overlap.shape[0]
    size = side / pixels
    first[axis], last[axis] = pixels, -1
    total = 0.0
    for image in range(-1, 2):
        if image != 0 and not np.isfinite(period):
            continue
        shift = image * period if image != 0 else 0.0
        left = max(offset - half + shift, 0.0)
        right = min(offset + half + shift, side)
        if right <= left:
            continue
        start = min(int(left / size), pixels - 1)
        stop = min(int(right / size), pixels - 1)
        for pixel in range(start, stop + 1):
            length = min(right, (pixel + 1) * size) - max(left, pixel * size)
            if length > 0.0:
                overlap[pixel] += length
                total += length
        first[axis] = min(first[axis], start)
        last[axis] = max(last[axis], stop)
    return total


def hydrogen_column(surface_density: np.ndarray, nucleus_mass: float) -> np.ndarray:
    """Hydrogen nuclei per cm^2 of a mass per area [g cm^-2], with ``nucleus_mass`` [g] of gas for each nucleus."""
    return surface_density / nucleus_mass


def kilometres(velocity_cgs: np.ndarray) -> np.ndarray:
    """Velocities from cm/s to km/s."""
    return velocity_cgs / KM_CM
