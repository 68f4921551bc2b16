"""Quality of predictions, with intervals that account for several maps being of one star."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from starmass.errors import InputError
from starmass.evaluation.samples import protostars
from starmass.evaluation.splits import parts_of
from starmass.evaluation.targets import MASS, Columns

NAMES = ("r2", "rmse_dex", "mae_dex", "bias_dex", "within_0.3_dex", "spearman")
CLOSE_DEX = 0.3
FEWEST_GROUPS = 2
"""Fewest independent groups (protostars) for an interval, which derives from their spread."""

DEFINED_SHARE = 0.75
"""There is an interval only if more than this share of the draws has a value."""


def measure(truth: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """Return every metric of :data:`NAMES` for log10 masses [row].

    ``r2`` is 1 - sum of squared errors / sum of squared deviations from the mean of these rows;
    bias is predicted - true.
    """
    values = dict(zip(_SUMMED, _from_sums(_sums(truth, predicted).sum(axis=1)), strict=True))
    return {**values, "spearman": spearman(truth, predicted)}


_SUMMED = NAMES[:-1]


def _sums(truth: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """What each row adds to the sums that the metrics are made of: [sum, row]."""
    error = predicted - truth
    return np.stack(
        [
            np.ones_like(error),
            truth,
            truth**2,
            error,
            error**2,
            np.abs(error),
            (np.abs(error) <= CLOSE_DEX).astype(float),
        ]
    )


def _from_sums(sums: np.ndarray) -> np.ndarray:
    """Metrics of ``_SUMMED`` from sums over rows: [sum, ...] -> [metric, ...].

    R2 is nan where all labels are equal.
    """
    rows, label, label2, error, error2, distance, near = sums
    with np.errstate(divide="ignore", invalid="ignore"):  # a draw may hold no test row
        deviation = label2 - label**2 / rows
        r2 = np.where(deviation > 1e-12 * label2, 1.0 - error2 / deviation, np.nan)
        return np.stack([r2, np.sqrt(error2 / rows), distance / rows, error / rows, near / rows])


def spearman(truth: np.ndarray, predicted: np.ndarray) -> float:
    """Rank correlation, ties sharing their mean rank; nan where either is constant."""
    first, second = _ranks(truth), _ranks(predicted)
    first, second = first - first.mean(), second - second.mean()
    norm = np.sqrt(np.sum(first**2) * np.sum(second**2))
    return float(np.sum(first * second) / norm) if norm > 0 else float("nan")


def _ranks(values: np.ndarray) -> np.ndarray:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[inverse]


def resampling_weights(
    groups: np.ndarray, *, draws: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Draw whole groups with replacement, as many as there are.

    Fewer than :data:`FEWEST_GROUPS` give no draw: a group alone always comes out as itself, and its
    interval would have no width. Without a draw :func:`quantiles` are nan.

    Returns
    -------
    weights [draw, group]: how often each group was drawn; places [row]: each row's group
    """
    names, places = np.unique(groups, return_inverse=True)
    draws = draws if len(names) >= FEWEST_GROUPS else 0
    generator = np.random.default_rng(np.random.SeedSequence([seed, len(names)]))
    return generator.multinomial(
        len(names), np.full(len(names), 1 / len(names)), size=draws
    ).astype(float), places


def bootstrap(
    truth: np.ndarray, predicted: np.ndarray, weights: np.ndarray, places: np.ndarray
) -> dict[str, np.ndarray]:
    """Every metric but Spearman's in each draw of :func:`resampling_weights`: name -> [draw]."""
    rows = _sums(truth, predicted)
    each = np.stack([np.bincount(places, row, minlength=weights.shape[1]) for row in rows])
    return dict(zip(_SUMMED, _from_sums(each @ weights.T), strict=True))


