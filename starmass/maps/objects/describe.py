"""What is understood of an object's FITS files, and all that is lacking, in words."""

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from astropy.wcs.utils import wcs_to_celestial_frame

from starmass.maps.objects.common import cut_out, see
from starmass.maps.objects.field import Field, read_field
from starmass.maps.objects.findings import Findings
from starmass.maps.objects.images import Image
from starmass.maps.objects.object_maps import Read, read_object

LEVELS = {"warning": "Warnings", "assumption": "Assumptions", "note": "Notes"}


def describe_object(
    name: str, entry: Mapping[str, Any], projection: Mapping[str, Any], files: Mapping[str, str]
) -> tuple[str, bool]:
    """Say what is understood of an object, and every key that is lacking.

    Parameters
    ----------
    name, entry, projection, files : see :func:`object_maps.make_object_maps`

    Returns
    -------
    text of several lines; whether maps can be made
    """
    findings = Findings(name, silent=True)
    field = read_field(entry, projection)
    read = read_object(findings, entry, files, field, projection)
    lines = [*_place(name, entry, field), ""]
    for image in read.images:
        lines += _image(image, entry, field)
    if read.measured and not findings.problems:
        lines += ["", *_share_missing(read, field)]
    for level, title in LEVELS.items():
        said = [one["text"] for one in findings.notes if one["level"] == level]
        if said:
            lines += ["", f"{title}:", *_listed(said)]
    if findings.problems:
        count = len(findings.problems)
        title = "A problem has" if count == 1 else f"{count} problems have"
        lines += ["", f"{title} to be mended before maps can be made:"]
        lines += _listed(findings.problems)
    return "\n".join(lines), not findings.problems


def _place(name: str, entry: Mapping[str, Any], field: Field) -> Iterator[str]:
    yield (
        f"{name}: RA {field.right_ascension:.5f}, DEC {field.declination:+.5f} degrees (ICRS), at"
        f" {field.distance:g} pc (error {field.error:g})"
    )
    velocity = entry.get("velocity")
    yield (
        f"Field: {field.side:g} pc, {field.pixel_arcsec() * field.pixels:.4g} arcsec, in"
        f" {field.pixels} pixels of {field.pixel_arcsec():.4g} arcsec; "
        + ("no systemic velocity" if velocity is None else f"systemic velocity {velocity:g} km/s")
    )


def _image(image: Image, entry: Mapping[str, Any], field: Field) -> Iterator[str]:
    unit = entry[image.channel].get("unit") or image.header.get("BUNIT") or "not known"
    beam = "beam not known" if image.beam is None else str(image.beam)
    beam = beam if "beam" in beam else f"beam {beam}"
    larger = image.pixel_arcsec / field.pixel_arcsec()
    yield f"{image.channel}: {image.path}, HDU {image.hdu}"
    yield f"  unit {unit}; {beam}"
    yield (
        f"  {image.shape[1]} x {image.shape[0]} pixels of {image.pixel_arcsec:.4g} arcsec,"
        f" {larger:.3g} times those of the field; {wcs_to_celestial_frame(image.wcs).name.upper()}"
    )
    yield f"  the star is on pixel ({image.star[0]:.1f}, {image.star[1]:.1f}), counted from 0"


def _share_missing(read: Read, field: Field) -> Iterator[str]:
    seen = see(read.measured, read.beam, field)
    _, _, missing = cut_out(seen, field, field.distance)
    shares = ", ".join(
        f"{one.source.name} {gaps.mean():.0%}" for one, gaps in zip(seen, missing, strict=True)
    )
    yield f"Missing in the field: {shares}"
    quarter = slice(field.pixels * 3 // 8, field.pixels * 5 // 8)
    centre = float(np.any(missing, axis=0)[quarter, quarter].mean())
    wide = quarter.stop - quarter.start
    yield f"Missing in its central {wide} x {wide} pixels, in any channel: {centre:.0%}"
    middle = slice((field.pixels - 1) // 2, field.pixels // 2 + 1)
    if missing[:, middle, middle].any():
        yield "The star's own pixels are missing: no mass will be given."
    unknown = [one.source.name for one in seen if one.source.noise is None]
    if unknown:
        yield (
            f"The noise of {', '.join(unknown)} is not given (noise). The simulated maps then have"
        )
        yield "none, and the object may be called unlike them for its noise alone."


def _listed(texts: list[str]) -> Iterator[str]:
    for text in texts:
        yield from textwrap.wrap(
            text,
            98,
            initial_indent="- ",
            subsequent_indent="  ",
            break_long_words=False,
            break_on_hyphens=False,
        )
