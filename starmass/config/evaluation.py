"""Section ``evaluation``: maps and encoders to evidence. Studies and ablations have own modules."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, model_validator

from starmass.channels import BASE
from starmass.config.entry import (
    Contradiction,
    Each,
    Entry,
    Many,
    Name,
    Named,
    OneOrMore,
    Seed,
    Text,
    Two,
    by_key,
    chosen_by,
    key,
)
from starmass.config.studies import Ablation, Study
from starmass.shipped import unknown_encoder

WEIGHTS = (
    "For kind encoder: pretrained (as trained; timm's own, fetched, for an architecture), random,"
    " or with an architecture a file of its weights"
)
STATISTICS = Literal["central", "profile", "annuli", "moments", "spectrum"]
PositiveInt = Annotated[int, Field(ge=1)]
Positive = Annotated[float, Field(gt=0)]
Percentile = Annotated[float, Field(ge=0, le=100)]


class Split(Entry):
    """Which rows train and which test."""

    by: Literal["row", "snapshot", "protostar", "simulation", "time"] = key(
        ...,
        "What is never in both parts; row is the published protocol, time tests each simulation's"
        " late snapshots",
    )
    test_fraction: float | None = key(
        None, "Share of the rows that are held out once; or give folds", gt=0, lt=1
    )
    folds: Annotated[int, Field(ge=2)] | Literal["all"] | None = key(
        None,
        "Number of folds, every row being tested in one; all leaves one group out at a time; or"
        " give test_fraction",
    )
    seed: Seed = key(0, "What the draw derives from")

    @model_validator(mode="after")
    def _check_parts(self) -> "Split":
        if (self.test_fraction is None) == (self.folds is None):
            given = "neither" if self.folds is None else "both (null takes one away)"
            raise Contradiction(f"give either test_fraction or folds, not {given}")
        if self.by == "time" and self.folds is not None:
            raise Contradiction(
                "late snapshots are tested once; give test_fraction instead", "folds"
            )
        return self


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
        ],
    )


class Method(Entry):
    """From a map, or from features, to log10 mass; what all methods share."""

    label: Text | None = key(None, "Name of the row in the table; the entry's own name by default")
    seeds: Each[Seed] = key(
        (0,), "Seeds of what is random in the method; the table shows the mean over them"
    )


class Regressor(Method):
    """From features to log10 mass; what all regressors share."""

    regressor: str = key(..., "From features to log10 mass")
    features: Name | None = key(None, "Entry of features", refers="evaluation.features")
    whitening: OneOrMore[PositiveInt | Literal["all", "standard"] | None] = key(
        None,
        "Number of principal components that are kept and scaled to unit variance; all; standard"
        " scales and does not turn; a list has candidates",
    )


class OfFeatures(Regressor):
    """A regressor that features have to be named for."""

    features: Name = key(..., "Entry of features", refers="evaluation.features")


class NearestNeighbours(OfFeatures):
    """Mean of the nearest training maps."""

    choice = "regressor: knn"
    regressor: Literal["knn"] = key(..., "From features to log10 mass")
    neighbours: OneOrMore[PositiveInt] = key(5, "For knn: how many; a list has candidates")


class Ridge(OfFeatures):
    """Linear regression with a penalty."""

    choice = "regressor: ridge"
    regressor: Literal["ridge"] = key(..., "From features to log10 mass")
    alpha: OneOrMore[Positive] = key(
        (0.01, 0.1, 1.0, 10.0, 100.0, 1000.0, 10000.0, 100000.0),
        "For ridge: penalty on squared slopes; a list has candidates",
    )


class Boosting(OfFeatures):
    """Gradient-boosted trees."""

    choice = "regressor: boosting"
    regressor: Literal["boosting"] = key(..., "From features to log10 mass")
    iterations: OneOrMore[PositiveInt] = key(
        200, "For boosting: number of trees; a list has candidates"
    )


class Perceptron(OfFeatures):
    """A perceptron with one hidden layer."""

    choice = "regressor: mlp"
    regressor: Literal["mlp"] = key(..., "From features to log10 mass")
    hidden: OneOrMore[PositiveInt] = key(
        128, "For mlp: width of its hidden layer; a list has candidates"
    )


class TrainingMean(Regressor):
    """The mean of the training masses, whatever the map."""

    choice = "regressor: mean"
    regressor: Literal["mean"] = key(..., "From features to log10 mass")


class Training(Entry):
    """How weights are trained on maps."""

    epochs: int = key(100, "Passes over the training rows; 0 leaves it untrained", ge=0)
    warmup_epochs: int = key(10, "Epochs in which the rate rises to learning_rate", ge=0)
    batch_size: int = key(64, "Maps a step", ge=2)
    learning_rate: float = key(0.04, "The schedule's maximum", gt=0)
    weight_decay: float = key(0.0001, "Pull of weights towards 0", ge=0)
    augment: bool = key(False, "Turn and mirror training maps at random")


class Network(Method, Training):
    """A network that learns from the maps."""

    choice = "an entry with network"
    network: str = key(..., "timm model that learns from the maps instead, e.g. resnet18")
    preprocessing: Name = key(
        ..., "For a network: entry of preprocessing", refers="evaluation.preprocessing"
    )
    weights: Text | None = key(
        None,
        "For a network: file of tensors by name that it starts from (safetensors or torch); its"
        " last layer is drawn anew",
    )
    encoder: Name | None = key(
        None,
        "For a network, instead of weights: entry of pretraining.encoders that it starts from, of"
        " method simsiam",
        refers="pretraining.encoders of method simsiam",
    )
    optimiser: Literal["sgd", "adamw"] = key("sgd", "For a network: sgd has momentum 0.9")

    @model_validator(mode="after")
    def _check_start(self) -> "Network":
        if self.encoder and self.weights:
            raise Contradiction("it stands in the place of weights; give one of them", "encoder")
        return self


class Finetuning(Training):
    """How an encoder is trained further; what both ways share."""

    mode: str = key(
        ...,
        "All weights, with layer-wise decay of the rate; or an addition of low rank to each matrix"
        " of the attention",
    )
    epochs: int = key(50, "Passes over the training rows", ge=0)
    warmup_epochs: int = key(5, "Epochs in which the rate rises to learning_rate", ge=0)
    learning_rate: float = key(0.001, "The schedule's maximum, for the linear layer", gt=0)
    weight_decay: float = key(0.05, "Pull of matrices towards 0", ge=0)


class FullFinetuning(Finetuning):
    """All weights are trained."""

    mode: Literal["full"] = key(
        ...,
        "All weights, with layer-wise decay of the rate; or an addition of low rank to each matrix"
        " of the attention",
    )
    layer_decay: float = key(
        0.75,
        "For full: factor on the rate for each block further from the output",
        gt=0,
        le=1,
    )


class LowRankFinetuning(Finetuning):
    """Additions of low rank are trained (LoRA)."""

    mode: Literal["lora"] = key(
        ...,
        "All weights, with layer-wise decay of the rate; or an addition of low rank to each matrix"
        " of the attention",
    )
    rank: int = key(8, "For lora: of the additions", ge=1)
    lora_scale: float = key(2.0, "For lora: factor on the additions, alpha / rank", gt=0)


if TYPE_CHECKING:
    AnyFinetuning = FullFinetuning | LowRankFinetuning
else:
    AnyFinetuning = by_key("mode", [FullFinetuning, LowRankFinetuning])


class FinetunedEncoder(Method):
    """The encoder of the features, trained further on the maps."""

    choice = "an entry with finetuning"
    finetuning: AnyFinetuning = key(
        ...,
        "Instead of a regressor: the encoder of the features learns on, with a linear layer on its"
        " tokens (AdamW)",
    )
    features: Name = key(..., "Entry of features", refers="evaluation.features")


REGRESSORS = (NearestNeighbours, Ridge, Boosting, Perceptron, TrainingMean)


def _kind_of_method(entry: Mapping[str, Any]) -> str:
    ways = [way for way in ("network", "finetuning", "regressor") if way in entry]
    if len(ways) > 1:
        raise Contradiction(f"{' and '.join(ways)} are different methods; give one of them")
    if ways and ways[0] != "regressor":
        return f"an entry with {ways[0]}"
    return f"regressor: {entry.get('regressor')}"


if TYPE_CHECKING:
    AnyMethod = Regressor | Network | FinetunedEncoder
else:
    AnyMethod = chosen_by(_kind_of_method, [*REGRESSORS, Network, FinetunedEncoder])


class Evaluation(Entry):
    """Maps and encoders to evidence."""

    studies: Named[Study] = key(
        ...,
        "What is evaluated on which maps; the result folder results/evaluation/NAME and the table"
        " results/tables/NAME/",
    )
    ablations: Named[Ablation] = key(
        {},
        "What a choice is worth; results/evaluation/STUDY/ablations/NAME.csv and"
        " results/figures/STUDY/ablation_NAME.pdf",
    )
    splits: Named[Split] = key(
        ...,
        "Which rows train and which test; drawn once, saved, shared by every method",
    )
    preprocessing: Named[Preprocessing] = key(
        ...,
        "How a map is shown, the same for every encoder, network and statistic; what is fitted is"
        " fitted on training rows",
    )
    features: Named[AnyFeatures] = key(..., "Maps to numbers")
    methods: Named[AnyMethod] = key(..., "Numbers, or maps, to log10 mass")

    def label(self, method: str) -> str:
        """Return what tables and figures call a method."""
        return self.methods[method].label or method
