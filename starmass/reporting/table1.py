"""The published Table 1 in its own layout, with what a study measured beside every number."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

from starmass.provenance import git_commit
from starmass.reporting.grids import number, with_interval
from starmass.reporting.inputs import read_table, require_rows
from starmass.reporting.tables import PUBLISHED, read_published
from starmass.reporting.typesetting import Grid, Page, html, latex, markdown
from starmass.storage import write_text, written_aside

METRICS = (
    ("r2", "R²", 2),
    ("rmse_dex", "RMSE [dex]", 3),
    ("label_spread_dex", "Label spread [dex]", 2),
)


def build_table1(
    *,
    study: str,
    table: str | Path,
    published: str | Path,
    splits: Iterable[str],
    methods: Iterable[str],
    outputs: Mapping[str, str | Path],
) -> None:
    """Write the published table's columns, published and measured.

    Parameters
    ----------
    study : whose numbers stand beside the published ones
    table : the study's table (results/tables/{study}/table.csv), whose column ``published`` says
        what corresponds; where several methods do, or several splits by row, the first does
    published : the published table (resources/table1_published.csv)
    splits, methods : the study's, each pair a row of ``table``
    outputs : files by ``csv``, ``md``, ``tex`` and ``html``
    """
    reference = read_published(published)
    measured = read_table(
        table,
        ("published", "method", "label", "split", "data", "r2", "rmse_dex", "label_spread_dex"),
    )
    require_rows(table, measured, split=splits, method=methods)
    measured = (
        measured.dropna(subset="published").drop_duplicates("published").set_index("published")
    )
    both = reference.join(
        measured.rename(columns={metric: f"{metric}_measured" for metric, _, _ in METRICS})
    )
    with written_aside(outputs["csv"]) as temporary:
        names = [f"{metric}{suffix}" for metric, _, _ in METRICS for suffix in ("", "_measured")]
        bounds = [
            name for name in ("r2_low", "r2_high", "rmse_dex_low", "rmse_dex_high") if name in both
        ]
        columns = [
            "study",
            "model",
            "initialisation",
            "whitening",
            *names,
            *bounds,
            "label",
            "split",
            "data",
        ]
        both.assign(study=study)[columns].to_csv(
            temporary, float_format="%.6g", lineterminator="\n"
        )
    page = compose_page(study, both)
    write_text(outputs["md"], markdown(page))
    write_text(outputs["tex"], latex(page, name="table1"))
    write_text(outputs["html"], html(page))


def compose_page(study: str, both: pd.DataFrame) -> Page:
    """One column a published column; rows: each metric as published and as measured."""
    head = ["", *(f"{row['model']}, {row['initialisation']}" for _, row in both.iterrows())]
    body = []
    for metric, name, digits in METRICS:
        implied = " (implied)" if metric == "label_spread_dex" else ""
        body.append(
            [f"{name}, published{implied}", *(number(value, digits) for value in both[metric])]
        )
        cells = []
        for _, row in both.iterrows():
            facts = {
                metric: row[f"{metric}_measured"],
                f"{metric}_low": row.get(f"{metric}_low"),
                f"{metric}_high": row.get(f"{metric}_high"),
            }
            cells.append(with_interval(pd.Series(facts, dtype=float), metric, digits))
        body.append([f"{name}, measured", *cells])
    body.append(["measured with", *(_text(value) for value in both["label"])])
    data = both["data"].dropna()
    caption = (
        f"Table 1 of the paper, and study {study} beside it."
        f" Data: {data.iloc[0] if len(data) else 'none'}."
    )
    notes = [
        PUBLISHED,
        "The label spread of a published pair is RMSE / √(1 − R²).",
        f"Made at commit {git_commit()}.",
    ]
    return Page(
        title="Table 1, published and measured",
        summary=[],
        grids=[Grid(caption, head, body)],
        notes=notes,
    )


def _text(value: object) -> str:
    return "–" if pd.isna(value) else str(value)  # type: ignore[call-overload]
