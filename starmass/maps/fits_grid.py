"""Where the pixels of a map lie, in FITS's terms: offsets from the star [pc], or RA and DEC.

The observer of a map along an axis is at -axis and looks along +axis, so that positive ``v_los``
recedes. North, their up, is the direction in which the map's rows run (``ORIENTATION``). Their
right is then (+axis) x (north), and that is minus the direction of the columns: the columns run to
their left, where the east of the sky is. FITS images are drawn with column 1 at the left. So
columns are written in reverse, and CDELT1 is negative: the first column is the easternmost one.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from astropy import units
from astropy.coordinates import SkyCoord

from starmass.errors import InputError
from starmass.maps.projection import AXES

Card = tuple[str, Any, str]
"""A header's keyword, value and comment."""


def directions(axis: str) -> tuple[str, str]:
    """Return the simulation's axes that point east and north for the observer of ``axis``."""
    place = AXES.index(axis)
    return AXES[(place + 1) % 3], AXES[(place + 2) % 3]


def as_seen(maps: np.ndarray) -> np.ndarray:
    """Turn maps (..., row, column) of a map file into images with east at the left, or back."""
    return maps[..., ::-1]


@dataclass(frozen=True)
class Place:
    """Where the star is: ``distance`` [pc], and ``position`` as (RA, DEC) in ICRS [degree]."""

    distance: float | None = None
    position: tuple[float, float] | None = None


def grid_cards(axis: str, pixels: int, width: float, place: Place) -> list[Card]:
    """World coordinates of an image.

    With a position they are RA and DEC (gnomonic about the star), and offsets in pc stand beside
    them as the alternative system P; without one they are the offsets.

    Parameters
    ----------
    axis : x, y or z
    pixels : along a side
    width : of a pixel [pc]
    """
    east, north = directions(axis)
    middle = 0.5 * (pixels + 1)  # FITS counts pixels from 1, from centre to centre
    star = "[pixel] the star"
    suffix = "" if place.position is None else "P"
    cards: list[Card] = []
    if place.position is not None and place.distance is not None:
        angle = math.degrees(width / place.distance)
        right_ascension, declination = place.position
        cards += [
            ("CTYPE1", "RA---TAN", f"east is +{east} of the simulation"),
            ("CUNIT1", "deg", ""),
            ("CRPIX1", middle, star),
            ("CRVAL1", right_ascension, "[deg] the star"),
            ("CDELT1", -angle, "[deg] negative: east is to the left"),
            ("CTYPE2", "DEC--TAN", f"north is +{north} of the simulation"),
            ("CUNIT2", "deg", ""),
            ("CRPIX2", middle, star),
            ("CRVAL2", declination, "[deg] the star"),
            ("CDELT2", angle, "[deg]"),
            # The default at the pole itself would turn the map round.
            ("LONPOLE", 180.0, "[deg]"),
            ("RADESYS", "ICRS", ""),
        ]
    cards += [
        ("WCSNAME" + suffix, "OFFSET", "offsets from the star in the simulation"),
        ("CTYPE1" + suffix, f"OFFSET-{east.upper()}", f"offset along +{east} of the simulation"),
        ("CUNIT1" + suffix, "pc", ""),
        ("CRPIX1" + suffix, middle, star),
        ("CRVAL1" + suffix, 0.0, "[pc]"),
        ("CDELT1" + suffix, -width, f"[pc] negative: +{east} is to the left"),
        ("CTYPE2" + suffix, f"OFFSET-{north.upper()}", f"offset along +{north} of the simulation"),
        ("CUNIT2" + suffix, "pc", ""),
        ("CRPIX2" + suffix, middle, star),
        ("CRVAL2" + suffix, 0.0, "[pc]"),
        ("CDELT2" + suffix, width, "[pc]"),
    ]
    return cards


def velocity_cards(lowest: float, highest: float, count: int, frame: str, sky: bool) -> list[Card]:
    """The third axis of a cube: ``count`` equal channels from ``lowest`` to ``highest`` [km/s].

    Velocities are those of the gas itself, not of a shifted line: VELO, which needs no rest
    frequency. Only the frame of the sink is one that FITS has a word for (SOURCE).
    """
    step = (highest - lowest) / count
    cards: list[Card] = []
    for suffix in ("", "P") if sky else ("",):
        cards += [
            ("CTYPE3" + suffix, "VELO", "along the line of sight, positive recedes"),
            ("CUNIT3" + suffix, "km/s", ""),
            ("CRPIX3" + suffix, 1.0, "centre of the first velocity channel"),
            ("CRVAL3" + suffix, lowest + 0.5 * step, "[km/s]"),
            ("CDELT3" + suffix, step, "[km/s]"),
        ]
    return [*cards, ("SPECSYS", "SOURCE", "rest frame of the sink")] if frame == "sink" else cards


def read_position(given: Any) -> tuple[float, float]:
    """Read a position in the sky as (RA, DEC) in ICRS [degree].

    Parameters
    ----------
    given : two numbers in degrees, or text: two numbers, "04h31m34s +18d08m05s", or
        "04:31:34 +18:08:05" (hours and degrees)

    Raises
    ------
    InputError
        when it is none of these, or no place in the sky
    """
    parts = given.replace(",", " ").split() if isinstance(given, str) else given
    try:
        try:
            right_ascension, declination = map(float, parts)
        except ValueError:
            words = " ".join(map(str, parts))
            found = SkyCoord(words, unit=(units.hourangle, units.deg), frame="icrs")
            right_ascension, declination = float(found.ra.deg), float(found.dec.deg)
        if not (-360 <= right_ascension <= 360 and -90 <= declination <= 90):
            raise ValueError
    except (ValueError, TypeError) as error:
        raise InputError(
            f"position: {given!r} is no place in the sky; give RA and DEC in degrees (ICRS), as"
            " '67.892 18.135', or '04h31m34s +18d08m05s'."
        ) from error
    return right_ascension % 360.0, declination
