"""Intervals of a method's predictions, from its errors on training stars that were held out."""

from collections.abc import Callable

import numpy as np

from starmass.evaluation.splits import deal_groups

LEVEL = 0.9
"""Share of the test rows that intervals promise to hold."""
FOLDS = 5


def conformal_half_width(errors: np.ndarray, level: float = LEVEL) -> float:
    """Return the half-width that a share ``level`` of new errors stays below.

    It is the ceil((n + 1) level)-th smallest of n errors; inf where there are too few.

    Split-conformal prediction (Lei et al. 2018, J. Am. Stat. Assoc. 113, 1094, section 2.2).
    """
    rank = int(np.ceil((len(errors) + 1) * level))
    return float(np.sort(np.abs(errors))[rank - 1]) if rank <= len(errors) else float("inf")


def calibrate(
    predict: Callable[[np.ndarray, np.ndarray], np.ndarray],
    labels: np.ndarray,
    groups: np.ndarray,
    train: np.ndarray,
    level: float = LEVEL,
) -> float:
    """Return the half-width [dex] of a method's intervals, from training rows alone.

    The training protostars are split in five ways into some for training and some for calibration,
    so that each calibrates once. With few stars, a single split would base the width on three or
    four of them. Rows of a star are not independent draws, so the nominal level is approximate;
    the table has the measured coverage.

    Parameters
    ----------
    predict : of training and of calibration rows, the values predicted for the latter
    labels, groups : [row]
    train : row numbers
    """
    names, places = np.unique(groups[train], return_inverse=True)
    if len(names) < 2:
        return float("nan")
    dealt = deal_groups(places, min(FOLDS, len(names)), np.arange(len(names)))
    errors = [
        predict(train[dealt != fold], train[dealt == fold]) - labels[train[dealt == fold]]
        for fold in np.unique(dealt)
    ]
    return conformal_half_width(np.concatenate(errors), level)
