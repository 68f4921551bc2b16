"""Other synthetic images, for asking whether fractals are what an encoder needs: random fields, gradient noise, dead leaves.

They come through the same door as flames: image i of a seed is the same bytes for any shard, thread and processor (own
arithmetic, sums in a fixed order), with brightness, a place along a palette, and the palette. Every one is accepted.
"""

from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np

from starmass.errors import InputError
from starmass.fractals.arithmetic import HALF, ONE, TWO, TWO_PI, ZERO, f32, log, power, sine_cosine
from starmass.fractals.colours import SHADES
from starmass.fractals.compilation import kernel
from starmass.fractals.rendering import draw_palette
from starmass.fractals.walkers import next_word, uniform

MIDDLE, SPREAD = f32(128), f32(48)  # brightness of the mean, and of one standard deviation
MOST_LEAVES = 2_000_000


@dataclass(frozen=True)
class TextureOptions:
    """What all textures share.

    Parameters
    ----------
    size : side of the images [pixel], 16 to 2048
    colour : a second texture of the same kind along a palette (three channels), or grey (one)
    """

    size: int = 336
    colour: bool = True

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, tuple) and not value[0] <= value[1]:
                raise InputError(
                    f"{field.name}: {list(value)} is no range; give the least and the most, in this order."
                )


@dataclass(frozen=True)
class GaussianOptions(TextureOptions):
    """Options of ``generator: gaussian_field``.

    Parameters
    ----------
    slope : least and most p of the power spectrum k^-p, drawn for each image; 2 is that of photographs, 11/3 of turbulence
    """

    slope: tuple[float, float] = (1.0, 4.0)


@dataclass(frozen=True)
class NoiseOptions(TextureOptions):
    """Options of ``generator: gradient_noise``.

    Parameters
    ----------
    cells : least and most cells of the coarsest lattice along the side, drawn for each image
    octaves : lattices, each twice as fine as the one before
    persistence : least and most amplitude of a lattice relative to the next coarser one, drawn for each image
    """

    cells: tuple[int, int] = (2, 8)
    octaves: int = 6
    persistence: tuple[float, float] = (0.4, 0.8)


@dataclass(frozen=True)
class LeavesOptions(TextureOptions):
    """Options of ``generator: dead_leaves``.

    Parameters
    ----------
    radius : least and most radius of a leaf as a share of the side
    exponent : a of the density of radii r^-a; 3 makes all scales look alike
    """

    radius: tuple[float, float] = (0.01, 0.25)
    exponent: float = 3.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.exponent == 1:
            raise InputError("exponent: 1 has no closed form here; give 1.001.")


class TextureGenerator:
    """What the generators of textures share: random bits by image, planes, palette.

    Parameters
    ----------
    options : of the kind that the class names
    """

    facts: ClassVar = {
        "palette": ("", "colours that the palette passes through, red, green, blue"),
        "parameters": ("", "what was drawn for the image"),
    }

    def __init__(self, options: Any):
        self.options = options

    def render(self, seed: int, index: int) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Render image ``index`` of ``seed``: planes and facts as of :class:`starmass.fractals.flames.FlameGenerator`."""
        generator = np.random.SeedSequence([seed, index]).generate_state(4, np.uint64)
        palette = draw_palette(generator)
        grey, shades, parameters = self._draw(generator)
        planes = {"images": grey, "shades": shades} if self.options.colour else {"images": grey}
        return planes, {"palette": palette, "parameters": np.array(parameters, np.float32)}

    def _draw(self, generator: np.ndarray) -> tuple[np.ndarray, np.ndarray, tuple[float, ...]]:
        raise TypeError(f"{type(self).__name__} draws nothing: use one of its subclasses.")


class GaussianField(TextureGenerator):
    """Gaussian random fields whose power spectrum is a power law."""

    facts: ClassVar = {**TextureGenerator.facts, "parameters": ("", "slope of the power spectrum")}

    def _draw(self, generator: np.ndarray) -> tuple[np.ndarray, np.ndarray, tuple[float, ...]]:
        slope = uniform(generator, *map(f32, self.options.slope))
        grey, shades = draw_gaussian_fields(generator, field_side(self.options.size), slope)
        return *_quantise(grey, shades, self.options.size), (slope,)


class GradientNoise(TextureGenerator):
    """Perlin's gradient noise, lattice upon lattice."""

    facts: ClassVar = {
        **TextureGenerator.facts,
        "parameters": ("", "cells of the coarsest lattice along the side, persistence"),
    }

    def _draw(self, generator: np.ndarray) -> tuple[np.ndarray, np.ndarray, tuple[float, ...]]:
        options = self.options
        cells = uniform(generator, *map(f32, options.cells))
        persistence = uniform(generator, *map(f32, options.persistence))
        grey, shades = (
            draw_gradient_noise(generator, options.size, cells, options.octaves, persistence)
            for _ in range(2)
        )
        return *_quantise(grey, shades, options.size), (cells, persistence)


class DeadLeaves(TextureGenerator):
    """Discs that cover each other, of all sizes."""

    facts: ClassVar = {**TextureGenerator.facts, "parameters": ("", "leaves that fell")}

    def _draw(self, generator: np.ndarray) -> tuple[np.ndarray, np.ndarray, tuple[float, ...]]:
        options = self.options
        least, most = (f32(share * options.size) for share in options.radius)
        grey, shades, leaves = draw_dead_leaves(
            generator, options.size, least, most, f32(options.exponent)
        )
        if leaves == MOST_LEAVES:
            raise InputError(
                f"radius: {MOST_LEAVES} leaves don't cover an image; raise the least radius or lower the exponent."
            )
        return grey, shades, (leaves,)


