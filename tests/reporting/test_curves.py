import json

import pytest

from starmass.errors import InputError
from starmass.reporting.curves import draw_curves, plot_curves, read_records
from starmass.reporting.style import journal_style

SIGNS = {"learning_rate": 1e-3, "rankme": 20.0, "spread": 0.5}
DINOV2 = {
    "dino_global": 1.0,
    "dino_local": 2.0,
    "ibot": 3.0,
    "koleo": 1.0,
    "prototypes_used": 90.0,
    "target_entropy": 0.8,
    "dino_over_uniform": 1.0,
}


def records(**more):
    return [{"step": 10 * n, "epoch": n / 2, "loss": 9.0 / n, **SIGNS, **more} for n in range(1, 6)]


@pytest.mark.parametrize(("more", "curves"), [(DINOV2, [5, 2, 3, 1]), ({}, [1, 1, 1, 1])])
def test_each_panel_shows_what_the_method_records(more, curves):
    with journal_style():
        panels = draw_curves(records(**more)).axes
    assert [len(axes.lines) for axes in panels] == curves
    assert (
        list(panels[0].lines[0].get_ydata()) == [9.0 / n for n in range(1, 6)]
        and panels[0].get_xlim()[1] == 2.5
    )


def test_a_figure_is_written_and_repeats(tmp_path):
    lines = [json.dumps(record) + "\n" for record in records(**DINOV2)]
    (tmp_path / "metrics.jsonl").write_text("".join(lines))
    (tmp_path / "config.yaml").write_text("resolved: {steps: 50}")

    def plot(name):
        plot_curves(
            metrics=tmp_path / "metrics.jsonl",
            config=tmp_path / "config.yaml",
            encoder="nano",
            outputs={kind: tmp_path / f"{name}.{kind}" for kind in ("pdf", "png")},
            width="column",
            resolution=60,
            facts={"config": {}, "inputs": []},
        )

    plot("one")
    plot("two")
    for kind in ("pdf", "png"):
        assert (tmp_path / f"one.{kind}").read_bytes() == (tmp_path / f"two.{kind}").read_bytes()
    (tmp_path / "metrics.jsonl").write_text("".join(lines[:-1]))
    with pytest.raises(InputError, match=r"metrics\.jsonl: ends at step 40 of 50"):
        plot("cut")


@pytest.mark.parametrize(
    ("text", "sentence"), [("", "no record"), ('{"step": 1', "not a readable record")]
)
def test_a_broken_record_is_named(tmp_path, text, sentence):
    (tmp_path / "metrics.jsonl").write_text(text)
    with pytest.raises(InputError, match=sentence):
        read_records(tmp_path / "metrics.jsonl")
