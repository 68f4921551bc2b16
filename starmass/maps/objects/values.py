"""The values of an image, and which of them stand for missing pixels."""

import math
import warnings
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np
from astropy.io import fits
from astropy.units import Unit
from astropy.utils.exceptions import AstropyWarning

from starmass.errors import InputError
from starmass.maps.objects.findings import Findings
from starmass.maps.objects.images import Image, count_axes
from starmass.unit_names import parse_unit

T = TypeVar("T")

NO_DATA = 1e30
"""Values above it are none: single precision ends at 3.4e38."""
ZEROS = 0.01
"""Share of exact zeros above which these must be missing pixels."""


def load(image: Image, box: tuple[slice, slice]) -> np.ndarray:
    """Read values [row, column] of a part of an image.

    Parameters
    ----------
    image : whose header was understood
    box : rows and columns

    Raises
    ------
    InputError
        when they can't be read
    """

    def read(file: fits.HDUList) -> np.ndarray:
        data = file[image.hdu].data
        while data.ndim > 2:
            data = data[0]
        return np.array(data[box], dtype=float)

    return read_fits(image.path, f"{image.key}.file", read)


def read_fits(path: str, key: str, read: Callable[[fits.HDUList], T]) -> T:
    """Read from a FITS file, through a map of its memory where its values allow it.

    Values that are scaled (BSCALE, BZERO, BLANK) can't be read through one.

    Raises
    ------
    InputError
        when the values can't be read; names the config's key
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AstropyWarning)
            try:
                with fits.open(path, memmap=True) as file:
                    return read(file)
            except ValueError as error:
                if "memory-mapped" not in str(error):
                    raise
                with fits.open(path, memmap=False) as file:
                    return read(file)
    except (OSError, TypeError, IndexError, ValueError) as error:
        words = " ".join(str(error).split())
        raise InputError(
            f"{path}: its values can't be read ({words}); give a whole file as {key}."
        ) from error


def load_noise(
    image: Image, box: tuple[slice, slice], path: str, hdu: str | int | None, unit: Unit | None
) -> np.ndarray:
    """Read the noise [row, column] of a part of an image, in the unit of its values.

    Parameters
    ----------
    image : whose noise it is
    box : rows and columns
    path, hdu : of the noise; None for the only image of the same pixels
    unit : of the image's values; None where that of the noise is not to be looked at

    Raises
    ------
    InputError
        when no image or several have the image's pixels, they lie elsewhere, or their unit is of
        another kind
    """
    key = f"{image.key}.noise"

    def read(file: fits.HDUList) -> tuple[fits.Header, np.ndarray]:
        chosen = _choose_noise(file, image, path, hdu)
        data = chosen.data
        while data.ndim > 2:
            data = data[0]
        return chosen.header.copy(), np.array(data[box], dtype=float)

    header, noise = read_fits(path, key, read)
    for card in ("CRPIX1", "CRPIX2", "CRVAL1", "CRVAL2"):
        if card in header and card in image.header and header[card] != image.header[card]:
            near = math.isclose(float(header[card]), float(image.header[card]), abs_tol=1e-3)
            if not near:
                raise InputError(
                    f"{path}: its {card} is {header[card]:g}, and that of {image.path} is"
                    f" {image.header[card]:g}; give {key} as a file of the same pixels."
                )
    written = parse_unit(str(header.get("BUNIT", "") or "").strip())
    if unit is None or written is None or written == unit:
        return noise
    if not written.is_equivalent(unit):
        raise InputError(
            f"{path}: BUNIT = {header['BUNIT']!r} is no unit of the noise of values in {unit}; give"
            f" {key} in the unit of the values."
        )
    return noise * written.to(unit)


def _choose_noise(file: fits.HDUList, image: Image, path: str, wanted: str | int | None) -> Any:
    fitting = {
        place: hdu
        for place, hdu in enumerate(file)
        if hdu.is_image and count_axes(hdu) >= 2 and hdu.shape[-2:] == image.shape
    }
    if wanted is not None:
        for place, hdu in fitting.items():
            if wanted == place or str(wanted).upper() == hdu.name.upper():
                return hdu
    elif len(fitting) == 1 and path != image.path:
        return next(iter(fitting.values()))
    names = ", ".join(f"{place} {hdu.name}".strip() for place, hdu in fitting.items())
    if not fitting:
        raise InputError(
            f"{path}: no image in it has the {image.shape[1]} x {image.shape[0]} pixels (NAXIS1,"
            f" NAXIS2) of {image.path}; give {image.key}.noise as a number, or as a file of the"
            " same pixels."
        )
    raise InputError(
        f"{path}: which of its images ({names}) is the noise is not said; name one in"
        f" {image.key}.noise_hdu."
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
