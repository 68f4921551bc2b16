"""Intervals from the errors of held-out stars, each star counted once.

The half-width at a predicted mass is a quantile times a scale. The scale is the mean error near
that predicted mass, for errors are larger at the ends; the quantile is that of the held-out errors
in units of their scale (locally weighted split-conformal prediction: Lei et al. 2018, J. Am. Stat.
Assoc. 113, 1094, section 5.2). Maps of one star are not independent draws, so that a star's maps
share its weight of one (Dunn et al. 2023, J. Am. Stat. Assoc. 118, 2491: one draw from each group).
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from starmass.evaluation.comparison import MASS_EDGES
from starmass.evaluation.intervals import LEVEL

BANDWIDTH = 0.3
"""Standard deviation of the window in predicted mass over which the scale is a mean [dex]."""
PRIOR_STARS = 5.0
"""Stars with the mean error of all that the window holds beside its own."""
GRID = 256
FEWEST_STARS = 5
"""Fewest stars that a share is given of."""


@dataclass(frozen=True)
class Calibration:
    """Errors of a method on maps of held-out stars.

    Attributes
    ----------
    predicted, truth : log10 mass [row]
    stars : [row] identifies the star of each map
    level : share of new stars that the intervals promise to hold
    """

    predicted: np.ndarray
    truth: np.ndarray
    stars: np.ndarray
    level: float = LEVEL

    def half_width(self, predicted: float) -> float:
        """Return the half-width [dex] at a predicted log10 mass; inf where stars are too few."""
        scale = self._scale(np.array([predicted]), leave_out=False)[0]
        return float(self._quantile(self._scores(), self._weights()) * scale)

    def covered(self) -> np.ndarray:
        """Whether each map's interval, calibrated on all other stars, holds its mass [row].

        Every one is False where stars are too few for an interval.
        """
        scores, weights = self._scores(), self._weights()
        held = np.zeros(len(scores), bool)
        for star in np.unique(self.stars):
            own = self.stars == star
            limit = self._quantile(scores[~own], weights[~own])
            held[own] = (scores[own] <= limit) & np.isfinite(limit)
        return held

    def _weights(self) -> np.ndarray:
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
        weights, errors = self._weights(), self._errors()
        overall = float(weights @ errors / weights.sum())
        grid = np.linspace(
            min(self.predicted.min(), at.min()), max(self.predicted.max(), at.max()) + 1e-6, GRID
        )
        window = np.exp(-0.5 * ((grid[:, None] - self.predicted) / BANDWIDTH) ** 2) * weights
        mass = np.interp(at, grid, window.sum(axis=1))
        total = np.interp(at, grid, window @ errors)
        if leave_out:
            for star in np.unique(self.stars):
                own = np.flatnonzero(self.stars == star)
                near = np.exp(-0.5 * ((at[own][:, None] - self.predicted[own]) / BANDWIDTH) ** 2)
                near *= weights[own]
                mass[own] -= near.sum(axis=1)
                total[own] -= near @ errors[own]
        mass, total = np.maximum(mass, 0.0), np.maximum(total, 0.0)
        scale = (total + PRIOR_STARS * overall) / (mass + PRIOR_STARS)
        return np.maximum(scale, 1e-6)


def coverage_by_mass(calibration: Calibration) -> list[dict[str, float]]:
    """Return the share of held-out maps, and of stars, in their intervals: all, and by mass.

    A star counts by the share of its maps. Shares of fewer than :data:`FEWEST_STARS` are left
    empty, as are those where stars are too few for an interval.

    Returns
    -------
    rows of mass_low_msun, mass_high_msun, n_stars, n_maps, rmse_dex, bias_dex, coverage_maps,
    coverage_stars; the first one holds all masses
    """
    covered, mass = calibration.covered(), 10**calibration.truth
    known = np.isfinite(calibration.half_width(float(np.median(calibration.predicted))))
    weights = calibration._weights()
    error = calibration.predicted - calibration.truth
    rows = []
    for low, high in ((0.0, np.inf), *pairwise(MASS_EDGES)):
        inside = (mass >= low) & (mass < high)
        if not inside.any():
            continue
        stars = len(np.unique(calibration.stars[inside]))
        told = known and stars >= FEWEST_STARS
        share = weights[inside] / weights[inside].sum()
        rows.append(
            {
                "mass_low_msun": low,
                "mass_high_msun": high,
                "n_stars": stars,
                "n_maps": int(inside.sum()),
                "rmse_dex": float(np.sqrt(share @ error[inside] ** 2)),
                "bias_dex": float(share @ error[inside]),
                "coverage_maps": float(covered[inside].mean()) if told else np.nan,
                "coverage_stars": float(share @ covered[inside]) if told else np.nan,
            }
        )
    return rows
