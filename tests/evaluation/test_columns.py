"""Columns of a study's table as features, and what of them is refused."""

import numpy as np
import pandas as pd
import pytest
from configs import default_config, merge

from starmass.config.ablations import add_variants, variants_of
from starmass.config.whole import read_config
from starmass.errors import InputError
from starmass.evaluation.columns import read_columns
from starmass.plan import Plan


@pytest.fixture
def table():
    return pd.DataFrame({"row": range(3), "r": ["17.5", "16", "1e1"], "g_r": [0.4, 0.5, -0.6]})


def test_columns_are_the_features_of_every_fold(table):
    found = read_columns(table, ["g_r", "r"], 2)
    expected = np.array([[0.4, 17.5], [0.5, 16], [-0.6, 10]], np.float32)
    assert found.dtype == np.float32 and found.shape == (2, 3, 2)
    assert (found == expected).all()


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, r"row 1: the column 'r', a feature, is empty"),
        ("faint", r"row 1: the column 'r', a feature, is 'faint', which is no finite number"),
        ("inf", r"row 1: .* is 'inf'"),
        ("1e300", r"row 1: .* is '1e300'"),
    ],
)
def test_what_is_no_number_is_refused_with_row_and_column(table, value, words):
    table.loc[1, "r"] = value
    with pytest.raises(InputError, match=f"^samples.csv: {words}"):
        read_columns(table, ["g_r", "r"], 1)
    table.loc[2, "r"] = value
    with pytest.raises(InputError, match=r"row 1 \(and 1 more\)"):
        read_columns(table, ["r"], 1)


def test_a_column_that_is_not_there_is_refused(table):
    with pytest.raises(InputError, match=r"no column 'g-r'.*did you mean 'g_r'"):
        read_columns(table, ["g-r"], 1)


def overlay(**features):
    method = {"regressor": "ridge", "features": "facts"}
    evaluation = {"features": {"facts": features}, "methods": {"facts": method}}
    studies = {"demo": {"methods": ["facts", "mean"], "reference": "facts"}}
    return merge(default_config(), {"evaluation": evaluation | {"studies": studies}})


def test_the_plan_has_no_way_of_showing_them():
    options = Plan(overlay(kind="columns", columns=["age_yr"])).feature_options("facts")
    features = {"kind": "columns", "columns": ["age_yr"]}
    assert options == {"features": features, "preprocessing": []}


@pytest.mark.parametrize(
    ("features", "words"),
    [
        ({"columns": []}, "columns"),
        ({"columns": ["age_yr"], "preprocessing": "whole"}, "only .* reads it"),
        ({"columns": ["age_yr", "mass_msun"]}, "facts has the column mass_msun .* predicts"),
    ],
)
def test_the_config_refuses_what_goes_wrong(features, words):
    with pytest.raises(InputError, match=words):
        read_config(overlay(kind="columns", **features))


def test_an_ablation_of_what_they_have_not_is_refused():
    config = overlay(kind="columns", columns=["age_yr"])
    ablation = {"method": "facts", "vary": "preprocessing.zoom", "values": [16, 32]}
    config = merge(config, {"evaluation": {"ablations": {"zoom": ablation}}})
    with pytest.raises(InputError, match=r"'facts' has no preprocessing, for its features are"):
        variants_of(add_variants(config), "demo", "zoom", "facts")


def test_combined_features_are_checked_part_by_part():
    config = overlay(kind="combined", parts=["profile", "ages"])
    masses = {"ages": {"kind": "columns", "columns": ["age_yr", "mass_msun"]}}
    with pytest.raises(InputError, match=r"facts has the column mass_msun .* predicts"):
        read_config(merge(config, {"evaluation": {"features": masses}}))
    nested = {"ages": {"kind": "combined", "parts": ["profile", "central"]}}
    with pytest.raises(InputError, match=r"facts\.parts.*ages is of kind combined itself"):
        read_config(merge(config, {"evaluation": {"features": nested}}))
    zoomed = {"ages": {"kind": "statistics", "statistics": ["central"], "preprocessing": "odd"}}
    with pytest.raises(InputError, match=r"preprocessing\.odd.*methods\.facts uses it"):
        read_config(
            merge(
                config,
                {"evaluation": {"features": zoomed, "preprocessing": {"odd": {"zoom": 999}}}},
            )
        )


@pytest.mark.parametrize(
    ("evaluation", "words"),
    [
        (
            {"methods": {"facts": {"regressor": None, "finetuning": {"mode": "full"}}}},
            "facts.finetuning.*only an encoder learns on",
        ),
        (
            {"studies": {"demo": {"segmentation": {"features": "facts"}}}},
            "segmentation.features.*no entry 'facts' in evaluation.features of kind encoder",
        ),
    ],
)
def test_combined_features_are_no_encoder(evaluation, words):
    config = overlay(kind="combined", parts=["shipped_centre_16", "profile"])
    with pytest.raises(InputError, match=words):
        read_config(merge(config, {"evaluation": evaluation}))


def test_combined_features_have_the_files_encoders_and_seeds_of_their_parts():
    config = overlay(kind="combined", parts=["dinov2", "random", "profile"])
    plan = Plan(merge(config, {"evaluation": {"methods": {"facts": {"seeds": [0, 3]}}}}))
    folder = "results/evaluation/demo/random/features"
    assert plan.features_file("demo", "random", "facts", 3) == f"{folder}/facts/seed-3.h5"
    assert plan.feature_parts("demo", "random", "facts", 3) == [
        f"{folder}/dinov2/seed-0.h5",
        f"{folder}/random/seed-3.h5",
        f"{folder}/profile/seed-0.h5",
    ]
    assert plan.encoders_of("demo")[0] == "results/pretraining/nano/seed-0/teacher.safetensors"
    assert plan.object_feature_parts("star", "facts", 3) == [
        f"results/objects/star/features/{one}.h5"
        for one in ("dinov2/seed-0", "random/seed-3", "profile/seed-0")
    ]
    ablation = {"method": "facts", "vary": "preprocessing.zoom", "values": [16, 32]}
    config = merge(config, {"evaluation": {"ablations": {"zoom": ablation}}})
    with pytest.raises(InputError, match="combined; name a method that has one of the parts"):
        variants_of(add_variants(config), "demo", "zoom", "facts")


def test_an_object_has_no_columns():
    given = {
        "position": "16:26:26.39 -24:24:30.7", "distance": [137, 5], "velocity": 3.7,
        "column_density": {"file": "results/N.fits", "counts": "H2"},
        "study": "demo", "methods": ["facts"],
    }  # fmt: skip
    config = overlay(kind="columns", columns=["age_yr"])
    with pytest.raises(InputError, match=r"objects\.star.*facts has columns of samples\.csv"):
        read_config(merge(config, {"objects": {"star": given}}))
