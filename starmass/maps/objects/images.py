"""FITS files of an object: which image in it, where its pixels lie in the sky, and its beam.

Headers are read first, so that a user learns of all that is lacking before anything is computed.
"""

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from astropy import units
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning
from astropy.wcs import WCS
from astropy.wcs.utils import wcs_to_celestial_frame

from starmass.errors import InputError
from starmass.files import check_readable
from starmass.maps.objects.beams import Beam
from starmass.maps.objects.findings import Findings

ALIKE = 0.05
"""Relative difference of the config's beam and the header's that is one of rounding."""
NO_DATA = 1e30
"""Values above it are none: single precision ends at 3.4e38."""
ZEROS = 0.01
"""Share of exact zeros above which these must be missing pixels."""


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
        return _pixels(self.wcs, sky)

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
        return _positions(self.wcs, x, y)


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
    images = {place: hdu for place, hdu in enumerate(file) if hdu.is_image and _axes(hdu) >= 2}
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


def _axes(hdu: Any) -> int:
    return int(hdu.header.get("ZNAXIS", hdu.header.get("NAXIS", 0)))


def _understand(
    findings: Findings, channel: str, entry: Mapping[str, Any], path: str, star: SkyCoord,
    place: int, header: fits.Header,
) -> Image | None:  # fmt: skip
    key = findings.key(channel)
    axes = [int(header.get(f"ZNAXIS{n}", header.get(f"NAXIS{n}", 1))) for n in range(1, 9)]
    if channel != "cube" and any(size > 1 for size in axes[2:]):
        findings.refuse(
            f"{path}: it has a third axis (NAXIS3 = {axes[2]}) where {key} is an image; give an"
            f" image, or the cube of a line as {findings.key('cube')}."
        )
        return None
    wcs = _celestial(findings, channel, header, path, entry.get("equinox"))
    if wcs is None:
        return None
    beam = _beam(findings, key, header, path, entry.get("beam"))
    # The sky's axes are the first two, but in cubes with the spectrum first.
    sizes = [axes[number] for number in sky_axes(header)]
    shape = (sizes[1], sizes[0])
    x, y = (float(one) for one in _pixels(wcs, star))
    if not (-0.5 <= x < shape[1] - 0.5 and -0.5 <= y < shape[0] - 0.5):
        findings.refuse(
            f"{path}: the star falls on pixel ({x:.1f}, {y:.1f}) of {shape[1]} x {shape[0]}"
            f" (NAXIS1, NAXIS2; counted from 0), so it is not in the image; check"
            f" {findings.key('position')}, or {key}.equinox."
        )
        return None
    return Image(key, channel, path, place, header, shape, wcs, (x, y), _jacobian(wcs, x, y), beam)


def sky_axes(header: fits.Header) -> list[int]:
    """Return the FITS axes of the sky in order, counted from 0."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)
        wcs = WCS(header)
    lines = sorted(one for one in (wcs.wcs.lng, wcs.wcs.lat) if one >= 0)
    return lines if len(lines) == 2 else [0, 1]


def _celestial(
    findings: Findings, channel: str, header: fits.Header, path: str, equinox: str | None
) -> WCS | None:
    key = findings.key(channel)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AstropyWarning)
            wcs = WCS(header).celestial
    except Exception as error:  # wcslib's own errors have no common class
        words = " ".join(str(error).split())
        findings.refuse(f"{path}: its coordinates (CTYPE1 ...) can't be read ({words}); mend them.")
        return None
    if not wcs.has_celestial:
        findings.refuse(
            f"{path}: CTYPE1 and CTYPE2 are no coordinates of the sky, so that {key} can't be"
            " placed; add them to the header."
        )
        return None
    if wcs.wcs.lngtyp.strip() == "RA":
        _set_equinox(findings, channel, header, path, equinox, wcs)
    try:
        wcs_to_celestial_frame(wcs)
    except ValueError:
        findings.refuse(
            f"{path}: RADESYS = {wcs.wcs.radesys!r} is a frame that is not known; give"
            f" {key}.equinox: J2000 or B1950."
        )
        return None
    return wcs


def _set_equinox(
    findings: Findings, channel: str, header: fits.Header, path: str, given: str | None, wcs: WCS
) -> None:
    """Equinoxes that can't be are taken for J2000."""
    system = str(header.get("RADESYS", header.get("RADECSYS", "")) or "").strip()
    if given == "B1950":
        wcs.wcs.radesys, wcs.wcs.equinox = "FK4", 1950.0
    elif given == "J2000":
        wcs.wcs.radesys, wcs.wcs.equinox = system if system == "ICRS" else "FK5", 2000.0
    elif "EQUINOX" in header and not float(header["EQUINOX"] or 0) > 1800:
        wcs.wcs.radesys, wcs.wcs.equinox = system if system == "ICRS" else "FK5", 2000.0
        findings.warn(
            channel,
            f"{path}: EQUINOX = {header['EQUINOX']} can't be, and J2000 is taken for it; say so in"
            f" {findings.key(channel)}.equinox: J2000, or B1950.",
        )
    elif not (system or "EQUINOX" in header or "EPOCH" in header):
        wcs.wcs.radesys, wcs.wcs.equinox = "FK5", 2000.0
        findings.warn(
            channel,
            f"{path}: EQUINOX and RADESYS are missing, and J2000 is taken for them; say so in"
            f" {findings.key(channel)}.equinox: J2000, or B1950.",
        )
    wcs.wcs.set()