def field_side(size: int) -> int:
    """Side of the periodic field that an image is cut from: the next power of two, so that no image is periodic."""
    return 1 << size.bit_length()


def _quantise(grey: np.ndarray, shades: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    return to_levels(grey, size, MIDDLE, SPREAD, f32(255)), to_levels(
        shades, size, f32(SHADES / 2), f32(SHADES / 5), f32(SHADES - 1)
    )


@kernel
def to_levels(field, size, middle, spread, most):
    """Upper left corner of a field as whole numbers from 0 to ``most``: its mean at ``middle``, a standard deviation ``spread``."""
    total, squares = 0.0, 0.0
    for row in range(size):
        for column in range(size):
            value = np.float64(field[row, column])
            total += value
            squares += value * value
    mean = total / (size * size)
    deviation = np.sqrt(max(squares / (size * size) - mean * mean, 1e-30))
    scale, offset = spread / f32(deviation), f32(mean)
    levels = np.empty((size, size), np.uint8)
    for row in range(size):
        for column in range(size):
            level = (field[row, column] - offset) * scale + middle + HALF
            levels[row, column] = np.uint8(min(max(level, ZERO), most))
    return levels


@kernel
def draw_gaussian_fields(generator, side, slope):
    """Draw two independent periodic Gaussian fields with power k^-slope: the two parts of one complex field.

    White noise is drawn in Fourier space (Box & Muller 1958) and shaped there; its mean is left out.

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
    """Fourier transform in place, sum over n of z[n] exp(2 pi i k n / N), N a power of two (Cooley & Tukey 1965)."""
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


@kernel
def draw_gradient_noise(generator, size, cells, octaves, persistence):
    """Sum of lattices of gradient noise (Perlin 2002, "Improving Noise"), each finer and fainter: float32 [size, size]."""
    field = np.zeros((size, size), np.float32)
    scale, amplitude = cells / f32(size), ONE
    for _ in range(octaves):
        shift = uniform(generator, ZERO, ONE)
        across, down = draw_gradients(generator, int(f32(size) * scale) + 3)
        for row in range(size):
            y = f32(row) * scale + shift
            for column in range(size):
                field[row, column] += amplitude * gradient_noise(
                    f32(column) * scale + shift, y, across, down
                )
        scale, amplitude = TWO * scale, persistence * amplitude
    return field


@kernel
def draw_gradients(generator, points):
    """Draw directions for a square lattice: their two parts, float32 [points, points] each."""
    across, down = np.empty((points, points), np.float32), np.empty((points, points), np.float32)
    for row in range(points):
        for column in range(points):
            down[row, column], across[row, column] = sine_cosine(uniform(generator, ZERO, TWO_PI))
    return across, down


@kernel
def gradient_noise(x, y, across, down):
    """Noise at a place: zero on the lattice of whole numbers, rising from each of its points along a gradient of its own."""
    column, row = int(x), int(y)
    u, v = x - f32(column), y - f32(row)
    # Perlin's quintic, whose first two derivatives vanish at either end.
    s = u * u * u * (u * (u * f32(6) - f32(15)) + f32(10))
    t = v * v * v * (v * (v * f32(6) - f32(15)) + f32(10))
    above = (across[row, column] * u + down[row, column] * v) * (ONE - s)
    above += (across[row, column + 1] * (u - ONE) + down[row, column + 1] * v) * s
    below = (across[row + 1, column] * u + down[row + 1, column] * (v - ONE)) * (ONE - s)
    below += (across[row + 1, column + 1] * (u - ONE) + down[row + 1, column + 1] * (v - ONE)) * s
    return above * (ONE - t) + below * t


@kernel
def draw_radius(generator, least, most, exponent):
    """Draw a radius between two, of density r^-exponent."""
    k = ONE - exponent
    low, high = power(least, k), power(most, k)
    return power(low + uniform(generator, ZERO, ONE) * (high - low), ONE / k)


@kernel
def draw_dead_leaves(generator, size, least, most, exponent):
    """Let discs fall until they cover the image (Lee, Mumford & Huang 2001, "Occlusion models for natural images").

    Seen from below: a leaf that falls later shows only where none fell before, so the image is done, and a fair sample of
    endless rain, once each pixel is covered (Kendall & Thonnes 1999).

    Parameters
    ----------
    least, most : radii [pixel]
    exponent : of the density of radii, r^-exponent

    Returns
    -------
    grey, shades : even draws for each leaf, uint8 [row, column]; the number of leaves
    """
    grey, shades = np.zeros((size, size), np.uint8), np.zeros((size, size), np.uint8)
    covered = np.zeros((size, size), np.bool_)
    rest, leaves = size * size, 0
    while rest > 0 and leaves < MOST_LEAVES:
        radius = draw_radius(generator, least, most, exponent)
        x, y = (
            uniform(generator, -most, f32(size) + most),
            uniform(generator, -most, f32(size) + most),
        )
        word = next_word(generator)
        level, shade = (
            np.uint8(word >> np.uint64(56)),
            np.uint8((word >> np.uint64(8)) % np.uint64(SHADES)),
        )
        leaves += 1
        for row in range(max(int(y - radius), 0), min(int(y + radius) + 2, size)):
            dy = f32(row) - y
            for column in range(max(int(x - radius), 0), min(int(x + radius) + 2, size)):
                dx = f32(column) - x
                if not covered[row, column] and dx * dx + dy * dy <= radius * radius:
                    covered[row, column] = True
                    grey[row, column], shades[row, column] = level, shade
                    rest -= 1
    return grey, shades, leaves
