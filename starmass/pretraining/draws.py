"""Random numbers derived from a seed and a place in the run, never from the order of execution.

The number of ranks or workers, or a restart, changes none of them.
"""

from enum import IntEnum
from typing import NamedTuple

import numpy as np


class RandomStream(IntEnum):
    """What a draw is for; two purposes at the same place get unrelated numbers."""

    ORDER = 0
    VIEWS = 1
    MASKS = 2
    STRATA = 3
    WEIGHTS = 4
    STEP = 5


class SampleIndex(NamedTuple):
    """One sample's place in the run.

    Attributes
    ----------
    step : optimiser step that it belongs to
    position : its place in the global batch, 0 to batch - 1, whatever the number of ranks
    epoch : how often the whole image set was passed before
    image : its index in the set
    """

    step: int
    position: int
    epoch: int
    image: int


def generator(seed: int, stream: RandomStream, *place: int) -> np.random.Generator:
    """Return the generator of one purpose at one place (a sample, a step)."""
    return np.random.default_rng(np.random.SeedSequence([seed, int(stream), *place]))


def torch_seed(seed: int, stream: RandomStream, *place: int) -> int:
    """Return a seed for torch's generator that belongs to one purpose at one place."""
    return int(
        np.random.SeedSequence([seed, int(stream), *place]).generate_state(1, np.uint64)[0] >> 1
    )