def _pixels(wcs: WCS, sky: SkyCoord) -> tuple[np.ndarray, np.ndarray]:
    moved = sky.transform_to(wcs_to_celestial_frame(wcs)).spherical
    world = [np.empty(0), np.empty(0)]
    lines = (wcs.wcs.lng, moved.lon), (wcs.wcs.lat, moved.lat)
    for place, angle in lines:
        world[place] = np.atleast_1d(angle.to_value(wcs.wcs.cunit[place])).ravel()
    x, y = wcs.all_world2pix(*world, 0, quiet=True)
    return x.reshape(sky.shape), y.reshape(sky.shape)


def _positions(wcs: WCS, x: np.ndarray, y: np.ndarray) -> SkyCoord:
    world = wcs.all_pix2world(x.ravel(), y.ravel(), 0)
    longitude, latitude = (
        world[place] * units.Unit(wcs.wcs.cunit[place]) for place in (wcs.wcs.lng, wcs.wcs.lat)
    )
    frame = wcs_to_celestial_frame(wcs)
    return SkyCoord(longitude, latitude, frame=frame).reshape(x.shape)


def _jacobian(wcs: WCS, x: float, y: float) -> np.ndarray:
    """Return arcsec towards (east, north), in the image's own coordinates, for steps of a pixel."""
    steps = np.array([[0.5, 0], [-0.5, 0], [0, 0.5], [0, -0.5]])
    places = _positions(wcs, x + steps[:, 0], y + steps[:, 1]).spherical
    longitude, latitude = places.lon.wrap_at(places.lon[0] + 180 * units.deg), places.lat
    east = (longitude * np.cos(latitude.mean())).to_value("arcsec")
    north = latitude.to_value("arcsec")
    return np.array([[one[0] - one[1], one[2] - one[3]] for one in (east, north)])


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


def load(image: Image, box: tuple[slice, slice], path: str | None = None) -> np.ndarray:
    """Read values [row, column] of a part of an image.

    Parameters
    ----------
    image : whose header was understood
    box : rows and columns
    path : another file with the same pixels, as of noise

    Raises
    ------
    InputError
        when the other file has other pixels, or none
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AstropyWarning)
            with fits.open(path or image.path, memmap=True) as file:
                hdu = file[image.hdu] if path is None else _of_shape(file, image, path)
                data = hdu.data
                while data.ndim > 2:
                    data = data[0]
                return np.array(data[box], dtype=float)
    except (OSError, TypeError, IndexError) as error:
        words = " ".join(str(error).split())
        raise InputError(
            f"{path or image.path}: its image can't be read ({words}); give a whole file as"
            f" {image.key}.{'noise' if path else 'file'}."
        ) from error


def _of_shape(file: fits.HDUList, image: Image, path: str) -> Any:
    for hdu in file:
        if hdu.is_image and _axes(hdu) >= 2 and hdu.shape[-2:] == image.shape:
            return hdu
    raise InputError(
        f"{path}: no image in it has the {image.shape[1]} x {image.shape[0]} pixels (NAXIS1,"
        f" NAXIS2) of {image.path}; give {image.key}.noise as a number, or as a file of the"
        " same pixels."
    )


def blank(
    findings: Findings, image: Image, values: np.ndarray, entry: Mapping[str, Any], zeros: bool
) -> np.ndarray:
    """Put NaN in place of values that stand for missing pixels.

    Parameters
    ----------
    values : [row, column] as in the file
    entry : with ``blank``
    zeros : whether exact zeros are as good as any other value
    """
    values = np.where(np.isfinite(values), values, np.nan)
    for one in entry.get("blank") or ():
        # Files in single precision hold the nearest number to the one in the config.
        values = np.where(np.isclose(values, one, rtol=1e-6, atol=0), np.nan, values)
    there = np.isfinite(values)
    if np.any(np.abs(values[there]) > NO_DATA):
        most = float(values[there][np.argmax(np.abs(values[there]))])
        findings.refuse(
            f"{image.path}: values as {most:.4g} can't be measured (BUNIT ="
            f" {image.header.get('BUNIT', '')!r}), so they stand for missing pixels; list them in"
            f" {image.key}.blank."
        )
    share = float(np.mean(values[there] == 0)) if there.any() else 0.0
    if share > ZEROS:
        text = (
            f"{image.path}: {share:.0%} of its values about the star are exactly 0 (BUNIT ="
            f" {image.header.get('BUNIT', '')!r}), which stands for missing pixels in most files"
        )
        if zeros:
            findings.warn(image.channel, f"{text}; if so, add {image.key}.blank: 0.")
        else:
            findings.refuse(f"{text}; add {image.key}.blank: 0.")
    return values
