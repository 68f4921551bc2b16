"""Quality of predicted classes. All metrics derive from counts that add up over rows.

So a bootstrap over objects weighs each object's counts, and nothing is computed row by row again.
"""

from collections.abc import Sequence

import numpy as np

NAMES = ("accuracy", "balanced_accuracy", "macro_f1")
CALIBRATION = "calibration_error"
BINS = 10
"""Bins of confidence, of equal width, of the calibration error."""


def confusion(truth: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Return how many rows of each class are predicted as each class.

    Parameters
    ----------
    truth, predicted : places of classes [row]
    classes : how many there are

    Returns
    -------
    float64 [true class, predicted class]
    """
    cells = np.bincount(truth * classes + predicted, minlength=classes**2)
    return cells.reshape(classes, classes).astype(float)


def group_confusions(
    truth: np.ndarray, predicted: np.ndarray, classes: int, places: np.ndarray
) -> np.ndarray:
    """Return a confusion matrix for each group.

    Parameters
    ----------
    truth, predicted : places of classes [row]
    classes : how many there are
    places : group of each row [row], from 0

    Returns
    -------
    float64 [group, true class, predicted class]
    """
    groups, size = int(places.max()) + 1, classes**2
    cells = np.bincount(
        places * size + truth * classes + predicted, minlength=groups * size
    ).astype(float)
    return cells.reshape(groups, classes, classes)


def from_confusion(matrix: np.ndarray) -> dict[str, np.ndarray]:
    """Return the metrics of confusion matrices.

    ``balanced_accuracy`` is the mean recall of the classes that have rows; ``macro_f1`` the mean of
    F1 = 2 TP / (2 TP + FP + FN) over the classes that have rows or are predicted. Both are as in
    scikit-learn.

    Parameters
    ----------
    matrix : [..., true class, predicted class]

    Returns
    -------
    by name of :data:`NAMES`, and ``recall`` [..., class]; nan where there is no row
    """
    right = np.diagonal(matrix, axis1=-2, axis2=-1)
    rows, named = matrix.sum(axis=-1), matrix.sum(axis=-2)
    with np.errstate(divide="ignore", invalid="ignore"):
        recall = np.where(rows > 0, right / rows, np.nan)
        f1 = np.where(rows + named > 0, 2 * right / (rows + named), np.nan)
        accuracy = right.sum(axis=-1) / rows.sum(axis=-1)
    return {
        "accuracy": accuracy,
        "balanced_accuracy": _mean_of_known(recall),
        "macro_f1": _mean_of_known(f1),
        "recall": recall,
    }


def _mean_of_known(values: np.ndarray) -> np.ndarray:
    """Return the mean of the last axis without nan; nan where all are."""
    known = np.isfinite(values)
    with np.errstate(invalid="ignore"):
        return np.where(known, values, 0.0).sum(axis=-1) / known.sum(axis=-1)


def calibration_error(truth: np.ndarray, scores: np.ndarray) -> float:
    """Return the expected calibration error (Guo et al. 2017, ICML, arXiv:1706.04599).

    It is the mean distance between the score of the predicted class and the share of rows that are
    right, over bins of that score, each weighted by its rows.

    Parameters
    ----------
    truth : place of the class [row]
    scores : [row, class], each row's sum is 1
    """
    confidence, right = scores.max(axis=1), scores.argmax(axis=1) == truth
    place = np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)
    gap = np.bincount(place, right - confidence, minlength=BINS)
    return float(np.abs(gap).sum() / len(truth))


def measure_classes(
    truth: np.ndarray, scores: np.ndarray, names: Sequence[str]
) -> dict[str, float]:
    """Return every metric of predicted classes.

    Parameters
    ----------
    truth : place of the class [row]
    scores : [row, class]; the class with the largest is predicted, the first of equal ones
    names : of the classes

    Returns
    -------
    :data:`NAMES`, ``recall_{class}`` for each, and :data:`CALIBRATION`
    """
    found = from_confusion(confusion(truth, scores.argmax(axis=1), len(names)))
    values = {name: float(value) for name, value in _by_name(found, names).items()}
    return {**values, CALIBRATION: calibration_error(truth, scores)}


def bootstrap_classes(
    truth: np.ndarray,
    scores: np.ndarray,
    names: Sequence[str],
    weights: np.ndarray,
    places: np.ndarray,
) -> dict[str, np.ndarray]:
    """Return every metric but the calibration error in each draw: name -> [draw].

    The calibration error has no interval: noise raises it, so that it is larger in almost every
    draw than in the sample itself.

    Parameters
    ----------
    truth, scores, names : of :func:`measure_classes`
    weights, places : of :func:`starmass.evaluation.metrics.resampling_weights`
    """
    drawn = _draw(group_confusions(truth, scores.argmax(axis=1), len(names), places), weights)
    return _by_name(from_confusion(drawn), names)


def _draw(each: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Add up the groups' matrices in each draw: [draw, true class, predicted class]."""
    return (weights @ each.reshape(len(each), -1)).reshape(-1, *each.shape[1:])


def _by_name(found: dict[str, np.ndarray], names: Sequence[str]) -> dict[str, np.ndarray]:
    recall = {f"recall_{name}": found["recall"][..., at] for at, name in enumerate(names)}
    return {**{name: found[name] for name in NAMES}, **recall}


def draw_shares(
    truth: np.ndarray,
    predicted: Sequence[np.ndarray],
    classes: int,
    weights: np.ndarray,
    places: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the confusion matrix of a method, mean over its seeds, and its shares in each draw.

    Parameters
    ----------
    truth : place of the class [row]
    predicted : place of the predicted class [row], one a seed
    classes : how many there are
    weights, places : of :func:`starmass.evaluation.metrics.resampling_weights`

    Returns
    -------
    counts and shares of the true class's rows [true class, predicted class], and the shares in each
    draw [draw, true class, predicted class]; nan where a class has no row
    """
    each = np.mean([group_confusions(truth, one, classes, places) for one in predicted], axis=0)
    whole, drawn = each.sum(axis=0), _draw(each, weights)
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = [one / one.sum(axis=-1, keepdims=True) for one in (whole, drawn)]
    return whole, shares[0], shares[1]
