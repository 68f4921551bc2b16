"""The curves of a pretraining: its loss, what its features span, its signs of health, its rate."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import ascii_lowercase
from typing import Any

from matplotlib.figure import Figure

from starmass.errors import InputError
from starmass.reporting import style

# Title of a panel, the records' keys that it shows and how it calls them; what a method has no record of is left out.
PANELS: Sequence[tuple[str, Mapping[str, str]]] = (
    ("loss", {"loss": "all", "dino_global": "DINO, global crops", "dino_local": "DINO, local crops", "ibot": "iBOT", "koleo": "KoLeo"}),
    ("effective number", {"rankme": "directions of features (RankMe)", "prototypes_used": "prototypes in use"}),
    ("share", {"spread": "spread of features", "target_entropy": "targets' entropy / ln K", "dino_over_uniform": "DINO loss / ln K"}),
    ("learning rate", {"rate": ""}),
    ("$R^2$ of log mass", {"check_r2": "5 nearest neighbours, other protostars", "check_r2_untrained": "before training"}),
)
COLOURS = (style.INK, style.POINTS, style.ACCENT, "#009e73", "#cc79a7")
"""With vermilion and blue, green and purple of Okabe & Ito (2008)."""
HEIGHT, LEFT, GAP, WIDTH = 1.7, 0.55, 0.5, 2.85


def plot_curves(*, metrics: str | Path, encoder: str, outputs: Mapping[str, str | Path], resolution: int, facts: Mapping[str, Any]) -> None:
    """Draw the curves of a ``metrics.jsonl``."""
    records = read_records(metrics)
    with style.journal_style():
        style.save_figure(draw_curves(records), outputs, resolution=resolution, title=f"Pretraining of {encoder}", facts=facts)


def read_records(path: str | Path) -> list[dict[str, float]]:
    """Read one record a line."""
    try:
        records = [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not a readable record of a pretraining ({error}); remake it with its encoder.") from error
    if not records:
        raise InputError(f"{path}: holds no record; remake it with its encoder.")
    return records


def draw_curves(records: Sequence[Mapping[str, float]]) -> Figure:
    """Lay out the panels, two a line; sizes in inches."""
    recorded = {key for record in records for key in record}
    panels = [(title, {key: name for key, name in curves.items() if key in recorded}) for title, curves in PANELS]
    panels = [(title, curves) for title, curves in panels if curves]
    figure = Figure(figsize=(style.TEXT_WIDTH, -(-len(panels) // 2) * (HEIGHT + GAP)))
    for number, (title, curves) in enumerate(panels):
        line, column = divmod(number, 2)
        axes = style.place_axes(figure, LEFT + column * (WIDTH + LEFT), 0.12 + line * (HEIGHT + GAP - 0.06), WIDTH, HEIGHT)
        for (key, name), colour in zip(curves.items(), COLOURS, strict=False):
            epochs, values = zip(*((record["epoch"], record[key]) for record in records if key in record), strict=True)
            axes.plot(epochs, values, color=colour, label=name, marker="o" if len(values) < 8 else "", markersize=3)
        axes.set(xlabel="epoch", ylabel=f"({ascii_lowercase[number]})  {title}", xlim=(0, records[-1]["epoch"]))
        if title == "effective number":
            axes.set_yscale("log")
        elif title == "learning rate":
            axes.ticklabel_format(axis="y", scilimits=(-2, 3), useMathText=True)
        elif title in ("loss", "share"):
            axes.set_ylim(0, axes.get_ylim()[1] * (1.4 if len(curves) > 3 else 1))  # with room for a long legend
        else:
            axes.set_ylim(min(-0.1, axes.get_ylim()[0]), 1)
        if len(curves) > 1:
            long = len(curves) > 3
            axes.legend(frameon=False, handlelength=1.2, loc="upper right" if long else "best", ncols=2 if long else 1)
    return figure
