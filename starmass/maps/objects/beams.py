"""Beams as Gaussians of two dimensions, and smoothing from one to another."""

import math
from dataclasses import dataclass

import numpy as np
from scipy import fft

from starmass.maps.observation import FWHM

SAME = 0.02
"""Width of a kernel, as a share of the beam, that is left out: it widens a beam by 0.02 %."""


@dataclass(frozen=True)
class Beam:
    """Full widths at half maximum [arcsec], and the position angle of the major axis [degree].

    The angle runs from north to east, in the coordinates of the image.
    """

    major: float
    minor: float
    angle: float = 0.0

    @property
    def covariance(self) -> np.ndarray:
        """Covariance (east, north) [arcsec2]."""
        angle = math.radians(self.angle)
        along = np.array([math.sin(angle), math.cos(angle)])
        across = np.array([along[1], -along[0]])
        return (
            self.major**2 * np.outer(along, along) + self.minor**2 * np.outer(across, across)
        ) / FWHM**2

    @property
    def solid_angle(self) -> float:
        """Solid angle [arcsec2]."""
        return float(2 * np.pi * np.sqrt(np.linalg.det(self.covariance)))

    def __str__(self) -> str:
        if self.major == self.minor:
            return f'{self.major:.4g}"' if self.major else "no beam"
        return f'{self.major:.4g}" x {self.minor:.4g}" at {self.angle:.4g} degrees'


def kernel_between(wanted: np.ndarray, given: np.ndarray) -> np.ndarray:
    """Covariance of the kernel that turns one beam into another.

    Covariances add up. A direction in which the given beam is the wider one is left as it is:
    nothing is ever deconvolved.

    Parameters
    ----------
    wanted, given : covariances (east, north) [arcsec2]
    """
    widths, directions = np.linalg.eigh(wanted - given)
    least = SAME**2 * np.trace(wanted)
    return (directions * np.where(widths > least, widths, 0.0)) @ directions.T


def convolve(values: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Convolve an image with a Gaussian of unit integral, zero outside of the image.

    The kernel is multiplied in Fourier space, where its covariance is exact even if it is narrower
    than a pixel or has no width in one direction.

    Parameters
    ----------
    values : [row, column], without NaN
    covariance : (column, row) [pixel2]
    """
    if not covariance.any():
        return values
    margin = [math.ceil(6 * math.sqrt(covariance[place, place])) for place in (1, 0)]
    shape = [
        fft.next_fast_len(size + more, real=True)
        for size, more in zip(values.shape, margin, strict=True)
    ]
    up = fft.fftfreq(shape[0])[:, None]
    across = fft.rfftfreq(shape[1])[None, :]
    (xx, xy), (_, yy) = covariance
    kernel = np.exp(-2 * np.pi**2 * (xx * across**2 + 2 * xy * across * up + yy * up**2))
    smooth = fft.irfft2(fft.rfft2(values, shape) * kernel, shape)
    return smooth[: values.shape[0], : values.shape[1]]
