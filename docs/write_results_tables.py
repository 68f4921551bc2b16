"""Write a study's R² into its table of docs/results.md, from the table that the workflow made.

docs/write_results_tables.py STUDY ...      # reads results/tables/STUDY/table.csv

The table of a study is the first one after the words ``results/tables/STUDY/table.md``. Its rows
are the study's methods, and its columns the splits by row and by protostar.
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


def with_table(page: str, study: str, table: pd.DataFrame) -> str:
    """Return the page with the R² of a study in its table.

    Parameters
    ----------
    page : docs/results.md
    study : entry of evaluation.studies
    table : as results/tables/STUDY/table.csv, with label, split, r2, r2_low and r2_high
    """
    lines = [f"| method | {' | '.join(COLUMNS.values())} |", "| --- | --- | --- |"]
    for method in table["method"].unique():
        rows = table[table["method"] == method].set_index("split")
        cells = (
            "{r2:.2f} [{r2_low:.2f}, {r2_high:.2f}]".format(**rows.loc[split]) for split in COLUMNS
        )
        lines.append(f"| {rows['label'].iloc[0]} | {' | '.join(map(_signed, cells))} |")
    start = page.index(f"results/tables/{study}/table.md")
    return page[:start] + re.sub(
        r"(?<=\n\n)\|.*?(?=\n\n|\n?\Z)",
        lambda _: "\n".join(lines),
        page[start:],
        count=1,
        flags=re.DOTALL,
    )


def _signed(text: str) -> str:
    """Return numbers with a minus sign, and none before zero."""
    return text.replace("-0.00", "0.00").replace("-", "−")


if __name__ == "__main__":
    for name in sys.argv[1:]:
        made = pd.read_csv(ROOT / f"results/tables/{name}/table.csv", keep_default_na=False)
        write_text(PAGE, with_table(PAGE.read_text(encoding="utf-8"), name, made))
