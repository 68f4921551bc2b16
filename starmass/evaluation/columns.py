"""Columns of a study's table as features: magnitudes, colours, or any other number of a row."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from starmass.errors import InputError, closest


def read_columns(
    samples: pd.DataFrame, columns: Sequence[str], folds: int, source: str | Path = "samples.csv"
) -> np.ndarray:
    """Return columns of a table as features, the same in every fold.

    Parameters
    ----------
    samples : the study's rows
    columns : names, each of a column of numbers, in the units of the table
    folds : number of folds of the split
    source : the file that the rows come from, for messages

    Returns
    -------
    float32 [fold, row, column]

    Raises
    ------
    InputError
        when a column is absent, or a row's value is missing or no finite number
    """
    found = []
    for name in columns:
        if name not in samples:
            raise InputError(
                f"{source}: there is no column {name!r}, which features of kind columns name"
                f"{closest(name, samples.columns)}; there are {', '.join(samples.columns)}."
            )
        values = pd.to_numeric(samples[name], errors="coerce").to_numpy(np.float64)
        with np.errstate(over="ignore"):
            numbers = values.astype(np.float32)
        wrong = ~np.isfinite(numbers)
        if wrong.any():
            first = samples[wrong].iloc[0]
            shown = "empty" if pd.isna(first[name]) else repr(first[name])
            more = f" (and {wrong.sum() - 1} more)" if wrong.sum() > 1 else ""
            raise InputError(
                f"{source}: row {first['row']}{more}: the column {name!r}, a feature, is {shown},"
                " which is no finite number; mend the label where it comes from, or leave the"
                " column or the object out."
            )
        found.append(numbers)
    return np.repeat(np.stack(found, axis=1)[None], folds, axis=0)
