"""The table of a study: one row a method and split, what was published beside it, and what it says in words."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from starmass.errors import InputError, closest
from starmass.provenance import git_commit
from starmass.reporting.inputs import describe_data, read_table
from starmass.reporting.typesetting import Grid, Page, html, latex, markdown
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
    metrics: Sequence[str | Path],
    published: str | Path,
    counterparts: Mapping[str, str],
    splits: Mapping[str, str],
    simulations: Mapping[str, str],
    outputs: Mapping[str, str | Path],
) -> None:
    """Write a study's table as CSV, and what derives from it as Markdown, LaTeX and HTML.

    Parameters
    ----------
    study : its name
    metrics : metrics files, one a method and split, in the order wanted
    published : the published table (resources/table1_published.csv)
    counterparts : method -> row of the published table that stands beside it
    splits : split -> what it keeps apart (``row``, ``protostar``, ...)
    simulations : simulation -> its ``format`` (``toycloud`` makes the table a test and not a result)
    outputs : files by ``csv``, ``md``, ``tex`` and ``html``
    """
    reference = read_published(published)
    table = collect_metrics(metrics)
    table["data"] = describe_data(simulations)
    table = add_published(table, reference, counterparts, splits)
    page = compose_page(study, table, reference, splits, simulations)
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


def collect_metrics(paths: Sequence[str | Path]) -> pd.DataFrame:
    """Put metrics files of one row each under each other."""
    table = pd.concat([read_table(path, NEEDED) for path in paths], ignore_index=True)
    if "label_spread_dex" not in table:
        table["label_spread_dex"] = implied_label_spread(table["r2"], table["rmse_dex"])
    return table


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
    study: str, table: pd.DataFrame, reference: pd.DataFrame, splits: Mapping[str, str], simulations: Mapping[str, str]
) -> Page:
    """Say in words and grids what the table holds; numbers come from the table alone."""
    data = describe_data(simulations)
    grids = [_split_grid(str(name), rows, splits.get(str(name), ""), data) for name, rows in table.groupby("split", sort=False)]
    return Page(
        title=f"Stellar masses from gas maps: {study}",
        summary=[f"Study {study}, the mass of protostars from gas maps. Data: {data}.", *findings(table, splits)],
        grids=[*grids, _published_grid(reference)],
        notes=[
            "R² and RMSE are of log10 mass, RMSE and label spread in dex; brackets hold bootstrap intervals over test protostars.",
            "Label spread is the standard deviation of the test labels; R² = 1 − RMSE²/spread², so R² compares rows of equal spread only.",
            PUBLISHED,
            f"The numbers are those of results/tables/{study}.csv. Made at commit {git_commit()}.",
        ],
    )


def findings(table: pd.DataFrame, splits: Mapping[str, str]) -> list[str]:
    """Return what the numbers say: the best row of each split, and by how much the published protocol overstates."""
    sentences = []
    for name, rows in table.groupby("split", sort=False):
        if rows["r2"].notna().any():
            best = rows.loc[rows["r2"].idxmax()]
            sentence = f"Split {name}: {best['label']} comes first with R² = {_with_interval(best, 'r2', 2)}"
            if _has_interval(best) and len(rows) > 1:
                level = int((rows["r2_high"] >= best["r2_low"]).sum()) - 1
                sentence += f"; the intervals of {level} of the other {len(rows) - 1} overlap with its own"
            sentences.append(sentence + ".")
    r2 = table.pivot_table(index="method", columns="split", values="r2", sort=False)
    for published in [name for name in r2 if splits.get(name) == "row"]:
        for grouped in [name for name in r2 if splits.get(name) in ("protostar", "simulation")]:
            gap = (r2[published] - r2[grouped]).dropna()
            if len(gap):
                sentences.append(
                    f"R² by the published protocol (split {published}) minus R² with a new {splits[grouped]} (split {grouped}):"
                    f" {number(gap.median())} in the median of {len(gap)} methods, from {number(gap.min())} to {number(gap.max())}."
                )
    return sentences


def _split_grid(name: str, rows: pd.DataFrame, kind: str, data: str) -> Grid:
    beside = bool(rows["published"].notna().any())
    head = ["Method", "R²", "RMSE", "Label spread", *(["Published: R²; RMSE; label spread"] if beside else [])]
    head += ["Maps: training; test", "Test protostars", "Seeds"]
    body = []
    for _, row in rows.iterrows():
        line = [str(row["label"]), _with_interval(row, "r2", 2), _with_interval(row, "rmse_dex", 3), number(row["label_spread_dex"])]
        if beside:
            published = (number(row[f"published_{key}"], digits) for key, digits in (("r2", 2), ("rmse_dex", 3), ("label_spread_dex", 2)))
            line.append("–" if pd.isna(row["published"]) else "; ".join(published))
        body.append([*line, f"{row['n_train']}; {row['n_test']}", str(row["n_protostars"]), str(row["seed"])])
    return Grid(f"Split {name}. {SPLITS.get(kind, '')} Data: {data}.", head, body)


def _published_grid(reference: pd.DataFrame) -> Grid:
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
    return Grid("As published. A pair of R² and RMSE implies the spread of its labels: RMSE / √(1 − R²).", head, body)


def number(value: Any, digits: int = 2) -> str:
    """Round for the reader; a missing number is a dash, and zero has no sign."""
    if pd.isna(value) or not np.isfinite(value):
        return "–"
    text = f"{value:.{digits}f}"
    return (text.removeprefix("-") if float(text) == 0 else text).replace("-", "−")


def _has_interval(row: Any, name: str = "r2") -> bool:
    return bool(np.isfinite(row.get(f"{name}_low", np.nan)))


def _with_interval(row: Any, name: str, digits: int) -> str:
    text = number(row[name], digits)
    return f"{text} [{number(row[f'{name}_low'], digits)}, {number(row[f'{name}_high'], digits)}]" if _has_interval(row, name) else text


def _text(value: Any) -> str:
    return "" if pd.isna(value) else str(value)
