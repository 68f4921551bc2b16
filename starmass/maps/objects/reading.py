"""From the files of an object to maps of its quantities, each on the pixels of its own image."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from starmass.errors import InputError
from starmass.maps.objects.columns import plan_column
from starmass.maps.objects.field import Field
from starmass.maps.objects.findings import Findings
from starmass.maps.objects.images import Image, read_image
from starmass.maps.objects.line_maps import plan_velocity, plan_width
from starmass.maps.objects.unit_reading import Convert
from starmass.maps.objects.values import blank, load, load_noise
from starmass.maps.objects.velocity_frames import shift_to_lsrk
from starmass.unit_names import parse_unit

CHANNELS = ("column_density", "v_los", "sigma_v")
FINE = 8
"""Parts of a pixel of the grid, along a side, that an image is averaged to at once."""
NOISIEST = 10.0
"""Noise in units of the values' median and scatter that none has: noise scatters them itself."""
MARGIN = 2.5
"""Width of the rim about the field that is read, in beams."""


@dataclass(frozen=True)
class Plan:
    """An image whose header is understood, and how its values become those of a map.

    Attributes
    ----------
    image : its header
    entry : of the config
    convert : values and noise of the file to those of a map
    noise : a standard deviation, the path of a file, or None
    """

    image: Image
    entry: Mapping[str, Any]
    convert: Convert
    noise: float | str | None


