"""What sets of images and the entries that name them ask of each other."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from starmass.channels import BASE
from starmass.config.features import Preprocessing
from starmass.config.pretraining import SetImages
from starmass.errors import InputError, closest

if TYPE_CHECKING:
    from starmass.config.images import ImageSet
    from starmass.config.studies import Study
    from starmass.config.whole import Config

OF_SEGMENTS = ("area_fraction", "distance", "log10_column_density", "v_los_from_star")
"""Quantities of segments that are no channels of an image."""
Problems = Iterator[tuple[str, str]]
"""Key of the config, and what is wrong with it and the way out."""


def check_images(config: "Config") -> None:
    """Raise InputError about the first set, or entry that names one, that does not fit another."""
    for problems in (_names(config), _studies(config), _encoders(config), _objects(config)):
        for key, problem in problems:
            raise InputError(f"config key '{key}': {problem}.")


def _names(config: "Config") -> Problems:
    for name in config.images:
        if name in config.maps.simulations:
            yield (
                f"images.{name}",
                "maps.simulations has an entry of this name, and the observed maps of both would"
                " lie in one folder; rename one of them",
            )


def _studies(config: "Config") -> Problems:
    for name, study in config.evaluation.studies.items():
        if study.images:
            images = config.images[study.images]
            problems = [*_parts(study, images)]
            # Ablations look at a study through beams that its images may not be for.
            problems += _through_a_beam(config, study, images) if name == config.study else ()
            for key, problem in problems:
                yield f"evaluation.studies.{name}.{key}", problem


def _parts(study: "Study", images: "ImageSet") -> Problems:
    if study.information and images.side is None:
        yield "information", f"it measures radii in pc; {_add_side(study.images)}, or take it away"
    for channel in OF_SEGMENTS if study.segmentation else ():
        if channel in (images.channels or ()):
            yield (
                "segmentation",
                f"its tables call another quantity {channel}; rename that channel of"
                f" images.{study.images}, or take segmentation away",
            )


def _add_side(name: str | None) -> str:
    return f"add images.{name}.side, the side of an image in the sky [pc]"


def _through_a_beam(config: "Config", study: "Study", images: "ImageSet") -> Problems:
    """Velocities are weighted by the column density, and a dispersion is about the one before."""
    name = study.images
    if not study.observation or not config.maps.observations[study.observation].beam:
        return
    if images.side is None:
        problem = f"a beam needs the size of a pixel; {_add_side(name)}, or take it away"
        yield "observation", problem
    channels = images.channels or ()
    for at, channel in enumerate(channels):
        before = {
            "v_los": channels[0] == "column_density",
            "sigma_v": at > 0 and channels[at - 1] == "v_los",
        }
        if not before.get(channel, True):
            yield (
                "observation",
                "a beam weights v_los by column_density, the first channel, and sigma_v follows"
                f" v_los; images.{name}.channels are {', '.join(channels)}",
            )


def _encoders(config: "Config") -> Problems:
    for name, entry in config.pretraining.encoders.items():
        if isinstance(entry.images, SetImages):
            shown = config.evaluation.preprocessing[entry.images.preprocessing]
            for problem in problems_of_images(
                shown, config.images[entry.images.set_], entry.images.set_
            ):
                yield (
                    f"pretraining.encoders.{name}.images.preprocessing",
                    f"{entry.images.preprocessing}: {problem}",
                )


def _objects(config: "Config") -> Problems:
    for name, entry in config.objects.items():
        study = config.evaluation.studies[entry.study]
        if study.target:
            yield (
                f"objects.{name}.study",
                f"{entry.study} predicts another target than the mass, and objects are weighed;"
                " name a study of masses",
            )
        if study.images is None:
            continue
        images = config.images[study.images]
        lacking = [one for one in BASE if one not in (images.channels or ())]
        if images.side is None or lacking:
            way = _add_side(study.images) if images.side is None else f"they have no {lacking[0]}"
            yield (
                f"objects.{name}.study",
                f"{entry.study} is of the images {study.images}, which are no maps to compare an"
                f" object with: {way}",
            )


def problems_of_images(shown: Preprocessing, images: "ImageSet", name: str) -> Iterator[str]:
    """Yield what a way of preprocessing asks of a set in vain.

    Parameters
    ----------
    shown : entry of ``evaluation.preprocessing``
    images : entry of ``images``, and its ``name``
    """
    for channel in shown.channels:
        if images.channels and channel not in images.channels:
            yield (
                f"images.{name} has no channel {channel!r}{closest(channel, images.channels)}; it"
                f" has {', '.join(images.channels)}"
            )
    gradient = shown.v_los == "log_gradient" and "v_los" in shown.channels
    if gradient and "v_los" not in shown.blank and images.side is None:
        yield (f"v_los: log_gradient is per pc; {_add_side(name)}, or use another transform")
