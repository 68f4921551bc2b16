"""The effect of one choice: the same evaluation with one setting varied, on the same stars.

Each value of the setting is compared with a base value.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from starmass.errors import InputError
from starmass.evaluation.comparison import compare_methods
from starmass.evaluation.metrics import summarise


def compare_values(
    samples: pd.DataFrame,
    split: pd.DataFrame,
    predictions: Mapping[str, Sequence[pd.DataFrame]],
    base: str,
) -> pd.DataFrame:
    """Return the metrics of every value of an ablation on one split.

    Each also has its differences from the base value.

    Parameters
    ----------
    samples, split : of the study that is ablated
    predictions : by value, one table of predictions a seed
    base : the value that the others are compared with, star by star

    Returns
    -------
    one row a value: value, base, metrics with intervals as
    :func:`starmass.evaluation.metrics.summarise` has them, and ``{metric}_difference`` with
    ``_low`` and ``_high`` (0 for the base itself)
    """
    masses = predictions[base][0]["log10_mass"].to_numpy()
    for value, tables in predictions.items():
        if len(tables[0]) != len(masses) or not np.allclose(tables[0]["log10_mass"], masses):
            raise InputError(
                f"predictions for {value} and {base} are of different stars; delete them and run"
                " Snakemake again."
            )
    metrics = pd.DataFrame(
        [
            {"value": value, "base": base, **summarise(samples, split, tables)}
            for value, tables in predictions.items()
        ]
    )
    differences = (
        compare_methods(samples, predictions, base)
        .drop(columns="reference")
        .rename(columns={"method": "value"})
    )
    table = metrics.merge(differences, on="value", how="left", validate="one_to_one")
    names = [name for name in differences if name != "value"]
    table.loc[table["value"] == base, names] = 0.0
    return table
