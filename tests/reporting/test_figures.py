"""All figures alike: what they write repeats byte by byte, shows something, and speaks of toy
clouds and mistakes.
"""

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.cbook import is_math_text
from matplotlib.image import imread
from matplotlib.text import Text

from starmass.errors import InputError
from starmass.reporting import style
from starmass.tables import read_table

COLUMN = ("information", "few_labels", "ablation")
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


@pytest.mark.parametrize("figure", FIGURES)
def test_a_figure_repeats_is_not_blank_and_names_toy_clouds(tmp_path, drawn, figure):
    first = drawn(tmp_path / "first", figure, simulations={"cloud": "sfumato"})
    with matplotlib.rc_context(
        {"font.size": 20, "image.cmap": "gray"}
    ):  # whatever the caller has set
        second = drawn(tmp_path / "second", figure, simulations={"cloud": "sfumato"})
    for kind in ("pdf", "png"):
        assert first[kind].read_bytes() == second[kind].read_bytes()
    pixels = imread(first["png"])[..., :3]
    assert pixels.shape[1] == (3.5 if figure in COLUMN else 7) * 60
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 50
    assert b"CreationDate" not in first["pdf"].read_bytes()
    toy = imread(drawn(tmp_path / "toy", figure, simulations={"cloud": "toycloud"})["png"])[..., :3]
    assert pixels.shape != toy.shape or (pixels != toy).any()


def test_lengths_are_drawn_where_they_are_known(study):
    from starmass.reporting.figures.information import draw_information

    table = pd.read_csv(study / "information.csv")

    def upright(table):
        lines = draw_information(table).axes[0].lines
        return {
            float(line.get_xdata()[0])
            for line in lines
            if len(set(line.get_xdata())) == 1 and len(line.get_xdata()) == 2
        }

    assert upright(table.assign(beam_pc=np.nan)) == {0.004, 0.05}
    assert upright(table.assign(beam_pc=0.012)) == {0.004, 0.05, 0.012}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("figure", "files"),
    [
        ("information", ["information"]),
        ("few_labels", ["few_labels"]),
        ("ablation", ["ablation"]),
        ("segments", ["segments", "explained"]),
        ("regression", ["metrics"]),
    ],
)
def test_where_there_is_no_interval_none_is_drawn(tmp_path, drawn, study, figure, files):
    """Nor is there a warning, also where there is no R2 either."""
    tables = {name: read_table(study / f"{name}.csv") for name in files}
    for missing in ("_(low|high)$", "^r2.*|_(low|high)$"):
        changed = {}
        for name, table in tables.items():
            lost = table.filter(regex=missing).columns
            assert len(lost)
            changed[name] = tmp_path / f"{name}.csv"
            table.assign(**dict.fromkeys(lost, np.nan)).to_csv(changed[name], index=False)
        pixels = imread(drawn(tmp_path, figure, **changed)["png"])[..., :3]
        assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 20


def test_a_misspelt_colour_map_is_one_sentence(tmp_path, drawn):
    palettes = {"column_density": "magmma", "v_los": "RdBu_r", "sigma_v": "viridis"}
    with pytest.raises(InputError, match=r"no colour map 'magmma' \(did you mean 'magma'\?\)"):
        drawn(tmp_path, "segmentation", palettes=palettes)
    assert not list(tmp_path.glob("*.p*"))


def test_a_missing_input_is_one_sentence(tmp_path, drawn):
    with pytest.raises(InputError, match=r"nowhere\.csv: there is no such file"):
        drawn(tmp_path, "examples", samples=tmp_path / "nowhere.csv")


@pytest.mark.parametrize(
    ("figure", "rows"), [("few_labels", 0), ("information", 0), ("information", 6)]
)
def test_a_table_cut_to_its_head_or_between_radii_is_one_sentence(
    tmp_path, drawn, study, figure, rows
):
    head, *lines = (study / f"{figure}.csv").read_text().splitlines(keepends=True)
    (tmp_path / f"{figure}.csv").write_text("".join([head, *lines[:rows]]))
    options = {"channels": ["column_density"]} if figure == "information" else {}
    with pytest.raises(
        InputError, match=rf"{figure}\.csv: .*delete the file and run Snakemake again"
    ):
        drawn(tmp_path, figure, **{figure: tmp_path / f"{figure}.csv"}, **options)


@pytest.mark.parametrize("figure", ["regression", "few_labels", "ablation"])
@pytest.mark.parametrize("label", [r"a $\frac b", "cost $5 to $10", "$x$"])
def test_a_dollar_in_a_label_is_a_dollar(tmp_path, drawn, study, figure, label, monkeypatch):
    kept, save = [], style.save_figure

    def keep(drawing, *arguments, **facts):
        kept.append(drawing)
        if "frac" in label:  # which ends in an error where it is drawn as mathematics
            save(drawing, *arguments, **facts)

    monkeypatch.setattr(style, "save_figure", keep)
    name = {"regression": "metrics"}.get(figure, figure)
    pd.read_csv(study / f"{name}.csv", dtype=str).assign(label=label).to_csv(
        tmp_path / f"{name}.csv", index=False
    )
    drawn(
        tmp_path,
        figure,
        **{name: tmp_path / f"{name}.csv"},
        **({"axis": f"axis {label}"} if figure == "ablation" else {}),
    )
    texts = [text.get_text() for text in kept[0].findobj(Text)]
    shown = [text for text in texts if label in text.replace(r"\$", "$")]
    assert len(shown) >= (2 if figure == "ablation" else 1)
    assert not any(is_math_text(text) for text in shown)


@pytest.mark.parametrize("lost", [1, 4])
@pytest.mark.parametrize(
    ("figure", "name"),
    [
        *(
            (name, name)
            for name in ("information", "few_labels", "ablation", "embedding", "segments")
        ),
        ("segments", "explained"),
        ("regression", "metrics"),
    ],
)
def test_a_table_that_lost_its_last_lines_is_one_sentence(
    tmp_path, drawn, study, figure, name, lost
):
    cut = tmp_path / f"{name}.csv"
    cut.write_text("".join((study / f"{name}.csv").read_text().splitlines(keepends=True)[:-lost]))
    with pytest.raises(
        InputError, match=rf"{name}\.csv: .*delete the file and run Snakemake again"
    ):
        drawn(tmp_path, figure, **{name: cut})
    assert not list(tmp_path.glob("*.p*"))
