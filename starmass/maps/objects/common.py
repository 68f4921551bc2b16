"""All maps of an object seen through one beam, and cut out on the grid of the simulations' maps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from starmass.maps.objects.beams import Beam, convolve, kernel_between
from starmass.maps.objects.field import Field
from starmass.maps.objects.reading import Measured
from starmass.maps.objects.regrid import Regrid, average, regrid_onto
from starmass.maps.observation import FWHM, fill_missing

LEAST_WEIGHT = 1e-8
"""Least weight of a velocity, as a share of the largest."""
AS_FINE = 1.05
"""Ratio of resolutions up to which a column density is as fine as a map that it weights."""


@dataclass(frozen=True)
class Seen:
    """A quantity through the common beam, on the pixels of its own image.

    Attributes
    ----------
    source : as it was before
    values, weight : [row, column]; the weight is that of means over pixels
    moving : velocities that a dispersion is about; None where there are none
    noise_factor : that pixels' noise is multiplied by on the grid; None where the noise of pixels
        is independent
    noise_width : full width at half maximum that the noise is smooth by [arcsec]; 0 for independent
        pixels
    """

    source: Measured
    values: np.ndarray
    weight: np.ndarray
    moving: np.ndarray | None
    noise_factor: float | None
    noise_width: float


def see(measured: Mapping[str, Measured], beam: float, field: Field) -> list[Seen]:
    """Smooth all to a common beam; means are weighted by the column density where it is as fine.

    Parameters
    ----------
    measured : by channel
    beam : full width at half maximum of the round beam [arcsec]; 0 for none
    field : about the star
    """
    wanted = Beam(beam, beam).covariance
    found = []
    for name, one in measured.items():
        given = _beam(one)
        kernel = kernel_between(wanted, given)
        add = partial(convolve, covariance=one.kernel_pixels(kernel))
        weight = _weight(one, measured.get("column_density"))
        moving = None
        if name == "column_density":
            inside, _, _ = average(add, one.valid, np.ones_like(one.values))
            values = add(np.where(one.valid, one.values, 0.0)) / inside
            weight = np.ones_like(values)
        elif name == "v_los":
            weight, values, _ = average(add, one.valid, weight, one.values)
        else:
            speed = measured.get("v_los")
            about = None if speed is None else _moved(speed, one)
            weight, moving, values = average(add, one.valid, weight, about, one.values)
        values = np.where(one.valid, values, np.nan)
        width = one.noise_width
        own = given if width is None else np.eye(2) * (width / FWHM) ** 2
        after = float(np.linalg.det(own + kernel) ** 0.25) * FWHM
        factor = (
            noise_factor(own, kernel, one.image.pixel_arcsec, field.pixel_arcsec())
            if after
            else None
        )
        found.append(Seen(one, values, np.nan_to_num(weight), moving, factor, after))
    return found


def _beam(one: Measured) -> np.ndarray:
    return one.image.beam.covariance if one.image.beam else np.zeros((2, 2))


def _weight(one: Measured, column: Measured | None) -> np.ndarray:
    """Return the column density as seen through the beam of a map, on its pixels; or ones."""
    if column is None or column is one:
        return np.ones_like(one.values)
    widths = [
        max(each.image.pixel_arcsec, each.image.beam.major if each.image.beam else 0.0)
        for each in (column, one)
    ]
    if widths[0] > AS_FINE * widths[1]:
        return np.ones_like(one.values)
    kernel = column.kernel_pixels(kernel_between(_beam(one), _beam(column)))
    inside, _, _ = average(
        partial(convolve, covariance=kernel), column.valid, column.values * 0 + 1
    )
    smooth = convolve(np.where(column.valid, column.values, 0.0), kernel) / inside
    smooth = np.where(column.valid, smooth, np.nan)
    weight = _moved(column, one, smooth)
    # Noise may leave a column density at 0 or below: its pixel's velocity weighs next to nothing
    # beside others, and is no less there.
    return np.maximum(weight, LEAST_WEIGHT * np.nanmax(weight, initial=0.0))


def _moved(one: Measured, onto: Measured, values: np.ndarray | None = None) -> np.ndarray:
    """Return values on the pixels of another map, the nearest where they are missing."""
    values = one.values if values is None else values
    valid = np.isfinite(values)
    if one.same_pixels(onto):
        return fill_missing(values[None], ~valid, "nearest")[0]
    rows, columns = onto.values.shape
    y, x = np.mgrid[: rows + 1, : columns + 1] - 0.5
    there = one.own_pixels(*one.image.places(onto.image.sky(*onto.image_pixels(x, y))))
    return cut(regrid_onto(*there, values.shape), values, np.ones_like(values))[0]


def cut(grid: Regrid, values: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Average values on a grid, the nearest where they are missing, and say where they are.

    Returns
    -------
    values without NaN, unless all are missing; and bool, whether missing: [row, column] each
    """
    valid = np.isfinite(values)
    total, mean, _ = average(grid.apply, valid, weight, values)
    assert mean is not None
    missing = ~grid.covered(valid) | ~np.isfinite(total)
    if missing.all():
        return np.full(grid.shape, np.nan), missing
    return fill_missing(mean[None], missing, "nearest")[0], missing


