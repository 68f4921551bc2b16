"""Tables, sentences and figures of studies that predict classes or numbers other than masses."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from matplotlib.image import imread
from test_legibility import faults

from starmass.errors import InputError
from starmass.reporting import style
from starmass.reporting.figures.confusion import draw_confusion
from starmass.reporting.figures.embedding import draw_target
from starmass.reporting.figures.few_labels import draw_few_labels, shown_metric
from starmass.reporting.figures.scatter import draw_scatter, plot
from starmass.reporting.targets import (
    build_target_table,
    metrics_of,
    write_target_summary,
)
from starmass.tables import read_table

CLASSES = {"kind": "classes", "column": "shape", "name": "morphology"}
REDSHIFT = {
    "kind": "number",
    "column": "z",
    "name": "redshift",
    "transform": "none",
    "unit": "",
    "metrics": "redshift",
}
AGE = {**REDSHIFT, "name": "age", "unit": "yr", "transform": "log10", "metrics": "errors"}
SPLITS = {"random": "row", "folds": "protostar"}
METHODS = ("knn", "ridge", "mean")


def write_comparison(folder, target, *, objects=40):
    """Write metrics and differences; the second method is the best, clearly in the second split."""
    metrics, differences = [], []
    known = [metric for metric in metrics_of(target) if metric.name != "calibration_error"]
    for split, (place, method) in product(SPLITS, enumerate(METHODS)):
        names = {"study": "s", "split": split, "method": method, "label": method.upper()}
        row = {**names, "n_train": 60, "n_test": 80, "n_protostars": objects, "seed": "0"}
        base: dict = {"split": split, "method": method, "reference": "knn"}
        for metric in known:
            better = (0.0, 0.1, -0.3)[place] * (-1 if metric.least else 1)
            row |= {metric.name: 0.6 + better}
            row |= {f"{metric.name}_low": 0.5 + better, f"{metric.name}_high": 0.7 + better}
            name, wide = f"{metric.name}_difference", 0.05 if split == "folds" else 0.2
            base |= {name: better, f"{name}_low": better - wide, f"{name}_high": better + wide}
        if target["kind"] == "classes":
            row |= {"calibration_error": 0.05, "recall_a_b": 0.5, "recall_c": np.nan}
        metrics.append(row)
        differences += [] if method == "knn" else [base]
    pd.DataFrame(metrics).to_csv(folder / "metrics.csv", index=False)
    pd.DataFrame(differences).to_csv(folder / "differences.csv", index=False)
    return {
        "study": "s",
        "target": target,
        "metrics": folder / "metrics.csv",
        "differences": folder / "differences.csv",
        "splits": SPLITS,
        "methods": METHODS,
        "simulations": {"sky": "sfumato"},
    }


@pytest.mark.parametrize("target", [CLASSES, REDSHIFT, AGE], ids=["classes", "redshift", "age"])
def test_table_and_sentences_say_who_is_first_and_how_sure_it_is(tmp_path, target):
    given = write_comparison(tmp_path, target)
    outputs = {kind: tmp_path / f"table.{kind}" for kind in ("csv", "md", "tex", "html")}
    build_target_table(**given, outputs=outputs)
    page = outputs["md"].read_text()
    assert "RIDGE comes first of 3" in page
    random, folds = (
        line for line in page.splitlines() if line.startswith("Split") and "first" in line
    )
    assert random.endswith("which does not tell them apart.") and "apart" not in folds
    first = metrics_of(target)[0]
    assert f"| Method | {first.words} |" in page
    assert len(read_table(outputs["csv"])) == 6
    if target is AGE:
        assert "RMSE [dex]" in page and "logarithm of age" in page
    if target is CLASSES:
        assert "| Method | a_b | c |" in page and "| 0.50 | – |" in page
    summary = {kind: tmp_path / f"summary.{kind}" for kind in ("md", "html")}
    write_target_summary(**given, outputs=summary)
    assert folds in summary["md"].read_text()


def test_few_test_objects_allow_no_statement_and_a_missing_method_is_told(tmp_path):
    given = write_comparison(tmp_path, CLASSES, objects=4)
    outputs = {kind: tmp_path / f"summary.{kind}" for kind in ("md", "html")}
    write_target_summary(**given, outputs=outputs)
    text = outputs["md"].read_text()
    assert "4 test objects are too few for a statement" in text and "comes first" not in text
    with pytest.raises(
        InputError, match=r"metrics\.csv: there is no row of split random, method x"
    ):
        write_target_summary(**{**given, "methods": ("x",)}, outputs=outputs)


def confusions(names):
    generator = np.random.default_rng(0)
    rows = []
    for split, method in product(("random", "folds"), ("knn", "ridge")):
        for true in names:
            shares = generator.dirichlet(np.ones(len(names)))
            for named, share in zip(names, shares, strict=True):
                cell = {"truth": true, "predicted": named, "count": 10 * share, "share": share}
                bounds = {"share_low": share / 2, "share_high": (1 + share) / 2}
                rows.append({"split": split, "method": method, **cell, **bounds})
    return pd.DataFrame(rows)


LONG = "A method with a rather long name, as they are in papers"


def figures():
    """Yield each figure of a study with another target, as drawn."""
    generator = np.random.default_rng(1)
    for names in (("a", "b"), ("FR I", "FR II $x$", "a rather long name", "compact", "_bent")):
        labels = {"knn": LONG, "ridge": "Ridge"}
        yield draw_confusion(confusions(names), ("random", "folds"), labels, "kind", "A footer.")
    truth = generator.uniform(0, 1, 50)
    rows = pd.DataFrame({"truth": truth, "predicted": truth + 0.05 * generator.normal(size=50)})
    for target, metric in ((REDSHIFT, "sigma_mad"), (AGE, "r2")):
        facts = pd.Series({"label": LONG, metric: 0.5, f"{metric}_low": 0.4, f"{metric}_high": 0.6})
        panels = {"random": [(facts, rows), (facts, rows)], "folds": [(facts, rows)]}
        yield draw_scatter(panels, target, "A footer.")
    plane = {
        f"{name}_{axis}": generator.normal(size=50) for name in ("pc", "tsne") for axis in (1, 2)
    }
    facts = {"pc_1_share": 0.5, "pc_2_share": 0.2, "part": "train", "simulation": "sky"}
    table = pd.DataFrame({**plane, "sink_id": range(50), **facts, "same_protostar": 0})
    classes = [f"class {one}" for one in generator.integers(0, 7, 50)]
    yield draw_target(table.assign(value=classes), "random", CLASSES, "viridis", "A footer.")
    for target in (REDSHIFT, AGE):
        shown = table.assign(value=truth + 0.01)
        yield draw_target(shown, "random", target, "viridis", "A footer.")
    for target in (CLASSES, REDSHIFT):
        metric = shown_metric(target)
        table = pd.DataFrame(
            [
                {"split": "folds", "method": method, "label": method, "fraction": fraction}
                for method, fraction in product(("knn", "ridge"), (0.1, 1.0))
            ]
        ).assign(n_train_protostars=[4, 40, 4, 40])
        ends = {"": 0.5, "_low": 0.4, "_high": 0.6, "_draw_lowest": 0.45, "_draw_highest": 0.55}
        for end, value in ends.items():
            table[f"{metric}{end}"] = value
        yield draw_few_labels(table, "column", "A footer.", metric, target)


def test_figures_of_targets_can_be_read():
    with style.journal_style():
        for figure in figures():
            assert not list(faults(figure))


def test_a_figure_is_the_same_bytes_each_time(tmp_path):
    truth = np.linspace(0, 1, 30)
    table = pd.DataFrame({"row": range(30), "truth": truth, "predicted": truth**1.1})
    table.to_csv(tmp_path / "p.csv", index=False)
    given = write_comparison(tmp_path, REDSHIFT)
    for name in ("first", "second"):
        plot(
            predictions={"random": {"knn": str(tmp_path / "p.csv")}},
            metrics=given["metrics"],
            target=REDSHIFT,
            simulations={"sky": "toycloud"},
            outputs={"png": tmp_path / f"{name}.png"},
            resolution=60,
            facts={"config": {}, "inputs": []},
        )
    assert (tmp_path / "first.png").read_bytes() == (tmp_path / "second.png").read_bytes()
    assert len(np.unique(imread(tmp_path / "first.png").reshape(-1, 4), axis=0)) > 20
