"""The curves of a pretraining: loss, rank of its features, signs of health, learning rate."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import ascii_lowercase
from typing import Any

import numpy as np
import yaml
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator

from starmass.errors import InputError
from starmass.files import check_readable
from starmass.reporting import style

# Title of a panel, the records' keys that it shows and how it calls them; what a method has no
# record of is left out.
PANELS: Sequence[tuple[str, Mapping[str, str]]] = (
    (
        "loss",
        {
            "loss": "all",
            "dino_global": "DINO, global crops",
            "dino_local": "DINO, local crops",
            "ibot": "iBOT",
            "koleo": "KoLeo",
        },
    ),
    (
        "effective number",
        {"rankme": "directions of features (RankMe)", "prototypes_used": "prototypes in use"},
    ),
    (
        "share",
        {
            "spread": "spread of features",
            "target_entropy": "targets' entropy / ln K",
            "dino_over_uniform": "DINO loss / ln K",
        },
    ),
    ("learning_rate", {"learning_rate": ""}),
    (
        "$R^2$ of the probe",
        {
            "probe_r2": "5 nearest neighbours, other protostars",
            "probe_r2_untrained": "before training",
        },
    ),
    (
        "balanced accuracy",
        {
            "probe_balanced_accuracy": "5 nearest neighbours, other objects",
            "probe_balanced_accuracy_untrained": "before training",
        },
    ),
)
COLOURS = (style.INK, style.POINTS, style.ACCENT, "#009e73", "#cc79a7")
"""With vermilion and blue, green and purple of Okabe & Ito (2008)."""
HEIGHT, LEFT, RIGHT, GAP, BELOW = 1.3, 0.55, 0.13, 0.12, 0.42
"""Inches of a panel's height, left and right of it, between two on one axis, under the lowest."""


def plot_curves(
    *,
    metrics: str | Path,
    config: str | Path,
    encoder: str,
    outputs: Mapping[str, str | Path],
    width: str,
    resolution: int,
    facts: Mapping[str, Any],
) -> None:
    """Draw the curves of a ``metrics.jsonl``, which has to reach the last step of ``config``.

    ``width`` is a key of ``style.WIDTHS``.
    """
    records = read_records(metrics)
    steps = _steps_of(config)
    if records[-1].get("step") != steps:
        raise InputError(
            f"{metrics}: ends at step {records[-1].get('step', '?')} of {steps}; remake it with"
            " its encoder."
        )
    with style.journal_style():
        figure = draw_curves(records, width)
        style.save_figure(
            figure, outputs, resolution=resolution, title=f"Pretraining of {encoder}", facts=facts
        )


def _steps_of(config: str | Path) -> int:
    check_readable(config)
    try:
        return int(yaml.safe_load(Path(config).read_text(encoding="utf-8"))["resolved"]["steps"])
    except (ValueError, TypeError, KeyError, yaml.YAMLError) as error:
        raise InputError(
            f"{config}: does not say how many steps its pretraining took ({error}); remake it with"
            " its encoder."
        ) from error


def read_records(path: str | Path) -> list[dict[str, float]]:
    """Read one record a line."""
    check_readable(path)
    try:
        records = [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]
    except ValueError as error:
        raise InputError(
            f"{path}: not a readable record of a pretraining ({error}); remake it with its encoder."
        ) from error
    if not records:
        raise InputError(f"{path}: holds no record; remake it with its encoder.")
    return records


def draw_curves(records: Sequence[Mapping[str, float]], width: str = "column") -> Figure:
    """Lay out the panels over one axis of epochs, two a line in a text's width; sizes in inches."""
    recorded = {key for record in records for key in record}
    panels = [
        (title, {key: name for key, name in curves.items() if key in recorded})
        for title, curves in PANELS
    ]
    panels = [(title, curves) for title, curves in panels if curves]
    page, columns = style.WIDTHS[width], 1 if width == "column" else 2
    lines = -(-len(panels) // columns)
    figure = Figure(figsize=(page, 0.1 + lines * (HEIGHT + GAP) - GAP + BELOW))
    for number, (title, curves) in enumerate(panels):
        line, column = divmod(number, columns)
        left, top = LEFT + column * page / columns, 0.1 + line * (HEIGHT + GAP)
        axes = style.place_axes(figure, left, top, page / columns - LEFT - RIGHT, HEIGHT)
        lowest = number + columns >= len(panels)
        unit = 10.0 ** _exponent(records) if title == "learning_rate" else 1.0
        for (key, name), colour in zip(curves.items(), COLOURS, strict=False):
            epochs, values = zip(
                *((record["epoch"], record[key] / unit) for record in records if key in record),
                strict=True,
            )
            axes.plot(
                epochs,
                values,
                color=colour,
                label=name,
                marker="o" if len(values) < 8 else "",
                markersize=3,
            )
        words = (
            rf"learning rate / $10^{{{_exponent(records)}}}$" if title == "learning_rate" else title
        )
        axes.set(
            xlabel="epoch" if lowest else "",
            ylabel=f"({ascii_lowercase[number]})  {words}",
            xlim=(0, records[-1]["epoch"]),
        )
        axes.tick_params(labelbottom=lowest)
        if title == "effective number":
            _scale_numbers(axes)
        elif title in ("loss", "share"):
            axes.set_ylim(
                0, axes.get_ylim()[1] * (1.4 if len(curves) > 3 else 1)
            )  # with room for a long legend
        elif title != "learning_rate":
            axes.set_ylim(min(-0.1, axes.get_ylim()[0] - 0.05), 1)
        if len(curves) > 1:
            long = len(curves) > 3
            axes.legend(
                frameon=False,
                handlelength=1.2,
                loc="upper right" if long else "best",
                ncols=2 if long else 1,
            )
    return figure


def _scale_numbers(axes: Axes) -> None:
    """Make the axis logarithmic where its numbers ask for it: beyond a factor of four."""
    values = np.concatenate([np.asarray(line.get_ydata(), float) for line in axes.lines])
    if 0 < 4 * values.min() < values.max():
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(FixedLocator(style.round_values(*axes.get_ylim())))
        style.plain_ticks(axes.yaxis)


def _exponent(records: Sequence[Mapping[str, float]]) -> int:
    """Power of ten of the highest learning rate."""
    return int(
        np.floor(
            np.log10(
                max(
                    max(record.get("learning_rate", 0.0) for record in records),
                    np.finfo(float).tiny,
                )
            )
        )
    )
