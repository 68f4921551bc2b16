"""Intervals of a method's predictions, from its errors on held-out stars, each counted once.

The half-width at a predicted mass is a quantile times a scale. The scale is the mean error near
that predicted mass, for errors are larger at the ends; the quantile is that of the held-out errors
in units of their scale (locally weighted split-conformal prediction: Lei et al. 2018, J. Am. Stat.
Assoc. 113, 1094, sections 2.2 and 5.2). Maps of one star are not independent draws, so that a
star's maps share its weight of one (Dunn et al. 2023, J. Am. Stat. Assoc. 118, 2491). The nominal
level is approximate; tables have the measured coverage.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from starmass.evaluation.splits import deal_groups

LEVEL = 0.9
"""Share of new stars that intervals promise to hold."""
FOLDS = 5
BANDWIDTH = 0.3
"""Standard deviation of the window in predicted mass over which the scale is a mean [dex]."""
PRIOR_STARS = 5.0
"""Stars with the mean error of all that the window holds beside its own."""
GRID = 256
"""Predicted masses between which the scale is interpolated."""


@dataclass(frozen=True)
class Calibration:
    """Errors of a method on maps of held-out stars.

    Attributes
    ----------
    predicted, truth : log10 mass [row]
    stars : [row] identifies the star of each map
    level : share of new stars that the intervals promise to hold
    bandwidth : standard deviation of the window over which the scale is a mean, in labels' units
    """

    predicted: np.ndarray
    truth: np.ndarray
    stars: np.ndarray
    level: float = LEVEL
    bandwidth: float = BANDWIDTH

    def half_widths(self, predicted: np.ndarray) -> np.ndarray:
        """Return half-widths [dex] at predicted log10 masses; inf where stars are too few."""
        scale = self._scale(np.asarray(predicted, float), leave_out=False)
        return self._quantile(self._scores(), self.weights()) * scale

    def covered(self) -> np.ndarray:
        """Whether each map's interval, calibrated on all other stars, holds its mass [row].

        Every one is False where stars are too few for an interval.
        """
        scores, weights = self._scores(), self.weights()
        held = np.zeros(len(scores), bool)
        for star in np.unique(self.stars):
            own = self.stars == star
            limit = self._quantile(scores[~own], weights[~own])
            held[own] = (scores[own] <= limit) & np.isfinite(limit)
        return held

    def weights(self) -> np.ndarray:
        """Return the share of its star's weight that each map has [row]."""
        _, places, counts = np.unique(self.stars, return_inverse=True, return_counts=True)
        return 1.0 / counts[places]

    def _quantile(self, scores: np.ndarray, weights: np.ndarray) -> float:
        """Return the score that new stars stay below with the promised share."""
        order = np.argsort(scores)
        total = np.cumsum(weights[order])
        enough = total >= (weights.sum() + 1) * self.level - 1e-9
        return float(scores[order][np.argmax(enough)]) if enough.any() else float("inf")

    def _scores(self) -> np.ndarray:
        return self._errors() / self._scale(self.predicted, leave_out=True)

    def _errors(self) -> np.ndarray:
        return np.abs(self.truth - self.predicted)

    def _scale(self, at: np.ndarray, *, leave_out: bool) -> np.ndarray:
        """Return the mean error near predicted masses ``at`` [row], of other stars if so asked.

        What is left out of row i of ``at`` is the star of row i, so these are all rows then.
        """
        weights, errors = self.weights(), self._errors()
        bandwidth = self.bandwidth or BANDWIDTH  # equal labels have no width
        overall = float(weights @ errors / weights.sum())
        grid = np.linspace(
            min(self.predicted.min(), at.min()), max(self.predicted.max(), at.max()) + 1e-6, GRID
        )
        window = np.exp(-0.5 * ((grid[:, None] - self.predicted) / bandwidth) ** 2) * weights
        mass = np.interp(at, grid, window.sum(axis=1))
        total = np.interp(at, grid, window @ errors)
        if leave_out:
            for star in np.unique(self.stars):
                own = np.flatnonzero(self.stars == star)
                near = np.exp(-0.5 * ((at[own][:, None] - self.predicted[own]) / bandwidth) ** 2)
                near *= weights[own]
                mass[own] -= near.sum(axis=1)
                total[own] -= near @ errors[own]
        mass, total = np.maximum(mass, 0.0), np.maximum(total, 0.0)
        scale = (total + PRIOR_STARS * overall) / (mass + PRIOR_STARS)
        return np.maximum(scale, 1e-6)


def calibrate(
    predict: Callable[[np.ndarray, np.ndarray], np.ndarray],
    labels: np.ndarray,
    groups: np.ndarray,
    train: np.ndarray,
    level: float = LEVEL,
    *,
    bandwidth: float = BANDWIDTH,
) -> Calibration | None:
    """Return a method's errors on training stars that were held out; None for a single star.

    The training protostars are split in five ways into some for training and some for calibration,
    so that each calibrates once. With few stars, a single split would base the width on three or
    four of them.

    Parameters
    ----------
    predict : of training and of calibration rows, the values predicted for the latter
    labels, groups : [row]
    train : row numbers
    level, bandwidth : of :class:`Calibration`
    """
    names, places = np.unique(groups[train], return_inverse=True)
    if len(names) < 2:
        return None
    dealt = deal_groups(places, min(FOLDS, len(names)), np.arange(len(names)))
    held = [(train[dealt != fold], train[dealt == fold]) for fold in np.unique(dealt)]
    rows = np.concatenate([calibrating for _, calibrating in held])
    predicted = np.concatenate([predict(*one) for one in held])
    return Calibration(predicted, labels[rows], groups[rows], level, bandwidth)
