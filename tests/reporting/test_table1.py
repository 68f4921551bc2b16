import pandas as pd
import pytest

from starmass.errors import InputError
from starmass.reporting.table1 import build_table1


@pytest.fixture
def built(tmp_path, root):
    rows = [
        {
            "published": "dinov2_fractals",
            "method": "ours",
            "label": "ours",
            "r2": 0.5,
            "r2_low": 0.4,
            "r2_high": 0.6,
            "rmse_dex": 0.3,
            "label_spread_dex": 0.42,
        },
        {
            "published": "dinov2_fractals",
            "method": "another",
            "label": "another",
            "r2": 0.1,
            "rmse_dex": 0.4,
            "label_spread_dex": 0.42,
        },
        {
            "published": None,
            "method": "mean",
            "label": "mean",
            "r2": 0.0,
            "rmse_dex": 0.5,
            "label_spread_dex": 0.42,
        },
    ]
    pd.DataFrame(rows).assign(split="random", data="cloud").to_csv(
        tmp_path / "demo.csv", index=False
    )
    outputs = {kind: tmp_path / f"table1.{kind}" for kind in ("csv", "md", "tex", "html")}
    facts = {
        "study": "demo",
        "table": tmp_path / "demo.csv",
        "published": root / "resources/table1_published.csv",
        "outputs": outputs,
    }
    build_table1(**facts, splits=["random"], methods=["ours", "another", "mean"])
    return outputs


def test_a_table_of_the_study_that_lost_a_line_is_one_sentence(built, tmp_path, root):
    table = tmp_path / "demo.csv"
    table.write_text("".join(table.read_text().splitlines(keepends=True)[:1]))
    before = {kind: path.read_bytes() for kind, path in built.items()}
    with pytest.raises(
        InputError,
        match=r"demo\.csv: there is no row of split random, method ours; delete the file",
    ):
        build_table1(
            study="demo",
            table=table,
            published=root / "resources/table1_published.csv",
            splits=["random"],
            methods=["ours", "another", "mean"],
            outputs=built,
        )
    assert before == {kind: path.read_bytes() for kind, path in built.items()}


def test_every_published_column_is_there_with_its_counterpart_or_a_dash(built):
    table = pd.read_csv(built["csv"], index_col="published")
    assert len(table) == 5
    assert table.loc["dinov2_fractals", ["r2", "r2_measured", "label"]].tolist() == [
        0.8,
        0.5,
        "ours",
    ]
    assert table.drop("dinov2_fractals")["r2_measured"].isna().all()


def test_the_page_has_the_papers_layout(built):
    lines = built["md"].read_text().splitlines()
    (published,) = (line for line in lines if line.startswith("| R², published"))
    (measured,) = (line for line in lines if line.startswith("| R², measured"))
    assert published == "| R², published | −1.90 | 0.80 | −0.58 | 0.80 | 0.81 |"
    assert measured == "| R², measured | – | – | – | 0.50 [0.40, 0.60] | – |"
    assert any(
        line.startswith(
            "| Label spread [dex], published (implied) | 0.20 | 0.20 | 0.41 | 0.20 | 0.20 |"
        )
        for line in lines
    )
    assert "\\toprule" in built["tex"].read_text()
