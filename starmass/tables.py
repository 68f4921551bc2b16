"""Tables between stages: CSV in which names are text, and only an empty field is missing."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from starmass.errors import InputError
from starmass.files import check_readable
from starmass.storage import written_aside

TEXT = (
    "ablation", "axis", "base", "calibrated_by", "channel", "data", "entry", "held_out_by",
    "initialisation", "label", "map_file", "measure", "method", "model", "note", "object", "part",
    "product", "published", "quantity", "reference", "removed_by", "seed", "segments", "simulation",
    "snapshot", "split", "split_grouped", "split_published", "stage", "study", "test", "unit",
    "value", "varied", "verdict", "whitening",
)  # fmt: skip
"""Columns of names, whatever these look like: ``null``, ``NA``, ``001`` and ``1e5`` are names."""
SAMPLE = (
    "row", "simulation", "snapshot", "sink_id", "axis", "mass_msun", "age_yr", "map_file",
    "sink_index", "axis_index",
)  # fmt: skip
"""Columns that a list of maps has at least."""
OF_SAMPLES = (*SAMPLE, "time_yr")
"""Columns of a list of maps that are no further labels."""


def write_table(path: str | Path, table: pd.DataFrame) -> None:
    """Write a table as CSV, whole or not at all."""
    with written_aside(path) as temporary:
        table.to_csv(temporary, index=False, lineterminator="\n")


def read_table(
    path: str | Path, columns: Sequence[str] = (), *, text: Sequence[str] = ()
) -> pd.DataFrame:
    """Read a table of this workflow.

    Parameters
    ----------
    columns : names that it has to have
    text : names of columns that are text too

    Returns
    -------
    columns of :data:`TEXT` and ``text`` as text, all others as numbers; NaN where a field is empty

    Raises
    ------
    InputError
        when the file is absent or cut short, lacks a column, or holds text in a column of numbers
    """
    check_readable(path)
    try:
        if not _ends_with_a_line(path):
            raise ValueError("its last line is cut short")
        # pandas' own list of words for "missing" holds names: null, NA, nan, None and others.
        words = [*TEXT, *text]
        table = pd.read_csv(
            path, dtype=dict.fromkeys(words, str), keep_default_na=False, na_values=[""]
        )
        if not isinstance(table.index, pd.RangeIndex):  # pandas takes the surplus for an index
            raise ValueError("its lines have more fields than its first line names")
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path}: not a readable table ({str(error).strip()}); delete it and run Snakemake"
            f" again to remake"
            " it."
        ) from error
    for column in columns:
        if column not in table:
            raise InputError(
                f"{path}: the column {column!r} is missing; delete the file and run Snakemake again"
                " to remake it."
            )
    for column in table.columns.difference(words):
        if table.empty:
            table[column] = table[column].astype(float)
        elif table[column].dtype == bool or not pd.api.types.is_numeric_dtype(table[column]):
            numbers = pd.to_numeric(table[column], errors="coerce")
            wrong = table[column][
                (numbers.isna() & table[column].notna()) | (numbers.dtype == bool)
            ]
            raise InputError(
                f"{path}: the column {column!r} holds {wrong.iloc[0]!r} where a number should be;"
                " delete the file and run Snakemake again to remake it."
            )
    return table


def _ends_with_a_line(path: str | Path) -> bool:
    """Whether the last byte ends a line; an empty file has none, and is reported elsewhere."""
    with open(path, "rb") as file:
        if not file.seek(0, os.SEEK_END):
            return True
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def read_samples(path: str | Path, columns: Sequence[str] = SAMPLE) -> pd.DataFrame:
    """Read the list of all maps of a study, one row a protostar, time and line of sight.

    Further columns are labels, and are text as they were written. Masses that are all missing are
    those of a study that predicts something else.

    Raises
    ------
    InputError
        when it lists none, or a mass has no logarithm
    """
    samples = read_table(path, columns, text=_labels(path))
    if samples.empty:
        raise InputError(
            f"{path}: the study has no maps; lower evaluation.studies.*.minimum_mass or add"
            " simulations to it."
        )
    if samples["mass_msun"].notna().any():
        check_masses(samples, path)
    return samples


def _labels(path: str | Path) -> list[str]:
    """Return the columns of a list of maps that only its own labels have."""
    check_readable(path)
    try:
        head = pd.read_csv(path, nrows=0, dtype=str)
    except (OSError, ValueError):
        return []  # read_table says what is wrong
    return [str(name) for name in head.columns if name not in OF_SAMPLES]


def check_masses(samples: pd.DataFrame, source: str | Path) -> None:
    """Refuse masses that are zero, negative or no number: their logarithm is what is learnt.

    Parameters
    ----------
    samples : column mass_msun; row, sink_id, simulation and snapshot say whose, where they are
        there
    source : the file that they come from
    """
    mass = samples["mass_msun"].to_numpy(np.float64)
    wrong = samples[~(np.isfinite(mass) & (mass > 0))]
    if len(wrong):
        first = wrong.iloc[0]
        row, others = first.get("row", wrong.index[0]), f" (and {len(wrong) - 1} more)"
        names = ("sink_id", "simulation", "snapshot")
        sink = (
            "sink {} of {}, {},".format(*first[list(names)]) if set(names) <= set(wrong) else "it"
        )
        raise InputError(
            f"{source}: row {row}{others if len(wrong) > 1 else ''}: the mass of {sink} is"
            f" {first['mass_msun']:g} Msun, which has no logarithm; mend the table of sinks and"
            " make the maps again, or leave the sink out by maps.cuts (mass or age)."
        )
