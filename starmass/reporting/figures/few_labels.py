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

NEEDED = (
    "split",
    "method",
    "label",
    "fraction",
    "r2",
    "r2_low",
    "r2_high",
    "r2_draw_lowest",
    "r2_draw_highest",
    "n_train_protostars",
)
LOWEST = -0.6
"""R2 below is off the scale."""
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
) -> None:
    """Draw a study's few_labels.csv, which holds the splits, methods and fractions of ``rows``.

    ``width`` is a key of ``style.WIDTHS``.
    """
    table = read_few_labels(few_labels, rows)
    with style.journal_style():
        figure = draw_few_labels(table, width, footer(simulations))
        style.save_figure(figure, outputs, resolution=resolution, title="Few labels", facts=facts)


def read_few_labels(path: str | Path, rows: Mapping[str, Iterable[Any]]) -> pd.DataFrame:
    """Read a study's few_labels.csv; check that it has all that ``rows`` lists.

    Each of ``rows`` is a ``split``, ``method`` and ``fraction``.
    """
    table = read_table(path, NEEDED).astype({"fraction": float})
    require_rows(path, table, **{**rows, "fraction": map(float, rows["fraction"])})
    return table


def draw_few_labels(table: pd.DataFrame, width: str = "column", below: str = "") -> Figure:
    """Draw one panel a split: one below the other in a column, two a line in a text's width.

    The methods' names are below, for they are long.
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
    limits = max(LOWEST, float(table["r2_low"].min()) - 0.05), 1.0
    handles: dict[str, Any] = {}
    for number, split in enumerate(splits):
        line, column = divmod(number, columns)
        left, top = LEFT + column * page / columns, line * (TITLE + HEIGHT + BELOW)
        axes = style.place_axes(figure, left, top + TITLE, side, HEIGHT)
        rows = table[table["split"] == split]
        _label(axes, rows, limits)
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
            axes.vlines(share, part["r2_draw_lowest"], part["r2_draw_highest"], **thick)
            handles[str(method)] = draw_method(
                axes, share, part["r2"], part["r2_low"], part["r2_high"], look, limits
            )
        style.place_text(figure, left, top + 0.08, f"split: {split}", fontsize=8)
    place_key(figure, panels, handles, names)
    style.place_footer(figure, below)
    return figure


def _label(axes: Axes, rows: pd.DataFrame, limits: tuple[float, float]) -> None:
    axes.axhline(0, color=style.INK, linewidth=0.6, linestyle=":")
    taught = (
        rows.drop_duplicates("fraction").set_index("fraction")["n_train_protostars"].sort_index()
    )
    axes.set(xscale="log", ylim=limits, ylabel=r"$R^2$ of $\log_{10} M_\star$")
    axes.set_xlim(75 * taught.index.min(), 100 * taught.index.max() / 0.75)
    axes.set_xlabel("labelled training protostars [%] (their number)")
    axes.xaxis.set_major_locator(FixedLocator([100 * fraction for fraction in taught.index]))
    axes.xaxis.set_major_formatter(
        FuncFormatter(
            lambda share, _: (
                f"{share:.3g}\n({taught.iloc[abs(taught.index - share / 100).argmin()]:.3g})"
            )
        )
    )
    axes.xaxis.set_minor_locator(NullLocator())
