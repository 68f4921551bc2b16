import numpy as np
import pandas as pd
import pytest

from starmass.errors import InputError
from starmass.reporting.grids import number
from starmass.reporting.inputs import require_rows
from starmass.reporting.tables import build_table, implied_label_spread, read_published

SPLITS = {"random": "row", "protostar": "protostar"}
COUNTERPARTS = {"dinov2_knn": "dinov2_fractals", "resnet18": "resnet18_pretrained"}


@pytest.fixture
def build(tmp_path, study, root):
    """Return ``build(**changes)``: the study's table in all forms, as text by form."""

    def make(folder=study, **changes):
        outputs = {kind: tmp_path / f"demo.{kind}" for kind in ("csv", "md", "tex", "html")}
        tables = {
            name: folder / f"{name}.csv"
            for name in ("metrics", "differences", "mass_bins", "overstatement")
        }
        facts = {
            "study": "demo",
            **tables,
            "published": root / "resources/table1_published.csv",
            "counterparts": COUNTERPARTS,
        }
        measured = pd.read_csv(folder / "metrics.csv", dtype=str)
        facts["methods"] = list(measured["method"].unique())
        build_table(
            **{
                **facts,
                "splits": SPLITS,
                "simulations": {"cloud_a": "sfumato"},
                "outputs": outputs,
                **changes,
            }
        )
        return {kind: path.read_text() for kind, path in outputs.items()}

    return make


def test_the_published_pairs_imply_two_different_label_spreads(root):
    spread = read_published(root / "resources/table1_published.csv")["label_spread_dex"]
    assert spread["dinov2_random"] == pytest.approx(0.41, abs=0.005)
    np.testing.assert_allclose(spread.drop("dinov2_random"), 0.20, atol=0.005)


@pytest.mark.parametrize("seed", range(10))
def test_implied_spread_is_the_spread_of_the_labels(seed):
    random = np.random.default_rng(seed)
    truth = random.normal(size=50)
    predicted = truth + random.normal(size=50)
    rmse = np.sqrt(np.mean((predicted - truth) ** 2))
    r2 = 1 - np.mean((predicted - truth) ** 2) / truth.var()
    assert implied_label_spread(r2, rmse) == pytest.approx(truth.std())


def test_perfect_predictions_imply_no_spread():
    assert np.isnan(implied_label_spread(1.0, 0.0))


def test_csv_has_one_row_a_method_and_split(build, tmp_path):
    build()
    table = pd.read_csv(tmp_path / "demo.csv")
    assert list(zip(table["split"], table["method"], strict=True)) == [
        ("random", "dinov2_knn"), ("random", "resnet18"),
        ("protostar", "dinov2_knn"), ("protostar", "resnet18"),
    ]  # fmt: skip
    needed = {
        "method",
        "label",
        "split",
        "r2",
        "r2_low",
        "r2_high",
        "rmse_dex",
        "n_train",
        "n_test",
        "n_protostars",
        "seed",
        "data",
    }
    assert needed <= set(table.columns)


def test_published_numbers_stand_beside_their_own_protocol_only(build, tmp_path):
    build()
    table = pd.read_csv(tmp_path / "demo.csv").set_index(["split", "method"])
    assert table.loc[("random", "resnet18"), "published_r2"] == 0.80
    assert table.loc[("random", "resnet18"), "published_label_spread_dex"] == pytest.approx(
        0.199, abs=5e-4
    )
    assert table.loc["protostar"]["published_r2"].isna().all()


def test_every_form_says_the_numbers_of_the_csv(build):
    forms = build()
    for kind in ("md", "html"):
        assert "0.80 [0.70, 0.90]" in forms[kind]
        assert "0.80; 0.089; 0.20" in forms[kind]
    assert "DINOv2 + 5-NN & 0.80 [0.70, 0.90] & 0.200" in forms["tex"]


def test_toy_clouds_are_called_a_test_in_every_table(build):
    forms = build(simulations={"cloud_a": "toycloud"})
    for text in forms.values():
        assert text.count("a test of the pipeline, not a result about stars") >= 2
    assert "test of the pipeline" not in build()["md"]


def test_words_follow_the_numbers(build):
    text = build()["md"]
    assert (
        "Split random: DINOv2 + 5-NN comes first of 2 with R² = 0.80 [0.70, 0.90]; paired star by"
        " star, the interval puts the other" in text
    )
    assert (
        "minus R² with a new protostar (split protostar): 0.20 in the median of 2 methods, 0.20"
        " [0.10, 0.30] for each" in text
    )
    assert "; its interval lies above zero for 2." in text


