"""Principal axes of rows, and how much of their variation is more than rounding."""

import numpy as np


def principal_axes(centred: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the principal axes of centred rows and the variances along them, largest first.

    The smaller of the two Gram matrices gives them: exact, deterministic, and quick for long and
    for wide tables alike.

    Parameters
    ----------
    centred : [row, dimension], of zero mean over the rows

    Returns
    -------
    axes [dimension, component], each of unit length; variances [component]
    """
    rows, dimensions = centred.shape
    if rows > dimensions:
        variances, axes = np.linalg.eigh(centred.T @ centred)
    else:
        variances, vectors = np.linalg.eigh(centred @ centred.T)
        axes = (centred.T @ vectors) / np.sqrt(np.maximum(variances, np.finfo(float).tiny))
    return axes[:, ::-1], np.maximum(variances[::-1], 0.0) / (rows - 1)


def stored_precision(values: np.ndarray) -> float:
    """Return the relative precision of numbers as they were stored.

    It is that of float32 where every number is one, else that of float64. Features lie in files as
    float32, and are computed with as float64, which brings no lost digit back.
    """
    with np.errstate(over="ignore"):  # beyond float32: then it is none
        single = np.asarray(values, np.float32) == values
    return float(np.finfo(np.float32 if single.all() else np.float64).eps)


def numerical_rank(rows: np.ndarray, axes: np.ndarray, variances: np.ndarray) -> int:
    """Return how many of the principal axes of ``rows`` hold more than rounding.

    A number x is stored to within about ``eps |x|``, however little it varies. Along an axis a this
    makes a variance of up to ``sum_j (a_j eps max|x_j|)^2`` over dimensions j. Where dimensions
    outnumber rows, it all falls into as many components as there are rows, and is larger by the
    ratio of the two. An axis whose variance is not above that is dropped, with all after it. So
    is one below 1e-10 of the largest variance, which the Gram matrix does not resolve.

    Parameters
    ----------
    rows : [row, dimension], not centred
    axes, variances : of :func:`principal_axes`
    """
    number, dimensions = rows.shape
    most = min(number - 1, dimensions)
    largest = np.abs(rows).max(axis=0)
    rounding = (stored_precision(rows) * largest) ** 2
    floor = (axes[:, :most] ** 2).T @ rounding * max(1.0, dimensions / number)
    # What the mean itself is off by is the same for all rows.
    floor += np.sum((number * np.finfo(np.float64).eps * largest) ** 2)
    above = (variances[:most] > floor) & (variances[:most] > 1e-10 * variances[0])
    return int(np.argmin(above)) if not above.all() else most


def column_scale(
    train: np.ndarray, precision: float | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation of each column.

    The standard deviation is inf where a column varies by rounding alone, so that division by it
    makes the column 0.

    Parameters
    ----------
    train : [row, column]
    precision : relative precision of the numbers (:func:`stored_precision` by default); give it
        where they were computed from coarser ones

    Returns
    -------
    mean [column], standard deviation [column]
    """
    mean, spread = train.mean(axis=0), train.std(axis=0)
    rounding = (precision or stored_precision(train)) * np.abs(train).max(axis=0)
    spread[spread <= np.maximum(rounding, 1e-12)] = np.inf  # a constant says nothing
    return mean, spread
