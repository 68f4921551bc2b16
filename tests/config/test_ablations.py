"""An ablation's values become entries like any other: what changes gets an entry of its own, what
does not keeps its name.
"""

import copy

import numpy as np
import pandas as pd
import pytest
from configs import default_config

from starmass.config.ablations import add_variants, base_of, variants_of
from starmass.errors import InputError
from starmass.evaluation.ablation import compare_values
from starmass.evaluation.comparison import compare_methods
from starmass.evaluation.metrics import summarise
from starmass.evaluation.samples import log_mass
from starmass.evaluation.splits import draw_split, parts_of

CONFIG = {
    "maps": {"observations": {"far": {"distance": 140, "beam": 18, "noise": {"v_los": 0.1}}}},
    "fractals": {"images": {"flame": {"generator": "flame", "count": 3000, "size": 96}}},
    "pretraining": {
        "encoders": {"nano": {"images": "flame", "epochs": 3, "encoder": {"depth": 4}}}
    },
    "evaluation": {
        "studies": {
            "bare": {
                "simulations": ["a"],
                "splits": ["random"],
                "methods": ["knn"],
                "information": {"split": "random", "preprocessing": "whole"},
            },
            "seen": {
                "simulations": ["a"],
                "splits": ["random"],
                "methods": ["knn"],
                "observation": "far",
            },
        },
        "preprocessing": {"whole": {}, "middle": {"zoom": 16}},
        "features": {
            "dinov2": {"kind": "encoder", "encoder": "nano", "preprocessing": ["whole", "middle"]},
            "central": {"kind": "statistics", "statistics": ["central"], "preprocessing": "whole"},
        },
        "methods": {
            "knn": {"features": "dinov2", "regressor": "knn", "neighbours": 5},
            "ridge": {"features": "central", "regressor": "ridge"},
            "network": {"network": "resnet18", "preprocessing": "whole"},
        },
    },
}


def varied(**ablation):
    config = copy.deepcopy(CONFIG)
    config["evaluation"]["ablations"] = {"one": {"method": "knn", **ablation}}
    return add_variants(config)


def names(config, study="bare", method="knn"):
    return [
        (variant.value, variant.study, variant.method)
        for variant in variants_of(config, study, "one", method)
    ]


def test_a_key_of_the_method_and_the_value_that_it_has_already():
    found = varied(vary="method.neighbours", values=[1, 5])
    assert names(found) == [("1", "bare", "knn__one__1"), ("5", "bare", "knn")]
    assert found["evaluation"]["methods"]["knn__one__1"] == {
        **CONFIG["evaluation"]["methods"]["knn"],
        "neighbours": 1,
    }
    assert {key: value for key, value in found.items() if key != "evaluation"} == {
        k: v for k, v in CONFIG.items() if k != "evaluation"
    }
    assert found["evaluation"]["features"] == CONFIG["evaluation"]["features"]
    assert set(found["evaluation"]["methods"]) == {*CONFIG["evaluation"]["methods"], "knn__one__1"}


def test_a_value_that_is_the_default_makes_nothing_new():
    found = varied(vary="features.tokens", values=["class", "mean"])
    assert [name for *_, name in names(found)] == ["knn", "knn__one__mean"]
    found = varied(vary="encoder.dinov2.targets", values=["centering", "sinkhorn"])
    assert [name for *_, name in names(found)] == ["knn", "knn__one__sinkhorn"]
    assert set(found["pretraining"]["encoders"]) == {"nano", "nano__one__sinkhorn"}
    said = copy.deepcopy(CONFIG)
    said["evaluation"]["features"]["dinov2"]["tokens"] = "mean"
    said["evaluation"]["ablations"] = {
        "one": {"method": "knn", "vary": "features.tokens", "values": ["class", "mean"]}
    }
    assert [name for *_, name in names(add_variants(said))] == ["knn__one__class", "knn"]


def test_each_way_of_showing_a_map_is_varied():
    found = varied(vary="preprocessing.blank", values=[["v_los"]])["evaluation"]
    assert found["features"]["dinov2__one__v_los"]["preprocessing"] == [
        "whole__one__v_los",
        "middle__one__v_los",
    ]
    assert found["preprocessing"]["middle__one__v_los"] == {"zoom": 16, "blank": ["v_los"]}


