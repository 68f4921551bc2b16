"""Every text of a figure can be read at its printed size: large enough, on the page, and clear of
every other.
"""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from starmass.reporting import style
from starmass.reporting.ablation import draw_ablation
from starmass.reporting.curves import draw_curves
from starmass.reporting.figures.few_labels import draw_few_labels
from starmass.reporting.inputs import footer

TOY = footer({"toycloud_a": "toycloud", "toycloud_b": "toycloud"})
LABELS = (
    "DINOv2 on fractals, rings of tokens about the star + ridge",
    "54 statistics of log-radius annuli + boosted trees",
    "same encoder, random weights + kNN + PCA whitening",
    "training mean",
    "4 moments of each channel + ridge",
)
VALUES = {
    "few numbers": ["1", "3", "9"],
    "many numbers": ["1", "2", "3", "5", "10", "20", "50", "100", "1000"],
    "zero": ["0", "9", "18", "36", "72", "144"],
    "rates": ["0.0001", "0.0003", "0.001"],
    "one": ["5"],
    "names": ["flame", "gaussian_field", "gradient_noise", "dead_leaves", "no_images"],
    "many names": ["2", "4", "8", "16", "32", "64", "all"],
    "channels": ["none", "column_density", "v_los", "sigma_v"],
}


def faults(figure):
    """Texts below 7 pt, beyond the page, or on each other."""
    figure.set_dpi(200)
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw_without_rendering()
    unseen = set()
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks()):
                if not low - 1e-9 <= tick.get_loc() <= high + 1e-9:
                    unseen |= {tick.label1, tick.label2}
    texts = [
        text
        for text in figure.findobj(Text)
        if text not in unseen and text.get_visible() and text.get_text().strip()
    ]
    boxes = [(text, text.get_window_extent(renderer)) for text in texts]
    page = figure.bbox
    for text, box in boxes:
        if text.get_fontsize() < 7:
            yield f"{text.get_text()!r} has {text.get_fontsize()} pt"
        if box.x0 < -1 or box.y0 < -1 or box.x1 > page.width + 1 or box.y1 > page.height + 1:
            yield f"{text.get_text()!r} leaves the page"
    for (one, first), (other, second) in combinations(boxes, 2):
        across = min(first.x1, second.x1) - max(first.x0, second.x0)
        along = min(first.y1, second.y1) - max(first.y0, second.y0)
        if across > 2 and along > 2:
            yield f"{one.get_text()!r} lies on {other.get_text()!r}"


FIGURES = (
    "examples",
    "regression",
    "segmentation",
    "information",
    "few_labels",
    "ablation",
    "embedding",
    "segments",
    "attention",
)
CURVES = ("information", "few_labels", "ablation")


@pytest.mark.parametrize(
    ("figure", "width"),
    [*((name, "text") for name in FIGURES), *((name, "column") for name in CURVES)],
)
def test_figures_can_be_read(tmp_path, drawn, monkeypatch, figure, width):
    seen = []
    monkeypatch.setattr(style, "save_figure", lambda drawing, *_, **__: seen.append(drawing))
    options = {"width": width} if figure in CURVES else {}
    drawn(
        tmp_path,
        figure,
        simulations={"toycloud_a": "toycloud", "toycloud_b": "toycloud"},
        **options,
    )
    with style.journal_style():
        assert not list(faults(seen[0]))


@pytest.mark.parametrize("width", ["column", "text"])
@pytest.mark.parametrize("values", VALUES)
def test_ablations_can_be_read(values, width):
    methods = 1 + list(VALUES).index(values) % 3
    with style.journal_style():
        figure = draw_ablation(
            ablation(VALUES[values], LABELS[:methods]),
            "beam, full width at half maximum [arcsec]",
            width,
            TOY,
        )
        assert figure.get_size_inches()[0] == style.WIDTHS[width]
        assert not list(faults(figure))


@pytest.mark.parametrize("width", ["column", "text"])
@pytest.mark.parametrize("splits", [1, 2, 3])
def test_few_labels_can_be_read(splits, width):
    shares = pd.DataFrame(
        {
            "fraction": [0.02, 0.1, 0.3, 0.5, 1.0],
            "r2": [-9.0, -0.7, 0.2, 0.5, 0.7],
            "n_train_protostars": [2, 4, 8.3, 12, 1207],
        }
    )
    table = shares.merge(
        pd.DataFrame({"split": [f"protostar_{n}" for n in range(splits)]}), how="cross"
    )
    table = table.merge(pd.DataFrame({"method": list("abcde"), "label": LABELS}), how="cross")
    for name, off in (
        ("r2_low", -0.2),
        ("r2_high", 0.2),
        ("r2_draw_lowest", -0.1),
        ("r2_draw_highest", 0.1),
    ):
        table[name] = table["r2"] + off
    with style.journal_style():
        assert not list(faults(draw_few_labels(table, width, TOY)))


@pytest.mark.parametrize("width", ["column", "text"])
@pytest.mark.parametrize("rank", [(8.0, 9.0), (3.0, 900.0)])
def test_curves_can_be_read(rank, width):
    rows = [
        {"epoch": n / 2, "loss": 9.0, "dino_global": 1.0, "dino_local": 2.0, "ibot": 3.0,
         "koleo": -1.0, "learning_rate": 1.4e-4, "rankme": rank[n % 2], "spread": 0.5,
         "target_entropy": 0.8, "dino_over_uniform": 1.0, "probe_r2": -0.2,
         "probe_r2_untrained": 0.1}
        for n in range(8)
    ]  # fmt: skip
    with style.journal_style():
        assert not list(faults(draw_curves(rows, width)))


def ablation(values, labels):
    rows = [
        {
            "value": value,
            "split": split,
            "method": label[:4],
            "label": label,
            "r2": 0.6 - 0.9 * place * at,
            "beam_pc": 0.001 * place,
        }
        for split in ("random", "protostar_folds")
        for at, label in enumerate(labels)
        for place, value in enumerate(values)
    ]
    table = pd.DataFrame(rows).assign(
        varied="observation.beam", base=values[0], finest_cell_pc=0.004, accretion_radius_pc=np.nan
    )
    table["r2_difference"] = table["r2"] - 0.6
    for name in ("r2", "r2_difference"):
        table[f"{name}_low"], table[f"{name}_high"] = table[name] - 0.4, table[name] + 0.1
    return table


def test_what_is_cut_off_is_marked():
    from matplotlib.markers import CARETDOWN

    table = ablation(["1", "2", "4", "8", "16"], LABELS[:2])
    with style.journal_style():
        upper = draw_ablation(table[table["split"] == "random"], "k").axes[0]
    bottom = upper.get_ylim()[0]
    heads = {
        size: sum(
            len(line.get_xdata())
            for line in upper.lines
            if line.get_marker() == CARETDOWN and line.get_markersize() == size
        )
        for size in (4, 8)
    }
    assert heads[8] == (table["r2"][table["split"] == "random"] < bottom).sum()
    assert heads[4] + heads[8] == (table["r2_low"][table["split"] == "random"] < bottom).sum() > 0
