"""Ridge regression on standardised features."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import Ridge
from sklearn.pipeline import Pipeline

from starmass.evaluation.whitening import Whitening

PARAMETER = "alpha"


def build(value: float, *, seed: int) -> Pipeline:
    """Return the unfitted estimator; ``value`` is the penalty on the squared slopes."""
    return Pipeline([("standardise", Whitening("standard")), ("ridge", Ridge(value))])


class OneHotRidge(ClassifierMixin, BaseEstimator):
    """Ridge regression on one number a class, 1 for a row's own class and 0 for others.

    These sum to 1 in every row. For scores those below 0 become 0, and the rest is divided by its
    sum: the linear probability model, which has no further parameter.

    Parameters
    ----------
    alpha : penalty on the squared slopes

    Attributes
    ----------
    classes_ : those of the training rows, in ascending order
    ridge_ : fitted scikit-learn Ridge
    """

    def __init__(self, alpha: float = 1.0):
        self.alpha = alpha

    def fit(self, X: Any, y: Any) -> Self:
        """Fit to features [row, dimension] and classes [row]."""
        self.classes_, places = np.unique(y, return_inverse=True)
        self.ridge_ = Ridge(self.alpha).fit(X, np.eye(len(self.classes_))[places])
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return scores [row, class] for features [row, dimension]."""
        scores = np.maximum(self.ridge_.predict(X), 0.0)
        return scores / scores.sum(axis=1, keepdims=True)

    def predict(self, X: Any) -> np.ndarray:
        """Return the class with the largest score [row]."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


def build_classifier(value: float, *, seed: int) -> Pipeline:
    """Return the unfitted classifier; ``value`` is the penalty on the squared slopes."""
    return Pipeline([("standardise", Whitening("standard")), ("ridge", OneHotRidge(value))])


def predict_each(
    values: Sequence[float], x: np.ndarray, y: np.ndarray, x_test: np.ndarray
) -> list[np.ndarray]:
    """Predict with each penalty, by one decomposition of the smaller of the two Gram matrices."""
    standardise = Whitening("standard").fit(x)
    x, x_test = standardise.transform(x), standardise.transform(x_test)
    centre = y.mean()
    if x.shape[1] <= len(x):
        eigenvalues, vectors = np.linalg.eigh(x.T @ x)
        left, right = x_test @ vectors, vectors.T @ (x.T @ (y - centre))
    else:
        eigenvalues, vectors = np.linalg.eigh(x @ x.T)
        left, right = x_test @ (x.T @ vectors), vectors.T @ (y - centre)
    eigenvalues = np.maximum(eigenvalues, 0.0)
    return [centre + left @ (right / (eigenvalues + alpha)) for alpha in values]
