"""The schema's defaults are the library's, and the sections that come with the repository keep to the schema."""

import inspect
from pathlib import Path

import jsonschema
import pytest
import yaml

from starmass.evaluation import (
    encoding,
    features,
    finetuning,
    inputs,
    labels,
    regression,
    samples,
    segmentation,
    splits,
    statistics,
    supervised,
)
from starmass.registry import load, names_in

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = yaml.safe_load((ROOT / "workflow/schemas/evaluation.schema.yaml").read_text())


def entry(kind):
    return SCHEMA["properties"][kind]["additionalProperties"]["properties"]


def defaults(function):
    return {
        name: p.default
        for name, p in inspect.signature(function).parameters.items()
        if p.default is not inspect.Parameter.empty
    }


def resolved(schema):
    return SCHEMA["$defs"][schema["$ref"].split("/")[-1]] | schema if "$ref" in schema else schema


@pytest.mark.parametrize(
    ("kind", "function"),
    [
        ("studies", samples.collect_samples),
        ("splits", splits.draw_split),
        ("inputs", inputs.Input),
        ("methods", supervised.train_and_predict),
    ],
)
def test_defaults_of_the_schema_are_those_of_the_library(kind, function):
    checked = 0
    library = defaults(function)
    if kind == "inputs":
        library["limits"] = {}
    for name, schema in entry(kind).items():
        if name in library and "default" in resolved(schema):
            default = library[name]
            assert resolved(schema)["default"] == (
                list(default) if isinstance(default, tuple) else default
            ), name
            checked += 1
    assert checked >= 1


def regressors():
    return names_in(regression.REGRESSORS)


def test_defaults_of_regressors():
    keyed = [one for name in regressors() if (one := load(regression.REGRESSORS, name)).PARAMETER]
    assert len(keyed) >= 4
    for one in keyed:
        assert entry("methods")[one.PARAMETER]["default"] == one.DEFAULT


def test_choices_are_those_of_the_library():
    assert sorted(entry("methods")["regressor"]["enum"]) == regressors()
    assert entry("features")["statistics"]["items"]["enum"] == list(statistics.STATISTICS)
    assert entry("features")["average"]["enum"] == list(features.AVERAGES)
    assert set(entry("features")["tokens"]["enum"]) == set(encoding.POOLINGS) - {"patches"}
    assert set(entry("splits")["by"]["enum"]) == set(splits.KINDS)


def test_finetuning_defaults():
    schema = entry("methods")["fit"]["properties"]
    library = defaults(finetuning.finetune_and_predict)
    assert {name: schema[name]["default"] for name in schema} == {
        name: library[name] for name in schema
    }
    assert set(library) - set(schema) == {"tokens", "seed", "fold"}
    assert schema["by"]["enum"] == list(finetuning.WAYS)


def test_few_labels_defaults():
    schema = entry("studies")["few_labels"]["properties"]
    library = defaults(labels.thin_split)
    assert {name: resolved(schema[name])["default"] for name in library} == {
        **library,
        "fractions": list(library["fractions"]),
    }


def test_segmentation_defaults():
    schema = entry("studies")["segmentation"]["properties"]
    library = {
        **defaults(segmentation.segment),
        "attention_mass": segmentation.ATTENTION_MASS,
        "test_maps": None,
    }
    assert {name: schema[name]["default"] for name in library} == library


def sections():
    for path in sorted((ROOT / "config").rglob("*.yaml")):
        section = (yaml.safe_load(path.read_text()) or {}).get("evaluation", {})
        for kind, entries in section.items():
            for name, values in entries.items():
                yield pytest.param(kind, values, id=f"{path.stem}-{kind}-{name}")


@pytest.mark.parametrize(("kind", "values"), list(sections()))
def test_shipped_entries_keep_to_the_schema(kind, values):
    node = {"$defs": SCHEMA["$defs"], **SCHEMA["properties"][kind]["additionalProperties"]}
    jsonschema.Draft202012Validator(node).validate(values)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("methods", {"regressor": "knn"}),
        ("methods", {"features": "dinov2"}),
        ("methods", {"network": "resnet18"}),
        ("methods", {"regressor": "mean", "neigbours": 5}),
        ("methods", {"regressor": "knn", "features": "dinov2", "neighbours": 0}),
        ("features", {"kind": "encoder", "input": "whole"}),
        ("features", {"kind": "statistics", "input": "whole"}),
        ("splits", {"by": "row", "test_fraction": 1.5}),
        ("splits", {"by": "row", "folds": 1}),
        ("splits", {"by": "row", "folds": "every"}),
    ],
)
def test_mistakes_do_not_pass_the_schema(kind, values):
    node = {"$defs": SCHEMA["$defs"], **SCHEMA["properties"][kind]["additionalProperties"]}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(node).validate(values)
