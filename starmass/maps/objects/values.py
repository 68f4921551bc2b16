"""The values of an image, and which of them stand for missing pixels."""

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning

from starmass.errors import InputError
from starmass.maps.objects.findings import Findings
from starmass.maps.objects.images import Image, count_axes

NO_DATA = 1e30
"""Values above it are none: single precision ends at 3.4e38."""
ZEROS = 0.01
"""Share of exact zeros above which these must be missing pixels."""


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
        if hdu.is_image and count_axes(hdu) >= 2 and hdu.shape[-2:] == image.shape:
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