@dataclass(frozen=True)
class Measured:
    """A quantity on the pixels of an image.

    Attributes
    ----------
    name : of the channel
    image : header of its file
    corner : pixel (column, row) of the image that its own first one begins with
    step : pixels of the image in one of its own, along a side
    values : [row, column] in the channel's unit, NaN where missing
    noise : [row, column], standard deviation; None where it is not known
    noise_width : full width at half maximum that the noise is smooth by [arcsec]; None: the beam's
    noise_in_dex : whether the noise is that of log10 of the values
    """

    name: str
    image: Image
    corner: tuple[int, int]
    step: int
    values: np.ndarray
    noise: np.ndarray | None
    noise_width: float | None = None
    noise_in_dex: bool = False

    @property
    def valid(self) -> np.ndarray:
        """Pixels that are there: bool [row, column]."""
        return np.isfinite(self.values)

    def own_pixels(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Turn pixels of the image into its own, counted from 0 at the centre of the first."""
        left, low = self.corner
        return (x - left + 0.5) / self.step - 0.5, (y - low + 0.5) / self.step - 0.5

    def image_pixels(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Turn its own pixels into those of the image."""
        left, low = self.corner
        return (x + 0.5) * self.step - 0.5 + left, (y + 0.5) * self.step - 0.5 + low

    def kernel_pixels(self, covariance: np.ndarray) -> np.ndarray:
        """Turn a covariance (east, north) [arcsec2] into (column, row) of its own [pixel2]."""
        return self.image.kernel_pixels(covariance) / self.step**2

    def same_pixels(self, other: "Measured") -> bool:
        """Whether its pixels are those of the other."""
        return self.image is other.image or (
            (self.corner, self.step, self.values.shape)
            == (other.corner, other.step, other.values.shape)
            and self.image.same_grid(other.image)
        )


def read_plans(
    findings: Findings,
    entry: Mapping[str, Any],
    files: Mapping[str, str],
    field: Field,
    hydrogen_mass: float,
) -> tuple[list[Image], list[Plan]]:
    """Read the headers of all images, and say what is lacking.

    Parameters
    ----------
    entry : of the object
    files : paths by ``column_density``, ``column_density_noise`` ...; they stand for the entry's
    field : about the star
    hydrogen_mass : of gas for each nucleus in the simulations' maps [hydrogen atoms]

    Returns
    -------
    headers that are understood, and plans of those whose values are
    """
    images, plans = [], []
    for channel in CHANNELS:
        one = entry.get(channel)
        if not one:
            continue
        image = read_image(findings, channel, one, files.get(channel, one["file"]), field.star)
        if image is None:
            continue
        images.append(image)
        if channel == "column_density":
            convert = plan_column(findings, image, one, hydrogen_mass)
        elif channel == "v_los":
            convert = plan_velocity(findings, image, one)
        else:
            convert = plan_width(findings, image, one)
        check_pixels(findings, image, field)
        noise = files.get(f"{channel}_noise", one.get("noise"))
        plans.append(Plan(image, one, convert or _unchanged, noise))
    return images, plans


def _unchanged(
    values: np.ndarray, noise: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray | None]:
    """Stand for a conversion that is not known, so that the values themselves are checked."""
    return values, noise


def check_pixels(findings: Findings, image: Image, field: Field) -> None:
    """Refuse pixels that are no map of the field."""
    width = math.radians(image.pixel_arcsec / 3600) * field.distance
    if width > field.side / 8:
        findings.refuse(
            f"{image.path}: a pixel (CDELT1) of {image.pixel_arcsec:.4g} arcsec is {width:.3g} pc"
            f" wide at {field.distance:g} pc, more than an eighth of the field of {field.side:g}"
            f" pc; give {image.key}.file with smaller pixels, or a larger maps.projection.side."
        )
    wide = field.pixel_arcsec() * field.pixels
    if image.beam and image.beam.major > wide / 4:
        findings.refuse(
            f"{image.path}: its beam of {image.beam.major:.4g} arcsec (BMAJ, in degrees, or"
            f" {image.key}.beam, in arcsec) is more than a quarter of the field of {wide:.4g}"
            " arcsec; mend it, or give a map of a finer beam."
        )


def common_beam(images: list[Image]) -> float:
    """Full width at half maximum of the round beam that all images can be smoothed to [arcsec]."""
    return max((one.beam.major for one in images if one.beam), default=0.0)


def find_box(image: Image, field: Field, beam: float) -> tuple[slice, slice]:
    """Return rows and columns about the field, and a rim for smoothing by ``beam`` [arcsec]."""
    corners = field.corners(float(field.distances().min()))
    x, y = image.places(corners)
    margin = MARGIN * beam / image.pixel_arcsec + 2
    box = []
    for places, size in ((y, image.shape[0]), (x, image.shape[1])):
        if np.isfinite(places).all():
            first = max(math.floor(places.min() - margin), 0)
            last = min(math.ceil(places.max() + margin) + 1, size)
        else:
            first, last = 0, size
        box.append(slice(first, last))
    return box[0], box[1]


def measure(findings: Findings, plan: Plan, field: Field, beam: float) -> Measured | None:
    """Read the values about the star; None where they can't be used."""
    image = plan.image
    box = find_box(image, field, beam)
    zeros = image.channel == "sigma_v" and plan.entry.get("temperature") == 0
    try:
        values = blank(findings, image, load(image, box), plan.entry, zeros)
        noise = _noise(findings, plan, box, values)
    except InputError as error:
        findings.refuse(str(error))
        return None
    if not np.isfinite(values).any():
        findings.refuse(
            f"{image.path}: all pixels about the star are missing (BLANK); check"
            f" {image.key}.blank, or give another {image.key}.file."
        )
        return None
    if findings.problems:
        values = np.where(np.abs(values) < 1e30, values, np.nan)
    with np.errstate(over="ignore", invalid="ignore"):
        values, noise = plan.convert(values, noise)
    if image.channel == "v_los":
        values = values + shift_to_lsrk(findings, image, field.star)
    width = plan.entry.get("noise_width")
    if width is not None and width > field.pixel_arcsec() * field.pixels:
        findings.refuse(
            f"{image.key}.noise_width: noise that is smooth by {width:g} arcsec is wider than the"
            f" field of {field.pixel_arcsec() * field.pixels:.4g}; give it in arcsec."
        )
    independent = width == 0 or (width is None and not (image.beam and image.beam.major))
    found = gather(image.channel, image, box, values, noise, field, independent=independent)
    return replace(
        found, noise_width=plan.entry.get("noise_width"), noise_in_dex=bool(plan.entry.get("log"))
    )


def _noise(
    findings: Findings, plan: Plan, box: tuple[slice, slice], values: np.ndarray
) -> np.ndarray | None:
    if plan.noise is None:
        return None
    there = np.isfinite(values)
    if not isinstance(plan.noise, str):
        _check_noise(plan, values, float(plan.noise))
        return np.where(there, float(plan.noise), np.nan)
    # The noise of a logarithm is in dex, whatever its header says.
    written = str(plan.entry.get("unit") or plan.image.header.get("BUNIT", "") or "").strip()
    unit = None if plan.entry.get("log") else parse_unit(written)
    noise = load_noise(plan.image, box, plan.noise, plan.entry.get("noise_hdu"), unit)
    known = there & np.isfinite(noise) & (noise > 0) & (noise < 1e30)
    if not known.any():
        raise InputError(
            f"{plan.noise}: none of its values about the star is a standard deviation (BUNIT); give"
            f" {plan.image.key}.noise as a number."
        )
    _check_noise(plan, values, float(np.median(noise[known])))
    lacking = 1 - known.sum() / there.sum()
    if lacking > 0.01:
        findings.warn(
            plan.image.channel,
            f"{plan.noise}: {lacking:.0%} of the pixels have no noise there; the median is taken.",
        )
    return np.where(there, np.where(known, noise, np.median(noise[known])), np.nan)


def _check_noise(plan: Plan, values: np.ndarray, noise: float) -> None:
    """Refuse a noise that values can't have, as one of m/s of velocities in km/s."""
    known = values[np.isfinite(values)]
    size = max(abs(float(np.median(known))), float(known.std())) if known.size else np.inf
    if noise > NOISIEST * size:
        raise InputError(
            f"{plan.image.path}: a noise of {noise:.4g} is over {NOISIEST:g} times the size and the"
            f" scatter of the values about the star, {size:.4g}; give {plan.image.key}.noise in"
            f" their unit (BUNIT = {plan.image.header.get('BUNIT', '')!r})."
        )


def gather(
    name: str, image: Image, box: tuple[slice, slice], values: np.ndarray,
    noise: np.ndarray | None, field: Field, *, independent: bool = False,
) -> Measured:  # fmt: skip
    """Average pixels that are far finer than the grid's, so that no work is lost on them.

    Parameters
    ----------
    independent : whether the noise of pixels is, so that it is averaged down
    """
    step = max(1, int(field.pixel_arcsec() / image.pixel_arcsec / FINE))
    corner = (box[1].start, box[0].start)
    if step > 1:
        square = name == "sigma_v"
        values = _blocks(values**2 if square else values, step)
        values = np.sqrt(values) if square else values
        if noise is not None:
            noise = np.sqrt(_blocks(noise**2, step)) / (step if independent else 1)
    return Measured(name, image, corner, step, values, noise)


def _blocks(values: np.ndarray, step: int) -> np.ndarray:
    """Average blocks of pixels; NaN where most of a block is missing."""
    rows, columns = (-(-size // step) for size in values.shape)
    padded = np.full((rows * step, columns * step), np.nan)
    padded[: values.shape[0], : values.shape[1]] = values
    blocks = padded.reshape(rows, step, columns, step)
    there = np.isfinite(blocks)
    count = there.sum((1, 3))
    total = np.where(there, blocks, 0.0).sum((1, 3))
    return np.where(2 * count >= step**2, total / np.maximum(count, 1), np.nan)
