"""From gas to maps: the exact share of each element of gas in each pixel column of a cube.

All three axes are projected at once. The lines of sight are as long as the cube is wide, or longer
or shorter: each axis then has a cuboid of its own.

:class:`Gas` is what a simulation hands over. :class:`Blocks` are the cells of a grid code;
``particles`` and ``moving_mesh`` have what particle codes hand over.

A cell counts by the part of it that lies inside. In the plane of the sky this is its overlap with
each pixel, and along the line of sight its overlap with the line. Images of a cell through the
faces of a periodic box count as well. So the mass in a map is the mass in the cube for any
alignment and any mix of cell widths. Mean velocity and dispersion are density-weighted moments by
volume. The cells of a block along one line of sight are first summed about their own mean. Such
lines are then merged pixel by pixel about the running mean (Chan, Golub & LeVeque 1983, Am. Stat.
37, 242). No large numbers are subtracted from each other, so the small dispersion of a cold stream
is precise.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from starmass.maps.kernels import deposit_lines, deposit_moments, deposit_values, shared_volumes
from starmass.units import PARSEC_CM, SOLAR_MASS_G

AXES = ("x", "y", "z")
ORIENTATION = (
    "axis x: columns run along +y, rows along +z; axis y: columns along +z, rows along +x; axis z:"
    " columns along +x, rows along +y; "
    "row 0, column 0 is the corner of smallest coordinates, the sink is at the centre; v_los is"
    " positive along +axis: for an observer at "
    "-axis positive recedes, and the columns run from their right to their left"
)


@dataclass(frozen=True)
class Cube:
    """Where to project.

    Attributes
    ----------
    centre : (3,) [pc]
    side : of the cube, and so of the maps [pc]
    pixels : along a side
    period : (3,) of the box, inf along bounded axes [pc]
    line_ends : (3, 2) where the lines of sight along x, y and z begin and end, from the centre
        [pc]; None for those that begin and end at the cube's faces
    """

    centre: np.ndarray
    side: float
    pixels: int
    period: np.ndarray = field(default_factory=lambda: np.full(3, np.inf))
    line_ends: np.ndarray | None = None

    @property
    def left(self) -> np.ndarray:
        """(3,) its lower corner [pc]."""
        return np.asarray(self.centre, float) - 0.5 * self.side

    @property
    def ends(self) -> np.ndarray:
        """(3, 2) where the lines of sight begin and end, from the lower corner [pc]."""
        if self.line_ends is None:
            return np.tile([0.0, float(self.side)], (3, 1))
        return 0.5 * self.side + np.asarray(self.line_ends, float)

    def alone(self) -> "Cube":
        """The same without line ends: the cube itself."""
        return replace(self, line_ends=None)

    def volumes(self) -> np.ndarray:
        """(4,) of the cube, and of its lines of sight along x, y and z [pc^3]."""
        ends = self.ends
        return np.array([self.side**3, *(self.side**2 * (ends[:, 1] - ends[:, 0]))])

    def cuboids(self) -> np.ndarray:
        """(n, 3) sides of cuboids about the centre that hold all gas in cube and lines [pc]."""
        sides = np.full((1, 3), float(self.side))
        if self.line_ends is None:
            return sides
        longest = 2.0 * np.abs(self.line_ends).max(axis=1)
        return np.where(np.eye(3, dtype=bool), np.maximum(longest, self.side), self.side)


class Gas(ABC):
    """Gas of a snapshot near a cube, in the elements of its code; it adds itself to maps.

    Every method ignores gas outside the lines of sight and counts images through periodic faces. It
    adds to the arrays it is given, so that several kinds of gas can share a map.

    Attributes
    ----------
    velocity : (3, ...) of each element [km/s]
    fields : other quantities by name, (...) each, in the units that they were asked for
    """

    velocity: np.ndarray
    fields: Mapping[str, np.ndarray]

    @abstractmethod
    def deposit_moments(
        self, cube: Cube, weight: np.ndarray, mean: np.ndarray, square: np.ndarray
    ) -> float:
        """Add mass and velocity; return the mass in the cube [g cm^-3 pc^3].

        Parameters
        ----------
        weight : (3, row, column) mass in each pixel column [g cm^-3 pc^3]
        mean : (3, row, column) its mean velocity along each axis [km/s]
        square : (3, row, column) mass times squared deviation from that mean
        """

    @abstractmethod
    def deposit_values(
        self, cube: Cube, values: np.ndarray, weight: np.ndarray, sums: np.ndarray
    ) -> None:
        """Add mass to ``weight``, and mass times value to ``sums``.

        Parameters
        ----------
        values : (map, 3, ...) of each element, as seen along each axis
        weight : (3, row, column) [g cm^-3 pc^3]
        sums : (3, map, row, column)
        """

    @abstractmethod
    def deposit_lines(
        self, cube: Cube, velocity: np.ndarray, edges: np.ndarray, line_width: float,
        spectra: np.ndarray,
    ) -> None:  # fmt: skip
        """Add mass to the velocity channels that each element's line reaches.

        Parameters
        ----------
        velocity : (3, ...) of each element, in the frame of the channels [km/s]
        edges : (channel + 1,) evenly spaced [km/s]
        line_width : dispersion of the line [km/s]
        spectra : (3, channel, row, column) [g cm^-3 pc^3]
        """

    def volume_shares(self, cube: Cube, coarsest: np.ndarray) -> tuple[float, float]:
        """Shares of the volume: the cube's in cells finer than the base grid's, and in any cell.

        The first is NaN for gas without a base grid. The second is 1 where every place is in one
        cell. It is the cube's, or that of the lines of sight along an axis: what is farthest from
        1.

        Parameters
        ----------
        coarsest : (3,) sides of the base grid's cells [pc]
        """
        del cube, coarsest
        return float("nan"), 1.0


@dataclass(frozen=True)
class Blocks(Gas):
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

    def deposit_moments(
        self, cube: Cube, weight: np.ndarray, mean: np.ndarray, square: np.ndarray
    ) -> float:
        """Add density x overlap volume, as :class:`Gas` says."""
        left, width, sides, density = self._flat(cube)
        velocity = np.ascontiguousarray(self.velocity, float).reshape(3, *density.shape)
        blocks = (left, width, sides, density, velocity)
        inside = deposit_moments(*blocks, *_frame(cube), weight, mean, square)
        if cube.line_ends is None:
            return inside
        aside = (np.zeros_like(weight) for _ in range(3))
        return deposit_moments(*blocks, *_frame(cube.alone()), *aside)

    def deposit_values(
        self, cube: Cube, values: np.ndarray, weight: np.ndarray, sums: np.ndarray
    ) -> None:
        """Add ``values`` (map, 3, block, i, j, k), as :class:`Gas` says."""
        left, width, sides, density = self._flat(cube)
        flat = np.ascontiguousarray(values, float).reshape(len(values), 3, *density.shape)
        deposit_values(left, width, sides, density, flat, *_frame(cube), weight, sums)

    def deposit_lines(
        self, cube: Cube, velocity: np.ndarray, edges: np.ndarray, line_width: float,
        spectra: np.ndarray,
    ) -> None:  # fmt: skip
        """Add lines at ``velocity`` (3, block, i, j, k), as :class:`Gas` says."""
        left, width, sides, density = self._flat(cube)
        flat = np.ascontiguousarray(velocity, float).reshape(3, *density.shape)
        deposit_lines(left, width, sides, density, flat, edges, line_width, *_frame(cube), spectra)

    def volume_shares(self, cube: Cube, coarsest: np.ndarray) -> tuple[float, float]:
        """Shares of the cube's volume, as :class:`Gas` says."""
        fine = np.any(np.asarray(self.width) < 0.75 * np.asarray(coarsest), axis=1)
        left, width, sides, _ = self._flat(cube)
        refined, coarse = (
            shared_volumes(left[rows], width[rows], sides, *_frame(cube), cube.pixels)
            for rows in (fine, ~fine)
        )
        covered = (refined + coarse) / cube.volumes()
        farthest = 0 if cube.line_ends is None else np.argmax(np.abs(covered - 1.0))
        return refined[0] / cube.side**3, float(covered[farthest])

    def _flat(self, cube: Cube) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """What kernels take.

        Lower corners, from the cube's own (block, 3); sides of cells (block, 3); number of cells
        along each side (3,); densities (block, cell).
        """
        left = np.asarray(self.left, float) - cube.left
        density = np.ascontiguousarray(self.density, float)
        width = np.ascontiguousarray(self.width, float)
        sides = np.array(density.shape[1:])
        return left, width, sides, density.reshape(len(density), sides.prod())


