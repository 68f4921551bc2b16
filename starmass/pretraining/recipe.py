"""What follows from a pretraining's recipe; :mod:`starmass.config.pretraining` has its keys."""

import hashlib
import json
from typing import Any

from starmass.config.pretraining import METHODS, Recipe
from starmass.config.whole import read_recipe_entry
from starmass.errors import InputError


def read_recipe(values: Any, seed: int | None = None) -> Recipe:
    """Check an entry of ``pretraining.encoders`` that is given by hand, and return its recipe.

    Parameters
    ----------
    values : the entry; it may leave out its images
    seed : of weights, order, views and masks; the first of the entry's seeds when left out

    Raises
    ------
    InputError
        names the first key that is wrong
    """
    entry = read_recipe_entry(values)
    return entry.recipe(entry.seeds[0] if seed is None else seed)


def steps_per_epoch(recipe: Recipe, images: int) -> int:
    """Return the number of steps that one epoch of the schedules lasts.

    Raises
    ------
    InputError
        when it is the images once, and they fill no batch
    """
    steps = recipe.epoch_steps or images // recipe.batch_size
    if not steps:
        raise InputError(
            f"batch_size: a step takes {recipe.batch_size} images, but there are {images}, so an"
            " epoch has no step; lower batch_size, take more images, or give epoch_steps to go"
            " through them several times."
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
