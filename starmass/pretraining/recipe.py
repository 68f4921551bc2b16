"""What follows from the recipe of a pretraining; its keys are :mod:`starmass.config.pretraining`'s."""

import hashlib
import json
from typing import Any

from starmass.config.pretraining import METHODS, Recipe
from starmass.errors import InputError


def steps_per_epoch(recipe: Recipe, images: int) -> int:
    """Return the number of steps that one epoch of the schedules lasts.

    Raises
    ------
    InputError
        when it is the images once, and they fill no batch
    """
    steps = recipe.epoch_steps or images // recipe.batch
    if not steps:
        raise InputError(
            f"batch: a step takes {recipe.batch} images, but there are {images}, so an epoch has"
            " no step; lower batch, take more images, or give epoch_steps to go through them"
            " several times."
        )
    return steps


def recipe_digest(recipe: Recipe, images: Any) -> str:
    """Return what a resumed run has to share, as a digest: what shapes the weights, and the images.

    ``images`` : the identity of the images, ready for JSON
    """
    without = {"execution", *METHODS} - {recipe.method}
    shaping = recipe.plain(*without)
    text = json.dumps([shaping, images], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
