"""Gaussian random fields, to test whether an encoder needs more than a power spectrum."""

from typing import ClassVar

import numpy as np

from starmass.config.fractals import GaussianFieldOptions
from starmass.fractals.arithmetic import ONE, TWO, TWO_PI, ZERO, f32, log, power, sine_cosine
from starmass.fractals.compilation import kernel
from starmass.fractals.textures import TextureGenerator, quantise
from starmass.fractals.walkers import uniform

Options = GaussianFieldOptions


class Generator(TextureGenerator):
    """Gaussian random fields whose power spectrum is a power law."""

    facts: ClassVar = {**TextureGenerator.facts, "parameters": ("", "slope of the power spectrum")}

    def _draw(self, generator: np.ndarray) -> tuple[np.ndarray, np.ndarray, tuple[float, ...]]:
        slope = uniform(generator, *map(f32, self.options.slope))
        grey, shades = draw_gaussian_fields(generator, field_side(self.options.size), slope)
        return *quantise(grey, shades, self.options.size), (slope,)


def field_side(size: int) -> int:
    """Side of the periodic field that an image is cut from.

    It is the next power of two above the image's, so that no image is periodic.
    """
    return 1 << size.bit_length()


@kernel
def draw_gaussian_fields(generator, side, slope):
    """Draw two independent periodic Gaussian fields with power k^-slope.

    They are the two parts of one complex field. White noise is drawn in Fourier space (Box & Muller
    1958) and shaped there; its mean is left out.

    Returns
    -------
    float32 [side, side] twice; ``side`` is a power of two
    """
    real, imaginary = np.zeros((side, side), np.float32), np.zeros((side, side), np.float32)
    exponent = -slope / f32(4)  # of k^2, for the amplitude
    for row in range(side):
        for column in range(side):
            y = f32(row if row <= side // 2 else row - side)
            x = f32(column if column <= side // 2 else column - side)
            square = x * x + y * y
            s, c = sine_cosine(uniform(generator, ZERO, TWO_PI))
            radius = np.sqrt(-TWO * log(ONE - uniform(generator, ZERO, ONE)))
            if square > ZERO:
                amplitude = radius * power(square, exponent)
                real[row, column], imaginary[row, column] = amplitude * c, amplitude * s
    for _ in range(2):
        for row in range(side):
            transform(real[row], imaginary[row])
        real, imaginary = real.T.copy(), imaginary.T.copy()
    return real, imaginary


@kernel
def transform(real, imaginary):
    """Fourier transform in place: sum over n of z[n] exp(2 pi i k n / N).

    N is a power of two (Cooley & Tukey 1965).
    """
    count = len(real)
    j = 0
    for i in range(1, count):  # the order of reversed bits
        bit = count >> 1
        while j & bit:
            j ^= bit
            bit >>= 1
        j |= bit
        if i < j:
            real[i], real[j] = real[j], real[i]
            imaginary[i], imaginary[j] = imaginary[j], imaginary[i]
    half = 1
    while half < count:
        for k in range(half):
            s, c = sine_cosine(TWO_PI * f32(k) / f32(2 * half))
            for i in range(k, count, 2 * half):
                x = c * real[i + half] - s * imaginary[i + half]
                y = c * imaginary[i + half] + s * real[i + half]
                real[i + half], imaginary[i + half] = real[i] - x, imaginary[i] - y
                real[i], imaginary[i] = real[i] + x, imaginary[i] + y
        half *= 2
