"""Flame fractals: image i of a seed, whoever asks for it and in whatever order."""

import math
from dataclasses import dataclass
from itertools import count
from typing import Any, ClassVar

import numpy as np

from starmass.errors import InputError, closest
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


@dataclass(frozen=True)
class Options:
    """Options of ``generator: flame``; the config's keys of the same names, and their defaults.

    Parameters
    ----------
    size : side of the images [pixel], 16 to 2048
    colour : structural colour (three channels) or grey (one)
    sampler : ``sigma_factor`` (diverse) or ``rotation_shift`` (accepts more, blander)
    maps : least and most affine maps of a system
    variations : names, or ``all``, or ``classic`` (numbers 0 to 25)
    variations_per_system : least and most variations that a system mixes
    post_transforms : probability that a map is followed by a second affine map
    symmetry : probability that a system is made symmetric
    points_per_pixel : points of the chaos game; 8.86 is a million at 336 pixels
    frame : quantiles of x and of y between which the frame lies
    coverage : least share of the pixels that is hit at least once
    preview_coverage : the same for the coarse preview, which drops hopeless candidates early
    contrast : least contrast on scales below 8 pixels beyond chance; 0 keeps flat images
    gamma : exponent of the tone curve; larger is brighter
    """

    size: int = 336
    colour: bool = True
    sampler: str = "sigma_factor"
    maps: tuple[int, int] = (2, 6)
    variations: str | tuple[str, ...] = "all"
    variations_per_system: tuple[int, int] = (1, 4)
    post_transforms: float = 0.0
    symmetry: float = 0.0
    points_per_pixel: float = 8.86
    frame: tuple[float, float] = (0.05, 0.95)
    coverage: float = 0.8
    preview_coverage: float = 0.81
    contrast: float = 0.15
    gamma: float = 1.5

    def __post_init__(self) -> None:
        if self.sampler not in SAMPLERS:
            raise InputError(
                f"sampler: there is no {self.sampler!r}{closest(self.sampler, SAMPLERS)};"
                f" choose {' or '.join(SAMPLERS)}."
            )
        for key in ("maps", "variations_per_system"):
            least, most = getattr(self, key)
            if not 1 <= least <= most:
                raise InputError(
                    f"{key}: [{least}, {most}] is no range;"
                    " give the least and the most, at least 1, in this order."
                )
        if not 0 <= self.frame[0] < self.frame[1] <= 1:
            raise InputError(
                f"frame: {list(self.frame)} are no quantiles;"
                " give two numbers from 0 to 1 in order, as in [0.05, 0.95]."
            )
        if self.size < 16:
            raise InputError(
                f"size: {self.size} pixels are too few for structure to be told from noise;"
                " give at least 16."
            )
        if self.points > MOST_POINTS:
            raise InputError(
                f"points_per_pixel: {self.points_per_pixel} at {self.size} pixels are more than"
                f" {MOST_POINTS} points an image; lower it."
            )
        variation_numbers(
            self.variations if isinstance(self.variations, str) else list(self.variations)
        )

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
        numbers = np.array(
            variation_numbers(
                self.variations if isinstance(self.variations, str) else list(self.variations)
            ),
            np.int32,
        )
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
