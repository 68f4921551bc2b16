"""Entries of ``evaluation.methods``: what predicts masses, from features or from the maps."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, model_validator

from starmass.config.entry import (
    Contradiction,
    Each,
    Entry,
    Name,
    OneOrMore,
    Seed,
    Text,
    by_key,
    chosen_by,
    key,
)

PositiveInt = Annotated[int, Field(ge=1)]
Positive = Annotated[float, Field(gt=0)]


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
