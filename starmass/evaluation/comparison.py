"""Methods compared on the same stars, with intervals.

They are compared by their metrics, by mass bin, and by how much a split by row raises R2.
"""

from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd

from starmass.errors import InputError, closest
from starmass.evaluation.metrics import (
    FEWEST_GROUPS,
    bootstrap,
    coverage,
    measure,
    quantiles,
    resampling_weights,
)
from starmass.evaluation.samples import protostars

MASS_EDGES = (0.0, 1.0, 6.0, 15.0, float("inf"))
"""Edges of the mass bins in which the paper reads its figure [Msun]."""
COMPARED = ("r2", "rmse_dex", "mae_dex")
BINNED = ("r2", "rmse_dex", "mae_dex", "bias_dex", "within_0.3_dex")
_GAP = "r2_overstatement"
OVERSTATEMENT = (
    "method",
    "r2_published",
    "r2_grouped",
    _GAP,
    f"{_GAP}_low",
    f"{_GAP}_high",
    "split_published",
    "split_grouped",
)
"""Columns of the table of overstatements."""

Predicted = Mapping[str, Sequence[pd.DataFrame]]  # by method: one table of predictions a seed


def compare_methods(
    samples: pd.DataFrame,
    predictions: Predicted,
    reference: str,
    *,
    draws: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """Return each method's metrics minus the reference's, with intervals.

    Paired: each bootstrap draw takes the same protostars for both methods, so that what is hard
    about a star cancels.

    Returns
    -------
    one row a method but the reference: method, reference, ``{metric}_difference`` with ``_low`` and
    ``_high`` for :data:`COMPARED`
    """
    check_reference(reference, predictions)
    rows = predictions[reference][0]["row"].to_numpy()
    weights, places = resampling_weights(protostars(samples)[rows], draws=draws, seed=seed)
    metrics = {}
    for method, tables in predictions.items():
        if any(not np.array_equal(table["row"], rows) for table in tables):
            raise InputError(
                f"predictions of {method} and {reference} are for different rows; delete them and"
                " run Snakemake again."
            )
        metrics[method] = _measure_and_draw(tables, weights, places)
    found = []
    for method in predictions:
        if method != reference:
            row: dict[str, object] = {"method": method, "reference": reference}
            for name in COMPARED:
                (value, drawn), (base, base_drawn) = metrics[method][name], metrics[reference][name]
                row |= with_interval(f"{name}_difference", value - base, drawn - base_drawn)
            found.append(row)
    names = [f"{name}_difference{bound}" for name in COMPARED for bound in ("", "_low", "_high")]
    return pd.DataFrame(found, columns=["method", "reference", *names])


def check_reference(reference: str, methods: Collection[str]) -> None:
    """Refuse a reference that is none of a study's methods."""
    if reference not in methods:
        raise InputError(
            f"evaluation.studies: the reference {reference!r} is none of the study's"
            f" methods{closest(reference, methods)};"
            f" choose from {', '.join(methods)}."
        )


def measure_by_mass(
    samples: pd.DataFrame, predictions: Predicted, *, draws: int = 2000, seed: int = 0
) -> pd.DataFrame:
    """Return metrics of the test rows of each mass bin, one row a method and bin that has any.

    R2 within a bin compares with the bin's own mean, so it is lower than over all masses; RMSE and
    bias are the numbers to compare by bin.
    """
    found = []
    for method, tables in predictions.items():
        mass = 10 ** tables[0]["log10_mass"].to_numpy()
        for low, high in pairwise(MASS_EDGES):
            inside = (mass >= low) & (mass < high)
            if inside.any():
                groups = protostars(samples)[tables[0]["row"].to_numpy()[inside]]
                within = [table[inside] for table in tables]
                weights = resampling_weights(groups, draws=draws, seed=seed)
                metrics = _measure_and_draw(within, *weights)
                row: dict[str, object] = {
                    "method": method,
                    "mass_low_msun": low,
                    "mass_high_msun": high,
                }
                row |= {"n_test": int(inside.sum()), "n_protostars": len(np.unique(groups))}
                for name in BINNED:
                    row |= with_interval(name, *metrics[name])
                covered = coverage(within, groups)
                row |= {name: covered[name] for name in ("coverage_interval", "coverage_stars")}
                found.append(row)
    return pd.DataFrame(found)


def measure_overstatement(
    samples: pd.DataFrame,
    published: Predicted,
    grouped: Predicted,
    *,
    draws: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """Return R2 on a split by row, as published, minus R2 on a split that separates stars.

    It comes with intervals.

    One row a method: method, r2_published, r2_grouped, r2_overstatement with ``_low`` and
    ``_high``. A bootstrap draw takes the same protostars in both splits, as far as both test them.
    """
    stars = protostars(samples)
    first, second = (next(iter(one.values()))[0]["row"].to_numpy() for one in (published, grouped))
    both = np.union1d(stars[first], stars[second])
    weights, _ = resampling_weights(both, draws=draws, seed=seed)
    if min(len(np.unique(stars[rows])) for rows in (first, second)) < FEWEST_GROUPS:
        weights = weights[:0]  # draws of one side alone are no interval of the difference
    found = []
    for method in published:
        value, drawn = _measure_and_draw(
            published[method], weights, np.searchsorted(both, stars[first])
        )["r2"]
        base, base_drawn = _measure_and_draw(
            grouped[method], weights, np.searchsorted(both, stars[second])
        )["r2"]
        row = {"method": method, "r2_published": value, "r2_grouped": base}
        found.append(row | with_interval(_GAP, value - base, drawn - base_drawn))
    return pd.DataFrame(found)


def _measure_and_draw(
    tables: Sequence[pd.DataFrame], weights: np.ndarray, places: np.ndarray
) -> dict[str, tuple[float, np.ndarray]]:
    """By metric: its mean over seeds, and that mean in each bootstrap draw."""
    pairs = [
        (table["log10_mass"].to_numpy(), table["predicted_log10_mass"].to_numpy())
        for table in tables
    ]
    measured, resampled = (
        [measure(*pair) for pair in pairs],
        [bootstrap(*pair, weights, places) for pair in pairs],
    )
    return {
        name: (
            float(np.mean([one[name] for one in measured])),
            np.mean([one[name] for one in resampled], axis=0),
        )
        for name in resampled[0]
    }


def with_interval(name: str, value: float, drawn: np.ndarray) -> dict[str, float]:
    """Return a value with its bounds, ``{name}_low`` and ``{name}_high``, of its draws [draw]."""
    low, high = quantiles(drawn)
    return {name: value, f"{name}_low": low, f"{name}_high": high}