def test_what_lies_below_an_encoder_makes_a_pretraining_of_its_own():
    found = varied(variants={"few": {"images.count": 30, "encoder.encoder.depth": 2}, "same": None})
    assert found["fractals"]["images"]["flame__one__few"] == {
        "generator": "flame",
        "count": 30,
        "size": 96,
    }
    assert found["pretraining"]["encoders"]["nano__one__few"] == {
        "images": "flame__one__few",
        "epochs": 3,
        "encoder": {"depth": 2},
    }
    assert found["evaluation"]["features"]["dinov2__one__few"]["encoder"] == "nano__one__few"
    assert names(found) == [("few", "bare", "knn__one__few"), ("same", "bare", "knn")]
    whole = varied(vary="images", values=[{"generator": "dead_leaves", "count": 9, "size": 96}])
    assert list(whole["fractals"]["images"].values())[-1] == {
        "generator": "dead_leaves",
        "count": 9,
        "size": 96,
    }


def test_a_network_starts_from_a_pretraining_of_its_own():
    config = copy.deepcopy(CONFIG)
    config["evaluation"]["methods"]["network"]["encoder"] = "nano"
    config["evaluation"]["ablations"] = {
        "one": {"method": "network", "vary": "images.count", "values": [30]}
    }
    found = add_variants(config)
    assert found["evaluation"]["methods"]["network__one__30"] == {
        "network": "resnet18",
        "preprocessing": "whole",
        "encoder": "nano__one__30",
    }
    assert found["pretraining"]["encoders"]["nano__one__30"]["images"] == "flame__one__30"


def test_an_observation_makes_a_study_of_its_own_with_its_table_alone():
    found = varied(vary="observation.beam", values=[0, 18], method=["knn", "ridge"])
    assert found["maps"]["observations"]["far__one__0"] == {
        "distance": 140,
        "beam": 0,
        "noise": {"v_los": 0.1},
    }
    study = found["evaluation"]["studies"]["seen__one__0"]
    assert study == {
        "simulations": ["a"],
        "splits": ["random"],
        "methods": ["knn", "ridge"],
        "observation": "far__one__0",
    }
    assert names(found, "seen") == [("0", "seen__one__0", "knn"), ("18", "seen__one__18", "knn")]
    with pytest.raises(InputError, match="study 'bare' has no observation to vary"):
        names(found)
    given = varied(
        vary="observation.beam",
        values=[9],
        **{"with": {"study.observation": "far", "observation.noise": {}}},
    )
    assert given["maps"]["observations"]["far__one__9"] == {"distance": 140, "beam": 9, "noise": {}}
    assert names(given) == [("9", "bare__one__9", "knn")]


def test_what_every_value_has_is_in_the_base_too():
    found = varied(
        vary="encoder.epochs", values=[3, 9], base=3, **{"with": {"method.neighbours": 2}}
    )
    assert names(found) == [("3", "bare", "knn__one__3"), ("9", "bare", "knn__one__9")]
    assert found["evaluation"]["methods"]["knn__one__3"] == {
        "features": "dinov2",
        "regressor": "knn",
        "neighbours": 2,
    }
    assert base_of("one", found["evaluation"]["ablations"]["one"]) == "3"


@pytest.mark.parametrize(
    ("ablation", "words"),
    [
        ({"vary": "methods.neighbours", "values": [1]}, "did you mean 'method'"),
        ({"vary": "study.splits", "values": [["random"]]}, "'study.splits' can't be varied"),
        ({"vary": "method.neighbours", "values": [1, "1"]}, "two of its values"),
        (
            {"vary": "observation.beam", "values": [1], "with": {"study.observation": "fra"}},
            "no entry 'fra'.*did you mean 'far'",
        ),
    ],
)
def test_a_mistake_is_a_sentence_with_the_ablation(ablation, words):
    with pytest.raises(InputError, match=f"evaluation.ablations.one: .*{words}"):
        varied(**ablation)


