"""FITS files of an object: which image in it, where its pixels lie in the sky, and its beam.

Headers are read first, so that a user learns of all that is lacking before anything is computed.
"""

import math
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning
from astropy.wcs import WCS

from starmass.errors import InputError
from starmass.files import check_readable
from starmass.maps.objects.beams import Beam
from starmass.maps.objects.coordinates import (
    find_jacobian,
    pixels_of,
    positions_of,
    read_celestial,
    sky_axes,
)
from starmass.maps.objects.findings import Findings

NUMBER = re.compile(
    r"(CRPIX|CRVAL|CDELT|CROTA)\d|(CD|PC)\d_\d|BMAJ|BMIN|BPA|RESTFRE?Q|EQUINOX|EPOCH|VELREF"
)
"""Keywords whose values are numbers."""
ALIKE = 0.05
"""Relative difference of the config's beam and the header's that is one of rounding."""


@dataclass(frozen=True)
class Image:
    """The header of an image or cube, as understood.

    Attributes
    ----------
    key : of the config, as ``objects.vla1623.v_los``
    channel : column_density, v_los, sigma_v or cube
    path, hdu : where it is
    header : of the HDU
    shape : of the sky: rows, columns
    wcs : of the sky
    star : pixel of the star (column, row), counted from 0
    jacobian : arcsec towards (east, north) for a step of a pixel along (columns, rows)
    beam : None where it is not known
    """

    key: str
    channel: str
    path: str
    hdu: int
    header: fits.Header
    shape: tuple[int, int]
    wcs: WCS
    star: tuple[float, float]
    jacobian: np.ndarray
    beam: Beam | None

    @property
    def pixel_arcsec(self) -> float:
        """Side of a pixel of the same area [arcsec]."""
        return math.sqrt(abs(float(np.linalg.det(self.jacobian))))

    def places(self, sky: SkyCoord) -> tuple[np.ndarray, np.ndarray]:
        """Return positions as pixels (column, row), counted from 0."""
        return pixels_of(self.wcs, sky)

    def kernel_pixels(self, covariance: np.ndarray) -> np.ndarray:
        """Turn a covariance (east, north) [arcsec2] into (column, row) [pixel2]."""
        inverse = np.linalg.inv(self.jacobian)
        return inverse @ covariance @ inverse.T

    def same_grid(self, other: "Image") -> bool:
        """Whether pixels of both are the same."""
        rows, columns = self.shape
        if self.shape != other.shape:
            return False
        x, y = np.array([0, columns - 1, 0, columns - 1.0]), np.array([0, 0, rows - 1, rows - 1.0])
        there = other.places(self.sky(x, y))
        return bool(np.allclose(there[0], x, atol=0.01) and np.allclose(there[1], y, atol=0.01))

    def sky(self, x: np.ndarray, y: np.ndarray) -> SkyCoord:
        """Return pixels (column, row), counted from 0, as positions."""
        return positions_of(self.wcs, x, y)


def read_image(
    findings: Findings, channel: str, entry: Mapping[str, Any], path: str, star: SkyCoord
) -> Image | None:
    """Read a header; None where the problems found are too many to go on."""
    key = findings.key(channel)
    try:
        check_readable(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AstropyWarning)
            with fits.open(path, memmap=True) as file:
                place = _choose(findings, file, path, key, entry.get("hdu"))
                header = file[place].header.copy() if place is not None else None
    except InputError as error:
        findings.refuse(f"{key}.file: {error}")
        return None
    except (OSError, ValueError, TypeError) as error:
        words = " ".join(str(error).split())
        findings.refuse(f"{path}: this is no FITS file ({words}); give one as {key}.file.")
        return None
    if header is None or place is None:
        return None
    return _understand(findings, channel, entry, path, star, place, header)


def _choose(
    findings: Findings, file: fits.HDUList, path: str, key: str, wanted: str | int | None
) -> int | None:
    """Return the number of the HDU with the image."""
    images = {place: hdu for place, hdu in enumerate(file) if hdu.is_image and count_axes(hdu) >= 2}
    names = ", ".join(f"{place} {hdu.name}".strip() for place, hdu in images.items())
    if not images:
        findings.refuse(
            f"{path}: there is no image in it (NAXIS); name another file in {key}.file."
        )
        return None
    if wanted is None and len(images) == 1:
        return next(iter(images))
    if wanted is None:
        findings.refuse(
            f"{path}: there are {len(images)} images in it ({names}); name one in {key}.hdu."
        )
        return None
    for place, hdu in images.items():
        if wanted == place or str(wanted).upper() == hdu.name.upper():
            return place
    findings.refuse(f"{path}: {key}.hdu: {wanted!r} is none of its images, which are {names}.")
    return None


