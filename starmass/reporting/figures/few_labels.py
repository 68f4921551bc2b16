"""Few labels: R2 against the share of the training protostars that is labelled."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from matplotlib.transforms import ScaledTranslation

from starmass.reporting import style
from starmass.reporting.inputs import footer, read_table, require_rows
from starmass.reporting.legends import draw_method, key_height, looks_of, place_key, wrap_names
from starmass.reporting.typesetting import escape_mathtext

NEEDED = ("split", "method", "label", "fraction", "n_train_protostars")
OF_METRIC = ("", "_low", "_high", "_draw_lowest", "_draw_highest")
"""What the columns of the metric that is shown end in."""
LOWEST = -0.6
"""R2 below is off the scale."""
SHOWN = {
    "r2": r"$R^2$",
    "accuracy": "accuracy",
    "sigma_mad": r"$\sigma_\mathrm{MAD}$",
}
"""Metrics that can be shown, and their axes' labels."""
LEFT, RIGHT, TITLE, HEIGHT, BELOW = 0.55, 0.1, 0.28, 2.1, 0.6
"""Inches left and right of a panel, over it (the split's name), of its height, under it."""


def plot(
    *,
    few_labels: str | Path,
    rows: Mapping[str, Iterable[Any]],
    simulations: Mapping[str, str],
    outputs: Mapping[str, str | Path],
    width: str,
    resolution: int,
    facts: Mapping[str, Any],
    target: Mapping[str, Any] | None = None,
) -> None:
    """Draw a study's few_labels.csv, which holds the splits, methods and fractions of ``rows``.

    ``width`` is a key of ``style.WIDTHS``. Without a ``target`` of the config it is the mass.
    """
    metric = shown_metric(target)
    table = read_few_labels(few_labels, rows, metric)
    with style.journal_style():
        figure = draw_few_labels(table, width, footer(simulations), metric, target)
        style.save_figure(figure, outputs, resolution=resolution, title="Few labels", facts=facts)


def shown_metric(target: Mapping[str, Any] | None) -> str:
    """Return the metric that is shown of a target."""
    if target is None or target.get("metrics") == "errors":
        return "r2"
    return "accuracy" if target["kind"] == "classes" else "sigma_mad"


def read_few_labels(
    path: str | Path, rows: Mapping[str, Iterable[Any]], metric: str = "r2"
) -> pd.DataFrame:
    """Read a study's few_labels.csv; check that it has all that ``rows`` lists.

    Each of ``rows`` is a ``split``, ``method`` and ``fraction``.
    """
    columns = (*NEEDED, *(f"{metric}{end}" for end in OF_METRIC))
    table = read_table(path, columns).astype({"fraction": float})
    require_rows(path, table, **{**rows, "fraction": map(float, rows["fraction"])})
    return table


def draw_few_labels(
    table: pd.DataFrame,
    width: str = "column",
    below: str = "",
    metric: str = "r2",
    target: Mapping[str, Any] | None = None,
) -> Figure:
    """Draw one panel a split: one below the other in a column, two a line in a text's width.

    The methods' names are below, for they are long. ``metric`` is a key of :data:`SHOWN`, and
    ``target`` what is predicted where it is not the mass.
    """
    page, splits = style.WIDTHS[width], list(dict.fromkeys(table["split"]))
    columns = 1 if width == "column" else min(2, len(splits))
    side = page / columns - LEFT - RIGHT
    labels = dict(zip(table["method"], map(escape_mathtext, table["label"]), strict=True))
    names, looks = wrap_names(labels, page), looks_of(labels)
    panels = -(-len(splits) // columns) * (TITLE + HEIGHT + BELOW)
    figure = Figure(
        figsize=(page, panels + key_height(names, page) + style.footer_height(below, page))
    )
    limits = max(LOWEST, float(table[f"{metric}_low"].min()) - 0.05), 1.0
    if metric == "sigma_mad":
        limits = 0.0, 1.1 * float(table["sigma_mad_high"].max())
    handles: dict[str, Any] = {}
    for number, split in enumerate(splits):
        line, column = divmod(number, columns)
        left, top = LEFT + column * page / columns, line * (TITLE + HEIGHT + BELOW)
        axes = style.place_axes(figure, left, top + TITLE, side, HEIGHT)
        rows = table[table["split"] == split]
        _label(axes, rows, limits, axis_label(metric, target))
        axes.set_xlabel(
            f"labelled training {'protostars' if target is None else 'objects'} [%] (their number)"
        )
        for method, part in rows.groupby("method", sort=False):
            part, look = part.sort_values("fraction"), looks[str(method)]
            share, aside = (
                100 * part["fraction"],
                axes.transData + ScaledTranslation(look.aside / 72, 0, figure.dpi_scale_trans),
            )
            thick: dict[str, Any] = {
                "color": look.colour,
                "linewidth": 2.5,
                "alpha": 0.35,
                "transform": aside,
            }
            value, low, high, worst, best = (part[f"{metric}{end}"] for end in OF_METRIC)
            axes.vlines(share, worst, best, **thick)
            handles[str(method)] = draw_method(axes, share, value, low, high, look, limits)
        style.place_text(figure, left, top + 0.08, f"split: {split}", fontsize=8)
    place_key(figure, panels, handles, names)
    style.place_footer(figure, below)
    return figure


def axis_label(metric: str, target: Mapping[str, Any] | None) -> str:
    """Return the label of the metric's axis."""
    if target is None:
        return rf"{SHOWN[metric]} of $\log_{{10}} M_\star$"
    return f"{SHOWN[metric]} of {escape_mathtext(target['name'])}"


def _count(mean: float) -> str:
    """Return a mean number of objects: three digits, or all before the point."""
    return f"{mean:.0f}" if mean >= 100 else f"{mean:.3g}"


def _label(axes: Axes, rows: pd.DataFrame, limits: tuple[float, float], label: str) -> None:
    axes.axhline(0, color=style.INK, linewidth=0.6, linestyle=":")
    taught = (
        rows.drop_duplicates("fraction").set_index("fraction")["n_train_protostars"].sort_index()
    )
    axes.set(xscale="log", ylim=limits, ylabel=label)
    axes.set_xlim(75 * taught.index.min(), 100 * taught.index.max() / 0.75)
    axes.xaxis.set_major_locator(FixedLocator([100 * fraction for fraction in taught.index]))
    axes.xaxis.set_major_formatter(
        FuncFormatter(
            lambda share, _: (
                f"{share:.3g}\n({_count(taught.iloc[abs(taught.index - share / 100).argmin()])})"
            )
        )
    )
    axes.xaxis.set_minor_locator(NullLocator())
