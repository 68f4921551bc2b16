"""The table of a study: one row a method and split, what was published beside it, and what it says in words."""

from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from starmass.errors import InputError, closest
from starmass.provenance import git_commit
from starmass.reporting.grids import has_interval, mass_grid, number, overstatement_grid, published_grid, split_grid, with_interval
from starmass.reporting.inputs import describe_data, read_table, require_rows
from starmass.reporting.typesetting import Page, html, latex, markdown
from starmass.storage import write_text, written_aside

NEEDED = ("study", "split", "method", "label", "r2", "rmse_dex", "n_train", "n_test", "n_protostars", "seed")
FIRST = ("method", "label", "split", "data", "r2", "r2_low", "r2_high", "rmse_dex", "rmse_dex_low", "rmse_dex_high", "label_spread_dex")
LAST = ("n_train", "n_test", "n_protostars", "seed", "published", "published_r2", "published_rmse_dex", "published_label_spread_dex")

SPLITS = {
    "row": "Maps are drawn at random, as published: the same protostar, from another side or a moment later, stands on both sides.",
    "snapshot": "No snapshot is on both sides, but a protostar at another time may be.",
    "protostar": "No protostar is on both sides, at any time or from any side.",
    "simulation": "No simulation is on both sides.",
    "time": "Early snapshots teach, late ones test; the same protostars, grown, are on both sides.",
}
"""What each kind of split keeps apart."""

