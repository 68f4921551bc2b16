"""Dead leaves: discs of all sizes that cover each other, with sharp edges."""

from typing import ClassVar

import numpy as np

from starmass.config.fractals import DeadLeavesOptions
from starmass.errors import InputError
from starmass.fractals.arithmetic import ONE, ZERO, f32, power
from starmass.fractals.colours import SHADES
from starmass.fractals.compilation import kernel
from starmass.fractals.textures import TextureGenerator
from starmass.fractals.walkers import next_word, uniform

MOST_LEAVES = 2_000_000


Options = DeadLeavesOptions


class Generator(TextureGenerator):
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
                f"radius: {MOST_LEAVES} leaves don't cover an image;"
                " raise the least radius or lower the exponent."
            )
        return grey, shades, (leaves,)


@kernel
def draw_radius(generator, least, most, exponent):
    """Draw a radius between two, of density r^-exponent."""
    k = ONE - exponent
    low, high = power(least, k), power(most, k)
    return power(low + uniform(generator, ZERO, ONE) * (high - low), ONE / k)


@kernel
def draw_dead_leaves(generator, size, least, most, exponent):
    """Let discs fall until they cover the image.

    After Lee, Mumford & Huang (2001), "Occlusion models for natural images". The leaves are
    seen from below: one that falls later shows only where none fell before. So the image is
    complete once each pixel is covered, and an exact sample of the process (Kendall & Thonnes
    1999).

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
