"""Options of SimSiam."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """What only SimSiam has: the widths of its two perceptrons."""

    projection: int = 2048
    prediction: int = 512


CONVOLUTIONAL = True