def cut_out(seen: Sequence[Seen], field: Field, distance: float) -> tuple[np.ndarray, ...]:
    """Cut the field out at a distance.

    Returns
    -------
    values and noise, without NaN unless a channel is missing as a whole, and whether missing:
    [channel, row, column] each; the noise is 0 where it is not known
    """
    corners = field.corners(distance)
    grids: list[tuple[Measured, Regrid]] = []
    maps, noises, gaps = [], [], []
    for one in seen:
        source = one.source
        grid = next((known for other, known in grids if source.same_pixels(other)), None)
        if grid is None:
            there = source.own_pixels(*source.image.places(corners))
            grid = regrid_onto(*there, source.values.shape)
            grids.append((source, grid))
        values, missing = cut(grid, one.values, one.weight)
        if source.name == "sigma_v" and not missing.all():
            valid = np.isfinite(one.values)
            _, _, width = average(grid.apply, valid, one.weight, one.moving, one.values)
            assert width is not None
            values = fill_missing(width[None], missing, "nearest")[0]
        noise = np.zeros(grid.shape)
        if source.noise is not None:
            noise = _noise(grid, one, missing)
        maps.append(values)
        noises.append(noise)
        gaps.append(missing)
    return np.array(maps), np.array(noises), np.array(gaps)


def _noise(grid: Regrid, one: Seen, missing: np.ndarray) -> np.ndarray:
    """Return the noise of means on a grid [row, column], the nearest where they are missing."""
    noise = one.source.noise
    assert noise is not None
    if one.noise_factor is not None:
        squares, _ = cut(grid, noise**2, np.ones_like(noise))
        return one.noise_factor * np.sqrt(np.maximum(squares, 0.0))
    weight = np.where(one.source.valid, np.maximum(one.weight, 0.0), 0.0)
    variance = np.where(one.source.valid, noise, 0.0) ** 2
    total = grid.apply(weight)
    found = np.sqrt(grid.squared().apply(weight**2 * variance)) / np.where(total > 0, total, 1.0)
    return found if missing.all() else fill_missing(found[None], missing, "nearest")[0]


def noise_factor(beam: np.ndarray, kernel: np.ndarray, pixel: float, target: float) -> float:
    """Return what noise is multiplied by when it is smoothed and averaged over larger pixels.

    White noise that was smoothed by a Gaussian of covariance C has a variance like
    1 / sqrt(det C), and covariances add up; a square pixel of width w counts as one of w^2 / 12.

    Parameters
    ----------
    beam, kernel : covariances of what the noise is smooth by, and of the smoothing [arcsec2]
    pixel, target : width of a pixel of the image and of the grid [arcsec]
    """
    own = beam + np.eye(2) * pixel**2 / (4 * np.pi)
    larger = np.eye(2) * max(target**2 - pixel**2, 0.0) / 12
    return float((np.linalg.det(own) / np.linalg.det(own + kernel + larger)) ** 0.25)
