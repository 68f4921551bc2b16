"""What a study found, in sentences that its tables bear out."""

import pandas as pd
import pytest

from starmass.reporting.summary import few_labels_finding, information_finding, segments_finding, write_summary

SPLITS = {"random": "row", "protostar": "protostar"}


@pytest.fixture
def written(tmp_path, study):
    """Return ``written(**tables)``: the summary of the study and of tables that it may have, as text by form."""

    def write(**tables):
        outputs = {kind: tmp_path / f"summary.{kind}" for kind in ("md", "html")}
        facts = {"study": "demo", "splits": SPLITS, "methods": ["dinov2_knn", "resnet18"], "simulations": {"cloud": "toycloud"}}
        measured = {"metrics": study / "metrics.csv", "overstatement": study / "overstatement.csv"}
        write_summary(**facts, **measured, **tables, outputs=outputs)
        return {kind: path.read_text() for kind, path in outputs.items()}

    return write


def test_a_study_says_what_it_has(written, study):
    tables = {name: study / f"{name}.csv" for name in ("information", "few_labels", "explained")}
    page = written(**tables, channels=["column_density", "v_los"])["md"]
    for words in (
        "Split protostar:",
        "Where the information is",
        "Few labels (figure 8; split random)",
        "Segments (figure 6)",
        "analytic clouds",
    ):
        assert words in page
    bare = written()
    assert "Split protostar:" in bare["md"] and "Segments" not in bare["md"] and "Few labels" not in bare["md"]
    assert bare["html"].count("<!-- summary -->") == 1


def test_segments_are_more_or_less_beyond_their_interval_only(study):
    table = pd.read_csv(study / "explained.csv")
    bounds = ["eta2_difference", "eta2_difference_low", "eta2_difference_high"]
    for name, values in (("log10_column_density", (0.3, 0.1, 0.5)), ("v_los", (-0.2, -0.3, -0.1)), ("sigma_v", (0.2, -0.1, 0.4))):
        table.loc[(table["segments"] == "rings") & (table["quantity"] == name), bounds] = values
    told = segments_finding(table).split("Against rings about the star: ")[1]
    assert told == (
        "more of the column density (0.30 [0.10, 0.50]); less of the velocity along the line of sight (−0.20 [−0.30, −0.10]);"
        " as much, within the interval, of the velocity dispersion (0.20 [−0.10, 0.40])."
    )


def test_information_is_told_at_the_accretion_radius(study):
    table = pd.read_csv(study / "information.csv")
    assert "0.53 [0.43, 0.63] from within 0.06 pc alone (the sinks accrete within 0.05 pc)" in information_finding(table)
    assert "from within 0.03 pc alone, " in information_finding(table.assign(accretion_radius_pc=float("nan")))


def test_the_best_at_few_and_at_all_labels(study):
    table = pd.read_csv(study / "few_labels.csv")
    table.loc[(table["method"] == "mean") & (table["fraction"] == 1), "r2"] = 0.9
    told = few_labels_finding(table[table["split"] == "random"])
    assert (
        "for 10% of the training protostars (2) DINOv2 + 5-NN" in told and "for 100% of the training protostars (12) training mean" in told
    )
