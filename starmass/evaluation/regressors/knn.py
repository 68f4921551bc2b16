"""Nearest neighbours, weighted by inverse distance, with the spread of their labels."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors
from sklearn.utils.validation import check_is_fitted, validate_data

from starmass.errors import InputError

PARAMETER = "neighbours"
COUNTS_ROWS = True
TRUSTED = ("starmass.evaluation.regressors.knn.WeightedNeighbours",)


class WeightedNeighbours(RegressorMixin, BaseEstimator):
    """Mean and spread of the nearest training labels, weighted by inverse distance.

    The mean is that of scikit-learn's KNeighborsRegressor with weights="distance", which has no
    spread.

    Parameters
    ----------
    n_neighbors : how many

    Attributes
    ----------
    search_ : NearestNeighbors over the training rows
    labels_ : [row] of training rows
    """

    def __init__(self, n_neighbors: int = 5):
        self.n_neighbors = n_neighbors

    def fit(self, X: Any, y: Any) -> Self:
        """Keep the training rows.

        Parameters
        ----------
        X : [row, dimension]
        y : [row]

        Raises
        ------
        InputError
            when there are fewer rows than neighbours
        """
        x, y = validate_data(self, X, y, dtype=np.float64, y_numeric=True)
        check_number([self.n_neighbors], len(x))
        self.search_ = NearestNeighbors(n_neighbors=self.n_neighbors, algorithm="brute").fit(x)
        self.labels_ = y
        return self

    def predict(self, X: Any, return_std: bool = False) -> Any:
        """Return the weighted mean of the nearest labels.

        Parameters
        ----------
        X : [row, dimension]
        return_std : also return the weighted standard deviation

        Returns
        -------
        mean [row], and their standard deviation [row] where it is asked for, in the labels' unit
        """
        check_is_fitted(self)
        x = validate_data(self, X, dtype=np.float64, reset=False)
        distances, places = self.search_.kneighbors(x)
        mean, spread = weighted(distances, self.labels_[places])
        return (mean, spread) if return_std else mean


def build(value: int, *, seed: int) -> WeightedNeighbours:
    """Return the unfitted estimator; nothing in it is random."""
    return WeightedNeighbours(n_neighbors=value)


class WeightedVotes(KNeighborsClassifier):
    """scikit-learn's votes of the nearest training rows, weighted by inverse distance.

    Parameters
    ----------
    n_neighbors : how many
    """

    def __init__(self, n_neighbors: int = 5):
        super().__init__(n_neighbors, weights="distance", algorithm="brute")

    def fit(self, X: Any, y: Any) -> Self:
        """Keep the training rows.

        Parameters
        ----------
        X : [row, dimension]
        y : class [row]

        Raises
        ------
        InputError
            when there are fewer rows than neighbours
        """
        check_number([self.n_neighbors], len(X))
        return super().fit(X, y)


def build_classifier(value: int, *, seed: int) -> WeightedVotes:
    """Return the unfitted classifier; nothing in it is random."""
    return WeightedVotes(n_neighbors=value)


def predict_each(
    values: Sequence[int], x: np.ndarray, y: np.ndarray, x_test: np.ndarray
) -> list[np.ndarray]:
    """Predict with each number of neighbours, by one search for the largest."""
    check_number(values, len(x))
    search = NearestNeighbors(n_neighbors=max(values), algorithm="brute").fit(x)
    distances, places = search.kneighbors(x_test)
    return [weighted(distances[:, :k], y[places[:, :k]])[0] for k in values]


def check_number(values: Sequence[int], rows: int) -> None:
    """Refuse numbers of neighbours that are not from 1 to the number of training rows."""
    most = max(values)
    if not 1 <= min(values) <= most <= rows:
        raise InputError(
            f"neighbours: {most} asked for, but there are {rows} training rows to choose from;"
            " lower it or add maps."
        )


def weighted(distances: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation of labels, weighted by inverse distance.

    Parameters
    ----------
    distances, labels : [row, neighbour]; neighbours at distance 0 alone count where there are some

    Returns
    -------
    mean [row], standard deviation [row]
    """
    with np.errstate(divide="ignore"):
        weights = 1.0 / distances
    same = ~np.isfinite(weights)
    weights[same.any(axis=1)] = same[same.any(axis=1)]
    weights /= weights.sum(axis=1, keepdims=True)
    mean = np.sum(weights * labels, axis=1)
    return mean, np.sqrt(np.sum(weights * (labels - mean[:, None]) ** 2, axis=1))
