"""Gas laid over the pixels of a cube: means by mass, and spectra."""

from collections.abc import Sequence

import numpy as np

from starmass.maps.projection import Cube, Gas
from starmass.units import PARSEC_CM


def project_means(gas: Gas, cube: Cube, wanted: Sequence[Sequence[np.ndarray]]) -> np.ndarray:
    """Density-weighted means (axis, map, row, column).

    ``wanted`` has for every map the quantity as seen along each axis: one value for each element
    of gas.
    """
    sums = np.zeros((3, len(wanted), cube.pixels, cube.pixels))
    weight = np.zeros((3, cube.pixels, cube.pixels))
    gas.deposit_values(cube, np.array(wanted, float), weight, sums)
    with np.errstate(invalid="ignore"):
        return sums / weight[:, None]


def project_spectra(
    gas: Gas, cube: Cube, frame: np.ndarray,
    lowest: float, highest: float, count: int, line_width: float,
) -> np.ndarray:  # fmt: skip
    """Mass per area [g cm^-2] within each of ``count`` velocity channels.

    A cell or particle shines at its own velocity along the line of sight, relative to ``frame``,
    with a Gaussian line of dispersion ``line_width`` [km/s]; what lies below ``lowest`` or from
    ``highest`` on is in no channel.

    Returns
    -------
    (axis, channel, row, column)
    """
    spectra = np.zeros((3, count, cube.pixels, cube.pixels))
    edges = np.linspace(lowest, highest, count + 1)
    gas.deposit_lines(cube, in_frame(gas.velocity, frame), edges, float(line_width), spectra)
    return spectra * (cube.pixels / cube.side) ** 2 * PARSEC_CM


def in_frame(velocity: np.ndarray, frame: np.ndarray) -> np.ndarray:
    """(3, ...) velocities relative to ``frame`` (3,)."""
    return velocity - np.reshape(np.asarray(frame, float), (3,) + (1,) * (np.ndim(velocity) - 1))
