"""What a study found, in sentences that its tables bear out."""

import pandas as pd
import pytest

from starmass.errors import InputError
from starmass.reporting.summary import (
    few_labels_finding,
    information_finding,
    segments_finding,
    write_summary,
)
from starmass.reporting.tables import findings

SPLITS = {"random": "row", "protostar": "protostar"}
ROWS = {
    "split": ["random", "protostar"],
    "method": ["dinov2_knn", "mean"],
    "fraction": [0.1, 0.3, 1],
}

FIGURE = "figure 3"


@pytest.fixture
def written(tmp_path, study):
    """Return ``written(**tables)``: the summary of the study and of tables that it may have, as
    text by form.
    """

    def write(**tables):
        outputs = {kind: tmp_path / f"summary.{kind}" for kind in ("md", "html")}
        facts = {
            "study": "demo",
            "splits": SPLITS,
            "methods": ["dinov2_knn", "resnet18"],
            "simulations": {"cloud": "toycloud"},
        }
        measured = {
            name: study / f"{name}.csv" for name in ("metrics", "differences", "overstatement")
        }
        write_summary(**{**facts, **measured, **tables}, few_labels_rows=ROWS, outputs=outputs)
        return {kind: path.read_text() for kind, path in outputs.items()}

    return write


def test_a_study_says_what_it_has(written, study):
    tables = {name: study / f"{name}.csv" for name in ("information", "few_labels", "explained")}
    numbers = {"few_labels": 8, "segments": 6}
    page = written(**tables, channels=["column_density", "v_los"], figures=numbers)["md"]
    for words in (
        "Split protostar:",
        "Where the information is",
        "Few labels (figure 8; split random)",
        "Segments (figure 6)",
        "analytic clouds",
    ):
        assert words in page
    bare = written()
    assert (
        "Split protostar:" in bare["md"]
        and "Segments" not in bare["md"]
        and "Few labels" not in bare["md"]
    )
    assert bare["html"].count("<!-- summary -->") == 1


@pytest.mark.parametrize(
    ("name", "lost"),
    [
        ("overstatement", 1),
        ("few_labels", 3),
        ("differences", 1),
        ("overstatement", 99),
        ("few_labels", 99),
    ],
)
def test_a_table_that_lost_a_method_or_all_is_one_sentence(written, study, tmp_path, name, lost):
    head, *lines = (study / f"{name}.csv").read_text().splitlines(keepends=True)
    (tmp_path / f"{name}.csv").write_text("".join([head, *lines[:-lost]]))
    with pytest.raises(
        InputError,
        match=rf"{name}\.csv: there is no row of .*; delete the file and run Snakemake again",
    ):
        written(**{name: tmp_path / f"{name}.csv"})
    assert not list(tmp_path.glob("summary*"))


def test_segments_are_more_or_less_beyond_their_interval_only(study):
    table = pd.read_csv(study / "explained.csv")
    bounds = ["eta2_difference", "eta2_difference_low", "eta2_difference_high"]
    for name, values in (
        ("log10_column_density", (0.3, 0.1, 0.5)),
        ("v_los", (-0.2, -0.3, -0.1)),
        ("sigma_v", (0.2, -0.1, 0.4)),
    ):
        table.loc[(table["segments"] == "rings") & (table["quantity"] == name), bounds] = values
    told = segments_finding(table, FIGURE).split("Against rings about the star: ")[1]
    assert told == (
        "more of the column density (0.30 [0.10, 0.50]); less of the velocity along the line of"
        " sight (−0.20 [−0.30, −0.10]);"
        " no difference beyond the interval for the velocity dispersion (0.20 [−0.10, 0.40])."
    )


def test_information_is_told_at_the_accretion_radius(study):
    table = pd.read_csv(study / "information.csv")
    assert (
        "0.53 [0.43, 0.63] from within 0.06 pc alone (the sinks accrete within 0.05 pc)"
        in information_finding(table, FIGURE)
    )
    assert "from within 0.03 pc alone, " in information_finding(
        table.assign(accretion_radius_pc=float("nan")), FIGURE
    )


def test_the_best_at_few_and_at_all_labels(study):
    table = pd.read_csv(study / "few_labels.csv")
    table.loc[(table["method"] == "mean") & (table["fraction"] == 1), "r2"] = 0.9
    told = few_labels_finding(table[table["split"] == "random"], FIGURE)
    assert (
        "for 10% of the training protostars (2) DINOv2 + 5-NN" in told
        and "for 100% of the training protostars (12) training mean" in told
    )
    assert (
        "(12) training mean comes first of 2, R² = 0.90 [0.50, 0.90] (the other interval overlaps"
        " with it). These intervals" in told
    )
    told = few_labels_finding(
        table[table["split"] == "random"].assign(
            r2=float("nan"), r2_low=float("nan"), r2_high=float("nan")
        ),
        FIGURE,
    )
    assert told.endswith(
        "with labels for 100% of the training protostars (12) no method has an R²."
    )


