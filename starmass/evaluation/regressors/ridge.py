"""Ridge regression on standardised features."""

from collections.abc import Sequence

import numpy as np
from sklearn.linear_model import Ridge
from sklearn.pipeline import Pipeline

from starmass.evaluation.whitening import Whitening

PARAMETER = "alpha"


def build(value: float, *, seed: int) -> Pipeline:
    """Return the unfitted estimator; ``value`` is the penalty on the squared slopes."""
    return Pipeline([("standardise", Whitening("standard")), ("ridge", Ridge(value))])


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
