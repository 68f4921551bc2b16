"""The mean training label for every row: the baseline of every method."""

from typing import Any, Self

import numpy as np
from sklearn.dummy import DummyClassifier, DummyRegressor

PARAMETER = ""
TRUSTED = ("starmass.evaluation.regressors.mean.MeanLabel",)


class MeanLabel(DummyRegressor):
    """scikit-learn's mean, with the training labels' spread, which is 0 there.

    Attributes
    ----------
    spread_ : standard deviation of the training labels
    """

    def fit(self, X: Any, y: Any) -> Self:
        """Keep mean and standard deviation of labels [row]; features are not looked at."""
        super().fit(X, y)
        self.spread_ = np.asarray(y, np.float64).std(axis=0)
        return self

    def predict(self, X: Any, return_std: bool = False) -> Any:
        """Return the mean for each row of X, and the standard deviation where it is asked for."""
        mean = super().predict(X)
        return (mean, np.full_like(mean, self.spread_)) if return_std else mean


def build(value: None, *, seed: int) -> MeanLabel:
    """Return the unfitted estimator; it has no parameter."""
    return MeanLabel()


def build_classifier(value: None, *, seed: int) -> DummyClassifier:
    """Return the share of each class among the training rows, whatever the features."""
    return DummyClassifier(strategy="prior")
