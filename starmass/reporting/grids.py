"""Numbers of a study as grids of text.

They are the methods of a split, mass by mass, what a split by row adds, and what was published.
"""

from typing import Any

import numpy as np
import pandas as pd

from starmass.reporting.typesetting import Grid

FEWEST_PROTOSTARS = 5
"""Fewest test protostars whose intervals a sentence counts; of fewer, intervals are too narrow."""


def split_grid(rows: pd.DataFrame, caption: str) -> Grid:
    """One line a method: metrics, difference from the reference, published counterpart, intervals.

    Of the intervals it gives width and coverage.
    """
    beside, compared = (
        bool(rows["published"].notna().any()),
        bool(rows["r2_difference"].notna().any()),
    )
    head = ["Method", "R²", "RMSE", "Label spread"]
    if compared:
        reference = rows["reference"].dropna().iloc[0]
        named = rows.loc[rows["method"] == reference, "label"]
        head.append(f"R² minus that of {named.iloc[0] if len(named) else reference}")
    head += [
        *(["Published: R²; RMSE; label spread"] if beside else []),
        "90% interval: ± dex; coverage of maps; of stars",
    ]
    head += ["Maps: training; test", "Test protostars", "Seeds"]
    repeated = "r2_seed_spread" in rows and bool(rows["r2_seed_spread"].notna().any())
    head += ["Spread of R² over seeds"] if repeated else []
    body = []
    for _, row in rows.iterrows():
        line = [
            str(row["label"]),
            with_interval(row, "r2", 2),
            with_interval(row, "rmse_dex", 3),
            number(row["label_spread_dex"]),
        ]
        if compared:
            line.append(with_interval(row, "r2_difference", 2))
        if beside:
            published = (
                number(row[f"published_{key}"], digits)
                for key, digits in (("r2", 2), ("rmse_dex", 3), ("label_spread_dex", 2))
            )
            line.append("–" if pd.isna(row["published"]) else "; ".join(published))
        claimed = pd.notna(row["coverage_interval"])
        line.append(
            f"{number(row['interval_dex'])}; {row['coverage_interval']:.0%};"
            f" {row['coverage_stars']:.0%}"
            if claimed
            else "–"
        )
        line += [f"{row['n_train']}; {row['n_test']}", str(row["n_protostars"]), str(row["seed"])]
        body.append([*line, number(row["r2_seed_spread"], 3)] if repeated else line)
    return Grid(caption, head, body)


def mass_grid(bins: pd.DataFrame, labels: pd.Series, caption: str) -> Grid:
    """One line a method, one column a mass bin: RMSE, bias, and coverage of stars.

    ``labels`` names the methods. Coverage of fewer than 5 stars is left out.
    """
    columns = bins.drop_duplicates("mass_low_msun").sort_values("mass_low_msun")
    head = ["Method"]
    head += [
        f"{_range(one)} M☉ ({counted(one['n_test'], 'map')},"
        f" {counted(one['n_protostars'], 'protostar')})"
        for _, one in columns.iterrows()
    ]
    cells = bins.set_index(["method", "mass_low_msun"])
    body = [
        [
            labels[method],
            *(_error_bias_coverage(cells.loc[(method, low)]) for low in columns["mass_low_msun"]),
        ]
        for method in bins["method"].drop_duplicates()
    ]
    return Grid(caption, head, body)


def overstatement_grid(overstatement: pd.DataFrame, labels: pd.Series, caption: str) -> Grid:
    """One line a method: R2 by row, R2 with new stars, and the difference with its interval."""
    body = [
        [
            labels[row["method"]],
            number(row["r2_published"]),
            number(row["r2_grouped"]),
            with_interval(row, "r2_overstatement", 2),
        ]
        for _, row in overstatement.iterrows()
    ]
    return Grid(caption, ["Method", "R² by row", "R² grouped", "Difference"], body)


def published_grid(reference: pd.DataFrame) -> Grid:
    """The published table, with the label spread that each of its pairs implies."""
    head = ["Published method", "Weights", "R²", "RMSE", "Implied label spread", "Note"]
    body = [
        [
            row["model"],
            row["initialisation"],
            number(row["r2"]),
            number(row["rmse_dex"], 3),
            number(row["label_spread_dex"]),
            _text(row["note"]),
        ]
        for _, row in reference.iterrows()
    ]
    return Grid(
        "As published. A pair of R² and RMSE implies the spread of its labels: RMSE / √(1 − R²).",
        head,
        body,
    )


def number(value: Any, digits: int = 2) -> str:
    """Round for the reader; a missing number is a dash, and zero has no sign."""
    if pd.isna(value) or not np.isfinite(value):
        return "–"
    text = f"{value:.{digits}f}"
    return (text.removeprefix("-") if float(text) == 0 else text).replace("-", "−")


def counted(count: int, thing: str) -> str:
    """Return a number of things, in the singular or plural."""
    return f"{count} {thing}{'' if count == 1 else 's'}"


def too_few(rows: pd.DataFrame, thing: str = "test protostar") -> str:
    """Say that the test protostars behind rows are fewer than :data:`FEWEST_PROTOSTARS`, if so.

    ``thing`` : what they are called
    """
    stars = rows["n_protostars"].min() if "n_protostars" in rows else FEWEST_PROTOSTARS
    if stars >= FEWEST_PROTOSTARS:
        return ""
    verb = "is" if stars == 1 else "are"
    return f"{counted(int(stars), thing)} {verb} too few for a statement"


def has_interval(row: Any, name: str = "r2") -> bool:
    """Whether a metric of a row comes with bounds."""
    return bool(np.isfinite(row.get(f"{name}_low", np.nan)))


def with_interval(row: Any, name: str, digits: int) -> str:
    """Return a metric with its bounds in brackets, where it has them."""
    text = number(row[name], digits)
    return (
        f"{text} [{number(row[f'{name}_low'], digits)}, {number(row[f'{name}_high'], digits)}]"
        if has_interval(row, name)
        else text
    )


def _range(one: Any) -> str:
    low, high = one["mass_low_msun"], one["mass_high_msun"]
    if np.isinf(high):
        return f"> {low:g}"
    return f"< {high:g}" if low == 0 else f"{low:g}–{high:g}"


def _error_bias_coverage(row: Any) -> str:
    text = f"{number(row['rmse_dex'])}; {number(row['bias_dex'])}"
    if pd.isna(row["coverage_stars"]) or row["n_protostars"] < FEWEST_PROTOSTARS:
        return text
    return f"{text}; {row['coverage_stars']:.0%}"


def _text(value: Any) -> str:
    return "" if pd.isna(value) else str(value)