PUBLISHED = (
    "Published: Table 1 of Hirashima, Nozaki & Harada (2025, arXiv:2510.24159), 24,000 training and 8,000 test maps of other simulations,"
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
    metrics, differences, mass_bins, overstatement : the study's comparison of its methods, rows in the order wanted
    published : the published table (resources/table1_published.csv)
    counterparts : method -> row of the published table that stands beside it
    splits : split -> what it keeps apart (``row``, ``protostar``, ...)
    methods : the study's
    simulations : simulation -> its ``format`` (``toycloud`` makes the table a test and not a result)
    outputs : files by ``csv``, ``md``, ``tex`` and ``html``
    """
    reference = read_published(published)
    table = read_table(metrics, NEEDED).assign(data=describe_data(simulations))
    require_rows(metrics, table, split=splits, method=methods)
    compared = read_table(differences, ("split", "method", "reference"))
    known = set(compared["reference"]) or {methods[0]}  # a method alone is compared with none
    require_rows(differences, compared, split=splits, method=[name for name in methods if name not in known])
    table = add_published(table.merge(compared, how="left", on=["split", "method"]), reference, counterparts, splits)
    bins = read_table(mass_bins, ("split", "method", "mass_low_msun"))
    for name, rows in bins.groupby("split", sort=False):
        require_rows(mass_bins, rows, split=[name], method=methods, mass_low_msun=rows["mass_low_msun"].unique())
    require_rows(mass_bins, bins, split=splits)
    overstated = read_table(overstatement, ("method", "split_published", "split_grouped"))
    for published_split, grouped in product(*([name for name in splits if (splits[name] == "row") == row] for row in (True, False))):
        if splits[grouped] in ("protostar", "simulation"):
            require_rows(overstatement, overstated, split_published=[published_split], split_grouped=[grouped], method=methods)
    page = compose_page(study, table, bins, overstated, reference, splits, simulations)
    with written_aside(outputs["csv"]) as temporary:
        table.to_csv(temporary, index=False, float_format="%.6g", lineterminator="\n")
    write_text(outputs["md"], markdown(page))
    write_text(outputs["tex"], latex(page, name=study))
    write_text(outputs["html"], html(page))


def implied_label_spread(r2: Any, rmse_dex: Any) -> Any:
    """Return RMSE / sqrt(1 - R2) [dex]: the standard deviation that the labels must have had; nan where R2 is 1."""
    r2, rmse_dex = np.asarray(r2, float), np.asarray(rmse_dex, float)
    return rmse_dex / np.sqrt(np.where(r2 < 1, 1 - r2, np.nan))


def read_published(path: str | Path) -> pd.DataFrame:
    """Read the published table, with the label spread that each of its rows implies."""
    table = read_table(path, ("published", "model", "initialisation", "whitening", "r2", "rmse_dex"))
    return table.assign(label_spread_dex=implied_label_spread(table["r2"], table["rmse_dex"])).set_index("published")


def add_published(table: pd.DataFrame, reference: pd.DataFrame, counterparts: Mapping[str, str], splits: Mapping[str, str]) -> pd.DataFrame:
    """Put published numbers beside the methods that are their counterparts, on rows split as the paper split."""
    for method, row in counterparts.items():
        if row not in reference.index:
            known = f"{closest(row, reference.index)}; rows: {', '.join(reference.index)}"
            raise InputError(f"reporting.published.{method}: the published table has no row {row!r}{known}.")
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
        grids.append(split_grid(rows, f"Split {name}. {SPLITS.get(splits.get(str(name), ''), '')} Data: {data}."))
    for name, rows in bins.groupby("split", sort=False):
        grids.append(mass_grid(rows, labels, f"Split {name}: RMSE; bias (predicted − true) by true mass [dex]. Data: {data}."))
    for (row, grouped), rows in overstatement.groupby(["split_published", "split_grouped"], sort=False):
        caption = f"What a split by row, as published, adds to R²: split {row} against split {grouped}. Data: {data}."
        grids.append(overstatement_grid(rows, labels, caption))
    return Page(
        title=f"Stellar masses from gas maps: {study}",
        summary=[f"Study {study}, the mass of protostars from gas maps. Data: {data}.", *findings(table, overstatement, splits)],
        grids=[*grids, published_grid(reference)],
        notes=[
            "R² and RMSE are of log10 mass, RMSE and label spread in dex; brackets hold 95% bootstrap intervals over test protostars.",
            "Differences between methods, and between splits, are paired: every bootstrap draw takes the same protostars on both sides.",
            "A 90% interval is split-conformal, calibrated on training protostars in turn; coverage is the share of test maps within.",
            "Label spread is the standard deviation of the test labels; R² = 1 − RMSE²/spread², so R² compares rows of equal spread only.",
            PUBLISHED,
            f"The numbers are those of results/tables/{study}.csv and results/evaluation/{study}/. Made at commit {git_commit()}.",
        ],
    )


def findings(table: pd.DataFrame, overstatement: pd.DataFrame, splits: Mapping[str, str]) -> list[str]:
    """Return what the numbers say: the best row of each split, and by how much the published protocol overstates."""
    sentences = []
    for name, rows in table.groupby("split", sort=False):
        if rows["r2"].notna().any():
            best = rows.loc[rows["r2"].idxmax()]
            sentence = f"Split {name}: {best['label']} comes first with R² = {with_interval(best, 'r2', 2)}"
            if has_interval(best) and len(rows) > 1:
                level = int((rows["r2_high"] >= best["r2_low"]).sum()) - 1
                sentence += f"; the intervals of {level} of the other {len(rows) - 1} overlap with its own"
            sentences.append(sentence + ".")
    for (published, grouped), rows in overstatement.groupby(["split_published", "split_grouped"], sort=False):
        gap = rows.sort_values("r2_overstatement")
        above = int((gap["r2_overstatement_low"] > 0).sum())
        sentences.append(
            f"R² by the published protocol (split {published}) minus R² with a new {splits[str(grouped)]} (split {grouped}):"
            f" {number(gap['r2_overstatement'].median())} in the median of {len(gap)} methods,"
            f" from {with_interval(gap.iloc[0], 'r2_overstatement', 2)} to {with_interval(gap.iloc[-1], 'r2_overstatement', 2)};"
            f" above zero beyond its interval for {above}."
        )
    return sentences
