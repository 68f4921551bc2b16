"""Recipes: defaults are the official ones, and mistakes are named as the workflow names them."""

import pytest
import yaml
from configs import ROOT, default_config

from starmass.config.entry import Entry, keys_of
from starmass.config.pretraining import EncoderEntry, Recipe
from starmass.config.whole import read_config
from starmass.errors import InputError
from starmass.pretraining.recipe import read_recipe, recipe_digest, steps_per_epoch


def test_defaults_are_the_official_numbers():
    recipe = read_recipe({"images": "flame"})
    assert recipe == Recipe()
    assert (
        recipe.optimiser.learning_rate,
        recipe.optimiser.clip,
        recipe.dinov2.prototypes,
        recipe.views.local_count,
    ) == (0.004, 3.0, 65536, 8)
    assert (
        steps_per_epoch(recipe, 1_000_000) == 976
        and steps_per_epoch(read_recipe({"epoch_steps": 1250}), 5) == 1250
    )


def test_values_take_their_types():
    recipe = read_recipe(
        {
            "epochs": 3,
            "views": {"mean": [0, 1, 0], "std": [1, 1, 1]},
            "encoder": {"width": 96, "depth": None},
        }
    )
    assert (
        isinstance(recipe.epochs, float)
        and recipe.views.mean == (0.0, 1.0, 0.0)
        and recipe.encoder.depth is None
    )


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"bacth_size": 3}, "'bacth_size' is unknown .did you mean 'batch_size'"),
        ({"optimiser": {"rat": 1}}, "'optimiser.rat' is unknown"),
        ({"batch_size": "many"}, "'batch_size': 'many' is not of type integer"),
        ({"optimiser": {"learning_rate": "1e-5"}}, "write 1e-05 with a point"),
        ({"dinov2": {"targets": "sinkhron"}}, "did you mean 'sinkhorn'"),
        ({"views": {"global_area": [1]}}, "'views.global_area.*too short"),
        ({"views": 3}, "'views': 3 is not of type section"),
        ({"views": {"mean": [0.5], "std": [0.5]}}, "views.saturation': needs 3 colour channels"),
        ({"views": {"local_size": 90}}, "views.local_size': 90 pixels are not a multiple"),
    ],
)
def test_mistakes_are_named(values, sentence):
    with pytest.raises(InputError, match=sentence):
        read_recipe(values)


def digest(values, images=()):
    return recipe_digest(read_recipe(values), list(images))


def test_the_digest_is_of_the_recipe_and_the_images_but_not_of_the_machine():
    assert digest({"batch_size": 8}) == digest({"batch_size": 8, "execution": {"workers": 7}})
    assert (
        len({digest({"batch_size": 8}), digest({"batch_size": 8}, "a"), digest({"batch_size": 16})})
        == 3
    )


def test_the_digest_ignores_the_section_of_another_method():
    mae, dinov2 = {"mae": {"mask_ratio": 0.5}}, {"dinov2": {"prototypes": 99}}
    assert digest({"method": "dinov2"}) == digest({"method": "dinov2", **mae})
    assert digest({"method": "mae"}) == digest({"method": "mae", **dinov2})
    assert digest({"method": "mae"}) != digest({"method": "mae", **mae})


def test_registers_and_layer_scale_reach_timm():
    arguments = (
        read_recipe({"encoder": {"registers": 4, "layer_scale": 0.0, "depth": 4}})
        .description()
        .arguments
    )
    assert arguments == {"init_values": None, "depth": 4, "reg_tokens": 4, "no_embed_class": True}


@pytest.mark.parametrize("preset", ["library", "recipes", "paper"])
def test_every_shipped_recipe_is_one(preset):
    for recipe in yaml.safe_load((ROOT / f"config/{preset}.yaml").read_text())["pretraining"][
        "encoders"
    ].values():
        read_recipe(recipe)


def test_the_demo_spells_out_every_key():
    """The config is the manual: its first entry has all keys of the models."""
    nano = default_config()["pretraining"]["encoders"]["nano"]
    # A probe ties an encoder to a study: it is there as a comment.
    assert {*nano, "probe"} == keys_of(EncoderEntry).keys()
    for name, field in EncoderEntry.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Entry):
            assert nano[name].keys() == keys_of(field.annotation).keys(), name
    assert read_recipe(nano).views.global_size == 64


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"epochs": float("nan")}, "epochs.*not a finite number"),
        ({"optimiser": {"betas": [2, 3]}}, r"optimiser\.betas"),
        ({"dinov2": {"mask_ratio": [0.9, 0.1]}}, r"dinov2\.mask_ratio.*backwards"),
        ({"views": {"global_area": [0, 3]}}, r"views\.global_area.*more than 1"),
        ({"views": {"aspect": [0, 0]}}, r"views\.aspect.*more than 0"),
        (
            {"encoder": {"width": 96, "heads": 5}},
            r"encoder\.heads': 5 is no divisor of encoder\.width 96",
        ),
    ],
)
def test_values_that_no_training_can_use_are_named(values, words):
    with pytest.raises(InputError, match=words):
        read_recipe(values)


def complaint(check, values):
    try:
        check(values)
    except InputError as error:
        return str(error)
    return ""


def test_by_hand_a_recipe_is_checked_as_the_workflow_checks_it():
    """Each sentence but for its place; what the workflow takes is taken."""
    nano = default_config()["pretraining"]["encoders"]["nano"]
    for change in (
        {"bacth": 3}, {"batch_size": 0}, {"batch_size": 33, "resources": {"ranks": 2}},
        {"epochs": -1}, {"epochs": float("inf")}, {"optimiser": {"learning_rate": -1.0}},
        {"encoder": {"drop_path": 1.5}},
        {"dinov2": {"prototypes": 1}}, {"views": {"local_size": 30}}, {"method": "dnio"},
        {"views": {"flip": 2}}, {"execution": {"accumulation": 0}}, {"seeds": None}, {},
    ):  # fmt: skip
        entry = {**nano, **change, "images": "flame"}
        config = default_config()
        config["pretraining"]["encoders"]["nano"] = entry
        said = complaint(read_config, config), complaint(read_recipe, entry)
        place = "config key 'pretraining.encoders.nano."
        infinite = said[1].replace("config key '", "recipe key '")
        assert infinite == said[0].replace(place, "recipe key '"), change
        assert bool(said[1]) == (change not in ({"seeds": None}, {})), change
    without = {key: nano[key] for key in nano if key not in ("images", "resources", "seeds")}
    assert read_recipe(without) == read_recipe(nano)
    assert read_recipe(nano, 3).seed == 3
    for wrong in ([1], 3, "nano"):
        with pytest.raises(InputError, match="is not of type section"):
            read_recipe(wrong)
