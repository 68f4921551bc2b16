"""Write tables of docs/results.md from those that the workflow made.

docs/write_results_tables.py FILE ...
# results/tables/STUDY/table.csv, or results/evaluation/STUDY/ablations/ABLATION.csv

The table of a study is the first one after the name ``results/tables/STUDY/table.md``. Its rows
are the study's methods, and its columns the splits by row and by protostar. The table of an
ablation is the first one after the name of its file. Its rows are the methods. Its columns are the
values, and their differences from the base; a difference in bold has an interval without zero.
"""

import re
import sys
from pathlib import Path

import pandas as pd

from starmass.storage import write_text

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/results.md"
COLUMNS = {"random": "rows drawn at random, as published", "protostar": "new protostars"}
"""Split -> what its column is called."""

NAMES = {"value": str, "base": str}
"""Columns of names, which may look like numbers."""


def read_table(path: Path) -> pd.DataFrame:
    """Return a table that the workflow made."""
    return pd.read_csv(path, keep_default_na=False, dtype=NAMES)


def study_table(table: pd.DataFrame) -> list[str]:
    """Return the lines of a study's table: one row a method, one column a split.

    ``table`` is results/tables/STUDY/table.csv, with label, split, r2, r2_low and r2_high.
    """
    lines = _head(["method", *COLUMNS.values()])
    for method in table["method"].unique():
        rows = table[table["method"] == method].set_index("split")
        cells = [_interval(rows.loc[split], "r2") for split in COLUMNS]
        lines.append(_line([rows["label"].iloc[0], *cells]))
    return lines


def ablation_table(table: pd.DataFrame) -> list[str]:
    """Return the lines of an ablation's table: one row a method, one column a value.

    Behind them are the differences from the base. ``table`` is an ablation's file, of one split.
    """
    values, base = list(table["value"].unique()), table["base"].iloc[0]
    others = [value for value in values if value != base]
    lines = _head(["method", *values, *(f"{value} minus {base}" for value in others)])
    for method in table["method"].unique():
        rows = table[table["method"] == method].set_index("value")
        cells = [_interval(rows.loc[value], "r2") for value in values]
        for value in others:
            row = rows.loc[value]
            sure = row["r2_difference_low"] * row["r2_difference_high"] > 0
            cells.append(("**{}**" if sure else "{}").format(_interval(row, "r2_difference")))
        lines.append(_line([rows["label"].iloc[0], *cells]))
    return lines


def with_table(page: str, anchor: str, lines: list[str]) -> str:
    """Return the page with ``lines`` in place of the first table after the file ``anchor``.

    In the text a file's name is between backticks, and in the commands of the page it is not.
    """
    start = page.index(f"`{anchor}`")
    return page[:start] + re.sub(
        r"(?<=\n\n)\|.*?(?=\n\n|\n?\Z)",
        lambda _: "\n".join(lines),
        page[start:],
        count=1,
        flags=re.DOTALL,
    )


def written(page: str, path: str, table: pd.DataFrame) -> str:
    """Return the page with the table of the file ``path`` in its place."""
    if match := re.fullmatch(r"results/tables/(\w+)/table\.csv", path):
        return with_table(page, f"results/tables/{match[1]}/table.md", study_table(table))
    return with_table(page, path, ablation_table(table))


def _interval(row: pd.Series, metric: str) -> str:
    """Return a number with its interval, with a minus sign, and none before zero."""
    value, low, high = (f"{row[metric + end]:.2f}" for end in ("", "_low", "_high"))
    return f"{value} [{low}, {high}]".replace("-0.00", "0.00").replace("-", "−")


def _head(names: list[str]) -> list[str]:
    return [_line(names), _line(["---"] * len(names))]


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    for path in sys.argv[1:]:
        write_text(PAGE, written(PAGE.read_text(encoding="utf-8"), path, read_table(ROOT / path)))
