"""What textures share: random bits by image, palette, brightness.

They have the interface of flames: brightness, a place along a palette, and the palette. Image i of
a seed is the same bytes for any shard, thread and processor, because arithmetic is our own and sums
have a fixed order. Every image is accepted.
"""

from typing import Any, ClassVar

import numpy as np

from starmass.fractals.arithmetic import HALF, ZERO, f32
from starmass.fractals.colours import SHADES
from starmass.fractals.compilation import kernel
from starmass.fractals.rendering import draw_palette

MIDDLE, SPREAD = f32(128), f32(48)  # brightness of the mean, and of one standard deviation


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
        """Render image ``index`` of ``seed``: its planes and the facts named in :attr:`facts`.

        ``images`` is the grey image, and with colour ``shades`` the place of each pixel along the
        palette; uint8 [row, column] each.
        """
        generator = np.random.SeedSequence([seed, index]).generate_state(4, np.uint64)
        palette = draw_palette(generator)
        grey, shades, parameters = self._draw(generator)
        planes = {"images": grey, "shades": shades} if self.options.colour else {"images": grey}
        return planes, {"palette": palette, "parameters": np.array(parameters, np.float32)}

    def _draw(self, generator: np.ndarray) -> tuple[np.ndarray, np.ndarray, tuple[float, ...]]:
        raise TypeError(f"{type(self).__name__} draws nothing: use one of its subclasses.")


def quantise(grey: np.ndarray, shades: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Turn two fields into brightness and places along the palette: uint8 [size, size] each."""
    return to_levels(grey, size, MIDDLE, SPREAD, f32(255)), to_levels(
        shades, size, f32(SHADES / 2), f32(SHADES / 5), f32(SHADES - 1)
    )


@kernel
def to_levels(field, size, middle, spread, most):
    """Upper left corner of a field as whole numbers from 0 to ``most``: uint8 [size, size].

    Its mean lies at ``middle``; ``spread`` is one standard deviation.
    """
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