def test_differences_bins_and_coverage_are_in_every_form(build, tmp_path):
    forms = build()
    for kind in ("md", "html"):
        for words in (
            "R² minus that of DINOv2 + 5-NN",
            "−0.20 [−0.30, −0.10]",
            "0.50; 91%; 89%",
            "1–6 M☉ (6 maps, 6 protostars)",
            "0.25; −0.12; 83%",
        ):
            assert words in forms[kind]
    assert r"1--6 M$_\odot$" in forms["tex"]
    assert (
        pd.read_csv(tmp_path / "demo.csv")
        .set_index(["split", "method"])
        .loc[("random", "resnet18"), "r2_difference"]
        == -0.2
    )


def test_a_spread_over_seeds_is_shown_where_there_is_one(build, tmp_path, comparison):
    head = "Spread of R² over seeds"
    assert head not in build()["md"]
    comparison(tmp_path / "repeated", seed="0 1 2", r2_seed_spread=0.0412)
    page = build(folder=tmp_path / "repeated")
    assert head in page["md"] and "0.041" in page["md"] and "0.041" in page["tex"]


def test_the_same_twice(build):
    assert build() == build()


def test_missing_metrics_are_one_sentence(build, tmp_path):
    with pytest.raises(
        InputError, match=r"absent\.csv: there is no such file; ask Snakemake for it"
    ):
        build(metrics=tmp_path / "absent.csv")
    assert not list(tmp_path.iterdir())


def test_metrics_without_a_column_are_one_sentence(build, tmp_path):
    (tmp_path / "short.csv").write_text("study,split,method\ndemo,random,mean\n")
    with pytest.raises(InputError, match=r"short\.csv: the column 'label' is missing"):
        build(metrics=tmp_path / "short.csv")


def test_a_misspelt_published_row_is_one_sentence(build):
    with pytest.raises(
        InputError,
        match=r"reporting\.published\.resnet18: .* 'resnet_random'"
        r" \(did you mean 'resnet18_random'\?\)",
    ):
        build(counterparts={"resnet18": "resnet_random"})


def test_names_that_look_like_numbers_stay_names(build, tmp_path, comparison):
    comparison(tmp_path / "one", method="007", label="1e3", seed="0")
    assert "| 1e3 |" in build(folder=tmp_path / "one")["md"]


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (0.125, 2, "0.12"),
        (-0.004, 2, "0.00"),
        (-1.9, 2, "−1.90"),
        (float("nan"), 2, "–"),
        (float("-inf"), 2, "–"),
        (0.0885, 3, "0.088"),
    ],
)
def test_rounding(value, digits, text):
    assert number(value, digits) == text


@pytest.mark.parametrize("name", ["metrics", "differences", "mass_bins", "overstatement"])
def test_a_table_that_lost_its_last_line_is_one_sentence(build, tmp_path, study, name):
    cut = tmp_path / f"{name}.csv"
    cut.write_text("".join((study / f"{name}.csv").read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(
        InputError,
        match=rf"{name}\.csv: there is no row of .*; delete the file and run Snakemake again",
    ):
        build(**{name: cut}, methods=["dinov2_knn", "resnet18"])


def test_names_that_look_like_nothing_or_like_numbers_stay_names(build, study, tmp_path):
    """Methods called null and 001, a split called NA, labels called nan and 1e5."""
    folder = tmp_path / "study"
    folder.mkdir()
    names = {"dinov2_knn": "null", "resnet18": "001", "protostar": "NA", "DINOv2 + 5-NN": "nan"}
    for name in ("metrics", "differences", "mass_bins", "overstatement"):
        table = pd.read_csv(study / f"{name}.csv", dtype=str).replace(names)
        table.to_csv(folder / f"{name}.csv", index=False)
    found = build(
        folder, methods=["null", "001"], splits={"random": "row", "NA": "protostar"},
        counterparts={"001": "resnet18_pretrained"},
    )  # fmt: skip
    for split in ("random", "NA"):
        assert f"Split {split}: nan comes first of 2 with R² = 0.80 [0.70, 0.90]" in found["md"]
    rows = [line.split(",") for line in found["csv"].splitlines()[1:]]
    assert [row[:3] for row in rows] == [
        [method, "nan", split] for split in ("random", "NA") for method in ("null", "001")
    ]


def test_a_missing_name_is_not_the_name_nan(tmp_path):
    table = pd.DataFrame({"method": [None, "b"], "split": ["a", "a"]})
    require_rows("table.csv", table, method=["b"], split=["a"])
    with pytest.raises(InputError, match="there is no row of method nan, split a"):
        require_rows("table.csv", table, method=["nan"], split=["a"])
