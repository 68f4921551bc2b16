"""Velocities of other rest frames, moved to the local standard of rest."""

import math

import astropy.coordinates
from astropy import units
from astropy.coordinates import (
    LSRK,
    EarthLocation,
    SkyCoord,
    UnitSphericalRepresentation,
    get_body_barycentric_posvel,
)
from astropy.io import fits
from astropy.time import Time
from astropy.utils.iers import conf

from starmass.maps.objects.findings import Findings
from starmass.maps.objects.images import Image

OLD_FRAMES = {"LSR": "LSRK", "HEL": "HELIOCEN", "OBS": "TOPOCENT"}
"""Frames that AIPS wrote behind the kind of an axis."""
GROUND = 6.3e6
"""Least distance of a telescope from the earth's centre [m]; less is OBSGEO of 0 or in km."""
VELREF = {1: "LSRK", 2: "HELIOCEN", 3: "TOPOCENT"}
"""Frames by AIPS' number, to which 256 is added for the radio convention."""


def shift_to_lsrk(findings: Findings, image: Image, star: SkyCoord) -> float:
    """Return what to add to velocities towards the star [km/s].

    The rest frame is that of SPECSYS. Where it is not known, or the date or site that it takes,
    velocities are left as they are, with a warning.
    """
    frame = _frame_of(image.header)
    if frame == "LSRK":
        return 0.0
    if frame == "SOURCE":
        findings.refuse(
            f"{image.path}: SPECSYS = SOURCE, so its velocities are relative to the source; give"
            f" velocities in LSRK as {image.key}.file, or set SPECSYS to LSRK and"
            f" {findings.key('velocity')} to 0."
        )
        return 0.0
    if not frame:
        findings.assume(
            image.channel,
            f"{image.path}: SPECSYS is missing, and velocities are taken to be LSRK.",
        )
        return 0.0
    shift = _shift(frame, image.header, star)
    if shift is None:
        findings.warn(
            image.channel,
            f"{image.path}: SPECSYS = {frame} can't be turned into LSRK here (that may take"
            " DATE-OBS and OBSGEO-X); velocities are left as they are.",
        )
        return 0.0
    findings.note(
        image.channel,
        f"{image.path}: SPECSYS = {frame}; {shift:+.3f} km/s turn velocities into LSRK.",
    )
    return shift


def _frame_of(header: fits.Header) -> str:
    """Return the rest frame of SPECSYS, or where that is missing of an older keyword."""
    frame = str(header.get("SPECSYS", "") or "").strip().upper()
    if frame:
        return frame
    for axis in (3, 1, 2, 4):  # AIPS: VELO-LSR, FREQ-HEL
        kind = str(header.get(f"CTYPE{axis}", "") or "").upper()
        if kind[:4] in ("VELO", "FELO", "FREQ") and kind[5:8] in OLD_FRAMES:
            return OLD_FRAMES[kind[5:8]]
    reference = header.get("VELREF")
    return VELREF.get(int(reference) % 256, "") if isinstance(reference, int | float) else ""


def _shift(frame: str, header: fits.Header, star: SkyCoord) -> float | None:
    still = SkyCoord(
        star.ra,
        star.dec,
        distance=1 * units.kpc,
        pm_ra_cosdec=0 * units.mas / units.yr,
        pm_dec=0 * units.mas / units.yr,
        radial_velocity=0 * units.km / units.s,
    )
    sun = float(still.transform_to(LSRK()).radial_velocity.to_value("km/s"))
    if frame in ("BARYCENT", "HELIOCEN"):  # 0.013 km/s apart
        return sun
    if frame not in ("TOPOCENT", "GEOCENTR") or not header.get("DATE-OBS"):
        return None
    place = [header.get(f"OBSGEO-{axis}") for axis in "XYZ"]
    if frame == "TOPOCENT" and (None in place or math.hypot(*map(float, place)) < GROUND):
        return None
    try:
        date = Time(header["DATE-OBS"])
    except ValueError:  # 01/02/99 may be of two days
        return None
    # A table of the earth's rotation is not fetched for a millimetre per second.
    with (
        conf.set_temp("auto_download", False),
        astropy.coordinates.solar_system_ephemeris.set("builtin"),
    ):
        if frame == "GEOCENTR":
            # Not by the call below, whose redshift by gravity is infinite at the earth's centre.
            _, earth = get_body_barycentric_posvel("earth", date)
            moving = earth.dot(star.represent_as(UnitSphericalRepresentation).to_cartesian())
        else:
            site = EarthLocation.from_geocentric(*map(float, place), unit=units.m)
            moving = star.radial_velocity_correction("barycentric", obstime=date, location=site)
    return sun + float(moving.to_value("km/s"))
