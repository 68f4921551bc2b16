"""The table of a study: one row a method and split, beside what was published.

Sentences say what the table shows.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from starmass.errors import InputError, closest
from starmass.provenance import git_commit
from starmass.reporting.grids import (
    mass_grid,
    number,
    overstatement_grid,
    published_grid,
    split_grid,
    too_few,
    with_interval,
)
from starmass.reporting.inputs import describe_data, read_table, require_rows
from starmass.reporting.typesetting import Page, html, latex, markdown
from starmass.storage import write_text, written_aside

NEEDED = (
    "study",
    "split",
    "method",
    "label",
    "r2",
    "rmse_dex",
    "n_train",
    "n_test",
    "n_protostars",
    "seed",
)
FIRST = (
    "method",
    "label",
    "split",
    "data",
    "r2",
    "r2_low",
    "r2_high",
    "rmse_dex",
    "rmse_dex_low",
    "rmse_dex_high",
    "label_spread_dex",
)
LAST = (
    "n_train",
    "n_test",
    "n_protostars",
    "seed",
    "published",
    "published_r2",
    "published_rmse_dex",
    "published_label_spread_dex",
)

SPLITS = {
    "row": "Maps are drawn at random, as published: the same protostar, from another side or a"
    " moment later, stands on both sides.",
    "snapshot": "No snapshot is on both sides, but a protostar at another time may be.",
    "protostar": "No protostar is on both sides, at any time or from any side.",
    "simulation": "No simulation is on both sides.",
    "time": "Early snapshots teach, late ones test; the same protostars, grown, are on both sides.",
}
"""What each kind of split separates."""

PUBLISHED = (
    "Published: Table 1 of Hirashima, Nozaki & Harada (2025, arXiv:2510.24159), 24,000 training"
    " and 8,000 test maps of other simulations,"
    " drawn at random by row; it stands beside rows of that protocol only."
)


def build_table(
    *,
    study: str,
    metrics: str | Path,
    differences: str | Path,
    mass_bins: str | Path,
    overstatement: str | Path,
    published: str | Path,
    counterparts: Mapping[str, str],
    splits: Mapping[str, str],
    methods: Sequence[str],
    simulations: Mapping[str, str],
    outputs: Mapping[str, str | Path],
) -> None:
    """Write a study's table as CSV, and what derives from it as Markdown, LaTeX and HTML.

    Parameters
    ----------
    study : its name
    metrics, differences, mass_bins, overstatement : the study's comparison of its methods, rows in
        the order wanted
    published : the published table (resources/table1_published.csv)
    counterparts : method -> row of the published table that stands beside it
    splits : split -> what it separates (``row``, ``protostar``, ...)
    methods : the study's
    simulations : simulation -> its ``format`` (``toycloud`` makes the table a test and not a
        result)
    outputs : files by ``csv``, ``md``, ``tex`` and ``html``
    """
    reference = read_published(published)
    table = read_table(metrics, NEEDED).assign(data=describe_data(simulations))
    require_rows(metrics, table, split=splits, method=methods)
    table = add_published(
        add_differences(table, differences, splits, methods), reference, counterparts, splits
    )
    bins = read_table(mass_bins, ("split", "method", "mass_low_msun"))
    for name, rows in bins.groupby("split", sort=False):
        require_rows(
            mass_bins,
            rows,
            split=[name],
            method=methods,
            mass_low_msun=rows["mass_low_msun"].unique(),
        )
    require_rows(mass_bins, bins, split=splits)
    overstated = read_overstatement(overstatement, splits, methods)
    page = compose_page(study, table, bins, overstated, reference, splits, simulations)
    with written_aside(outputs["csv"]) as temporary:
        table.to_csv(temporary, index=False, float_format="%.6g", lineterminator="\n")
    write_text(outputs["md"], markdown(page))
    write_text(outputs["tex"], latex(page, name=study))
    write_text(outputs["html"], html(page))


def add_differences(
    table: pd.DataFrame, path: str | Path, splits: Iterable[str], methods: Sequence[str]
) -> pd.DataFrame:
    """Add to each row its differences from the study's ``reference``.

    The file has to hold all of them.
    """
    compared = read_table(
        path,
        (
            "split",
            "method",
            "reference",
            "r2_difference",
            "r2_difference_low",
            "r2_difference_high",
        ),
    )
    known = set(compared["reference"]) or {methods[0]}  # a method alone is compared with none
    require_rows(
        path, compared, split=splits, method=[name for name in methods if name not in known]
    )
    return table.merge(compared, how="left", on=["split", "method"])


def read_overstatement(
    path: str | Path, splits: Mapping[str, str], methods: Sequence[str]
) -> pd.DataFrame:
    """Read what each split by row adds to R2, compared with each split that separates stars.

    The file has to hold all methods.
    """
    table = read_table(path, ("method", "split_published", "split_grouped"))
    for published, grouped in product(
        *([name for name in splits if (splits[name] == "row") == row] for row in (True, False))
    ):
        if splits[grouped] in ("protostar", "simulation"):
            require_rows(
                path, table, split_published=[published], split_grouped=[grouped], method=methods
            )
    return table


def implied_label_spread(r2: Any, rmse_dex: Any) -> Any:
    """Return RMSE / sqrt(1 - R2) [dex]: the standard deviation that the labels must have had.

    It is nan where R2 is 1.
    """
    r2, rmse_dex = np.asarray(r2, float), np.asarray(rmse_dex, float)
    return rmse_dex / np.sqrt(np.where(r2 < 1, 1 - r2, np.nan))


def read_published(path: str | Path) -> pd.DataFrame:
    """Read the published table, with the label spread that each of its rows implies."""
    table = read_table(
        path, ("published", "model", "initialisation", "whitening", "r2", "rmse_dex")
    )
    return table.assign(
        label_spread_dex=implied_label_spread(table["r2"], table["rmse_dex"])
    ).set_index("published")


def add_published(
    table: pd.DataFrame,
    reference: pd.DataFrame,
    counterparts: Mapping[str, str],
    splits: Mapping[str, str],
) -> pd.DataFrame:
    """Put published numbers beside their counterparts, on rows split as in the paper."""
    for method, row in counterparts.items():
        if row not in reference.index:
            known = f"{closest(row, reference.index)}; rows: {', '.join(reference.index)}"
            raise InputError(
                f"reporting.published.{method}: the published table has no row {row!r}{known}."
            )
    as_published = table["split"].map(splits) == "row"
    table = table.assign(published=table["method"].map(counterparts).where(as_published))
    for name in ("r2", "rmse_dex", "label_spread_dex"):
        table[f"published_{name}"] = table["published"].map(reference[name]).astype(float)
    rest = [name for name in table.columns if name not in (*FIRST, *LAST)]
    return table[[name for name in (*FIRST, *rest, *LAST) if name in table]]


def compose_page(
    study: str,
    table: pd.DataFrame,
    bins: pd.DataFrame,
    overstatement: pd.DataFrame,
    reference: pd.DataFrame,
    splits: Mapping[str, str],
    simulations: Mapping[str, str],
) -> Page:
    """Say in words and grids what the table holds; numbers come from the tables alone."""
    data = describe_data(simulations)
    labels = table.drop_duplicates("method").set_index("method")["label"]
    grids = []
    for name, rows in table.groupby("split", sort=False):
        grids.append(
            split_grid(
                rows, f"Split {name}. {SPLITS.get(splits.get(str(name), ''), '')} Data: {data}."
            )
        )
    for name, rows in bins.groupby("split", sort=False):
        grids.append(
            mass_grid(
                rows,
                labels,
                f"Split {name}: RMSE; bias (predicted − true) [dex]; share of stars within the 90%"
                f" interval, by true mass. Data: {data}.",
            )
        )
    for (row, grouped), rows in overstatement.groupby(
        ["split_published", "split_grouped"], sort=False
    ):
        caption = (
            f"What a split by row, as published, adds to R²: split {row} against split {grouped}."
            f" Data: {data}."
        )
        grids.append(overstatement_grid(rows, labels, caption))
    return Page(
        title=f"Stellar masses from gas maps: {study}",
        summary=[
            f"Study {study}, the mass of protostars from gas maps. Data: {data}.",
            *findings(table, overstatement, splits),
        ],
        grids=[*grids, published_grid(reference)],
        notes=[
            "R² and RMSE are of log10 mass, RMSE and label spread in dex; brackets hold 95%"
            " bootstrap intervals over test protostars.",
            "Differences between methods, and between splits, are paired: every bootstrap draw"
            " takes the same protostars on both sides.",
            "A 90% interval is split-conformal, calibrated on training protostars in turn, and its"
            " width depends on the predicted mass; coverage is the share of test maps within it,"
            " and of test protostars, each counted once.",
            "Label spread is the standard deviation of the test labels; R² = 1 − RMSE²/spread²,"
            " so R² compares rows of equal spread only.",
            PUBLISHED,
            f"The numbers are those of results/tables/{study}/table.csv and"
            f" results/evaluation/{study}/. Made at commit {git_commit()}.",
        ],
    )


def findings(
    table: pd.DataFrame, overstatement: pd.DataFrame, splits: Mapping[str, str]
) -> list[str]:
    """Return what the numbers show, as sentences.

    They give the best row of each split, and by how much the published protocol overstates.
    """
    found = [_first(str(name), rows) for name, rows in table.groupby("split", sort=False)]
    for (published, grouped), rows in overstatement.groupby(
        ["split_published", "split_grouped"], sort=False
    ):
        gap = rows.dropna(subset="r2_overstatement").sort_values("r2_overstatement", kind="stable")
        if len(gap):
            kind = splits[str(grouped)]
            few = too_few(table[table["split"].isin([published, grouped])])
            found.append(
                f"R² by the published protocol (split {published}) minus R² with a new {kind}"
                f" (split {grouped}):"
                f" {_range_of(gap, few)}."
            )
    return found


def _first(split: str, rows: pd.DataFrame) -> str:
    """Return who comes first in a split, and which methods differ in paired differences.

    All are differences from the reference.

    A pair of intervals may overlap where the interval of the difference, on the same stars, leaves
    zero out; so overlaps are not counted. Of few test protostars nothing is counted.
    """
    few = too_few(rows)
    if rows["r2"].isna().all():
        return f"Split {split}: no method has an R²; {few or 'the test masses do not differ'}."
    best = rows.loc[rows["r2"].idxmax()]
    if few:
        largest = f"the largest R² of {len(rows)}" if len(rows) > 1 else "R²"
        return (
            f"Split {split}: {few}; {best['label']} has {largest}, {with_interval(best, 'r2', 2)}."
        )
    if len(rows) == 1:
        return f"Split {split}: {best['label']} has R² = {with_interval(best, 'r2', 2)}."
    sentence = (
        f"Split {split}: {best['label']} comes first of {len(rows)}"
        f" with R² = {with_interval(best, 'r2', 2)}"
    )
    reference = rows[rows["method"].isin(rows["reference"].dropna())]
    if reference.empty or rows["r2_difference_low"].isna().all():
        return sentence + "."
    base = reference.iloc[0]
    rest = rows.drop(index={best.name, base.name})
    below, above = (
        int((rest["r2_difference_high"] < 0).sum()),
        int((rest["r2_difference_low"] > 0).sum()),
    )
    if best.name == base.name:
        return f"{sentence}; paired star by star, {_put(below, 0, len(rest), 'it')}."
    clear = "" if best["r2_difference_low"] > 0 else ", which does not tell them apart"
    sentence += (
        f", {with_interval(best, 'r2_difference', 2)} above the reference ({base['label']})"
        f" paired star by star{clear}"
    )
    return sentence + (
        f"; so paired, {_put(below, above, len(rest), 'the reference')}." if len(rest) else "."
    )


def _put(below: int, above: int, others: int, base: str) -> str:
    """Return how many others differ from a base: the interval of the difference excludes zero."""
    if others == 1:
        place = "below" if below else "above" if above else ""
        return (
            f"the interval puts the other {place} {base}"
            if place
            else f"the interval does not tell the other from {base}"
        )
    some = (
        f"all {others} others" if below == others else f"{below or 'none'} of the {others} others"
    )
    return f"the intervals put {some} below {base}" + (f" and {above} above" if above else "")


def _range_of(gap: pd.DataFrame, few: str) -> str:
    """Return median and extremes of sorted overstatements, and how many intervals are above zero.

    ``few`` says that the protostars are too few to count intervals, or is empty.
    """
    least, most = (with_interval(gap.iloc[place], "r2_overstatement", 2) for place in (0, -1))
    if len(gap) == 1:
        return f"{least}; {few}" if few else least
    above = int((gap["r2_overstatement_low"] > 0).sum())
    middle = f"{number(gap['r2_overstatement'].median())} in the median of {len(gap)} methods"
    spread = f"from {least} to {most}" if least != most else f"{least} for each"
    return f"{middle}, {spread}; {few or f'its interval lies above zero for {above}'}"
