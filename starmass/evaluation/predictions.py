"""The predictions of every method, and their table."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from starmass.errors import InputError
from starmass.evaluation.intervals import BANDWIDTH, calibrate
from starmass.evaluation.samples import protostars
from starmass.evaluation.splits import parts_of
from starmass.evaluation.targets import MASS, Target
from starmass.tables import read_table

NAMES = ("truth", "predicted")
"""Columns of predicted classes that hold their names."""
WINDOW = 0.5
"""Window of an interval's width, in standard deviations of the training labels; of masses it is
:data:`starmass.evaluation.intervals.BANDWIDTH`."""


@dataclass(frozen=True)
class Predictions:
    """What a method predicts for some rows.

    Attributes
    ----------
    values : log10 mass, or another number, [row]; or scores [row, class], whose sum is 1
    spread : of the number [row], where the method has one
    chosen : what the method chose on its training rows, by the config's key
    pipeline : the fitted scikit-learn pipeline that predicted, where there is one
    """

    values: np.ndarray
    spread: np.ndarray | None = None
    chosen: Mapping[str, Any] = field(default_factory=dict)
    pipeline: Any = None


def read_predictions(path: str | Path, split: pd.DataFrame, target: Target = MASS) -> pd.DataFrame:
    """Read the predictions of a split's test rows.

    Raises
    ------
    InputError
        when they are not of these rows, each once in its fold, or not finite
    """
    if target.kind == "classes":
        table = read_table(path, ("row", "fold", *NAMES, *target.scores), text=NAMES)
        numbers = target.scores
    else:
        numbers = list(target.columns[:2])
        table = read_table(path, ("row", "fold", *numbers))
    tested = split.loc[split["part"] == "test", ["fold", "row"]]
    if sorted(zip(table["fold"], table["row"], strict=True)) != sorted(
        zip(tested["fold"], tested["row"], strict=True)
    ):
        raise InputError(
            f"{path}: does not hold the {len(tested)} test rows of its split once each, so it was"
            " cut or changed; delete it and run Snakemake again to remake it."
        )
    good = np.isfinite(table[numbers]).all(axis=1)
    if target.kind == "classes":
        good &= table[list(NAMES)].isin(target.classes).all(axis=1)
    wrong = table[~good]
    if len(wrong):
        words = {True: "masses", False: "numbers"}[target.is_mass]
        words = "classes or scores" if target.kind == "classes" else words
        bad = "not those of the target" if target.kind == "classes" else "not finite"
        raise InputError(
            f"{path}: the {words} of row {wrong['row'].iloc[0]} are {bad} ({len(wrong)} rows);"
            f" delete it and run Snakemake"
            " again to remake it."
        )
    return table


def read_all_predictions(
    files: Mapping[str, Sequence[str | Path]], split: pd.DataFrame, target: Target
) -> dict[str, list[pd.DataFrame]]:
    """Read the predictions of a split's methods: method -> one table a seed, likewise ``files``."""
    return {
        method: [read_predictions(path, split, target) for path in paths]
        for method, paths in files.items()
    }


def predict_folds(
    samples: pd.DataFrame,
    split: pd.DataFrame,
    predict: Callable[[int, np.ndarray, np.ndarray], Predictions],
    *,
    intervals: bool = False,
    target: Target = MASS,
) -> tuple[pd.DataFrame, list[Predictions]]:
    """Predict the test rows of every fold.

    Parameters
    ----------
    samples, split : the study's rows and their parts
    predict : of a fold, its training rows and its test rows
    intervals : also find the width of split-conformal intervals, which takes five more fits a fold;
        classes have none
    target : what is predicted

    Returns
    -------
    table of test rows: row, fold, log10_mass, predicted_log10_mass, spread_dex (empty where the
    method has none), interval_dex (half-width), or these as :attr:`Target.columns` names them; of
    classes row, fold, truth, predicted (names) and the score of each class; the predictions of each
    fold, as they were returned
    """
    labels, groups = target.values(samples), protostars(samples)
    columns = target.columns
    parts, kept = [], []
    for fold, train, test in parts_of(split):
        found = predict(fold, train, test)
        if not np.isfinite(found.values).all():
            words = {True: "masses", False: "values"}[target.is_mass]
            raise InputError(
                f"fold {fold}: the method predicts {np.count_nonzero(~np.isfinite(found.values))}"
                f" of {len(test)} {words} that are"
                " no numbers; look at its features (or lower its learning_rate)."
            )
        kept.append(found)
        if target.kind == "classes":
            parts.append(_table_of_classes(target, fold, test, labels[test], found.values))
            continue
        table = pd.DataFrame(
            {
                "row": test,
                "fold": fold,
                columns.truth: labels[test],
                columns.predicted: found.values,
            }
        )
        table[columns.spread] = np.nan if found.spread is None else found.spread

        def values(teaching: np.ndarray, calibrating: np.ndarray, fold: int = fold) -> np.ndarray:
            return predict(fold, teaching, calibrating).values

        errors = None
        if intervals:
            width = BANDWIDTH if target.is_mass else WINDOW * float(labels[train].std())
            errors = calibrate(values, labels, groups, train, bandwidth=width)
        table[columns.interval] = errors.half_widths(found.values) if errors else np.nan
        parts.append(table)
    return pd.concat(parts, ignore_index=True), kept


def _table_of_classes(
    target: Target, fold: int, test: np.ndarray, truth: np.ndarray, scores: np.ndarray
) -> pd.DataFrame:
    names = np.array(target.classes, dtype=object)
    facts = {"row": test, "fold": fold}
    told = {"truth": names[truth], "predicted": names[scores.argmax(axis=1)]}
    return pd.DataFrame({**facts, **told, **dict(zip(target.scores, scores.T, strict=True))})
