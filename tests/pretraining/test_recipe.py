"""Recipes: defaults are the official ones, mistakes are named, the schema and the recipe hold the same keys."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest
import yaml

from starmass.configuration import check_config, check_recipe
from starmass.errors import InputError
from starmass.pretraining.recipe import NOT_OF_THE_RECIPE, Recipe, read_recipe

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "workflow/schemas/pretraining.schema.yaml"


def test_defaults_are_the_official_numbers():
    recipe = read_recipe({"images": "flame"})
    assert recipe == Recipe()
    assert (
        recipe.optimiser.rate,
        recipe.optimiser.clip,
        recipe.dinov2.prototypes,
        recipe.views.local_count,
    ) == (0.004, 3.0, 65536, 8)
    assert (
        recipe.steps_per_epoch(1_000_000) == 976
        and read_recipe({"epoch_steps": 1250}).steps_per_epoch(5) == 1250
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
        ({"bacth": 3}, "'bacth' is unknown .did you mean 'batch'"),
        ({"optimiser": {"rat": 1}}, "'optimiser.rat' is unknown"),
        ({"batch": "many"}, "'batch': 'many' is not of type int"),
        ({"optimiser": {"rate": "1e-5"}}, "write 1.0e-5"),
        ({"dinov2": {"targets": "sinkhron"}}, "did you mean 'sinkhorn'"),
        ({"views": {"global_area": [1]}}, "list of 2 numbers"),
        ({"views": 3}, "not a mapping"),
        ({"views": {"mean": [0.5], "std": [0.5]}}, "views.saturation: needs 3 colour channels"),
        ({"views": {"local_size": 90}}, "views.local_size: 90 pixels are not a multiple"),
    ],
)
def test_mistakes_are_named(values, sentence):
    with pytest.raises(InputError, match=sentence):
        read_recipe(values)


def test_the_digest_tells_recipes_and_images_apart_but_not_machines():
    one = read_recipe({"batch": 8})
    assert one.digest(["a"]) == read_recipe({"batch": 8, "execution": {"workers": 7}}).digest(["a"])
    assert (
        len({one.digest(["a"]), one.digest(["b"]), read_recipe({"batch": 16}).digest(["a"])}) == 3
    )


def test_the_digest_passes_over_the_section_of_another_method():
    for method, other in (
        ("dinov2", {"mae": {"mask_ratio": 0.5}}),
        ("mae", {"dinov2": {"prototypes": 99}}),
    ):
        assert read_recipe({"method": method}).digest([]) == read_recipe(
            {"method": method, **other}
        ).digest([])
    assert read_recipe({"mae": {"mask_ratio": 0.5}, "method": "mae"}).digest([]) != read_recipe(
        {"method": "mae"}
    ).digest([])


def test_registers_and_layer_scale_reach_timm():
    arguments = (
        read_recipe({"encoder": {"registers": 4, "layer_scale": 0.0, "depth": 4}})
        .description()
        .arguments
    )
    assert arguments == {"init_values": None, "depth": 4, "reg_tokens": 4, "no_embed_class": True}


@pytest.mark.parametrize("preset", ["config", "recipes", "paper"])
def test_every_shipped_recipe_is_one(preset):
    for recipe in yaml.safe_load((ROOT / f"config/{preset}.yaml").read_text())["pretraining"][
        "encoders"
    ].values():
        read_recipe(recipe)


def _defaults(values, path=""):
    for name, value in values.items():
        yield from (
            _defaults(value, f"{path}{name}.")
            if isinstance(value, dict)
            else [(path + name, value)]
        )


def _schema_defaults(schema, path=""):
    for name, entry in schema["properties"].items():
        if name not in NOT_OF_THE_RECIPE:
            yield from (
                _schema_defaults(entry, f"{path}{name}.")
                if "properties" in entry
                else [(path + name, entry["default"])]
            )


def test_the_schema_has_the_recipes_keys_and_defaults():
    entry = yaml.safe_load(SCHEMA.read_text())["properties"]["encoders"]["additionalProperties"]
    defaults = json.loads(json.dumps(asdict(Recipe())))
    assert dict(_schema_defaults(entry)) == dict(_defaults(defaults))
    read_recipe({key: {} for key in NOT_OF_THE_RECIPE})


def test_the_demo_spells_out_every_key():
    """The config is the manual: its first entry has all keys of the schema."""
    section = yaml.safe_load((ROOT / "config/config.yaml").read_text())["pretraining"]
    entry = yaml.safe_load(SCHEMA.read_text())["properties"]["encoders"]["additionalProperties"]
    nano = section["encoders"]["nano"]
    assert {*nano, "check"} == entry[
        "properties"
    ].keys()  # a check ties an encoder to a study: it stands there as a comment
    assert all(
        nano[name].keys() == part["properties"].keys()
        for name, part in entry["properties"].items()
        if "properties" in part
    )
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
            r"encoder\.heads: 5 is no divisor of encoder\.width 96",
        ),
    ],
)
def test_values_that_no_training_can_use_are_named(values, words):
    with pytest.raises(InputError, match=words):
        read_recipe(values)


def complaint(check, values):
    try:
        check(values, SCHEMA.parent)
    except InputError as error:
        return str(error)
    return ""


def test_by_hand_a_recipe_is_held_to_what_the_workflow_asks(tmp_path):
    """Each sentence but for its place; what the workflow takes is taken."""
    section = yaml.safe_load((ROOT / "config/config.yaml").read_text())["pretraining"]
    nano = section["encoders"]["nano"]
    for change in (
        {"bacth": 3}, {"batch": 0}, {"batch": 33, "resources": {"ranks": 2}}, {"epochs": -1},
        {"epochs": float("inf")}, {"optimiser": {"rate": -1.0}}, {"encoder": {"drop_path": 1.5}},
        {"dinov2": {"prototypes": 1}}, {"views": {"local_size": 30}}, {"method": "dnio"},
        {"views": {"flip": 2}}, {"execution": {"accumulation": 0}}, {1: 2}, {"seed": None}, {},
    ):  # fmt: skip
        entry = {**nano, **change, "images": "flame"}
        config = yaml.safe_load((ROOT / "config/config.yaml").read_text())
        config["pretraining"]["encoders"]["nano"] = entry
        said = [complaint(check_config, config), complaint(check_recipe, entry)]
        place = "config key 'pretraining.encoders.nano"
        by_hand = said[0].replace(f"{place}.", "recipe key '").replace(f"{place}'", "recipe")
        assert said[1] == by_hand and bool(said[1]) == (change not in ({"seed": None}, {})), change
    without = {key: value for key, value in nano.items() if key not in NOT_OF_THE_RECIPE}
    assert read_recipe(check_recipe(without, SCHEMA.parent)) == read_recipe(nano)
    for wrong in ([1], 3, "nano"):
        with pytest.raises(InputError, match=r"recipe: .* is not of type object"):
            check_recipe(wrong, SCHEMA.parent)
