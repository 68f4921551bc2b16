"""Options of MAE."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """What only MAE has: how much is hidden, and the decoder."""

    mask_ratio: float = 0.75
    normalise_pixels: bool = True  # each hidden patch by its own mean and variance
    decoder_width: int = 512
    decoder_depth: int = 1  # as C-MAE; 8 in He et al.
    decoder_heads: int = 16


CONVOLUTIONAL = False
