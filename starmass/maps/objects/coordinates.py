"""Where the pixels of a FITS file lie in the sky, whatever its frame and projection."""

import warnings

import numpy as np
from astropy import units
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning
from astropy.wcs import WCS
from astropy.wcs.utils import wcs_to_celestial_frame

from starmass.maps.objects.findings import Findings


def sky_axes(header: fits.Header) -> list[int]:
    """Return the FITS axes of the sky in order, counted from 0."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)
        wcs = WCS(header)
    lines = sorted(one for one in (wcs.wcs.lng, wcs.wcs.lat) if one >= 0)
    return lines if len(lines) == 2 else [0, 1]


def read_celestial(
    findings: Findings, channel: str, header: fits.Header, path: str, equinox: str | None
) -> WCS | None:
    """Return the coordinates of the sky; None with a problem where they can't be understood."""
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


def pixels_of(wcs: WCS, sky: SkyCoord) -> tuple[np.ndarray, np.ndarray]:
    """Return positions as pixels (column, row), counted from 0."""
    moved = sky.transform_to(wcs_to_celestial_frame(wcs)).spherical
    world = [np.empty(0), np.empty(0)]
    lines = (wcs.wcs.lng, moved.lon), (wcs.wcs.lat, moved.lat)
    for place, angle in lines:
        world[place] = np.atleast_1d(angle.to_value(wcs.wcs.cunit[place])).ravel()
    x, y = wcs.all_world2pix(*world, 0, quiet=True)
    return x.reshape(sky.shape), y.reshape(sky.shape)


def positions_of(wcs: WCS, x: np.ndarray, y: np.ndarray) -> SkyCoord:
    """Return pixels (column, row), counted from 0, as positions."""
    world = wcs.all_pix2world(x.ravel(), y.ravel(), 0)
    longitude, latitude = (
        world[place] * units.Unit(wcs.wcs.cunit[place]) for place in (wcs.wcs.lng, wcs.wcs.lat)
    )
    frame = wcs_to_celestial_frame(wcs)
    return SkyCoord(longitude, latitude, frame=frame).reshape(x.shape)


def find_jacobian(wcs: WCS, x: float, y: float) -> np.ndarray:
    """Return arcsec towards (east, north), in the image's own coordinates, for steps of a pixel."""
    steps = np.array([[0.5, 0], [-0.5, 0], [0, 0.5], [0, -0.5]])
    places = positions_of(wcs, x + steps[:, 0], y + steps[:, 1]).spherical
    longitude, latitude = places.lon.wrap_at(places.lon[0] + 180 * units.deg), places.lat
    east = (longitude * np.cos(latitude.mean())).to_value("arcsec")
    north = latitude.to_value("arcsec")
    return np.array([[one[0] - one[1], one[2] - one[3]] for one in (east, north)])