def score(
    truth: np.ndarray,
    predicted: Sequence[np.ndarray],
    groups: np.ndarray,
    *,
    draws: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> dict[str, float]:
    """Return metrics averaged over a method's seeds, with intervals over protostars.

    Parameters
    ----------
    truth : log10 mass [row]
    predicted : one prediction [row] a seed
    groups : [row], the protostar
    draws, level, seed : of the bootstrap. Training is not redone: the interval says how much
        another sample of test stars would have changed the number, not what another training set
        would have

    Returns
    -------
    each metric; ``{metric}_low`` and ``{metric}_high`` for all but Spearman's (nan for one
    protostar); ``r2_seed_spread`` (nan for one seed); ``label_spread_dex``
    """
    weights, places = resampling_weights(groups, draws=draws, seed=seed)
    measured = [measure(truth, one) for one in predicted]
    resampled = [bootstrap(truth, one, weights, places) for one in predicted]
    result: dict[str, float] = {}
    for name in NAMES:
        result[name] = float(np.mean([one[name] for one in measured]))
        if name in _SUMMED:
            low, high = quantiles(np.mean([one[name] for one in resampled], axis=0), level)
            result[f"{name}_low"], result[f"{name}_high"] = low, high
    result["r2_seed_spread"] = (
        float(np.std([one["r2"] for one in measured], ddof=1))
        if len(measured) > 1
        else float("nan")
    )
    result["label_spread_dex"] = float(np.std(truth))
    return result


def quantiles(values: np.ndarray, level: float = 0.95) -> tuple[float, float]:
    """Return the bounds of the middle ``level`` of finite values; nan where too few are finite.

    A draw has no R2 when its stars have one mass, and no mean of a segment that none of its stars
    has. Of two stars with one mass each, every second draw has no R2, and all others are alike:
    their bounds would have no width.
    """
    finite = values[np.isfinite(values)]
    if len(finite) <= DEFINED_SHARE * len(values):
        return float("nan"), float("nan")
    low, high = np.quantile(finite, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


COVERAGE = ("coverage_spread", "coverage_interval", "coverage_stars", "interval_dex")
"""Names of what :func:`coverage` returns."""


def coverage(
    predictions: Sequence[pd.DataFrame], groups: np.ndarray, columns: Columns = MASS.columns
) -> dict[str, float]:
    """Return how often the truth lies within a method's intervals, mean over its seeds.

    It is nan where a method gives no interval, or one of infinite width.

    ``coverage_spread``: share of maps within one spread (0.68 for normal errors of that
    size); ``coverage_interval``: share of maps within the conformal interval;
    ``coverage_stars``: the same where each protostar counts once
    (:data:`starmass.evaluation.intervals.LEVEL` is promised); ``interval_dex``, or the name that
    ``columns`` has: mean half-width of that interval.

    Parameters
    ----------
    predictions : a table a seed
    groups : [row] identifies the protostar of each row of them
    columns : names of the tables' columns
    """
    _, places, counts = np.unique(groups, return_inverse=True, return_counts=True)
    stars = 1.0 / counts[places] / len(counts)
    found = []
    for table in predictions:
        error = (table[columns.predicted] - table[columns.truth]).abs().to_numpy()
        known = {
            name: name in table and bool(np.isfinite(table[name]).all())
            for name in (columns.spread, columns.interval)
        }
        within = {name: error <= table[name].to_numpy() for name in known if known[name]}
        share = {name: float(inside.mean()) for name, inside in within.items()}
        wide = columns.interval
        found.append(
            [
                share.get(columns.spread, np.nan),
                share.get(wide, np.nan),
                float(stars @ within[wide]) if known[wide] else np.nan,
                float(table[wide].mean()) if wide in table else np.nan,
            ]
        )
    names = (*COVERAGE[:-1], columns.interval)
    return dict(zip(names, np.mean(found, axis=0).tolist(), strict=True))


def summarise(
    samples: pd.DataFrame,
    split: pd.DataFrame,
    predictions: Sequence[pd.DataFrame],
    **bootstrap_options: Any,
) -> dict[str, Any]:
    """Return one row of the table: :func:`score` of a method's predictions, one a seed.

    The row also has the numbers of maps and stars.

    Test rows of all folds are taken together; ``n_train`` is the mean over folds.
    """
    check_same_rows(predictions)
    first = predictions[0]
    groups = protostars(samples)[first["row"]]
    truth = first["log10_mass"].to_numpy()
    scores = score(
        truth,
        [table["predicted_log10_mass"].to_numpy() for table in predictions],
        groups,
        **bootstrap_options,
    )
    return {**scores, **coverage(predictions, groups), **counts_of(split, groups)}


def check_same_rows(predictions: Sequence[pd.DataFrame]) -> None:
    """Refuse predictions of a method's seeds, one a table, that are for different rows."""
    for table in predictions:
        if not table["row"].equals(predictions[0]["row"]):
            raise InputError(
                "predictions of one method's seeds are for different rows; delete them and run"
                " Snakemake again to remake them."
            )


def counts_of(split: pd.DataFrame, groups: np.ndarray) -> dict[str, int]:
    """Return how many rows train (mean over folds) and test, of how many groups and folds.

    ``groups`` is that of each tested row [row].
    """
    trained = [len(train) for _, train, _ in parts_of(split)]
    return {
        "n_train": round(float(np.mean(trained))),
        "n_test": len(groups),
        "n_protostars": len(np.unique(groups)),
        "n_folds": len(trained),
    }
