"""The field about the star: where it is in the sky, at which distances, on which grid."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.wcs import WCS
from scipy.stats import norm

from starmass.errors import InputError
from starmass.maps.fits_grid import read_position

DRAWS = 20
"""Distances at which the field is cut out."""
POLE = 89.9
"""Declination that a field is centred at, at most [degree]."""
NEAREST = 0.3
"""Least of these, as a share of the distance; a nearer one is a tail of no star."""


@dataclass(frozen=True)
class Field:
    """A square about the star.

    Attributes
    ----------
    right_ascension, declination : of the star, ICRS [degree]
    distance, error : of the star [pc]
    side : of the field [pc]
    pixels : along a side
    """

    right_ascension: float
    declination: float
    distance: float
    error: float
    side: float
    pixels: int

    @property
    def star(self) -> SkyCoord:
        """Where the star is."""
        return SkyCoord(self.right_ascension, self.declination, unit="deg", frame="icrs")

    def pixel_arcsec(self, distance: float | None = None) -> float:
        """Side of a pixel at a distance [pc], that of the star when left out [arcsec]."""
        width = self.side / self.pixels / (self.distance if distance is None else distance)
        return math.degrees(width) * 3600

    def distances(self) -> np.ndarray:
        """Quantiles of the distance, a normal distribution [pc]: (20,), their mean the distance."""
        deviates = norm.ppf((np.arange(DRAWS) + 0.5) / DRAWS)
        if self.error:
            most = (1 - NEAREST) * self.distance / self.error
            deviates = np.clip(deviates, -most, most)
        return self.distance + self.error * deviates

    def reach_arcsec(self) -> float:
        """Return the distance of the farthest corner from the star, at the nearest distance."""
        return self.pixel_arcsec(self.distances().min()) * self.pixels / math.sqrt(2)

    def sky(self, distance: float, places: np.ndarray) -> SkyCoord:
        """Return places of the grid as positions.

        The grid is gnomonic about the star, and columns run eastward (CDELT1 is positive): that is
        the orientation of the simulations' maps.

        Parameters
        ----------
        distance : that the field is cut out at [pc]
        places : along a side, counted from 0 at the centre of the first pixel

        Returns
        -------
        positions [row, column]
        """
        wcs = WCS(naxis=2)
        wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
        wcs.wcs.cunit = ["deg", "deg"]
        wcs.wcs.crpix = [0.5 * (self.pixels + 1)] * 2
        wcs.wcs.crval = [self.right_ascension, self.declination]
        wcs.wcs.cdelt = [self.pixel_arcsec(distance) / 3600] * 2
        wcs.wcs.lonpole = 180.0
        column, row = np.meshgrid(places, places)
        right_ascension, declination = wcs.wcs_pix2world(column.ravel(), row.ravel(), 0)
        shape = (len(places), len(places))
        return SkyCoord(
            right_ascension.reshape(shape), declination.reshape(shape), unit="deg", frame="icrs"
        )

    def corners(self, distance: float) -> SkyCoord:
        """Return the corners of all pixels: [row, column], one more than pixels along a side."""
        return self.sky(distance, np.arange(self.pixels + 1) - 0.5)

    def centres(self, distance: float) -> SkyCoord:
        """Return the centres of all pixels: [row, column]."""
        return self.sky(distance, np.arange(self.pixels))


def read_field(entry: Mapping[str, Any], projection: Mapping[str, Any]) -> Field:
    """Read where the star is.

    Parameters
    ----------
    entry : of the object, with ``position`` and ``distance``
    projection : ``side`` [pc], ``pixels``

    Raises
    ------
    InputError
        when the position is no place in the sky
    """
    right_ascension, declination = read_position(entry["position"])
    if abs(declination) > POLE:
        raise InputError(
            f"position: a declination of {declination:g} degrees is too near the pole for a field"
            " about it; give one up to 89.9."
        )
    distance, error = entry["distance"]
    return Field(
        right_ascension,
        declination,
        float(distance),
        float(error),
        float(projection["side"]),
        int(projection["pixels"]),
    )
