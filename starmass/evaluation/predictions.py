"""The predictions of every method, and their table."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from starmass.errors import InputError
from starmass.evaluation.intervals import calibrate
from starmass.evaluation.samples import log_mass, protostars
from starmass.evaluation.splits import parts_of
from starmass.tables import read_table


@dataclass(frozen=True)
class Predictions:
    """What a method predicts for some rows.

    Attributes
    ----------
    values : log10 mass [row]
    spread : of it [row], in dex, where the method has one
    chosen : what the method chose on its training rows, by the config's key
    pipeline : the fitted scikit-learn pipeline that predicted, where there is one
    """

    values: np.ndarray
    spread: np.ndarray | None = None
    chosen: Mapping[str, Any] = field(default_factory=dict)
    pipeline: Any = None


def read_predictions(path: str | Path, split: pd.DataFrame) -> pd.DataFrame:
    """Read the predictions of a split's test rows.

    Raises
    ------
    InputError
        when they are not of these rows, each once in its fold, or not finite
    """
    table = read_table(path, ("row", "fold", "log10_mass", "predicted_log10_mass"))
    tested = split.loc[split["part"] == "test", ["fold", "row"]]
    if sorted(zip(table["fold"], table["row"], strict=True)) != sorted(
        zip(tested["fold"], tested["row"], strict=True)
    ):
        raise InputError(
            f"{path}: does not hold the {len(tested)} test rows of its split once each, so it was"
            " cut or changed; delete it and run Snakemake again to remake it."
        )
    wrong = table[~np.isfinite(table[["log10_mass", "predicted_log10_mass"]]).all(axis=1)]
    if len(wrong):
        raise InputError(
            f"{path}: the masses of row {wrong['row'].iloc[0]} are not finite ({len(wrong)} rows);"
            f" delete it and run Snakemake"
            " again to remake it."
        )
    return table


def predict_folds(
    samples: pd.DataFrame,
    split: pd.DataFrame,
    predict: Callable[[int, np.ndarray, np.ndarray], Predictions],
    *,
    intervals: bool = False,
) -> tuple[pd.DataFrame, list[Predictions]]:
    """Predict the test rows of every fold.

    Parameters
    ----------
    samples, split : the study's rows and their parts
    predict : of a fold, its training rows and its test rows
    intervals : also find the width of split-conformal intervals, which takes five more fits a fold

    Returns
    -------
    table of test rows: row, fold, log10_mass, predicted_log10_mass, spread_dex (empty where the
    method has none), interval_dex (half-width); the predictions of each fold, as they were returned
    """
    labels, groups = log_mass(samples), protostars(samples)
    parts, kept = [], []
    for fold, train, test in parts_of(split):
        found = predict(fold, train, test)
        if not np.isfinite(found.values).all():
            raise InputError(
                f"fold {fold}: the method predicts {np.count_nonzero(~np.isfinite(found.values))}"
                f" of {len(test)} masses that are"
                " no numbers; look at its features (or lower its learning_rate)."
            )
        table = pd.DataFrame(
            {
                "row": test,
                "fold": fold,
                "log10_mass": labels[test],
                "predicted_log10_mass": found.values,
            }
        )
        table["spread_dex"] = np.nan if found.spread is None else found.spread

        def values(teaching: np.ndarray, calibrating: np.ndarray, fold: int = fold) -> np.ndarray:
            return predict(fold, teaching, calibrating).values

        errors = calibrate(values, labels, groups, train) if intervals else None
        table["interval_dex"] = errors.half_widths(found.values) if errors else np.nan
        parts.append(table)
        kept.append(found)
    return pd.concat(parts, ignore_index=True), kept
