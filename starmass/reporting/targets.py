"""Table and sentences of a study that predicts something else than stellar masses."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pandas as pd

from starmass.provenance import git_commit
from starmass.reporting.figures.few_labels import read_few_labels
from starmass.reporting.figures.segments import read_explained
from starmass.reporting.grids import number, too_few, with_interval
from starmass.reporting.inputs import describe_data, read_table, require_rows
from starmass.reporting.summary import segments_finding
from starmass.reporting.typesetting import Grid, Page, html, latex, markdown
from starmass.storage import write_text, written_aside

NEEDED = ("split", "method", "label", "n_train", "n_test", "n_protostars", "seed")
SPLITS = {
    "row": "Rows are drawn at random; other rows of the same object may train.",
    "snapshot": "No snapshot is on both sides.",
    "protostar": "No object is on both sides.",
    "simulation": "No simulation is on both sides.",
    "time": "Early snapshots train, late ones test.",
}
"""What each kind of split separates."""
OBJECT = "test object"


@dataclass(frozen=True)
class Metric:
    """How a metric is shown.

    Attributes
    ----------
    name : column of metrics.csv
    words : heading
    digits : after the point
    least : whether the least value is the best
    """

    name: str
    words: str
    digits: int = 3
    least: bool = False


CLASSES = (
    Metric("accuracy", "Accuracy"),
    Metric("balanced_accuracy", "Balanced accuracy"),
    Metric("macro_f1", "Macro-F1"),
    Metric("calibration_error", "Calibration error"),
)
REDSHIFT = (
    Metric("sigma_mad", "σ_MAD", 4, least=True),
    Metric("mean_dz", "Mean Δz", 4),
    Metric("outlier_share", "Outlier share", 4),
)
NOTES = {
    "classes": (
        "Balanced accuracy is the mean recall of the classes; macro-F1 the mean of their F1."
        " Recall is the share of a class's rows that are predicted as it.",
        "Calibration error is the mean distance between the score of the predicted class and the"
        " share of rows that are right, in 10 bins of the score. It has no interval, because noise"
        " raises it in every bootstrap draw.",
    ),
    "redshift": (
        "Δz = (predicted − true) / (1 + true); σ_MAD is 1.4826 times the median of |Δz − median|;"
        " outliers have |Δz| > 0.05.",
    ),
    "errors": ("R² and errors are over all test rows of the split.",),
}


def metrics_of(target: Mapping[str, Any]) -> tuple[Metric, ...]:
    """Return the metrics of a target, the first of them being what methods are ranked by.

    ``target`` : as the config has it, with ``kind``, ``metrics``, ``transform`` and ``unit``
    """
    if target["kind"] == "classes":
        return CLASSES
    if target["metrics"] == "redshift":
        return REDSHIFT
    log = target["transform"] == "log10"
    end, unit = ("_dex", "dex") if log else ("", target["unit"])
    bracket = f" [{unit}]" if unit else ""
    return (
        Metric("r2", "R²"),
        Metric(f"rmse{end}", f"RMSE{bracket}", least=True),
        Metric(f"mae{end}", f"Mean absolute error{bracket}", least=True),
        Metric(f"bias{end}", f"Bias{bracket}"),
    )


def notes_of(target: Mapping[str, Any]) -> tuple[str, ...]:
    """Return how the metrics of a target are to be read."""
    return NOTES["classes" if target["kind"] == "classes" else target["metrics"]]


def read_compared(
    metrics: str | Path,
    differences: str | Path,
    target: Mapping[str, Any],
    splits: Iterable[str],
    methods: Sequence[str],
) -> pd.DataFrame:
    """Read the metrics of a study's methods, with the differences from its reference.

    Raises
    ------
    InputError
        when a table can't be read, or a split or method is missing
    """
    known = metrics_of(target)
    table = read_table(metrics, (*NEEDED, *(metric.name for metric in known)))
    require_rows(metrics, table, split=splits, method=methods)
    first = f"{known[0].name}_difference"
    compared = read_table(differences, ("split", "method", "reference", first, f"{first}_low"))
    reference = set(compared["reference"]) or {methods[0]}  # a method alone is compared with none
    others = [name for name in methods if name not in reference]
    require_rows(differences, compared, split=splits, method=others)
    return table.merge(compared, how="left", on=["split", "method"])


def build_target_table(
    *,
    study: str,
    target: Mapping[str, Any],
    metrics: str | Path,
    differences: str | Path,
    splits: Mapping[str, str],
    methods: Sequence[str],
    simulations: Mapping[str, str],
    outputs: Mapping[str, str | Path],
) -> None:
    """Write a study's table as CSV, and what derives from it as Markdown, LaTeX and HTML.

    Parameters
    ----------
    study : its name
    target : what it predicts
    metrics, differences : the study's comparison of its methods
    splits : split -> what it separates (``row``, ``protostar``, ...)
    methods : the study's
    simulations : simulation -> its ``format``
    outputs : files by ``csv``, ``md``, ``tex`` and ``html``
    """
    table = read_compared(metrics, differences, target, splits, methods)
    data = describe_data(simulations)
    grids = []
    for name, rows in table.groupby("split", sort=False):
        kind = SPLITS.get(splits.get(str(name), ""), "")
        grids.append(metrics_grid(rows, target, f"Split {name}. {kind} Data: {data}."))
        if target["kind"] == "classes":
            grids.append(recall_grid(rows, f"Split {name}: recall of each class. Data: {data}."))
    page = Page(
        title=f"{target['name']}: {study}",
        summary=[opening(study, target, data), *findings(table, target)],
        grids=grids,
        notes=[*reading(target), origin(study)],
    )
    with written_aside(outputs["csv"]) as temporary:
        table.to_csv(temporary, index=False, float_format="%.6g", lineterminator="\n")
    write_text(outputs["md"], markdown(page))
    write_text(outputs["tex"], latex(page, name=study))
    write_text(outputs["html"], html(page))


def opening(study: str, target: Mapping[str, Any], data: str) -> str:
    """Return a sentence that names study, target and data."""
    kind = "classes" if target["kind"] == "classes" else "a number"
    log = "the decimal logarithm of " if target.get("transform") == "log10" else ""
    return f"Study {study} predicts {log}{target['name']} ({kind}). Data: {data}."


def reading(target: Mapping[str, Any]) -> list[str]:
    """Return how the table is to be read, as sentences."""
    return [
        *notes_of(target),
        "Brackets hold 95% bootstrap intervals over test objects. Differences are paired: every"
        " draw takes the same objects for both methods.",
    ]


def origin(study: str) -> str:
    """Return where the numbers come from, as a sentence."""
    files = f"results/tables/{study}/table.csv and results/evaluation/{study}/"
    return f"The numbers are those of {files}. Made at commit {git_commit()}."


def metrics_grid(rows: pd.DataFrame, target: Mapping[str, Any], caption: str) -> Grid:
    """One line a method: its metrics, the difference from the reference, and counts."""
    known = metrics_of(target)
    first = known[0]
    compared = bool(rows[f"{first.name}_difference"].notna().any())
    head = ["Method", *(metric.words for metric in known)]
    if compared:
        head.append(f"{first.words} minus that of {_reference(rows)['label']}")
    covered = "coverage_interval" in rows and bool(rows["coverage_interval"].notna().any())
    head += ["90% interval: ±; coverage of rows"] if covered else []
    head += ["Rows: training; test", "Test objects", "Seeds"]
    body = []
    for _, row in rows.iterrows():
        line = [str(row["label"])]
        line += [with_interval(row, metric.name, metric.digits) for metric in known]
        if compared:
            line.append(with_interval(row, f"{first.name}_difference", first.digits))
        if covered:
            wide = f"{number(row['interval'], 3)}; {row['coverage_interval']:.0%}"
            line.append(wide if pd.notna(row["coverage_interval"]) else "–")
        line += [f"{row['n_train']}; {row['n_test']}", str(row["n_protostars"]), str(row["seed"])]
        body.append(line)
    return Grid(caption, head, body)


def recall_grid(rows: pd.DataFrame, caption: str) -> Grid:
    """One line a method, one column a class."""
    names = [
        name.removeprefix("recall_")
        for name in rows.columns
        if name.startswith("recall_") and not name.endswith(("_low", "_high"))
    ]
    body = [
        [str(row["label"]), *(with_interval(row, f"recall_{name}", 2) for name in names)]
        for _, row in rows.iterrows()
    ]
    return Grid(caption, ["Method", *names], body)


def findings(table: pd.DataFrame, target: Mapping[str, Any]) -> list[str]:
    """Return which method is the best of each split, as sentences."""
    return [_first(str(name), rows, target) for name, rows in table.groupby("split", sort=False)]


def best_of(rows: pd.DataFrame, metric: Metric) -> Any:
    """Return the row whose metric is the best; nothing where none has one."""
    values = rows[metric.name].dropna()
    if values.empty:
        return None
    return rows.loc[values.idxmin() if metric.least else values.idxmax()]


def _first(split: str, rows: pd.DataFrame, target: Mapping[str, Any]) -> str:
    metric = metrics_of(target)[0]
    best, few = best_of(rows, metric), too_few(rows, OBJECT)
    if best is None:
        return f"Split {split}: no method has a value of {metric.words}."
    value = f"{metric.words} = {with_interval(best, metric.name, metric.digits)}"
    if few or len(rows) == 1:
        return f"Split {split}: {best['label']} has {value}{f'; {few}' if few else ''}."
    sentence = f"Split {split}: {best['label']} comes first of {len(rows)} with {value}"
    difference = f"{metric.name}_difference"
    if rows[f"{difference}_low"].isna().all():
        return f"{sentence}."
    base = _reference(rows)
    if best.name == base.name:
        rest = rows.drop(index=best.name)
        bound = rest[f"{difference}_low"] > 0 if metric.least else rest[f"{difference}_high"] < 0
        count = f"{int(bound.sum())} of the {len(rest)}"
        return (
            f"{sentence}; paired object by object, the intervals tell it from {count}"
            f" other{'' if len(rest) == 1 else 's'}."
        )
    low, high = best[f"{difference}_low"], best[f"{difference}_high"]
    clear = high < 0 if metric.least else low > 0
    return (
        f"{sentence}; its difference from the reference ({base['label']}), paired object by"
        f" object, is {with_interval(best, difference, metric.digits)}"
        f"{'' if clear else ', which does not tell them apart'}."
    )


def _reference(rows: pd.DataFrame) -> Any:
    """Return the row of the method that others are compared with."""
    return rows[rows["method"].isin(rows["reference"].dropna())].iloc[0]


def write_target_summary(
    *,
    study: str,
    target: Mapping[str, Any],
    metrics: str | Path,
    differences: str | Path,
    splits: Mapping[str, str],
    methods: Sequence[str],
    simulations: Mapping[str, str],
    outputs: Mapping[str, str | Path],
    few_labels: str | Path | None = None,
    few_labels_rows: Mapping[str, Iterable[Any]] = MappingProxyType({}),
    explained: str | Path | None = None,
    figures: Mapping[str, int] = MappingProxyType({}),
) -> None:
    """Write what a study found as Markdown and HTML (files by ``md`` and ``html``).

    Parameters
    ----------
    target, metrics, differences, splits, methods, simulations : of :func:`build_target_table`
    few_labels : table of few labels, if the study has one
    few_labels_rows : what it has to hold: ``split``, ``method``, ``fraction``
    explained : variance that segments explain, if the study has a segmentation
    figures : figure of the study -> its number
    """
    table = read_compared(metrics, differences, target, splits, methods)
    metric, data = metrics_of(target)[0], describe_data(simulations)
    sentences = [opening(study, target, data), *findings(table, target)]
    if few_labels is not None:
        few = read_few_labels(few_labels, few_labels_rows, metric.name)
        place = f"figure {figures['few_labels']}" if "few_labels" in figures else "no figure"
        sentences += [
            few_labels_finding(rows, metric, place) for _, rows in few.groupby("split", sort=False)
        ]
    if explained is not None:
        place = f"figure {figures['segments']}" if "segments" in figures else "no figure"
        sentences.append(segments_finding(read_explained(explained), place))
    rows = table.set_index(["method", "split"])
    labels = table.drop_duplicates("method").set_index("method")["label"]
    cells = [
        [
            str(labels[method]),
            *(
                with_interval(rows.loc[(method, split)], metric.name, metric.digits)
                for split in splits
            ),
        ]
        for method in methods
    ]
    caption = f"{metric.words} by split. Brackets hold 95% intervals over test objects."
    page = Page(
        title=f"What study {study} found",
        summary=sentences,
        grids=[Grid(caption, ["", *splits], cells)],
        notes=[*reading(target), origin(study)],
    )
    write_text(outputs["md"], markdown(page))
    write_text(outputs["html"], html(page))


def few_labels_finding(rows: pd.DataFrame, metric: Metric, figure: str) -> str:
    """Return the best method at the least and at the largest share of labels, of one split."""
    parts = []
    for fraction in dict.fromkeys((rows["fraction"].min(), rows["fraction"].max())):
        shared = rows[rows["fraction"] == fraction]
        count = f"{shared['n_train_protostars'].iloc[0]:.4g}"
        share = f"with labels for {100 * fraction:.3g}% of the training objects ({count})"
        best = best_of(shared, metric)
        if best is None:
            parts.append(f"{share} no method has a value of {metric.words}")
            continue
        value = with_interval(best, metric.name, metric.digits)
        parts.append(f"{share} {best['label']} has {metric.words} = {value}")
    few = too_few(rows, OBJECT)
    caveat = f"{few.capitalize()}." if few else "These intervals are not paired."
    return f"Few labels ({figure}; split {rows['split'].iloc[0]}): {'; '.join(parts)}. {caveat}"
