"""Perlin's gradient noise: smooth structure on several scales."""

from typing import ClassVar

import numpy as np

from starmass.config.fractals import GradientNoiseOptions
from starmass.fractals.arithmetic import ONE, TWO, TWO_PI, ZERO, f32, sine_cosine
from starmass.fractals.compilation import kernel
from starmass.fractals.textures import TextureGenerator, quantise
from starmass.fractals.walkers import uniform

Options = GradientNoiseOptions


class Generator(TextureGenerator):
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
        return *quantise(grey, shades, options.size), (cells, persistence)


@kernel
def draw_gradient_noise(generator, size, cells, octaves, persistence):
    """Sum of lattices of gradient noise, each finer and fainter: float32 [size, size].

    After Perlin (2002), "Improving Noise".
    """
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
    """Noise at a place: zero on the lattice of whole numbers.

    It rises from each point of the lattice along a gradient of the point's own.
    """
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