def rows_of(*differences):
    """Rows of a split by R2, from the difference from the method ``base`` and its interval; the
    base has none.
    """
    names = [
        "method",
        "label",
        "r2",
        "r2_low",
        "r2_high",
        "reference",
        "r2_difference",
        "r2_difference_low",
        "r2_difference_high",
    ]
    rows = [("base", "the base", 0.5, 0.1, 0.9, None, *[float("nan")] * 3)]
    rows += [
        (f"m{n}", f"method {n}", 0.5 + d, 0.1, 0.9, "base", d, d - half, d + half)
        for n, (d, half) in enumerate(differences)
    ]
    return pd.DataFrame(rows, columns=names).assign(split="random")


@pytest.mark.parametrize(
    ("differences", "words"),
    [
        ([], "the base has R² = 0.50 [0.10, 0.90]."),
        (
            [(-0.2, 0.1)],
            "comes first of 2 with R² = 0.50 [0.10, 0.90]; paired star by star, the interval puts"
            " the other below it.",
        ),
        ([(-0.2, 0.3)], "paired star by star, the interval does not tell the other from it."),
        ([(-0.2, 0.1), (-0.2, 0.3)], "the intervals put 1 of the 2 others below it."),
        ([(-0.2, 0.1), (-0.1, 0.05)], "the intervals put all 2 others below it."),
        (
            [(0.2, 0.3), (-0.2, 0.1), (0.1, 0.05)],
            "method 0 comes first of 4 with R² = 0.70 [0.10, 0.90], 0.20 [−0.10, 0.50] above the"
            " reference (the base) paired star by star,"
            " which does not tell them apart; so paired, the intervals put 1 of the 2 others"
            " below the reference and 1 above.",
        ),
    ],
)
def test_who_comes_first_is_told_by_paired_differences_and_not_by_overlap(differences, words):
    nothing = pd.DataFrame(columns=["split_published", "split_grouped"])
    (sentence,) = findings(rows_of(*differences), nothing, SPLITS)  # all single intervals overlap
    assert sentence.endswith(words)


def test_one_method_has_no_median():
    gap = pd.DataFrame(
        {"r2_overstatement": [0.2], "r2_overstatement_low": [0.1], "r2_overstatement_high": [0.3]}
    )
    gap = gap.assign(split_published="random", split_grouped="protostar")
    assert findings(rows_of(), gap, SPLITS)[1].endswith(
        "with a new protostar (split protostar): 0.20 [0.10, 0.30]."
    )


FEW = "test protostars are too few for a statement"


def test_few_protostars_are_no_evidence_in_any_sentence(study):
    """What holds for many is not said of one to four: of these values, and that they are few."""
    nothing = pd.DataFrame(columns=["split_published", "split_grouped"])
    gap = pd.DataFrame({"r2_overstatement": [0.2, 0.3]}).assign(
        r2_overstatement_low=0.1, r2_overstatement_high=0.4, split_published="random",
        split_grouped="random",
    )  # fmt: skip
    tables = {
        name: pd.read_csv(study / f"{name}.csv")
        for name in ("information", "few_labels", "explained")
    }
    few_labels = tables["few_labels"][tables["few_labels"]["split"] == "random"]
    for stars in (1, 2, 4, 5, 90):
        lost = [f"r2{name}_{end}" for name in ("", "_difference") for end in ("low", "high")]
        bounds = dict.fromkeys(lost, float("nan")) if stars == 1 else {}
        rows = rows_of((-0.2, 0.1), (-0.1, 0.05)).assign(n_protostars=stars, **bounds)
        told = [
            *findings(rows, nothing, SPLITS),
            findings(rows, gap, {"random": "protostar"})[1],
            information_finding(tables["information"].assign(n_protostars=stars), FIGURE),
            few_labels_finding(few_labels.assign(n_protostars=stars), FIGURE),
            segments_finding(tables["explained"].assign(n_protostars=stars), FIGURE),
        ]
        claims = (
            "the intervals put all 2 others below it", "interval lies above zero for 2",
            "tells most", "comes first of 2", "Against",
        )  # fmt: skip
        words = f"{stars} {FEW}" if stars > 1 else "1 test protostar is too few for a statement"
        for sentence, claim in zip(told, claims, strict=True):
            assert (claim in sentence) == (stars >= 5), (stars, sentence)
            assert (words in sentence) == (stars < 5), (stars, sentence)
        if stars == 1:
            assert told[0] == (
                "Split random: 1 test protostar is too few for a statement; the base has the"
                " largest R² of 3, 0.50."
            )


def test_one_mass_for_all_is_said_and_ranks_nobody():
    nothing = pd.DataFrame(columns=["split_published", "split_grouped"])
    rows = rows_of((-0.2, 0.1)).assign(r2=float("nan"), n_protostars=9)
    assert findings(rows, nothing, SPLITS) == [
        "Split random: no method has an R²; the test masses do not differ."
    ]
