"""The mass of an observed object by several methods, each with an interval.

The interval has two parts, added in quadrature: the errors of the method on held-out stars, and the
scatter of its prediction over the distances that the object may have.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd

from starmass.evaluation.comparison import MASS_EDGES
from starmass.evaluation.features import read_features
from starmass.evaluation.intervals import LEVEL, Calibration
from starmass.evaluation.objects import ObjectSplit
from starmass.evaluation.regression import predict
from starmass.evaluation.samples import log_mass, protostars
from starmass.evaluation.splits import parts_of
from starmass.evaluation.verdict import Verdict

PREDICTION = (
    "object", "method", "label", "verdict", "p", "mass_msun", "lower_msun", "upper_msun",
    "interval_dex", "calibration_dex", "distance_dex", "n_stars", "n_maps", "calibrated_by",
    "coverage_stars", "coverage_maps", "note",
)  # fmt: skip
"""Columns of the table of masses."""
DIGITS = 9
"""Decimals that tables keep: what is below is rounding."""
FEWEST_STARS = 5
"""Fewest stars that a share is given of."""
SIGMAS = NormalDist().inv_cdf(0.5 * (1 + LEVEL))
"""Standard deviations of a normal distribution that hold the share LEVEL."""


@dataclass(frozen=True)
class MethodOnObject:
    """What a method says of an object.

    Attributes
    ----------
    predicted : log10 mass
    at_distances : log10 mass at each distance [draw]
    calibrations : ``protostar`` or ``simulation`` -> errors on what is held out so
    """

    predicted: float
    at_distances: np.ndarray
    calibrations: Mapping[str, Calibration]

    @property
    def calibrated_by(self) -> str:
        """What was held out for the interval: whole simulations, where there are several."""
        return "simulation" if "simulation" in self.calibrations else "protostar"

    @property
    def calibration_dex(self) -> float:
        """Half-width by the errors on held-out stars [dex]; inf where these are too few."""
        own = np.array([self.predicted])
        return float(self.calibrations[self.calibrated_by].half_widths(own)[0])

    @property
    def distance_dex(self) -> float:
        """Half-width by the distance [dex]."""
        return float(SIGMAS * self.at_distances.std())

    @property
    def half_width(self) -> float:
        """Half-width of the interval [dex]."""
        return float(np.hypot(self.calibration_dex, self.distance_dex))


def apply_method(
    samples: pd.DataFrame,
    split: ObjectSplit,
    features: Mapping[int, str | Path | None],
    options: Mapping[str, Any],
) -> MethodOnObject:
    """Fit a method, calibrate it on held-out stars and apply it to the object.

    Parameters
    ----------
    samples : the simulations' maps
    split : of :func:`objects.split_for_object`
    features : seed of the method -> its features; predictions are means over the seeds
    options : of :func:`regression.fit`
    """
    rows = split.table["row"].max() + 1
    labels, groups = (np.full(rows, value) for value in (np.nan, -1))
    labels[: len(samples)], groups[: len(samples)] = log_mass(samples), protostars(samples)
    found: dict[int, np.ndarray] = {}
    for seed, path in features.items():
        for fold, train, test in parts_of(split.table):
            x = read_features(path, fold) if path else np.empty((rows, 0))
            values = predict(x, labels, groups, train, test, **options, seed=seed).values
            found[fold] = found.get(fold, 0.0) + values / len(features)
    own = found[split.final]
    calibrations = {}
    for way in dict.fromkeys(split.held_out_by.values()):
        held = [
            (test, found[fold])
            for fold, _, test in parts_of(split.table)
            if split.held_out_by.get(fold) == way
        ]
        places = np.concatenate([test for test, _ in held])
        predicted = np.concatenate([values for _, values in held])
        calibrations[way] = Calibration(predicted, labels[places], groups[places])
    return MethodOnObject(float(own[0]), own[1:], calibrations)


def prediction_table(
    name: str,
    samples: pd.DataFrame,
    methods: Mapping[str, MethodOnObject],
    labels: Mapping[str, str],
    found: Verdict,
) -> pd.DataFrame:
    """Return a row a method: mass, interval and verdict.

    A refused object has no masses.

    Parameters
    ----------
    name : of the object
    methods, labels : by the method's name
    found : by the novelty test
    """
    stars = len(np.unique(protostars(samples)))
    rows = []
    for method, one in methods.items():
        whole = coverage_by_mass(one.calibrations[one.calibrated_by])[0]
        row: dict[str, Any] = {
            "object": name,
            "method": method,
            "label": labels[method],
            "verdict": found.verdict,
            "p": found.p,
            "n_stars": stars,
            "n_maps": len(samples),
            "calibrated_by": one.calibrated_by,
            "coverage_stars": whole["coverage_stars"],
            "coverage_maps": whole["coverage_maps"],
            "note": found.reason,
        }
        if found.verdict != "refused":
            row["mass_msun"] = 10**one.predicted
            row["distance_dex"] = one.distance_dex
            if np.isfinite(one.half_width):
                row |= {
                    "calibration_dex": one.calibration_dex,
                    "interval_dex": one.half_width,
                    "lower_msun": 10 ** (one.predicted - one.half_width),
                    "upper_msun": 10 ** (one.predicted + one.half_width),
                }
            apart = _disagreement(method, methods, labels)
            row["note"] = "; ".join(filter(None, (found.reason, apart)))
        rows.append(row)
    return pd.DataFrame(rows, columns=list(PREDICTION)).round(DIGITS)


def _disagreement(
    method: str, methods: Mapping[str, MethodOnObject], labels: Mapping[str, str]
) -> str:
    """Say which other methods differ by more than both intervals."""
    own = methods[method]
    apart = [
        labels[name]
        for name, other in methods.items()
        if abs(other.predicted - own.predicted) > np.hypot(own.half_width, other.half_width)
    ]
    return f"differs by more than its interval from {', '.join(apart)}" if apart else ""


def coverage_table(
    name: str,
    methods: Mapping[str, MethodOnObject],
    labels: Mapping[str, str],
    found: Verdict,
) -> pd.DataFrame:
    """Return the coverage on maps as this object was observed, by method, way and mass bin.

    ``false_alarms`` is the share of held-out stars that the novelty test calls outside.
    """
    rows: Sequence[dict[str, Any]] = [
        {
            "object": name,
            "method": method,
            "label": labels[method],
            "held_out_by": way,
            **row,
            "false_alarms": found.false_alarms[way],
        }
        for method, one in methods.items()
        for way, calibration in one.calibrations.items()
        for row in coverage_by_mass(calibration)
    ]
    return pd.DataFrame(rows).round(DIGITS)


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
    known = np.isfinite(calibration.half_widths(calibration.predicted)).all()
    weights = calibration.weights()
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
