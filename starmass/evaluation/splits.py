"""Which rows are for training and which for test: drawn once, saved, shared by all methods."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from starmass.errors import InputError
from starmass.evaluation.samples import protostars
from starmass.tables import read_table

KINDS = ("row", "snapshot", "protostar", "simulation", "time")


def draw_split(
    samples: pd.DataFrame,
    *,
    by: str,
    test_fraction: float | None = None,
    folds: int | str | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Divide the rows into training and test parts; what ``by`` names is never in both.

    Parameters
    ----------
    samples : the study's rows
    by : ``row`` (the published protocol: the same star from another side, or a moment later, may
        stand in both parts), ``snapshot``, ``protostar``, ``simulation``, or ``time`` (train on
        early snapshots of each simulation, test on its late ones)
    test_fraction : hold out about this share of the rows, once
    folds : instead, this many folds, every row being tested in one of them; ``all`` leaves out one
        group at a time
    seed : what the draw derives from

    Returns
    -------
    table with columns row, fold, part (``train`` or ``test``)

    Raises
    ------
    InputError
        when there are too few groups, or a part would be empty
    """
    if by not in KINDS:
        raise InputError(f"split by {by!r}: choose one of {', '.join(KINDS)}.")
    if (test_fraction is None) == (folds is None):
        raise InputError(
            f"split by {by}: give either test_fraction or folds, not"
            f" {'both' if folds is not None else 'neither'}."
        )
    if by == "time":
        if test_fraction is None:
            raise InputError(
                "split by time: late snapshots are tested once; give test_fraction instead of"
                " folds."
            )
        test = [_late(samples, test_fraction)]
    else:
        groups = _groups(samples, by)
        order = np.random.default_rng(np.random.SeedSequence([seed, KINDS.index(by)])).permutation(
            groups.max() + 1
        )
        if len(order) < 2:
            raise InputError(
                f"split by {by}: all {len(samples)} rows belong to one {by}, so nothing is left to"
                " test on; split by something else."
            )
        if test_fraction is not None:
            test = [_hold_out(groups, order, test_fraction)]
        else:
            number = len(order) if folds == "all" else int(str(folds))
            if not 2 <= number <= len(order):
                raise InputError(
                    f"split by {by} into {number} folds: there are {len(order)}, so folds has to"
                    f" be from 2 to {len(order)}."
                )
            dealt = deal_groups(groups, number, order)
            test = [dealt == fold for fold in range(number)]
    parts = []
    for fold, held in enumerate(test):
        if held.all() or not held.any():
            part = "training" if held.all() else "test"
            raise InputError(
                f"split by {by} with test_fraction {test_fraction}: no {part} rows among"
                f" {len(samples)}; choose another fraction."
            )
        parts.append(
            pd.DataFrame(
                {"row": samples["row"], "fold": fold, "part": np.where(held, "test", "train")}
            )
        )
    return pd.concat(parts, ignore_index=True)


def read_split(path: str | Path, samples: pd.DataFrame) -> pd.DataFrame:
    """Read a split of these samples: every fold says of every row what it is for.

    Raises
    ------
    InputError
        when rows are missing, of the split or of the samples
    """
    split = read_table(path, ("row", "fold", "part"))
    if (
        split.empty
        or set(split["row"]) != set(samples["row"])
        or (split.groupby("fold").size() != len(samples)).any()
    ):
        raise InputError(
            f"{path}: does not hold the {len(samples)} rows of its study's samples.csv once in"
            " each fold: one of the two was cut or"
            " changed; delete both and run Snakemake again to remake them."
        )
    return split


def parts_of(split: pd.DataFrame) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Yield fold, training rows and test rows (row numbers, ascending)."""
    for fold, part in split.groupby("fold", sort=True):
        train, test = (
            np.sort(part.loc[part["part"] == name, "row"].to_numpy()) for name in ("train", "test")
        )
        if not len(train) or not len(test):
            raise InputError(
                f"fold {fold} of the split has no {'test' if len(train) else 'training'} rows;"
                " draw it again with another fraction."
            )
        yield int(str(fold)), train, test


def _groups(samples: pd.DataFrame, by: str) -> np.ndarray:
    if by == "row":
        return np.arange(len(samples))
    if by == "protostar":
        return protostars(samples)
    columns = ["simulation"] if by == "simulation" else ["simulation", "snapshot"]
    return samples.groupby(columns, sort=True).ngroup().to_numpy()


def _hold_out(groups: np.ndarray, order: np.ndarray, test_fraction: float) -> np.ndarray:
    """Take groups in drawn order until the test rows come nearest to the fraction, but not all.

    Groups are taken whole.
    """
    if len(order) == len(groups):  # single rows: exactly the fraction, even where that is none
        return np.isin(groups, order[: round(test_fraction * len(groups))])
    taken = np.cumsum(np.bincount(groups)[order])[:-1]
    return np.isin(groups, order[: int(np.argmin(np.abs(taken - test_fraction * len(groups)))) + 1])


def deal_groups(groups: np.ndarray, folds: int, order: np.ndarray) -> np.ndarray:
    """Deal groups to folds, largest first, each to the fold with the fewest rows: fold [row].

    Groups of equal size keep the given order.
    """
    sizes = np.bincount(groups, minlength=len(order))
    dealt = np.empty(len(order), np.int64)
    rows = np.zeros(folds, np.int64)
    for group in order[np.argsort(-sizes[order], kind="stable")]:
        dealt[group] = np.argmin(rows)
        rows[dealt[group]] += sizes[group]
    return dealt[groups]


def _late(samples: pd.DataFrame, test_fraction: float) -> np.ndarray:
    """Take the last snapshots of each simulation, to come nearest to the fraction of its rows.

    The first snapshot is never taken.
    """
    timeless = samples[~np.isfinite(samples["time_yr"])]
    if len(timeless):
        raise InputError(
            f"split by time: the snapshot {timeless['snapshot'].iloc[0]} of"
            f" {timeless['simulation'].iloc[0]} has no time;"
            " split by something else."
        )
    held = np.zeros(len(samples), bool)
    for _, part in samples.groupby("simulation", sort=True):
        times, rows = np.unique(part["time_yr"].to_numpy(), return_counts=True)
        late = np.cumsum(rows[::-1])[:-1]
        if len(late):
            cut = times[::-1][int(np.argmin(np.abs(late - test_fraction * len(part))))]
            held[part.index[part["time_yr"] >= cut]] = True
    return held
