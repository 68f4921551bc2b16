"""Gradient-boosted trees."""

from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

PARAMETER = "iterations"
TRUSTED = ("sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",)


def build(value: int, *, seed: int) -> HistGradientBoostingRegressor:
    """Return the unfitted estimator; ``value`` is the number of trees."""
    return HistGradientBoostingRegressor(
        max_iter=value, learning_rate=0.05, early_stopping=False, random_state=seed
    )


def build_classifier(value: int, *, seed: int) -> HistGradientBoostingClassifier:
    """Return the same for classes; ``value`` is the number of trees for each."""
    return HistGradientBoostingClassifier(
        max_iter=value, learning_rate=0.05, early_stopping=False, random_state=seed
    )
