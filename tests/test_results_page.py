"""The tables of docs/results.md are written from those that the workflow made."""

import sys

import pandas as pd
from configs import ROOT

sys.path.insert(0, str(ROOT / "docs"))
from write_results_tables import PAGE, ablation_table, read_table, written


def test_each_split_has_its_own_column():
    rows = [
        {"method": method, "label": f"the {method}", "split": split, "r2": r2}
        for method in ("one", "other")
        for split, r2 in (("random", 0.8), ("protostar", -0.25), ("folds", 9.0))
    ]
    table = pd.DataFrame(rows).assign(r2_low=-0.001, r2_high=lambda found: found["r2"] + 0.1)
    page = PAGE.read_text(encoding="utf-8")
    changed = written(page, "results/tables/demo/table.csv", table)
    assert "| the one | 0.80 [0.00, 0.90] | −0.25 [0.00, −0.15] |\n| the other |" in changed
    assert changed.count("\n") < page.count("\n")
    # The page's other tables and words stay, those of the next study among them.
    before, after = (
        page.split("results/tables/demo/table.md"),
        changed.split("results/tables/demo/table.md"),
    )
    assert after[0] == before[0]
    assert (
        after[1].partition("\n\nThe paper's way")[2]
        == before[1].partition("\n\nThe paper's way")[2]
    )


def test_an_ablation_has_its_values_and_differences_at_its_place():
    rows = [
        {"method": "one", "label": "the one", "base": "none", "value": value, "r2": r2}
        | {"r2_low": r2 - 0.1, "r2_high": r2 + 0.1, "r2_difference": r2 - 0.5}
        | {"r2_difference_low": r2 - 0.55, "r2_difference_high": r2 - 0.45}
        for value, r2 in (("none", 0.5), ("some", 0.48), ("many", 0.75))
    ]
    assert ablation_table(pd.DataFrame(rows)) == [
        "| method | none | some | many | some minus none | many minus none |",
        "| --- | --- | --- | --- | --- | --- |",
        "| the one | 0.50 [0.40, 0.60] | 0.48 [0.38, 0.58] | 0.75 [0.65, 0.85]"
        " | −0.02 [−0.07, 0.03] | **0.25 [0.20, 0.30]** |",
    ]
    # The commands at the top of the page name the file too, before another table.
    page = PAGE.read_text(encoding="utf-8")
    path = "results/evaluation/scale_16/ablations/learning.csv"
    changed = written(page, path, pd.DataFrame(rows))
    assert changed.partition("**DINOv2.**")[0] == page.partition("**DINOv2.**")[0]
    assert changed.partition("**Few labels.**")[2] == page.partition("**Few labels.**")[2]
    assert "| the one |" in changed


def test_a_value_that_looks_like_a_number_is_a_name(tmp_path):
    (tmp_path / "views.csv").write_text('value,base,r2\n0,0,0.5\n"100,000",0,0.6\n')
    table = read_table(tmp_path / "views.csv")
    assert [*table["value"], *table["base"]] == ["0", "100,000", "0", "0"]
