"""When a rank among held-out stars is low enough to be called outside."""

from typing import Any

import numpy as np

P_OUTSIDE = 0.05
"""A rank p that is at most this is called outside."""


def is_outside(p: Any) -> Any:
    """Whether ranks p are as low as those that are called outside.

    Parameters
    ----------
    p : a number or an array of them; the answer has its shape
    """
    return np.asarray(p) <= P_OUTSIDE + 1e-9  # ranks are quotients, with their rounding
