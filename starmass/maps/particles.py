"""Gas of smoothed-particle codes: each particle's mass is spread by its kernel, shared out exactly.

The kernel is the cubic spline (Monaghan & Lattanzio 1985, A&A 149, 135), tabulated on :data:`CELLS`
cells along the radius and constant within each: a pixel's share is a signed sum of the table's
running integral at corners, in depth as in the plane of the sky. The sums telescope, so that the
mass in a map is the mass in its lines of sight for any alignment. This holds for particles smaller
than a pixel and for those larger than the cube. Velocity moments are merged about the running mean,
as those of cells are.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from starmass.maps.particle_kernels import (
    deposit_particle_lines,
    deposit_particle_moments,
    deposit_particle_values,
)
from starmass.maps.projection import Cube, Gas
from starmass.units import PARSEC_CM, SOLAR_MASS_G

CELLS = 64
"""Cells of the kernel's table along its radius."""


@dataclass(frozen=True)
class Particles(Gas):
    """Gas in particles, each spread over a ball.

    Attributes
    ----------
    position : (n, 3) [pc]
    mass : (n,) [Msun]
    support : (n,) radius at which the kernel ends [pc]
    velocity : (3, n) [km/s]
    fields : other quantities by name, (n,) each, in the units that they were asked for
    """

    position: np.ndarray
    mass: np.ndarray
    support: np.ndarray
    velocity: np.ndarray
    fields: Mapping[str, np.ndarray] = field(default_factory=dict)

    @property
    def density(self) -> np.ndarray:
        """(n,) mean density within each support [g cm^-3]."""
        return self._mass() / (4.0 / 3.0 * np.pi * self.support**3)

    def deposit_moments(
        self, cube: Cube, weight: np.ndarray, mean: np.ndarray, square: np.ndarray
    ) -> float:
        """Add shares of the kernels, as :class:`~starmass.maps.projection.Gas` says."""
        velocity = np.ascontiguousarray(self.velocity, float)
        return deposit_particle_moments(
            *self._balls(cube), velocity, *self._frame(cube), weight, mean, square
        )

    def deposit_values(
        self, cube: Cube, values: np.ndarray, weight: np.ndarray, sums: np.ndarray
    ) -> None:
        """Add ``values`` (map, 3, n), as :class:`~starmass.maps.projection.Gas` says."""
        values = np.ascontiguousarray(values, float)
        deposit_particle_values(*self._balls(cube), values, *self._frame(cube), weight, sums)

    def deposit_lines(
        self,
        cube: Cube,
        velocity: np.ndarray,
        edges: np.ndarray,
        line_width: float,
        spectra: np.ndarray,
    ) -> None:
        """Add lines at ``velocity`` (3, n), as :class:`~starmass.maps.projection.Gas` says."""
        velocity = np.ascontiguousarray(velocity, float)
        deposit_particle_lines(
            *self._balls(cube), velocity, edges, line_width, *self._frame(cube), spectra
        )

    def _balls(self, cube: Cube) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        lower = np.ascontiguousarray(np.asarray(self.position, float) - cube.left)
        return lower, self._mass(), np.ascontiguousarray(self.support, float)

    def _mass(self) -> np.ndarray:
        """(n,) [g cm^-3 pc^3]."""
        return np.asarray(self.mass, float) * (SOLAR_MASS_G / PARSEC_CM**3)

    @staticmethod
    def _frame(cube: Cube) -> tuple[float, np.ndarray, np.ndarray, np.ndarray]:
        return float(cube.side), cube.ends, np.asarray(cube.period, float), kernel_table()


@lru_cache(maxsize=1)
def kernel_table() -> np.ndarray:
    """Return H(x, y, z), the unit kernel's integral between its centre and (x, y, z), at the knots.

    (:data:`CELLS` + 1,) * 3 of the octant of positive arguments; H(1, 1, 1) is 1/8. Each cell is
    integrated by 2 x 2 x 2 Gauss-Legendre points, and the sum normalised.
    """
    offset = 0.5 / np.sqrt(3.0)
    points = ((np.arange(CELLS)[:, None] + [0.5 - offset, 0.5 + offset]) / CELLS).ravel()
    square = points**2
    radius = np.sqrt(square[:, None, None] + square[:, None] + square)
    inner = 1.0 - 6.0 * radius**2 + 6.0 * radius**3
    outer = 2.0 * np.maximum(1.0 - radius, 0.0) ** 3
    kernel = np.where(radius < 0.5, inner, outer)
    cells = kernel.reshape(CELLS, 2, CELLS, 2, CELLS, 2).sum(axis=(1, 3, 5))
    table = np.zeros((CELLS + 1,) * 3)
    table[1:, 1:, 1:] = cells.cumsum(axis=0).cumsum(axis=1).cumsum(axis=2)
    return table / (8.0 * table[-1, -1, -1])