@pytest.mark.parametrize(
    ("ablation", "words"),
    [
        ({"vary": "encoder.epochs", "values": [1], "method": "ridge"}, "'ridge' has no encoder"),
        (
            {"vary": "features.tokens", "values": ["mean"], "method": "network"},
            "'network' has no features",
        ),
    ],
)
def test_what_a_method_lacks_concerns_only_who_asks_for_it(ablation, words):
    found = varied(**ablation)
    with pytest.raises(InputError, match=f"evaluation.ablations.one: .*{words}"):
        variants_of(found, "bare", "one", ablation["method"])


def test_a_name_that_an_ablation_would_give_is_not_silently_replaced():
    once = varied(vary="method.neighbours", values=[1])
    once["evaluation"]["methods"]["knn__one__1"]["neighbours"] = 99
    with pytest.raises(InputError, match="'knn__one__1', which is the name that an ablation gives"):
        add_variants(once)


@pytest.mark.parametrize(
    ("ablation", "words"),
    [
        (
            {"vary": "method.neighbours.k", "values": [1]},
            "goes below 'neighbours', which is no section",
        ),
        (
            {"variants": {"a": {"features.preprocessing": "whol", "preprocessing.zoom": 8}}},
            "preprocessing 'whol' is to be varied.*did you mean 'whole'",
        ),
        ({"vary": "images", "values": [7]}, "'images' is a whole entry, and 7 is none"),
        (
            {"variants": {"a": {"study.observation": [1], "observation.beam": 8}}},
            r"no entry \[1\] in maps\.observations",
        ),
    ],
)
def test_a_key_that_leads_nowhere_is_a_sentence(ablation, words):
    with pytest.raises(InputError, match=words):
        varied(**ablation)


def test_a_base_has_to_be_a_value():
    with pytest.raises(
        InputError, match=r"evaluation.ablations.one.base: '7' is none of its values"
    ):
        varied(vary="method.neighbours", values=[1, 5], base=7)


@pytest.mark.parametrize(("values", "base"), [([1, 5], "1"), ([5, None], "none")])
def test_a_base_of_null_is_the_value_of_that_name_or_the_first(values, base):
    assert (
        base_of(
            "one", {"method": "knn", "vary": "method.neighbours", "values": values, "base": None}
        )
        == base
    )


def test_shipped_ablations_vary_what_their_methods_have():
    config = default_config()
    found = add_variants(config)
    for name, entry in config["evaluation"]["ablations"].items():
        for method in [entry["method"]] if isinstance(entry["method"], str) else entry["method"]:
            variants = variants_of(found, "demo", name, method)
            assert (
                len({(variant.study, variant.method) for variant in variants}) == len(variants) > 1
            ), name
            assert base_of(name, entry) in [variant.value for variant in variants]


def test_values_are_compared_star_by_star_with_the_base():
    rows = [(star, axis, 10 ** (0.1 * star)) for star in range(20) for axis in "xyz"]
    samples = pd.DataFrame(rows, columns=["sink_id", "axis", "mass_msun"]).assign(
        simulation="a", row=np.arange(60)
    )
    split, labels, generator = (
        draw_split(samples, by="protostar", folds=4),
        log_mass(samples),
        np.random.default_rng(0),
    )
    (_, _, test), *_ = parts_of(split)
    tables = {}
    for value, error in (("1", 0.3), ("5", 0.1)):
        predicted = labels[test] + error * generator.normal(size=len(test))
        tables[value] = [
            pd.DataFrame(
                {
                    "row": test,
                    "fold": 0,
                    "log10_mass": labels[test],
                    "predicted_log10_mass": predicted,
                }
            )
        ]
    table = compare_values(samples, split, tables, base="5").set_index("value")
    assert table.loc[
        "5", ["r2_difference", "r2_difference_low", "r2_difference_high"]
    ].tolist() == [0, 0, 0]
    assert table.loc["1", "r2"] == summarise(samples, split, tables["1"])["r2"]
    expected = compare_methods(samples, tables, "5").iloc[0]
    assert table.loc["1", "r2_difference"] == expected["r2_difference"] < 0
    assert table.loc["1", "r2_difference_low"] == expected["r2_difference_low"]
    tables["1"][0] = tables["1"][0].assign(log10_mass=0.0)
    with pytest.raises(InputError, match="different stars"):
        compare_values(samples, split, tables, base="5")
