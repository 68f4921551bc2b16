"""Entries of ``evaluation.preprocessing`` and ``features``: how maps are shown, and in numbers."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from starmass.channels import BASE
from starmass.config.entry import (
    Contradiction,
    Each,
    Entry,
    Many,
    Name,
    Named,
    OneOrMore,
    Text,
    Two,
    chosen_by,
    key,
    unique,
)
from starmass.shipped import unknown_encoder

WEIGHTS = (
    "For kind encoder: pretrained (as trained; timm's own, fetched, for an architecture), random,"
    " or with an architecture a file of its weights"
)
STATISTICS = Literal["central", "profile", "annuli", "moments", "spectrum"]
Parts = Annotated[tuple[Name, ...], Field(strict=False, min_length=2), AfterValidator(unique)]
Percentile = Annotated[float, Field(ge=0, le=100)]


class Preprocessing(Entry):
    """How a map is shown, the same for every encoder, network and statistic."""

    channels: Each[Text] = key(tuple(BASE), "Channels that are shown, in this order")
    blank: Annotated[tuple[Text, ...], Field(strict=False)] = key(
        (),
        "Channels of these that are shown empty, for an encoder whose number of channels is fixed",
    )
    column_density: Literal["log10", "none"] = key("log10", "Transform of the column density")
    v_los: Literal["none", "relative", "log_gradient"] = key(
        "none",
        "Transform of v_los: relative to the star, or log10 of its gradient in km/s/pc",
    )
    sigma_v: Literal["none", "log10"] = key("none", "Transform of sigma_v")
    transforms: Named[Literal["none", "log10"]] = key(
        {}, "Transform of other channels, by name, in place of the channel's own"
    )
    zoom: int | None = key(
        None, "Side of the central square that is kept [map pixels]; null keeps all", ge=2
    )
    scaling: Literal["training", "map", "fixed"] = key(
        "training",
        "Over what the limits that become 0 and 1 are found: all training rows, each map by itself,"
        " or the key limits",
    )
    percentiles: Two[Percentile] = key(
        (0, 100),
        "Percentiles of the values that become 0 and 1; 0 and 100 are minimum and maximum",
    )
    limits: Named[Two[float]] = key(
        {}, "For scaling fixed: channel: [lowest, highest], in units of the transformed channel"
    )
    image_size: int | None = key(
        None,
        "Side of the image that an encoder or network sees [pixels]; null leaves map pixels",
        ge=1,
    )
    pixels_per_token: float | None = key(
        None,
        "Instead of image_size: this many map pixels a side become one token of the encoder",
        gt=0,
    )

    @model_validator(mode="after")
    def _check_limits(self) -> "Preprocessing":
        pairs: dict[tuple[str, ...], tuple[float, float]] = {("percentiles",): self.percentiles}
        pairs |= {("limits", channel): pair for channel, pair in self.limits.items()}
        for keys, (low, high) in pairs.items():
            if low >= high:
                raise Contradiction(
                    f"[{low:g}, {high:g}] runs backwards; give the lower one first", *keys
                )
        for channel in self.transforms:
            if channel in BASE:
                raise Contradiction(
                    f"{channel} has a key of its own, {channel}; set that", "transforms"
                )
            if channel not in self.channels:
                raise Contradiction(
                    f"{channel!r} is none of the channels shown, {', '.join(self.channels)}",
                    "transforms",
                )
        if self.image_size and self.pixels_per_token:
            raise Contradiction(
                "image_size and pixels_per_token both set the image's side; give one of them"
            )
        return self


class Features(Entry):
    """What turns a map into numbers; what all kinds share."""

    kind: str = key(..., "What turns a map into numbers")


class ColumnFeatures(Features):
    """Columns of the table of samples, beside or in place of the maps."""

    choice = "kind: columns"
    kind: Literal["columns"] = key(..., "What turns a map into numbers")
    columns: Each[Text] = key(
        ...,
        "For kind columns: columns of samples.csv that hold numbers, as labels of an image set do",
        example=["r", "u_g"],
    )


class MapFeatures(Features):
    """Numbers that a map is turned into; what all kinds share."""

    preprocessing: OneOrMore[Name] = key(
        ...,
        "Entry of preprocessing; a list shows the map in each way and sets the features side by"
        " side, e.g."
        " a pyramid of zooms about the star",
        refers="evaluation.preprocessing",
    )
    average: Literal["none", "sky", "sky_and_behind"] = key(
        "none",
        "Views of a map that features are averaged over: the 8 turns and mirrorings of the sky;"
        " these also from behind, where v_los changes sign",
    )


class EncoderFeatures(MapFeatures):
    """Features of an encoder, whatever its weights come from."""

    kind: Literal["encoder"] = key(..., "What turns a map into numbers")
    weights: str = key("pretrained", "What weights the encoder has")
    tokens: Literal["class", "mean", "class_mean", "centre", "rings"] = key(
        "class",
        "For kind encoder: which tokens are the features; of a ResNet the mean of its last map,"
        " class or mean",
    )


class OwnEncoderFeatures(EncoderFeatures):
    """Features of an encoder of the section ``pretraining``."""

    choice = "kind: encoder with encoder"
    encoder: Name = key(
        ...,
        "For kind encoder: entry of pretraining.encoders; where it has several seeds, a method's"
        " seed takes the pretraining of the same seed",
        refers="pretraining.encoders",
    )
    weights: Literal["pretrained", "random"] = key("pretrained", WEIGHTS)


class ForeignEncoderFeatures(EncoderFeatures):
    """Features of an encoder that was trained elsewhere."""

    choice = "kind: encoder with architecture"
    architecture: str = key(
        ...,
        "For kind encoder, instead of encoder: timm name of a vision transformer or a ResNet, e.g."
        " vit_small_patch14_dinov2.lvd142m, deit_small_patch16_224 or resnet50",
    )
    weights: Text = key("pretrained", WEIGHTS)
    mean: Many[Annotated[float, Field(ge=0, le=1)]] | None = key(
        None,
        "For an architecture: mean of each channel, in images of 0 to 1, that its weights were"
        " trained with; what the file says or timm has for the name when left out",
    )
    std: Many[Annotated[float, Field(gt=0, le=1)]] | None = key(
        None, "For an architecture: standard deviation of each channel, likewise"
    )

    @model_validator(mode="after")
    def _check_channels(self) -> "ForeignEncoderFeatures":
        if self.mean and self.std and len(self.mean) != len(self.std):
            raise Contradiction("it has another number of channels than mean; give as many", "std")
        return self


class ShippedEncoderFeatures(EncoderFeatures):
    """Features of an encoder that comes with starmass."""

    choice = "kind: encoder with shipped"
    shipped: str = key(
        ...,
        "For kind encoder, instead of encoder: name of an encoder that comes with starmass"
        " (docs/encoders.md)",
    )
    weights: Literal["pretrained", "random"] = key("pretrained", WEIGHTS)

    @model_validator(mode="after")
    def _check_name(self) -> "ShippedEncoderFeatures":
        if problem := unknown_encoder(self.shipped):
            raise Contradiction(problem, "shipped")
        return self


class StatisticsFeatures(MapFeatures):
    """Hand-made statistics."""

    choice = "kind: statistics"
    kind: Literal["statistics"] = key(..., "What turns a map into numbers")
    statistics: Many[STATISTICS] = key(..., "For kind statistics: which, side by side")


class PixelFeatures(MapFeatures):
    """The pixels themselves."""

    choice = "kind: pixels"
    kind: Literal["pixels"] = key(..., "What turns a map into numbers")


class CombinedFeatures(Features):
    """Features of several kinds, side by side."""

    choice = "kind: combined"
    kind: Literal["combined"] = key(..., "What turns a map into numbers")
    parts: Parts = key(
        ...,
        "For kind combined: entries of features whose numbers are set side by side, e.g. those of"
        " an encoder and statistics",
        refers="evaluation.features",
        example=["shipped_centre_16", "profile"],
    )


def _kind_of_features(entry: Mapping[str, Any]) -> str:
    kind = entry.get("kind")
    if kind != "encoder":
        return f"kind: {kind}"
    given = [source for source in ("encoder", "shipped", "architecture") if source in entry]
    if len(given) != 1:
        words = " and ".join(given)
        raise Contradiction(
            f"give encoder, shipped or architecture{f', not {words}' if given else ''}"
        )
    return f"kind: encoder with {given[0]}"


if TYPE_CHECKING:
    AnyFeatures = (
        OwnEncoderFeatures
        | ShippedEncoderFeatures
        | ForeignEncoderFeatures
        | StatisticsFeatures
        | PixelFeatures
        | ColumnFeatures
        | CombinedFeatures
    )
else:
    AnyFeatures = chosen_by(
        _kind_of_features,
        [
            OwnEncoderFeatures,
            ShippedEncoderFeatures,
            ForeignEncoderFeatures,
            StatisticsFeatures,
            PixelFeatures,
            ColumnFeatures,
            CombinedFeatures,
        ],
    )
