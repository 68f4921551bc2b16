"""A perceptron of one hidden layer on standardised features and labels: a nonlinear probe."""

import warnings
from typing import Any, Self

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import validate_data

from starmass.evaluation.whitening import Whitening

PARAMETER = "hidden"
TRUSTED = (
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "starmass.evaluation.regressors.mlp.Perceptron",
)


class Perceptron(MLPRegressor):
    """scikit-learn's perceptron on standardised labels.

    It differs from a TransformedTargetRegressor with a StandardScaler where labels are equal but
    for rounding: the scaler then leaves them as they are, and the network's noise is not scaled
    down. It does not warn when the last epoch is reached.

    Attributes
    ----------
    centre_, spread_ : mean and standard deviation of the training labels
    """

    def fit(self, X: Any, y: Any) -> Self:
        """Train on features [row, dimension] and labels [row]."""
        options = {"accept_sparse": ["csr", "csc"], "multi_output": True, "y_numeric": True}
        x, y = validate_data(self, X, y, dtype=np.float64, **options)
        self.centre_, self.spread_ = y.mean(axis=0), y.std(axis=0)
        scaled = (y - self.centre_) / np.where(self.spread_ > 0, self.spread_, 1.0)
        with warnings.catch_warnings():
            # A fixed number of epochs is part of this regressor, not a failure to converge.
            warnings.simplefilter("ignore", ConvergenceWarning)
            return super().fit(x, scaled)

    def predict(self, X: Any) -> np.ndarray:
        """Return predicted labels [row], in the unit of the training labels."""
        return super().predict(X) * self.spread_ + self.centre_


class ClassPerceptron(MLPClassifier):
    """scikit-learn's perceptron for classes, which does not warn at its last epoch."""

    def fit(self, X: Any, y: Any) -> Self:
        """Train on features [row, dimension] and classes [row]."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            return super().fit(X, y)


def build(value: int, *, seed: int) -> Pipeline:
    """Return the unfitted estimator; ``value`` is the width of the hidden layer."""
    return _standardised(Perceptron(**_options(value, seed)))


def build_classifier(value: int, *, seed: int) -> Pipeline:
    """Return the same for classes, trained by cross-entropy."""
    return _standardised(ClassPerceptron(**_options(value, seed)))


def _options(value: int, seed: int) -> dict[str, Any]:
    return {
        "hidden_layer_sizes": (value,),
        "alpha": 1e-3,
        "learning_rate_init": 1e-3,
        "max_iter": 200,
        "random_state": seed,
    }


def _standardised(perceptron: Perceptron | ClassPerceptron) -> Pipeline:
    return Pipeline([("standardise", Whitening("standard")), ("perceptron", perceptron)])
