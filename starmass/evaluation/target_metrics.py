"""Quality of predictions of any target, with intervals over objects and paired differences."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from starmass.errors import InputError
from starmass.evaluation import class_metrics, metrics, redshift_metrics
from starmass.evaluation.comparison import Predicted, check_reference, with_interval
from starmass.evaluation.samples import protostars
from starmass.evaluation.targets import Target

Measured = dict[str, tuple[float, np.ndarray | None]]
"""By metric: its value, and its value in each bootstrap draw where it has an interval."""


def metric_names(target: Target) -> list[str]:
    """Return the metrics of a target that are compared, the first of them first in tables."""
    if target.kind == "classes":
        return list(class_metrics.NAMES)
    if target.metrics == "redshift":
        return list(redshift_metrics.NAMES)
    return [_errors_name(name, target) for name in ("r2", "rmse_dex", "mae_dex")]


def measure_target(
    target: Target, tables: Sequence[pd.DataFrame], weights: np.ndarray, places: np.ndarray
) -> Measured:
    """Return every metric of a method, mean over its seeds.

    Parameters
    ----------
    target : what is predicted
    tables : predictions, one a seed, of the same rows
    weights, places : of :func:`starmass.evaluation.metrics.resampling_weights`
    """
    each = [_measure(target, table, weights, places) for table in tables]
    found: Measured = {}
    for name in each[0]:
        values, drawn = [one[name][0] for one in each], [one[name][1] for one in each]
        known = [draws for draws in drawn if draws is not None]
        found[name] = (float(np.mean(values)), np.mean(known, axis=0) if known else None)
    return found


def _measure(
    target: Target, table: pd.DataFrame, weights: np.ndarray, places: np.ndarray
) -> Measured:
    if target.kind == "classes":
        truth, scores = places_of(target, table["truth"]), table[target.scores].to_numpy()
        value = class_metrics.measure_classes(truth, scores, target.classes)
        drawn = class_metrics.bootstrap_classes(truth, scores, target.classes, weights, places)
    else:
        columns = target.columns
        pair = table[columns.truth].to_numpy(), table[columns.predicted].to_numpy()
        if target.metrics == "redshift":
            value = redshift_metrics.measure_redshift(*pair)
            drawn = redshift_metrics.bootstrap_redshift(*pair, weights, places)
        else:
            value = _of_errors(metrics.measure(*pair), target)
            drawn = _of_errors(metrics.bootstrap(*pair, weights, places), target)
    return {name: (float(value[name]), drawn.get(name)) for name in value}


def places_of(target: Target, names: pd.Series) -> np.ndarray:
    """Return the place of each row's class among the target's classes: int64 [row]."""
    return pd.Index(target.classes).get_indexer(names)


def _of_errors(found: Mapping[str, Any], target: Target) -> dict[str, Any]:
    """Rename metrics of log10 values to those of the target's unit; closeness is of log10 alone."""
    log = target.transform == "log10"
    return {
        _errors_name(name, target): value
        for name, value in found.items()
        if log or not name.startswith("within_")
    }


def _errors_name(name: str, target: Target) -> str:
    return name if target.transform == "log10" else name.removesuffix("_dex")


def summarise_target(
    target: Target,
    samples: pd.DataFrame,
    split: pd.DataFrame,
    predictions: Sequence[pd.DataFrame],
    *,
    draws: int = 2000,
    seed: int = 0,
) -> dict[str, Any]:
    """Return one row of the table of metrics: those of a method, with intervals and counts.

    Parameters
    ----------
    target : what is predicted
    samples, split : the study's rows and their parts
    predictions : one table a seed

    Returns
    -------
    each metric with ``_low`` and ``_high``; ``{first metric}_seed_spread``; for a number the
    coverage of its intervals; numbers of rows, objects (``n_protostars``) and folds
    """
    metrics.check_same_rows(predictions)
    groups = protostars(samples)[predictions[0]["row"]]
    weights, places = metrics.resampling_weights(groups, draws=draws, seed=seed)
    row: dict[str, Any] = {}
    for name, (value, drawn) in measure_target(target, predictions, weights, places).items():
        row |= {name: value} if drawn is None else with_bounds(name, value, drawn)
    first = metric_names(target)[0]
    single = [measure_target(target, [one], weights[:0], places)[first][0] for one in predictions]
    row[f"{first}_seed_spread"] = float(np.std(single, ddof=1)) if len(single) > 1 else np.nan
    if target.kind == "number":
        row |= metrics.coverage(predictions, groups, target.columns)
    return {**row, **metrics.counts_of(split, groups)}


def compare_on_target(
    target: Target,
    samples: pd.DataFrame,
    predictions: Predicted,
    reference: str,
    *,
    draws: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """Return each method's metrics minus the reference's; a draw takes the same objects for both.

    Returns
    -------
    one row a method but the reference: method, reference, ``{metric}_difference`` with ``_low`` and
    ``_high`` for :func:`metric_names`

    Raises
    ------
    InputError
        when the reference is no method, or methods have different rows
    """
    check_reference(reference, predictions)
    rows = predictions[reference][0]["row"].to_numpy()
    weights, places = metrics.resampling_weights(protostars(samples)[rows], draws=draws, seed=seed)
    found = {}
    for method, tables in predictions.items():
        if any(not np.array_equal(table["row"], rows) for table in tables):
            raise InputError(
                f"predictions of {method} and {reference} are for different rows; delete them and"
                " run Snakemake again."
            )
        found[method] = measure_target(target, tables, weights, places)
    lines = []
    for method in predictions:
        if method != reference:
            line: dict[str, object] = {"method": method, "reference": reference}
            for name in metric_names(target):
                (value, drawn), (base, base_drawn) = found[method][name], found[reference][name]
                assert drawn is not None and base_drawn is not None
                line |= with_bounds(f"{name}_difference", value - base, drawn - base_drawn)
            lines.append(line)
    columns = [
        f"{name}_difference{bound}"
        for name in metric_names(target)
        for bound in ("", "_low", "_high")
    ]
    return pd.DataFrame(lines, columns=["method", "reference", *columns])


def with_bounds(name: str, value: float, drawn: np.ndarray) -> dict[str, float]:
    """Return a value with its bounds; none where draws don't differ, as those of a share of 0."""
    found = with_interval(name, value, drawn)
    if found[f"{name}_low"] == found[f"{name}_high"]:
        return {name: value, f"{name}_low": np.nan, f"{name}_high": np.nan}
    return found


def count_confusions(
    target: Target,
    samples: pd.DataFrame,
    predictions: Predicted,
    *,
    draws: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """Return the confusion matrix of each method, mean over its seeds, as a table.

    Returns
    -------
    one row a pair of classes: method, truth, predicted (names); count; share of the true class's
    rows, with ``share_low`` and ``share_high`` (bootstrap over objects)
    """
    found = []
    for method, tables in predictions.items():
        groups = protostars(samples)[tables[0]["row"]]
        weights, places = metrics.resampling_weights(groups, draws=draws, seed=seed)
        truth = places_of(target, tables[0]["truth"])
        predicted = [table[target.scores].to_numpy().argmax(axis=1) for table in tables]
        count, share, shares = class_metrics.draw_shares(
            truth, predicted, len(target.classes), weights, places
        )
        for at, true in enumerate(target.classes):
            for other, named in enumerate(target.classes):
                pair = {"method": method, "truth": true, "predicted": named}
                cell = with_bounds("share", share[at, other], shares[:, at, other])
                found.append({**pair, "count": count[at, other], **cell})
    return pd.DataFrame(found)
