"""Section ``fractals``: synthetic images that an encoder is trained on."""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from starmass.config.entry import (
    Contradiction,
    Each,
    Entry,
    Named,
    Seed,
    Share,
    Text,
    Two,
    by_key,
    key,
)

GENERATOR = (
    "What makes the images: flame is the fractal flame algorithm of Draves & Reckase (2008), the"
    " others are textures without fractal systems"
)
Count = Annotated[int, Field(ge=1, le=16)]


class ImageOptions(Entry):
    """What shapes an image; what all generators share."""

    size: int = key(336, "Side of the images [pixel]", ge=16, le=2048)
    colour: bool = key(True, "Structural colour (three channels) or grey (one)")

    @model_validator(mode="after")
    def _check_ranges(self) -> "ImageOptions":
        for name in type(self).model_fields:
            value = getattr(self, name)
            if not isinstance(value, tuple) or isinstance(value[0], str):
                continue
            least, most = value
            if least > most or (name == "frame" and least == most):
                raise Contradiction(
                    f"{list(value)} runs backwards; give the least and the most, in this order",
                    name,
                )
        return self


class Images(Entry):
    """A set of images; what the sets of all generators share."""

    generator: str = key(..., GENERATOR)
    count: int = key(..., "Number of images, at least 1", ge=1, le=1_000_000_000)
    images_per_shard: int = key(10000, "Images in one file; changes no image", ge=1, le=1_000_000)
    seed: Seed = key(0, "Seed of the set; image i of a seed is always the same")
    compression: Literal["zstd", "gzip", "none"] = key(
        "zstd", "Compression of the files; zstd needs hdf5plugin wherever they are read"
    )


class FlameOptions(ImageOptions):
    """Fractal flames."""

    sampler: Literal["sigma_factor", "rotation_shift"] = key(
        "sigma_factor",
        "How affine maps are drawn; sigma_factor is diverse, rotation_shift accepts more and is"
        " blander",
    )
    maps: Two[Count] = key((2, 6), "Least and most affine maps of a system")
    variations: Literal["all", "classic"] | Each[Text] = key(
        "all",
        "Non-linear functions to choose from: all, classic (numbers 0 to 25) or a list of names;"
        " [linear] gives affine fractals",
    )
    variations_per_system: Two[Count] = key((1, 4), "Least and most variations that a system mixes")
    post_transforms: Share = key(0.0, "Probability that a map is followed by a second affine map")
    symmetry: Share = key(0.0, "Probability that a system is made symmetric (2-fold to 6-fold)")
    points_per_pixel: float = key(
        8.86, "Points of the chaos game a pixel; 8.86 is a million at 336 pixels", gt=0, le=1000
    )
    frame: Two[Share] = key((0.05, 0.95), "Quantiles of x and of y between which the frame lies")
    coverage: Share = key(0.8, "Least share of the pixels hit at least once")
    preview_coverage: Share = key(
        0.81,
        "Least share of the cells of a coarse preview, by which hopeless candidates are dropped"
        " early",
    )
    contrast: float = key(
        0.15,
        "Least contrast on scales below 8 pixels beyond chance; 0 keeps flat images",
        ge=0,
        le=10,
    )
    gamma: float = key(1.5, "Exponent of the tone curve; larger is brighter", ge=0.1, le=10)


class GaussianFieldOptions(ImageOptions):
    """Gaussian random fields."""

    slope: Two[Annotated[float, Field(ge=0, le=8)]] = key(
        (1.0, 4.0),
        "For gaussian_field: least and most p of the power spectrum k^-p, drawn for each image;"
        " photographs have about 2",
    )


class GradientNoiseOptions(ImageOptions):
    """Perlin's gradient noise."""

    cells: Two[Annotated[int, Field(ge=1, le=64)]] = key(
        (2, 8),
        "For gradient_noise: least and most cells of the coarsest lattice along the side, drawn"
        " for each image",
    )
    octaves: int = key(
        6, "For gradient_noise: lattices, each twice as fine as the one before", ge=1, le=10
    )
    persistence: Two[Share] = key(
        (0.4, 0.8),
        "For gradient_noise: least and most amplitude of a lattice relative to the next coarser"
        " one, drawn for each image",
    )


class DeadLeavesOptions(ImageOptions):
    """Discs that cover each other."""

    radius: Two[Annotated[float, Field(ge=0.001, le=1)]] = key(
        (0.01, 0.25), "For dead_leaves: least and most radius of a disc [share of the side]"
    )
    exponent: float = key(
        3.0,
        "For dead_leaves: a of the density of radii r^-a; 3 makes all scales look alike",
        ge=0,
        le=6,
    )

    @model_validator(mode="after")
    def _check_exponent(self) -> "DeadLeavesOptions":
        if self.exponent == 1:
            raise Contradiction("1 has no closed form here; give 1.001", "exponent")
        return self


class Flame(FlameOptions, Images):
    """A set of images by ``generator: flame``."""

    generator: Literal["flame"] = key(..., GENERATOR)


class GaussianField(GaussianFieldOptions, Images):
    """A set of images by ``generator: gaussian_field``."""

    generator: Literal["gaussian_field"] = key(..., GENERATOR)


class GradientNoise(GradientNoiseOptions, Images):
    """A set of images by ``generator: gradient_noise``."""

    generator: Literal["gradient_noise"] = key(..., GENERATOR)


class DeadLeaves(DeadLeavesOptions, Images):
    """A set of images by ``generator: dead_leaves``."""

    generator: Literal["dead_leaves"] = key(..., GENERATOR)


SETS = (Flame, GaussianField, GradientNoise, DeadLeaves)
if TYPE_CHECKING:
    AnyImages = Flame | GaussianField | GradientNoise | DeadLeaves
else:
    AnyImages = by_key("generator", SETS)


class Fractals(Entry):
    """Mathematics to images."""

    threads: int = key(2, "Images that one job renders at once [threads]", ge=1, le=256)
    images: Named[AnyImages] = key(..., "Sets of images by name", min_length=1)
