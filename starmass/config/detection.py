"""Section ``detection``: sources found in images by a detector on an encoder."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, model_validator

from starmass.config.entry import Contradiction, Entry, Name, Seed, Text, chosen_by, key


class Detector(Entry):
    """Faster R-CNN on an encoder; what both kinds of encoder share."""

    images: Name = key(
        ..., "Entry of images, whose square maps are searched for sources", refers="images"
    )
    boxes: Text = key(
        ...,
        "CSV file with a line for each source: file or row of the image, x_min, y_min, x_max, y_max"
        " [pixels], class; may hold {data_root}",
        example="{data_root}/boxes.csv",
    )
    boxes_side: int | None = key(
        None,
        "Side of the square images in which the boxes were measured [pixels]; that of the set's"
        " maps when left out",
        ge=1,
        example=300,
    )
    split: Name = key(
        ...,
        "Entry of splits with a test_fraction: which images train and which test",
        refers="evaluation.splits without folds",
    )
    frozen: bool = key(True, "Leave the encoder as it is, and train the rest alone")
    width: int = key(
        256, "Channels of every level of the pyramid; a quarter of the box head's", ge=8, le=1024
    )
    anchor: float = key(
        4.0, "Side of a square anchor [features of its level]; the finest level's are the least",
        ge=1, le=64,
    )  # fmt: skip
    proposals: int = key(
        128, "Proposals of an image that the second stage learns from in a step", ge=8, le=2000
    )
    epochs: int = key(50, "Passes over the training images", ge=1)
    warmup_epochs: int = key(5, "Epochs in which the rate rises to learning_rate", ge=0)
    batch_size: int = key(8, "Images a step", ge=1)
    learning_rate: float = key(0.001, "The schedule's maximum", gt=0)
    weight_decay: float = key(0.05, "Pull of weights towards 0", ge=0)
    augment: bool = key(True, "Turn and mirror training images at random")
    seed: Seed = key(
        0, "What new weights, order, augmentation and the sampling of proposals derive from"
    )
    examples: int = key(6, "Test images in the figure of examples", ge=1, le=24)
    least_score: Annotated[float, Field(ge=0, lt=1)] = key(
        0.8, "Score from which the figure of examples shows a box"
    )


class EncoderDetector(Detector):
    """On a vision transformer, with a simple feature pyramid."""

    choice = "an entry with features"
    features: Name = key(
        ...,
        "Entry of features of kind encoder, whose encoder, weights and way of preprocessing are"
        " taken; or give network",
        refers="evaluation.features of kind encoder",
    )


class NetworkDetector(Detector):
    """On a ResNet, with torchvision's feature pyramid."""

    choice = "an entry with network"
    network: Text = key(
        ..., "Instead of features: timm name of a ResNet, e.g. resnet18", example="resnet18"
    )
    preprocessing: Name = key(
        ..., "For a network: entry of preprocessing", refers="evaluation.preprocessing"
    )
    weights: Text | None = key(
        None,
        "For a network: file of tensors by name that it starts from (safetensors or torch), may"
        " hold {data_root}; random weights when left out",
    )

    @model_validator(mode="after")
    def _check_frozen(self) -> "NetworkDetector":
        if self.frozen and "frozen" not in self.model_fields_set and self.weights is None:
            raise Contradiction(
                "a network of random weights is not left as it is unless you say so; give frozen:"
                " false, or weights",
                "frozen",
            )
        return self


def _kind(entry: Mapping[str, Any]) -> str:
    given = [way for way in ("features", "network") if way in entry]
    if len(given) != 1:
        raise Contradiction(f"give features or network{', not both' if given else ''}")
    return f"an entry with {given[0]}"


if TYPE_CHECKING:
    AnyDetector = EncoderDetector | NetworkDetector
else:
    AnyDetector = chosen_by(_kind, [EncoderDetector, NetworkDetector])