def count_axes(hdu: Any) -> int:
    """Return the number of axes of an HDU, of a compressed one too."""
    return int(hdu.header.get("ZNAXIS", hdu.header.get("NAXIS", 0)))


def _numbers(findings: Findings, header: fits.Header, path: str) -> bool:
    """Refuse text where a number has to be: astropy ignores such cards."""
    wrong = [
        f"{card} = {header[card]!r}"
        for card in header
        if NUMBER.fullmatch(card) and not isinstance(header[card], int | float)
        if not isinstance(header[card], fits.card.Undefined)
    ]
    if wrong:
        findings.refuse(f"{path}: {wrong[0]} is no number; mend the header (astropy's fitsheader).")
    return not wrong


def _understand(
    findings: Findings, channel: str, entry: Mapping[str, Any], path: str, star: SkyCoord,
    place: int, header: fits.Header,
) -> Image | None:  # fmt: skip
    key = findings.key(channel)
    if not _numbers(findings, header, path):
        return None
    axes = [int(header.get(f"ZNAXIS{n}", header.get(f"NAXIS{n}", 1))) for n in range(1, 9)]
    if channel != "cube" and any(size > 1 for size in axes[2:]):
        findings.refuse(
            f"{path}: it has a third axis (NAXIS3 = {axes[2]}) where {key} is an image; give an"
            f" image, or the cube of a line as {findings.key('cube')}."
        )
        return None
    wcs = read_celestial(findings, channel, header, path, entry.get("equinox"))
    if wcs is None:
        return None
    beam = _beam(findings, key, header, path, entry.get("beam"))
    # The sky's axes are the first two, but in cubes with the spectrum first.
    sizes = [axes[number] for number in sky_axes(header)]
    shape = (sizes[1], sizes[0])
    x, y = (float(one) for one in pixels_of(wcs, star))
    if not (-0.5 <= x < shape[1] - 0.5 and -0.5 <= y < shape[0] - 0.5):
        where = (
            f"falls on pixel ({x:.1f}, {y:.1f}) of {shape[1]} x {shape[0]} (NAXIS1, NAXIS2; counted"
            " from 0), so it is not in the image"
            if np.isfinite(x + y)
            else "is over 90 degrees away from the image (CRVAL1, CRVAL2)"
        )
        findings.refuse(
            f"{path}: the star {where}; check {findings.key('position')} (degrees, or hours with h"
            f" or colons), or {key}.equinox."
        )
        return None
    return Image(
        key, channel, path, place, header, shape, wcs, (x, y), find_jacobian(wcs, x, y), beam
    )


def _beam(
    findings: Findings,
    key: str,
    header: fits.Header,
    path: str,
    given: float | Sequence[float] | None,
) -> Beam | None:
    """Return the beam, or None with a problem where neither header nor config has one."""
    major = float(header.get("BMAJ", 0.0) or 0.0) * 3600
    minor = float(header.get("BMIN", 0.0) or 0.0) * 3600 or major
    written = Beam(major, minor, float(header.get("BPA", 0.0) or 0.0)) if major > 0 else None
    if given is None:
        if header.get("CASAMBM"):
            findings.refuse(
                f"{path}: CASAMBM says that each channel has a beam of its own; smooth the cube to"
                f" one beam, or give {key}.beam: the largest full width at half maximum [arcsec]."
            )
        elif written is None:
            findings.refuse(
                f"{path}: BMAJ is missing, so the beam is not known; give {key}.beam: its full"
                " width at half maximum [arcsec], or 0 for none."
            )
        return written
    said = Beam(given, given) if isinstance(given, int | float) else Beam(*map(float, given))
    if said.minor > said.major:
        said = Beam(said.minor, said.major, said.angle + 90)
    if written and not all(
        math.isclose(one, other, rel_tol=ALIKE)
        for one, other in ((said.major, written.major), (said.minor, written.minor))
    ):
        findings.refuse(
            f"{path}: BMAJ and BMIN say a beam of {written}, and {key}.beam says {said}; they are"
            f" over {ALIKE:.0%} apart, so leave out {key}.beam, or mend the header."
        )
    return said