def _frame(cube: Cube) -> tuple[float, np.ndarray, np.ndarray]:
    return float(cube.side), cube.ends, np.asarray(cube.period, float)


def single_cells(
    centre: np.ndarray,
    width: np.ndarray,
    density: np.ndarray,
    velocity: np.ndarray,
    fields: Mapping[str, np.ndarray] | None = None,
) -> Blocks:
    """Blocks of one cell each.

    ``centre`` and ``width`` (n, 3) [pc], ``density`` (n,) [g cm^-3], ``velocity`` (n, 3) [km/s].
    """
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
    """Maps (axis, row, column) of mass per area, mean velocity and dispersion, and the mass.

    They are in g cm^-2 and km/s; the mass is that in the cube, whatever its lines of sight [Msun].

    Where a line of sight holds no gas, velocity and dispersion are NaN.
    """

    surface_density: np.ndarray
    velocity: np.ndarray
    dispersion: np.ndarray
    mass: float


def project_cube(gas: Gas, cube: Cube) -> Projection:
    """Project the gas in a cube along x, y and z, oriented as :data:`ORIENTATION` says.

    ``gas`` holds every element that may touch the cube or its lines of sight; others do no harm,
    overlapping ones count twice.
    """
    weight, mean, square = (np.zeros((3, cube.pixels, cube.pixels)) for _ in range(3))
    inside = gas.deposit_moments(cube, weight, mean, square)
    empty = weight == 0
    filled = np.where(empty, 1.0, weight)
    return Projection(
        surface_density=weight * (cube.pixels / cube.side) ** 2 * PARSEC_CM,
        velocity=np.where(empty, np.nan, mean),
        dispersion=np.where(empty, np.nan, np.sqrt(square / filled)),
        mass=inside * PARSEC_CM**3 / SOLAR_MASS_G,
    )


def hydrogen_column(surface_density: np.ndarray, nucleus_mass: float) -> np.ndarray:
    """Hydrogen nuclei per cm^2 of a mass per area [g cm^-2].

    ``nucleus_mass`` [g] is the mass of gas for each nucleus.
    """
    return surface_density / nucleus_mass
