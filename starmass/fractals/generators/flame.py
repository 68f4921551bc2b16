"""Flame fractals: image i of a seed is the same in whatever order images are made."""

import math
from itertools import count
from typing import Any, ClassVar

import numpy as np
from pydantic import model_validator

from starmass.config.entry import Contradiction
from starmass.config.fractals import FlameOptions
from starmass.errors import InputError
from starmass.fractals.rendering import (
    ACCEPTED,
    MOST_POINTS,
    PREVIEW_POINTS,
    VERDICTS,
    ImageOptions,
    attempt,
    paint,
)  # fmt: skip
from starmass.fractals.systems import SAMPLERS, SystemOptions
from starmass.fractals.variations import variation_numbers
from starmass.fractals.walkers import ROW, WALKERS

MOST_CANDIDATES = 2000


class Options(FlameOptions):
    """Options of ``generator: flame``, as the kernels take them."""

    @model_validator(mode="after")
    def _check_points(self) -> "Options":
        if self.points > MOST_POINTS:
            raise Contradiction(
                f"{self.points_per_pixel} at {self.size} pixels are more than {MOST_POINTS} points"
                " an image; lower it",
                "points_per_pixel",
            )
        variation_numbers(self._names())
        return self

    def _names(self) -> str | list[str]:
        return self.variations if isinstance(self.variations, str) else list(self.variations)

    @property
    def steps(self) -> int:
        """Steps of the chaos game for an image; every step gives one point a walker."""
        return math.ceil(self.points_per_pixel * self.size**2 / WALKERS)

    @property
    def points(self) -> int:
        """Points of an image."""
        return self.steps * WALKERS

    def system_options(self) -> SystemOptions:
        """Return the part that shapes systems, as the kernels take it."""
        numbers = np.array(variation_numbers(self._names()), np.int32)
        most = min(self.variations_per_system[1], len(numbers))
        return SystemOptions(
            SAMPLERS[self.sampler], *self.maps, numbers,
            min(self.variations_per_system[0], most), most,
            np.float32(self.post_transforms), np.float32(self.symmetry),
        )  # fmt: skip

    def image_options(self) -> ImageOptions:
        """Return the part that shapes and judges images, as the kernels take it."""
        # Cells so large that each gets as many points as a pixel of the image will.
        preview_size = max(1, int(math.sqrt(PREVIEW_POINTS / self.points_per_pixel)))
        return ImageOptions(
            self.size, self.steps, np.float32(self.frame[0]), np.float32(self.frame[1]),
            preview_size, np.float32(self.preview_coverage), np.float32(self.coverage),
            np.float32(self.contrast), np.float32(self.gamma),
        )  # fmt: skip


class Generator:
    """Render flames.

    Parameters
    ----------
    options : what to render
    """

    facts: ClassVar = {
        "candidate": ("", "candidate that was accepted; image i of seed s is drawn from "
                      "numpy SeedSequence([s, i, candidate])"),
        "coverage": ("", "share of the pixels hit at least once"),
        "contrast": ("", "contrast below 8 pixels beyond chance"),
        "points": ("", "points of the chaos game spent on the image, rejected candidates included"),
        "rejections": ("", f"candidates rejected before it, by cause: {', '.join(VERDICTS[1:])}"),
        "box": ("", "frame: x and y of its corner, pixels per unit of x and of y"),
        "palette": ("", "colours that the palette passes through, red, green, blue"),
        "pairs": ("", "system, a row a pair (map, variation): number of the variation, "
                  "cumulative probability (0: no pair), a to f of the map, "
                  "a to f of the post-transform, colour, colour speed, p1 to p4"),
    }  # fmt: skip

    def __init__(self, options: Options):
        self.options = options
        self._system, self._image = options.system_options(), options.image_options()

    def render(self, seed: int, index: int) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Render image ``index`` of ``seed``.

        Candidates are tried in order until one is accepted, each from random bits of its own.

        Returns
        -------
        planes : ``images``, the grey image, and with colour ``shades``, the place of each pixel
            along the palette; uint8 [row, column] each
        facts : the values named in :attr:`facts`

        Raises
        ------
        InputError
            when none of the first 2000 candidates was acceptable
        """
        options = self.options
        rejections = np.zeros(len(VERDICTS) - 1, np.int32)
        points = 0
        for candidate in count():
            if candidate == MOST_CANDIDATES:
                causes = ", ".join(
                    f"{n} {cause}" for cause, n in zip(VERDICTS[1:], rejections, strict=True)
                )
                raise InputError(
                    f"fractals: none of {candidate} candidates for image {index} of seed {seed}"
                    f" was acceptable ({causes}); lower coverage or contrast, narrow the frame,"
                    " or allow other variations."
                )
            words = np.random.SeedSequence([seed, index, candidate]).generate_state(4, np.uint64)
            (
                verdict,
                spent,
                coverage,
                contrast,
                histogram,
                box,
                palette,
                variations,
                table,
                cumulative,
            ) = attempt(words, self._system, self._image)
            points += spent
            if verdict == ACCEPTED:
                break
            rejections[verdict - 1] += 1
        grey, shades = paint(histogram, options.size, self._image.gamma)
        pairs = np.zeros((self._system.most_pairs, 2 + ROW), np.float32)
        pairs[: len(table)] = np.column_stack([variations, cumulative, table])
        planes = {"images": grey, "shades": shades} if options.colour else {"images": grey}
        return planes, {
            "candidate": candidate, "coverage": np.float32(coverage),
            "contrast": np.float32(contrast), "points": points,
            "rejections": rejections, "box": box, "palette": palette, "pairs": pairs,
        }  # fmt: skip
