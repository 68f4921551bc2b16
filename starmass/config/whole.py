"""The whole config: its sections, and what entries of one section say of entries of another."""

from collections.abc import Mapping
from typing import Any

from starmass.config.detection import AnyDetector
from starmass.config.detection_links import check_detection
from starmass.config.entry import Entry, Named, key
from starmass.config.evaluation import Evaluation
from starmass.config.fractals import Fractals
from starmass.config.image_links import check_images
from starmass.config.images import ImageSet
from starmass.config.links import check_links
from starmass.config.maps import Maps
from starmass.config.object_links import check_objects
from starmass.config.objects import ObservedObject
from starmass.config.pretraining import EncoderEntry, Pretraining
from starmass.config.references import check_references
from starmass.config.reporting import Reporting
from starmass.config.sentences import validated
from starmass.config.text import check_names, check_scalars


class Config(Entry):
    """Everything that a user can set."""

    study: str = key(
        ...,
        "Name of the entry of evaluation.studies whose table, figures and report are built by"
        " default",
        refers="evaluation.studies",
    )
    data_root: str | None = key(
        None,
        'Folder that "{data_root}" in maps.simulations, images, objects and detection is replaced'
        " by; usually given as --config data_root=DIR",
    )
    maps: Maps = key(..., "Dumps to maps")
    images: Named[ImageSet] = key(
        {},
        "Images or maps that others made, by name, which a study or an encoder may name; as map"
        " files they are results/images/NAME/maps.h5",
    )
    fractals: Fractals = key(..., "Mathematics to images")
    pretraining: Pretraining = key(..., "Images to encoders")
    evaluation: Evaluation = key(..., "Maps and encoders to evidence")
    objects: Named[ObservedObject] = key(
        {}, "Observed protostars, by name; a page of each is results/objects/NAME/page.html"
    )
    detection: Named[AnyDetector] = key(
        {},
        "Sources found in images, by name: boxes and their precision are results/detection/NAME/",
    )
    reporting: Reporting = key(..., "Evidence to pages")

    def written(self) -> dict[str, Any]:
        """Return what was written, without defaults and without what null takes away."""
        return self.model_dump(by_alias=True, exclude_unset=True)


def read_config(values: Mapping[str, Any]) -> Config:
    """Check a config and return it.

    Parameters
    ----------
    values : the config as Snakemake merged it

    Raises
    ------
    InputError
        names the first key that is unknown, missing, of the wrong type or out of range, or the
        entry that does not exist
    """
    check_names(values)
    check_scalars(values)
    config = validated(Config, values)
    check_references(config)
    check_images(config)
    check_links(config)
    check_objects(config)
    check_detection(config)
    return config


def read_recipe_entry(values: Any) -> EncoderEntry:
    """Check a recipe that is given by hand, which names no images, as the workflow checks its own.

    Raises
    ------
    InputError
        names the first key that is unknown, of the wrong type or out of range, or that doesn't fit
        another
    """
    entry = {"images": "given", **values} if isinstance(values, Mapping) else values
    check_names(entry)
    check_scalars(entry)
    return validated(EncoderEntry, entry, what="recipe key")
