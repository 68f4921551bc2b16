import numpy as np
import pandas as pd
import pytest

from starmass.errors import InputError
from starmass.reporting.figures.embedding import choose_kinds, sentences


def test_one_simulation_is_told_by_lines_of_sight():
    table = pd.DataFrame({"simulation": ["a", "a", "b"], "axis": ["x", "y", "z"]})
    assert choose_kinds(table) == ("simulation", ["a", "b"])
    assert choose_kinds(table[:2]) == ("axis", ["x", "y"])


def test_the_words_below_are_counted():
    table = pd.DataFrame(
        {
            "simulation": "a",
            "sink_id": [1, 1, 2, 2],
            "part": ["train", "train", "train", "test"],
            "same_protostar": [1, 1, 1, 0],
        }
    )
    first, second = sentences(table, "random")
    assert first.startswith(
        "All 4 maps of 2 protostars; components of the 3 training maps of split random"
    )
    assert (
        "75% of the maps (by chance 33%)" in second
    )  # each star has one map of its own among three others


def test_rows_of_another_study_are_one_sentence(tmp_path, drawn, study):
    path = tmp_path / "embedding.csv"
    pd.read_csv(study / "embedding.csv").assign(row=lambda table: table["row"] + 1).to_csv(
        path, index=False
    )
    with pytest.raises(InputError, match="has rows that are not in"):
        drawn(tmp_path, "embedding", embedding=path)


def test_newborn_stars_have_a_colour(tmp_path, drawn, study):
    samples = pd.read_csv(study / "samples.csv")
    samples.loc[:2, "age_yr"] = 0.0
    samples.to_csv(tmp_path / "samples.csv", index=False)
    assert (
        np.isfinite(samples["age_yr"]).all()
        and drawn(tmp_path, "embedding", samples=tmp_path / "samples.csv")["png"].is_file()
    )
