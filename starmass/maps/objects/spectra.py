"""The velocity axis of a cube."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from astropy import units
from astropy.utils.exceptions import AstropyWarning
from astropy.wcs import WCS

from starmass.maps.objects.coordinates import sky_axes
from starmass.maps.objects.findings import Findings
from starmass.maps.objects.images import Image

LIGHT = 299792.458  # km/s
SAME_LINE = 0.02
"""Velocity that two rest frequencies of one line may differ by [km/s]."""
FINEST = 0.002
"""Width of a channel that no cube of a cloud has [km/s]: below it, the axis has another unit."""
OPTICAL = 100.0
"""Velocity above which the optical convention is refused [km/s]: there it is 0.03 km/s off."""


@dataclass(frozen=True)
class Spectrum:
    """The third axis.

    Attributes
    ----------
    velocities : of the channels, radio convention [km/s], in the frame of the file
    axis, sky : numbers of FITS axes, counted from 0: velocity; columns and rows
    count : of axes
    """

    velocities: np.ndarray
    axis: int
    sky: tuple[int, int]
    count: int

    @property
    def step(self) -> float:
        """Width of a channel [km/s]."""
        return float(np.median(np.abs(np.diff(self.velocities))))


def read_spectrum(findings: Findings, image: Image, entry: Mapping[str, Any]) -> Spectrum | None:
    """Read the velocities of a cube's channels; None with a problem where they can't be told."""
    header = image.header
    count = int(header["NAXIS"])
    sizes = [int(header[f"NAXIS{n + 1}"]) for n in range(count)]
    sky = tuple(sky_axes(header))
    others = [n for n in range(count) if n not in sky]
    kinds = {n: str(header.get(f"CTYPE{n + 1}", "")).strip().upper() for n in others}
    spectral = [n for n in others if kinds[n] != "STOKES" and (sizes[n] > 1 or len(others) == 1)]
    for n in others:
        if kinds[n] == "STOKES" and sizes[n] > 1:
            findings.refuse(
                f"{image.path}: its Stokes axis (NAXIS{n + 1}) has {sizes[n]} entries; give"
                f" {image.key}.file with total intensity alone."
            )
            return None
    if len(spectral) != 1:
        findings.refuse(
            f"{image.path}: its axes (CTYPE1 ...) are {sizes} long, with no single one of velocity;"
            f" give {image.key}.file with two axes of the sky and one of velocity."
        )
        return None
    (axis,) = spectral
    velocities = _velocities(findings, image, entry, axis, sizes[axis], kinds[axis])
    if velocities is None:
        return None
    spectrum = Spectrum(velocities, axis, (sky[0], sky[1]), count)
    return spectrum if _check_unit(findings, image, spectrum) else None


def _check_unit(findings: Findings, image: Image, spectrum: Spectrum) -> bool:
    """Refuse channels so narrow that the axis must have another unit, as km/s read as m/s.

    Returns
    -------
    whether they are wide enough
    """
    number = spectrum.axis + 1
    written = str(image.header.get(f"CUNIT{number}", "") or "").strip()
    kind = str(image.header.get(f"CTYPE{number}", "")).strip()
    if len(spectrum.velocities) > 1 and spectrum.step < FINEST:
        said = f"says {written}" if written else "is missing, and then FITS has Hz, m or m/s"
        findings.refuse(
            f"{image.path}: its channels are {spectrum.step:.2g} km/s wide, which is too narrow."
            f" CUNIT{number} {said}; put the unit of {kind} there for {image.key}.file, as km/s."
        )
        return False
    if not written:
        findings.assume(
            "cube",
            f"{image.path}: CUNIT{number} is missing, and {kind} is taken to be in FITS's own unit:"
            f" channels are {spectrum.step:.3g} km/s wide.",
        )
    return True


def _velocities(
    findings: Findings, image: Image, entry: Mapping[str, Any], axis: int, size: int, kind: str
) -> np.ndarray | None:
    name = f"CTYPE{axis + 1}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)
        wcs = WCS(image.header)
        unit = wcs.wcs.cunit[axis]
        # Linear in its own quantity, whichever it is.
        places = np.arange(size) + 1 - wcs.wcs.crpix[axis]
        step = wcs.pixel_scale_matrix[axis, axis]
        values = wcs.wcs.crval[axis] + step * places
    rest = entry.get("rest_frequency") or wcs.wcs.restfrq
    if kind.startswith(("FREQ", "WAVE", "AWAV")):
        if not rest:
            findings.refuse(
                f"{image.path}: {name} = {kind!r}, and RESTFRQ is missing, so that velocities are"
                f" not known; give {image.key}.rest_frequency [Hz]."
            )
            return None
        if kind.startswith("FREQ"):
            frequency = values * unit.to(units.Hz)
        else:
            frequency = LIGHT * 1e3 / (values * unit.to(units.m))
        return LIGHT * (1 - frequency / rest)
    if not kind.startswith(("VRAD", "VELO", "VOPT", "FELO")) or not (
        unit == "" or units.Unit(unit).is_equivalent(units.m / units.s)
    ):
        findings.refuse(
            f"{image.path}: {name} = {kind!r} [{unit}] is no axis of velocity or frequency; give"
            f" {image.key}.file with VRAD or FREQ."
        )
        return None
    if _contradicts(findings, image, entry, wcs.wcs.restfrq, name, kind):
        return None
    speeds = values * (units.Unit(unit).to(units.km / units.s) if unit != "" else 1e-3)
    if kind.startswith(("VOPT", "FELO")):
        if np.abs(speeds).max() > OPTICAL and _far(entry):
            findings.refuse(
                f"{image.path}: {name} = {kind!r} is the optical convention, up to"
                f" {np.abs(speeds).max():.4g} km/s; give {image.key}.file in the radio convention"
                " (VRAD)."
            )
            return None
        findings.note("cube", f"{image.path}: {name} = {kind!r} was turned into VRAD.")
        speeds = LIGHT * (1 - 1 / (1 + speeds / LIGHT))
    return speeds


def _contradicts(
    findings: Findings, image: Image, entry: Mapping[str, Any], written: float, name: str, kind: str
) -> bool:
    """Whether velocities of an axis are for another rest frequency than the config's."""
    given = entry.get("rest_frequency")
    if not given or not written or LIGHT * abs(given / written - 1) < SAME_LINE:
        return False
    findings.refuse(
        f"{image.path}: {name} = {kind!r} holds velocities for RESTFRQ = {written:.9g}, and"
        f" {image.key}.rest_frequency is {given:.9g}; leave that out, or mend the header."
    )
    return True


def _far(entry: Mapping[str, Any]) -> bool:
    """Whether the line may lie at velocities where conventions differ."""
    window = entry.get("window")
    return window is None or max(abs(one) for one in window) > OPTICAL
