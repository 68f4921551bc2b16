"""A few of many: examples that are spread evenly over what there is."""

import numpy as np


def spread_evenly(values: np.ndarray, most: int | None) -> np.ndarray:
    """Return at most ``most`` values [n], evenly along them, the first and last among them.

    All are returned for None, none for 0, and the first alone for 1.
    """
    if most is None:
        return values
    last = len(values) - 1
    return values[np.unique(np.linspace(0, last, min(most, last + 1)).round().astype(int))]
