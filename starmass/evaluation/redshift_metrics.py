"""Quality of predicted redshifts, by dz = (predicted - true) / (1 + true).

sigma_MAD is 1.4826 times the median of abs(dz - median of dz), which is the standard deviation
where dz is normal (Ilbert et al. 2009, ApJ 690, 1236, for the scaling); the outlier share is that
of rows with abs(dz) > 0.05.
"""

import numpy as np

from starmass.errors import InputError

NAMES = ("sigma_mad", "mean_dz", "outlier_share")
NORMAL = 1.4826
"""Standard deviation of a normal distribution, in units of its median absolute deviation."""
OUTLIER = 0.05


def scaled_errors(truth: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Return dz of each row.

    Raises
    ------
    InputError
        when a redshift is -1 or less
    """
    if (truth <= -1).any():
        raise InputError(
            f"a redshift of {truth.min():g} can't be; with target.metrics: redshift all have to be"
            " above -1."
        )
    return (predicted - truth) / (1 + truth)


def measure_redshift(truth: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """Return every metric of :data:`NAMES` for redshifts [row]."""
    dz = scaled_errors(truth, predicted)
    return {
        "sigma_mad": float(NORMAL * np.median(np.abs(dz - np.median(dz)))),
        "mean_dz": float(dz.mean()),
        "outlier_share": float((np.abs(dz) > OUTLIER).mean()),
    }


def bootstrap_redshift(
    truth: np.ndarray, predicted: np.ndarray, weights: np.ndarray, places: np.ndarray
) -> dict[str, np.ndarray]:
    """Return every metric in each draw of objects: name -> [draw].

    Parameters
    ----------
    truth, predicted : redshifts [row]
    weights, places : of :func:`starmass.evaluation.metrics.resampling_weights`
    """
    dz = scaled_errors(truth, predicted)
    order = np.argsort(dz, kind="stable")
    dz, places = dz[order], places[order]
    sigma = np.empty(len(weights))
    for draw, weight in enumerate(weights):
        often = weight[places]
        distance = np.abs(dz - weighted_median(dz, often))
        nearest = np.argsort(distance, kind="stable")
        sigma[draw] = NORMAL * weighted_median(distance[nearest], often[nearest])
    groups = weights.shape[1]
    rows, total, out = (
        np.bincount(places, one, minlength=groups) @ weights.T
        for one in (np.ones_like(dz), dz, (np.abs(dz) > OUTLIER).astype(float))
    )
    return {"sigma_mad": sigma, "mean_dz": total / rows, "outlier_share": out / rows}


def weighted_median(values: np.ndarray, often: np.ndarray) -> float:
    """Return the median of ascending values [row], each of which is there so often [row].

    It is that of ``numpy.repeat(values, often)``, the mean of two values where their number is
    even; nan where there is none.
    """
    total = np.cumsum(often)
    if not total[-1]:
        return float("nan")
    low, high = np.searchsorted(total, [total[-1] / 2, total[-1] / 2 + 0.5], side="left")
    return float((values[low] + values[high]) / 2)
