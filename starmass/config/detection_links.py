"""What the entries of ``detection`` ask of the entries that they name."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from starmass.config.detection import EncoderDetector
from starmass.config.features import EncoderFeatures
from starmass.config.image_links import problems_of_images
from starmass.errors import InputError

if TYPE_CHECKING:
    from starmass.config.detection import AnyDetector
    from starmass.config.whole import Config


def check_detection(config: "Config") -> None:
    """Raise InputError about the first detector that does not fit what it names."""
    for name, entry in config.detection.items():
        for key, problem in _problems(config, entry):
            raise InputError(f"config key 'detection.{name}.{key}': {problem}.")


def _problems(config: "Config", entry: "AnyDetector") -> Iterator[tuple[str, str]]:
    evaluation = config.evaluation
    if isinstance(entry, EncoderDetector):
        features = evaluation.features[entry.features]
        assert isinstance(features, EncoderFeatures)  # what the key refers to
        key, way = "features", features.preprocessing[0]
        if len(features.preprocessing) > 1 or features.average != "none":
            yield (
                key,
                f"{entry.features} shows an image in several ways, and a detector looks at one;"
                " name features of one way of preprocessing that are not averaged",
            )
    else:
        key, way = "preprocessing", entry.preprocessing
    shown = evaluation.preprocessing[way]
    if shown.zoom is not None:
        yield (
            key,
            f"preprocessing.{way} has a zoom, which cuts the edges of images off, and boxes with"
            " them; name a way without zoom",
        )
    for problem in problems_of_images(shown, config.images[entry.images], entry.images):
        yield key, f"preprocessing.{way}: {problem}"
