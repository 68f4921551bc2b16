"""The tables of docs/results.md are written from those that the workflow made."""

import sys

import pandas as pd
from configs import ROOT

sys.path.insert(0, str(ROOT / "docs"))
from write_results_tables import PAGE, with_table


def test_each_split_has_its_own_column():
    rows = [
        {"method": method, "label": f"the {method}", "split": split, "r2": r2}
        for method in ("one", "other")
        for split, r2 in (("random", 0.8), ("protostar", -0.25), ("folds", 9.0))
    ]
    table = pd.DataFrame(rows).assign(r2_low=-0.001, r2_high=lambda found: found["r2"] + 0.1)
    page = PAGE.read_text(encoding="utf-8")
    written = with_table(page, "demo", table)
    assert "| the one | 0.80 [0.00, 0.90] | −0.25 [0.00, −0.15] |\n| the other |" in written
    assert written.count("\n") < page.count("\n")
    # The page's other tables and words stay, those of the next study among them.
    before, after = (
        page.split("results/tables/demo/table.md"),
        written.split("results/tables/demo/table.md"),
    )
    assert after[0] == before[0]
    assert (
        after[1].partition("\n\nThe paper's way")[2]
        == before[1].partition("\n\nThe paper's way")[2]
    )
